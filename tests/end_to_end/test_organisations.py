"""Several organisations, and signing in anew, with the whole program over a real sandbox."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.consent import decide
from support.house import House, open_house, settings_for, status_in_xero
from support.practice import PracticeXero, running_sandbox

from tui.app.app import ReshelveApp
from tui.engine.account import XeroAccount
from tui.model.change import Action
from tui.model.snapshot import ConnectionStatus
from tui.screens.connect.connect import ConnectScreen
from tui.screens.connect.organisations import OrganisationsScreen
from tui.screens.connect.welcome import WelcomeScreen
from tui.screens.main import MainScreen
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path / "sandbox", "--contacts", "60", "--cycle", "3600") as practice:
        yield practice


@pytest.fixture(autouse=True)
def _no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.system.browser.open_page", lambda _: False)


@asynccontextmanager
async def nothing_connected(practice: PracticeXero, home: Path) -> AsyncIterator[House]:
    """Open the app before the first sign-in, at the form to connect."""
    settings = settings_for(practice, poll_seconds=1)
    settings = replace(settings, xero=replace(settings.xero, callback_port=0))
    async with ReshelveApp(XeroAccount(settings, Paths.under(home))).run_test(size=(120, 36)) as pilot:
        await pilot.press("c")
        yield House(pilot)


async def sign_in(house: House) -> None:
    """Press Connect, allow access in a browser elsewhere, and paste the address where it ended."""
    screen = house.app.screen
    assert isinstance(screen, ConnectScreen)
    attempt = screen.attempt
    await house.pilot.press("enter")
    await house.until(lambda: attempt.url, "asking for a browser")
    assert attempt.sign_in is not None
    attempt.sign_in.paste(decide(attempt.url))
    await house.until_shown("Sign-in saved in")
    go = screen.query_one("#go")
    # A button ignores keys for the fifth of a second in which it shows that it was pressed.
    await house.until(lambda: house.app.focused is go and not go.has_class("-active"), "going on")
    await house.pilot.press("enter")


def names(practice: PracticeXero) -> list[str]:
    return [one.name for one in practice.organisations]


async def first_contact(house: House) -> str:
    return (await house.find(""))[0].contact_id


async def test_first_start_leads_to_contacts_in_two_screens(practice: PracticeXero, tmp_path: Path) -> None:
    async with nothing_connected(practice, tmp_path / "home") as house:
        await sign_in(house)
        await house.until(lambda: isinstance(house.app.screen, MainScreen), "showing contacts")
        await house.until(lambda: house.engine.snapshot.last_refresh_at, "reading contacts")
        await house.until_shown(names(practice)[0])


async def test_changes_continue_in_an_organisation_that_is_not_shown(
    practice: PracticeXero, tmp_path: Path
) -> None:
    async with open_house(practice, tmp_path / "home") as house:
        first, contact_id = house.engine, await first_contact(house)
        practice.fault("slow", seconds=1, method="POST", count=1)
        await first.changes.request(Action.ARCHIVE, [contact_id])
        await house.pilot.press("ctrl+o")
        await house.until_shown(names(practice)[1])
        await house.pilot.press("down", "enter")
        await house.until_shown(f"Reshelve  {names(practice)[1]}")
        assert house.engine is not first
        await house.until(
            lambda: first.snapshot.summary and first.snapshot.summary.pending_total, "archiving"
        )
        assert status_in_xero(practice, contact_id) == "ARCHIVED"
        await house.pilot.press("ctrl+o")
        await house.until_shown("1 pending")


async def test_organisation_is_shown_again_as_it_was_left(practice: PracticeXero, tmp_path: Path) -> None:
    async with open_house(practice, tmp_path / "home") as house:
        await house.pilot.press("2")
        await house.search("a")
        shown, row = house.app.screen, (await house.find("a"))[0]
        for name in reversed(names(practice)):
            await house.pilot.press("ctrl+o")
            await house.until(lambda: isinstance(house.app.screen, OrganisationsScreen), "the list")
            await house.pilot.press("down" if name == names(practice)[1] else "up", "enter")
            await house.until_shown(f"Reshelve  {name}")
        assert house.app.screen is shown
        await house.until_shown(row.name)
        await house.until(lambda: house.engine.snapshot.xero.status is ConnectionStatus.ONLINE, "asking Xero")


async def test_a_contact_is_found_in_an_organisation_that_is_not_shown(
    practice: PracticeXero, tmp_path: Path
) -> None:
    async with open_house(practice, tmp_path / "home") as house:
        first = house.engine
        await house.pilot.press("ctrl+f")
        await house.until_shown("not loaded yet")
        await house.pilot.press("down", "enter")
        await house.until_shown(f"Reshelve  {names(practice)[1]}")
        await house.until(lambda: house.engine.snapshot.last_refresh_at, "reading contacts")
        other, row = house.engine, (await house.find(""))[7]
        await house.pilot.press("ctrl+f", "up", "enter")
        await house.until_shown(f"Reshelve  {names(practice)[0]}")
        assert house.engine is first
        await house.pilot.press("ctrl+f", *row.name)
        await house.until_shown("in 1 organisation")
        await house.pilot.press("enter")
        await house.until(lambda: house.engine is other, "opening the other organisation")
        main = house.app.screen
        assert isinstance(main, MainScreen)
        await house.until(lambda: main.table.cursor_id == row.contact_id, "going to the contact")
        assert main.search.text == row.name


async def test_organisation_removed_in_xero_is_reported_and_stays_readable(
    practice: PracticeXero, tmp_path: Path
) -> None:
    async with open_house(practice, tmp_path / "home") as house:
        name = (await house.find(""))[0].name
        practice.control("POST", f"connections/{practice.tenant_id}", {"connected": False})
        await house.pilot.press("f5")
        await house.until(lambda: house.engine.snapshot.xero.status is ConnectionStatus.REMOVED, "noticing")
        await house.until_shown("c Connect")
        assert name in house.shown()
        await house.pilot.press("ctrl+o")
        await house.until_shown("removed in Xero")


async def test_expired_sign_in_loses_no_change_and_can_be_renewed(
    practice: PracticeXero, tmp_path: Path
) -> None:
    async with open_house(practice, tmp_path / "home") as house:
        account, engine = house.app.account, house.engine
        assert isinstance(account, XeroAccount)
        settings = account._settings
        account._settings = replace(settings, xero=replace(settings.xero, callback_port=0))
        contact_id = await first_contact(house)
        practice.control("POST", "tokens", {"revokeAll": True})
        await engine.changes.request(Action.ARCHIVE, [contact_id])
        await house.until(lambda: engine.snapshot.xero.status is ConnectionStatus.RECONNECT, "noticing")
        await house.until_shown("c Connect")
        await house.pilot.press("c")
        await house.until(lambda: isinstance(house.app.screen, ConnectScreen), "the connect screen")
        await sign_in(house)
        await house.until(lambda: isinstance(house.app.screen, MainScreen), "going back")
        await house.until(lambda: house.pane.pending_total == 1, "the queued change")
        assert house.engine is engine
        # Uses a token of its own, as those of the sandbox's first line are revoked too.
        assert practice.status_writes() == 1


async def test_disconnected_organisation_closes_and_another_opens(
    practice: PracticeXero, tmp_path: Path
) -> None:
    async with open_house(practice, tmp_path / "home") as house:
        await house.pilot.press("ctrl+o")
        await house.until_shown(names(practice)[1])
        await house.pilot.press("d")
        await house.until_shown("change log")
        await house.until_shown("y Disconnect")
        await house.pilot.press("y")
        await house.until(lambda: not house.app.account.organisations(), "disconnecting")
        await house.pilot.press("escape")
        await house.until(lambda: isinstance(house.app.screen, WelcomeScreen), "beginning again")
        assert house.app.service is None
        assert (Paths.under(tmp_path / "home").organisation(practice.tenant_id) / "contacts.db").exists()


async def test_read_only_sign_in_disables_actions_that_write(practice: PracticeXero, tmp_path: Path) -> None:
    async with nothing_connected(practice, tmp_path / "home") as house:
        await house.pilot.click("#read-only")
        house.app.screen.query_one("#go").focus()
        await sign_in(house)
        await house.until(lambda: isinstance(house.app.screen, MainScreen), "showing contacts")
        await house.until(lambda: house.engine.snapshot.last_refresh_at, "reading contacts")
        await house.until_shown("READ ONLY")
        assert "Archive" not in house.shown().splitlines()[-1]
        await house.pilot.press("a")
        await house.pilot.pause()
        assert isinstance(house.app.screen, MainScreen)
        assert practice.status_writes() == 0
