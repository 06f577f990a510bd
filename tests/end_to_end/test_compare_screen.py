"""A file exported from Re-Leased, from the key press to the evidence and to Xero, on real parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.house import open_house, status_in_xero
from support.practice import NO_DAILY_LIMIT, running_sandbox
from textual.widgets import Button

from tui.model.change import State
from tui.model.evidence import SyncStatus
from tui.screens.compare.choose_file import PathFinder
from tui.screens.compare.compare import CompareScreen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.house import House
    from support.practice import PracticeXero


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(
        tmp_path / "sandbox", "--contacts", "60", "--cycle", "3600", *NO_DAILY_LIMIT
    ) as running:
        yield running


async def compare(house: House, file: Path) -> None:
    await house.pilot.press("f")
    await house.until_shown("Compare a Re-Leased export")
    house.app.screen.query_one(PathFinder).path_input.value = str(file)
    await house.pilot.press("enter")


async def until_groups(house: House, words: str) -> None:
    await house.until(lambda: words in " ".join(house.shown().split()), f"counting {words!r}")


def grades(house: House) -> dict[str, SyncStatus]:
    changes = house.engine._store.changes.in_states(State.CONFIRMED)
    standings = {change.contact_id: house.engine._publisher.grade(change) for change in changes}
    return {contact_id: standing.status for contact_id, standing in standings.items() if standing}


async def test_a_file_is_compared_recorded_and_acted_on(practice: PracticeXero, tmp_path: Path) -> None:
    agreeing, differing = practice.create("Numbat Agreeing"), practice.create("Numbat Differing")
    practice.create("Numbat Unclear", EmailAddress="old@numbat.example")
    file = tmp_path / "released.csv"
    async with open_house(practice, tmp_path / "home", has_feed=False) as house:
        practice.somebody("archive", agreeing)
        await house.pilot.press("f5")
        await house.until(lambda: house.pane.pending_total == 1, "seeing the archive")

        # As Re-Leased exports it where a comma stands in numbers; a wrong line first.
        head = "Re-Leased ID;External ID;Contact Name;E-mail;Status\n"
        lines = f"1;{agreeing};Numbat Agreeing;;Archived\n2;{differing};Numbat Differing;;Archived\n"
        file.write_text(f"{head}{lines}3;;Numbat Unclear;new@numbat.example;Lost\n", encoding="utf-16")
        await compare(house, file)
        await house.until_shown("Line 4: “Lost” isn't a known status.")
        file.write_text(f"{head}{lines}3;;Numbat Unclear;new@numbat.example;Active\n", encoding="utf-16")
        house.app.screen.query_one("#confirm", Button).press()
        await house.until(lambda: isinstance(house.app.screen, CompareScreen), "comparing")
        await until_groups(house, "Different 1 Needs review 1 Matches 1 Only in Re-Leased 0")

        await house.pilot.press("2", "enter")
        await house.until_shown("Is this the contact?")
        await house.pilot.press("home", "enter")
        await until_groups(house, "Different 1 Needs review 0 Matches 2")

        await house.pilot.press("3")
        await house.until_shown("+ not recorded yet")
        assert grades(house) == {agreeing: SyncStatus.PENDING}
        await house.pilot.press("w")
        await house.until_shown("Mark matches as synced?")
        await house.pilot.press("y")
        await house.until_shown("Recorded: 1 change marked as synced.")
        assert grades(house) == {agreeing: SyncStatus.SYNCED}
        await house.until_shown("✓ Synced")

        await house.pilot.press("1", "a")
        await house.until_shown("Archive 1 contact?")
        await house.until_shown("y Archive")
        await house.pilot.press("y")
        await house.until(lambda: house.pane.pending_total == 1, "the archive being confirmed")
        await house.until_shown("Since then: ◷ Pending sync")
        assert status_in_xero(practice, differing) == "ARCHIVED"
        # The file is older than this change, so it doesn't prove it.
        assert grades(house) == {agreeing: SyncStatus.SYNCED, differing: SyncStatus.PENDING}
        await house.pilot.press("escape")

        # The same file again: the differences are gone, and there is nothing new to record.
        await compare(house, file)
        await until_groups(house, "Different 0 Needs review 1 Matches 2")
        await house.pilot.press("w")
        await house.until_shown("Nothing to record")
        assert grades(house) == {agreeing: SyncStatus.SYNCED, differing: SyncStatus.PENDING}
