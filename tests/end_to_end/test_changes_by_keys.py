"""The actions that change or record something, by keys alone, on real parts.

Others have archive, restore, undo, pause, comparisons and tenant groups; here is what is left.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.house import open_house, status_in_xero
from support.practice import NO_DAILY_LIMIT, running_sandbox

from tui.model.change import State
from tui.model.evidence import SyncStatus
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.ask import AskScreen
from tui.screens.manual_restores import ManualRestoresScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.house import House
    from support.practice import PracticeXero


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(
        tmp_path / "sandbox", "--contacts", "60", "--cycle", "3600", *NO_DAILY_LIMIT
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Suggest files in a folder of the test."""
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))


async def find(house: House, name: str) -> None:
    """Search for one contact, and go to the list."""
    await house.pilot.press("/", "ctrl+u", *name, "enter")
    await house.until_shown("1 of ")


async def archive(house: House, name: str) -> None:
    """Archive a contact, and wait until Xero has confirmed it."""
    await find(house, name)
    await house.pilot.press("a")
    await house.until_shown("y Archive")
    await house.pilot.press("y")
    await house.until_shown("◷ Pending sync")


async def back(house: House) -> None:
    """Close every screen above the contacts."""
    while len(house.app.screen_stack) > 1:
        await house.pilot.press("escape")


def states(house: House) -> list[State]:
    """The states of all changes, oldest first."""
    changes = house.engine._store.changes.in_states(*State)
    return [change.state for change in sorted(changes, key=lambda change: change.requested_at)]


async def test_cancel_retry_and_redo(practice: PracticeXero, tmp_path: Path) -> None:
    names = ("Numbat", "Quokka", "Bilby")
    ids = {name: practice.create(f"{name} Lettings") for name in names}
    practice.somebody("repeating", ids["Quokka"])
    async with open_house(practice, tmp_path / "home") as house:
        # A queued change is cancelled, and nothing reaches Xero.
        await house.pilot.press("P")
        await house.until_shown("y Pause")
        await house.pilot.press("y")
        await house.until_shown("Sending paused.")
        await find(house, "numbat")
        await house.pilot.press("a")
        await house.until_shown("y Archive")
        await house.pilot.press("y")
        await house.until_shown("Not sent yet: 1.")
        await house.pilot.press("l")
        await house.until_shown("x Cancel")
        await house.pilot.press("x")
        await house.until(lambda: isinstance(house.app.screen, AskScreen), "the question")
        await house.pilot.press("y")
        await house.until_shown("Cancelled before sending.")
        await back(house)
        await house.pilot.press("P")
        await house.until(lambda: not house.engine.snapshot.is_paused, "sending again")
        assert states(house) == [State.CANCELLED]

        # Xero refuses an archive; it is retried once the reason is gone.
        await find(house, "quokka")
        await house.pilot.press("a")
        await house.until_shown("y Archive")
        await house.pilot.press("y")
        await house.until_shown("✗ Refused by Xero")
        practice.somebody("repeating", ids["Quokka"], repeating=False)
        await house.pilot.press("R")
        await house.until_shown("◷ Pending sync")
        assert status_in_xero(practice, ids["Quokka"]) == "ARCHIVED"

        # An archive is undone, restored in Xero, and made again.
        await archive(house, "bilby")
        await house.pilot.press("u")
        await house.until_shown("Undo 1 archive?")
        await house.until_shown("1 restore to finish in Xero")
        await house.pilot.press("y")
        await house.until(lambda: isinstance(house.app.screen, ManualRestoresScreen), "the list of restores")
        await house.pilot.press("p")
        await house.until_shown("All done")
        assert status_in_xero(practice, ids["Bilby"]) == "ACTIVE"
        await back(house)
        await house.pilot.press("U")
        await house.until_shown("Redo 1 archive?")
        await house.until_shown("y Redo")
        await house.pilot.press("y")
        await house.until(
            lambda: status_in_xero(practice, ids["Bilby"]) == "ARCHIVED", "archiving it once more"
        )
        await house.until(lambda: State.SENDING not in states(house), "Xero's reply")
    assert status_in_xero(practice, ids["Numbat"]) == "ACTIVE"
    assert {call["method"] for call in practice.requests() if ids["Numbat"] in str(call)} <= {"GET"}


async def test_what_is_seen_in_re_leased_is_recorded(practice: PracticeXero, tmp_path: Path) -> None:
    for name in ("Numbat", "Quokka", "Bilby"):
        practice.create(f"{name} Lettings")

    def status(name: str) -> SyncStatus | None:
        changes = house.engine._store.changes.in_states(State.CONFIRMED)
        change = next(change for change in changes if change.name.startswith(name))
        since = house.engine._publisher.grade(change)
        return None if since is None else since.status

    async with open_house(practice, tmp_path / "home", has_feed=False) as house:
        for name in ("Numbat", "Quokka", "Bilby"):
            await archive(house, name)

        await find(house, "numbat")
        await house.pilot.press("enter")
        await house.until_shown("w Checked")
        await house.pilot.press("w")
        await house.until(lambda: isinstance(house.app.screen, AskScreen), "the question")
        await house.pilot.press("y")
        await house.until(lambda: status("Numbat") is SyncStatus.CHECKED, "recording that it was seen")
        await house.until_shown("Checked by you")
        await back(house)

        await find(house, "quokka")
        await house.pilot.press("enter")
        await house.until(lambda: isinstance(house.app.screen, ContactScreen), "the contact's page")
        await house.pilot.press("N")
        await house.until_shown("enter Choose")
        await house.pilot.press("g", "g", "enter")
        await house.until(lambda: status("Quokka") is SyncStatus.NOT_LINKED, "recording that it isn't linked")
        await house.until_shown("Not linked")
        await back(house)

        # A sync that was started now, and has ended without errors.
        await house.pilot.press("m")
        await house.until_shown("enter Record")
        await house.pilot.press("enter")
        await house.until(lambda: house.engine.snapshot.re_leased.reported_sync_since, "recording its start")
        await house.pilot.press("m")
        await house.until_shown("enter Choose")
        await house.pilot.press("g", "g", "enter")
        await house.until(lambda: status("Bilby") is SyncStatus.REPORTED, "recording how it ended")
        assert (status("Numbat"), status("Quokka")) == (SyncStatus.CHECKED, SyncStatus.NOT_LINKED)

        await house.pilot.press("t")
        await house.until_shown("4. ")
        await house.pilot.press("w")
        await house.until_shown("enter Choose")
        await house.pilot.press("g", "g", "enter")
        await house.until(lambda: house.engine.snapshot.re_leased.state, "recording Sync Overview")


async def test_lists_are_exported_to_files(practice: PracticeXero, tmp_path: Path) -> None:
    practice.create("Numbat Lettings")
    async with open_house(practice, tmp_path / "home") as house:
        await archive(house, "numbat")
        await house.pilot.press("e")
        await house.until_shown("Export 1 contact")
        await house.pilot.press("enter")
        await house.until(lambda: [*Path.home().glob("reshelve-contacts*.csv")], "saving the contacts")
        await house.until_shown("1 contact saved to")
        await house.pilot.press("l")
        await house.until_shown("e Export")
        await house.pilot.press("e")
        await house.until_shown("enter Save")
        await house.pilot.press("enter")
        await house.until_shown("1 change saved to")
    for kind in ("contacts", "changes"):
        [file] = Path.home().glob(f"reshelve-{kind}*.csv")
        written = file.read_text(encoding="utf-8-sig")
        assert "Numbat Lettings" in written
        assert len(written.splitlines()) == 2
