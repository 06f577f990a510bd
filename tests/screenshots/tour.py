"""The main job as an animated picture: search, archive, confirm, pending, synced, restore."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from screenshots.cast import Cast, Line, parts_of
from support.house import House, open_house
from support.practice import PracticeXero, running_sandbox
from textual.widgets import Input

from tui.settings.schema import UNIFIED_KEY_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

SIZE: Final = (100, 27)
_OPTIONS: Final = ("--cycle", "86400", "--sync-seconds", "1")
_SECONDS_A_LETTER: Final = 0.3
# Said once Re-Leased's contacts have been read after the change.
_READ_SINCE: Final = "Re-Leased was read since"
# Nothing moves for this long before a frame is taken.
_SECONDS_AT_REST: Final = 0.3
TITLE: Final = (
    "Reshelve: search for three contacts, archive them, see them pending and then synced to Re-Leased, and"
    " restore one."
)


@dataclass(slots=True)
class _Tour:
    house: House
    cast: Cast

    async def show(self, words: str, seconds: float, caption: str, *, behind: str = "") -> None:
        """Wait until the words are shown, and those behind a dialog, and add a frame."""
        await self.house.until_shown(words)
        await self.house.until(lambda: behind in _text(self._lines()), f"showing {behind!r} behind")
        for box in self.house.app.screen.query(Input):
            box.cursor_blink = False
        before: tuple[Line, ...] = ()
        shown = self._lines()
        while shown != before:
            await self.house.pilot.pause(_SECONDS_AT_REST)
            before, shown = shown, self._lines()
        self.cast.add(shown, seconds, caption)

    def _lines(self) -> tuple[Line, ...]:
        return tuple(map(parts_of, self.house.strips()))

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.house.pilot.press(*keys)


def _text(lines: tuple[Line, ...]) -> str:
    return "\n".join("".join(text for _, _, text, *_ in line) for line in lines)


async def record(work: Path, folder: Path) -> None:
    """Record the tour, replacing the picture in the folder."""
    with running_sandbox(work / "sandbox", *_OPTIONS) as practice:
        for name, owed in (
            ("Matakana Joinery", 0),
            ("Matakana Lift Services", 480),
            ("Matakana Window Cleaning", 0),
        ):
            contact_id = practice.create(name, EmailAddress="accounts@matakana.example")
            practice.somebody("balances", contact_id, AccountsReceivable={"Outstanding": owed})
        practice.sync_released()
        key = practice.line["unified"]["api_key"]
        with patch.dict(os.environ, {UNIFIED_KEY_VARIABLE: key}):
            connected = open_house(practice, work / "home", is_connected=True, sync_seconds=45, size=SIZE)
            async with connected as house:
                tour = _Tour(house, Cast(*SIZE))
                await _search_and_archive(tour)
                await _wait_for_the_sync(tour, practice)
                await _restore(tour)
    svg = tour.cast.to_svg(TITLE)
    (folder / "tour.svg").write_text(svg, encoding="utf-8", newline="\n")


async def _search_and_archive(tour: _Tour) -> None:
    await tour.show("Re-Leased last read", 2, "All contacts of an organisation in Xero")
    await tour.press("/")
    for letter in "mataka":
        await tour.press(letter)
        await tour.show(" of 1,603", _SECONDS_A_LETTER, "/  Search as you type")
    await tour.show("3 of 1,603", 1, "/  Search as you type")
    await tour.press("enter", "*")
    await tour.show("they owe", 1.5, "*  Select all that were found")
    await tour.press("a")
    await tour.show("Up to date with Xero", 3.5, "a  Archive: what will change, checked with Xero")
    await tour.press("y")
    await tour.house.until(lambda: tour.house.pane.pending_total == 3, "three pending")
    await tour.house.until_shown(_READ_SINCE)
    tour.cast.still = len(tour.cast.frames)
    await tour.show("3 archived", 3, "y  Archived in Xero. Re-Leased hasn't synced yet: Pending sync")


async def _wait_for_the_sync(tour: _Tour, practice: PracticeXero) -> None:
    practice.sync_released()
    await tour.house.until(lambda: tour.house.pane.pending_total == 0, "the sync")
    await tour.show("✓ Synced", 3, "Re-Leased's own data shows the changes: Synced")


async def _restore(tour: _Tour) -> None:
    await tour.press("r")
    await tour.show("Restore 1 contact?", 2.5, "r  Restore the contact under the cursor")
    await tour.press("y")
    await tour.show(
        "Restores to finish", 3, "y  Xero's API can't restore: click Restore on the contact's page"
    )
    await tour.press("p")
    await tour.show("Restored", 2.5, "Reshelve detects the click", behind=_READ_SINCE)
    await tour.press("escape", "home")
    await tour.show(_READ_SINCE, 3, "The restore is pending sync, too")
