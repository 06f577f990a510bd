"""Undo and the pause, from a key press to Xero, on real parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.house import open_house, status_in_xero
from support.practice import NO_DAILY_LIMIT, running_sandbox

from tui.model.change import State
from tui.model.change_list import ChangeQuery
from tui.screens.manual_restores import ManualRestoresScreen
from tui.widgets.contact_table import ContactTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.house import House
    from support.practice import PracticeXero

NAMES = ("Numbat One", "Numbat Two", "Numbat Three")


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(
        tmp_path / "sandbox", "--contacts", "60", "--cycle", "3600", *NO_DAILY_LIMIT
    ) as running:
        yield running


async def archive_all(house: House) -> None:
    """Search for the three, select them and archive them."""
    await house.search("numbat")
    await house.until_shown("3 of ")
    table = house.app.screen.query_one(ContactTable)
    await house.until(lambda: table.has_focus, "going to the table")
    await house.pilot.press("*", "a")
    await house.until_shown("Archive 3 contacts?")
    await house.until_shown("y Archive 3")
    await house.pilot.press("y")


async def test_undo_of_archives_is_finished_by_restore_in_xero(
    practice: PracticeXero, tmp_path: Path
) -> None:
    ids = [practice.create(name) for name in NAMES]
    async with open_house(practice, tmp_path / "home") as house:
        await archive_all(house)
        await house.until(lambda: house.pane.pending_total == 3, "three archives confirmed")
        assert {status_in_xero(practice, each) for each in ids} == {"ARCHIVED"}

        await house.pilot.press("u")
        await house.until_shown("Undo 3 archives?")
        await house.until_shown("3 restores to finish in Xero")
        await house.pilot.press("y")
        await house.until(lambda: house.pane.manual_restore_total == 3, "three hand-offs")
        await house.until(lambda: isinstance(house.app.screen, ManualRestoresScreen), "the list of hand-offs")
        await house.until_shown("3 contacts to finish")

        for _ in ids:
            # Clicks Restore on the practice Xero's own page, over HTTP.
            await house.pilot.press("p", "down")
        await house.until_shown("All done")
        assert {status_in_xero(practice, each) for each in ids} == {"ACTIVE"}
        assert house.pane.manual_restore_total == 0


async def test_undo_before_sending_cancels(practice: PracticeXero, tmp_path: Path) -> None:
    ids = [practice.create(name) for name in NAMES]
    async with open_house(practice, tmp_path / "home") as house:
        practice.stop()
        await archive_all(house)
        await house.until(lambda: house.pane.in_progress_total == 3, "three queued archives")
        await house.pilot.press("u")
        await house.until_shown("3 cancelled before sending")
        await house.pilot.press("y")
        await house.until_shown("Undone: 3 cancelled before sending.")
        await house.until(lambda: house.pane.in_progress_total == 0, "nothing queued any more")
        listed = await house.engine.change_log.page(ChangeQuery(), 0, 10)
        assert [view.change.state for view in listed.changes] == [State.CANCELLED] * 3

        practice.restart_same_port()
        await house.pilot.press("f5")
        await house.until(lambda: house.engine.snapshot.xero.status == "online", "Xero being there again")
        assert {status_in_xero(practice, each) for each in ids} == {"ACTIVE"}
    assert not [
        call for call in practice.requests() if call["method"] == "POST" and "Contacts" in call["path"]
    ]


async def test_pause_holds_back_requests_until_it_ends(practice: PracticeXero, tmp_path: Path) -> None:
    ids = [practice.create(name) for name in NAMES]
    async with open_house(practice, tmp_path / "home") as house:
        await house.pilot.press("P")
        await house.until_shown("y Pause")
        await house.pilot.press("y")
        await house.until_shown("Sending paused. Press P to resume.")
        await archive_all(house)
        await house.until_shown("Not sent yet: 3.")
        # Refreshes continue: after two more, the change is still queued.
        before = len(practice.requests())
        await house.until(lambda: len(practice.requests()) > before + 1, "two more calls")
        assert {status_in_xero(practice, each) for each in ids} == {"ACTIVE"}

        await house.pilot.press("P")
        await house.until(lambda: house.pane.pending_total == 3, "three archives confirmed")
        assert {status_in_xero(practice, each) for each in ids} == {"ARCHIVED"}
