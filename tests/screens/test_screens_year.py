"""The year at a glance, opened from the list of changes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.sample_contacts import NOW
from support.screen_test import Driver, running
from textual.widgets import Static

from tui.model.change import Action, State
from tui.screens.changes.changes import ChangesScreen
from tui.screens.changes.year import YearScreen

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine

pytestmark = pytest.mark.slow

HOSTILE = "\x1b]0;owned\x07[red]x[/]"


def fill(backend: IdleEngine) -> None:
    """Confirm three archives and a restore, the first synced after 14 hours."""
    for number, action in enumerate((Action.ARCHIVE, Action.ARCHIVE, Action.RESTORE, Action.ARCHIVE)):
        backend.put_change(number, action, State.CONFIRMED)
    backend._store._database._writer.execute(
        "UPDATE changes SET synced_ms = confirmed_ms + ? WHERE change_id = 1",
        (timedelta(hours=14) // timedelta(milliseconds=1),),
    )
    backend.publish_changes()


def shown(person: Driver) -> str:
    return str(person.screen.query_one("#year", Static).content)


async def test_months_totals_and_waits_are_shown_as_numbers(backend: IdleEngine) -> None:
    fill(backend)
    async with running(backend) as person:
        await person.press("l", "B")
        assert person.sees(YearScreen)
        month = f"{NOW.astimezone():%b}"
        [line] = [line for line in shown(person).splitlines() if line.startswith(month)]
        assert line.split()[:2] == [month, "3"]
        assert line.split()[3] == "1"
        assert line.rstrip().endswith("14 hours")
        assert "Median wait" in shown(person)
        assert "Archived: 3 (3 in Reshelve, 0 in Xero)." in shown(person)
        assert "median 14 hours" in shown(person)
        assert "Known for 1 of 4 changes" in shown(person)
        await person.press("escape")
        assert person.sees(ChangesScreen)


async def test_new_changes_are_added(backend: IdleEngine) -> None:
    fill(backend)
    async with running(backend) as person:
        await person.press("l", "B")
        backend.put_change(7, Action.ARCHIVE, State.CONFIRMED)
        backend.publish_changes()
        await person.settle()
        assert "Archived: 4" in shown(person)


async def test_there_is_no_year_without_changes_to_go_to(backend: IdleEngine) -> None:
    fill(backend)
    async with running(backend) as person:
        await person.press("l", "B", "[")
        assert person.bottom_line.startswith("There are no earlier changes.")
        await person.press("]")
        assert person.bottom_line.startswith("There are no later changes.")


async def test_an_empty_change_log_is_said(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("l", "B")
        assert shown(person).startswith("No changes were confirmed in")


async def test_a_hostile_name_is_harmless(backend: IdleEngine) -> None:
    fill(backend)
    backend._store._database._writer.execute("UPDATE changes SET name = ?", (HOSTILE,))
    async with running(backend) as person:
        await person.press("l", "B")
        assert "\x1b" not in shown(person)
        assert "[red]" in shown(person)


@pytest.mark.parametrize("size", [(20, 6), (40, 12), (60, 20), (80, 24), (200, 50)], ids=str)
async def test_bars_fit_any_terminal(backend: IdleEngine, size: tuple[int, int]) -> None:
    fill(backend)
    async with running(backend, size) as person:
        await person.press("l", "B")
        if size[0] >= 40:
            months = shown(person).splitlines()[:13]
            assert max(map(len, months)) <= size[0] - 4
