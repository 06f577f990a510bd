"""Sorting the list and choosing its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.screen_test import Driver, running

from tui.model.columns import BY_NAME, ColumnKey, ListLayout, ShownColumn, Sort
from tui.screens.columns import ColumnList, ColumnsScreen
from tui.widgets.contact_table import ContactTable

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine

pytestmark = pytest.mark.slow


def titles(person: Driver) -> str:
    person.paint()
    table = person.main.query_one(ContactTable)
    return table.render_line(0).text


async def owed(person: Driver) -> list[int | None]:
    # The rows in sight are read once they are painted.
    person.paint()
    await person.settle()
    table = person.main.query_one(ContactTable)
    return [row.owes for _, row in table._visible()]


def choices(person: Driver) -> list[str]:
    rows = person.screen.query_one(ColumnList)
    return [rows.render_line(y).text.strip() for y in range(rows.size.height)]


async def test_the_list_is_sorted_by_a_column_and_reversed(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        here = person.main.table.cursor_id
        await person.press("s")
        assert person.sees(ColumnsScreen)
        assert "A to Z" in choices(person)[0]
        await person.press("down", "down", "down", "enter")
        assert "They owe ▼" in titles(person)
        assert "largest first" in " ".join(choices(person))
        await person.press("escape")
        found = await owed(person)
        assert found == sorted(found, key=lambda cents: -(cents or 0))
        assert person.main.table.cursor_id == here
        await person.press("s", "down", "down", "down", "enter", "escape")
        assert "They owe ▲" in titles(person)
        known = [cents for cents in await owed(person) if cents is not None]
        assert known == sorted(known)


async def test_a_click_on_a_title_sorts(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        place = titles(person).index("They owe")
        await person.pilot.click(ContactTable, offset=(place, 0))
        await person.settle()
        assert "They owe ▼" in titles(person)
        assert backend.contacts.layout().sort == Sort(ColumnKey.OWES, is_descending=True)


async def test_columns_and_sort_are_kept(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("s", "down", "space", "down", "space", *3 * ("down",), "space", "enter", "escape")
    kept = backend.contacts.layout()
    assert [column.key for column in kept.columns] == [
        ColumnKey.NAME,
        ColumnKey.OWES,
        ColumnKey.SYNC_STATUS,
        ColumnKey.PHONE,
    ]
    assert kept.sort.column is ColumnKey.PHONE
    async with running(backend, (120, 36)) as person:
        assert "Phone ▲" in titles(person)
        assert "Status  " not in titles(person)
        person.paint()
        assert "+64 4 555 0" in person.main.table.render_line(1).text


async def test_columns_are_moved_and_resized(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("s", *3 * ("down",), *2 * ("less_than_sign",), "plus", "plus", "minus", "minus")
        assert "▌" in choices(person)[1]
        assert choices(person)[1].endswith("10 wide")
        await person.press("escape")
    assert ShownColumn(ColumnKey.OWES, 10) in backend.contacts.layout().columns
    assert [column.key for column in backend.contacts.layout().columns][1] is ColumnKey.OWES


async def test_the_usual_columns_come_back(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        before = titles(person)
        await person.press("s", "down", "space", "down", "enter")
        assert titles(person) != before
        await person.press("0", "escape")
        assert titles(person) == before
    assert backend.contacts.layout() == ListLayout(sort=BY_NAME)


async def test_the_name_can_not_be_hidden(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("s", "space")
        assert "always shown" in person.bottom_line
        assert choices(person)[0].startswith("▌ [✓] Contact")


@pytest.mark.parametrize("size", [(40, 15), (60, 20), (80, 24), (200, 50)])
async def test_the_dialog_fits_every_size(backend: IdleEngine, size: tuple[int, int]) -> None:
    async with running(backend, size) as person:
        await person.press("s")
        rows = person.screen.query_one(ColumnList)
        await person.press("end")
        assert rows.region.height
        assert "Last activity" in rows.render_line(rows.size.height - 1).text or "Sync status" in " ".join(
            choices(person)
        )
        assert person.screen.region.contains_region(rows.region)


async def test_a_wider_terminal_hides_no_column(backend: IdleEngine) -> None:
    before: set[ColumnKey] = set()
    async with running(backend, (60, 36)) as person:
        for width in [*range(60, 125), *range(138, 143), *range(165, 205)]:
            await person.pilot.resize_terminal(width, 36)
            await person.pilot.pause()
            shown = {each.column.key for each in person.main.table.columns}
            assert before <= shown, width
            before = shown
