from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from msgspec.structs import replace
from textual.screen import Screen
from widgets.table_host import NOW, Host, Many, Rows, found, lines, row, view

from tui.model.change import State
from tui.model.columns import ColumnKey, ListLayout, Sort
from tui.model.contact import ContactStatus
from tui.model.evidence import SyncStatus
from tui.model.query import Tab
from tui.widgets import movement
from tui.widgets.contact_table import ContactTable
from tui.widgets.table_view import GAP, GUTTER, layout_columns


def moved(host: Host) -> list[tuple[str, bool]]:
    return [(one.contact_id, one.by_person) for one in host.seen if isinstance(one, ContactTable.CursorMoved)]


def counts(host: Host) -> list[int]:
    return [one.count for one in host.seen if isinstance(one, ContactTable.SelectionChanged)]


def opened(host: Host) -> list[str]:
    return [one.contact_id for one in host.seen if isinstance(one, ContactTable.ContactOpened)]


def cursor(host: Host) -> str | None:
    return host.table.cursor_id


def turns(table: ContactTable) -> bool:
    return table._spinner is not None


# -- the cursor


@pytest.mark.parametrize(
    ("keys", "contact_id"),
    [
        (["down"], "id-1"),
        (["j", "j", "k"], "id-1"),
        (["up"], "id-0"),
        (["pagedown"], "id-23"),
        (["pagedown", "pagedown", "pageup"], "id-23"),
        (["end"], "id-99"),
        (["end", "down"], "id-99"),
        (["end", "pageup"], "id-76"),
        (["end", "home"], "id-0"),
        (["G"], "id-99"),
        (["G", "g", "g"], "id-0"),
        (["G", "g"], "id-99"),
        (["G", "g", "k", "g"], "id-98"),
        (["G", "g", "j", "g"], "id-99"),
        (["ctrl+d"], "id-11"),
        (["ctrl+d", "ctrl+d", "ctrl+u"], "id-11"),
        (["L"], "id-22"),
        (["pagedown", "H"], "id-23"),
        (["pagedown", "j", "L"], "id-45"),
    ],
)
async def test_keys_move_the_cursor(keys: list[str], contact_id: str) -> None:
    host = Host(found(Many(100)))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys)
        table = host.table
        assert table.cursor_id == contact_id
        assert table.cursor_row is not None
        assert table.cursor_row.contact_id == contact_id
        assert any(line.startswith("▌") for line in lines(table)[1:])


async def test_page_keys_keep_the_cursor_on_its_line() -> None:
    host = Host(found(Many(100)))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press("down", "down", "pagedown")
        assert lines(host.table)[3].startswith("▌  Contact 25 ")
        await pilot.press("ctrl+d")
        assert lines(host.table)[3].startswith("▌  Contact 36 ")


async def test_two_slow_presses_are_no_move_to_the_first_row(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 11.5, 12.0])
    monkeypatch.setattr(movement, "monotonic", lambda: next(times))
    host = Host(found(Many(100)))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press("G", "g", "g")
        assert host.table.cursor_id == "id-99"
        await pilot.press("g")
        assert host.table.cursor_id == "id-0"


async def test_last_visible_row_of_a_short_list_is_its_last() -> None:
    host = Host(found(Many(3)))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press("L")
        assert host.table.cursor_id == "id-2"
        await pilot.press("H")
        assert host.table.cursor_id == "id-0"


async def test_vim_keys_do_nothing_in_an_empty_list() -> None:
    host = Host(found(Many(0)))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press("g", "g", "G", "H", "L", "ctrl+d", "ctrl+u")
        assert host.table.cursor_id is None


async def test_cursor_moves_are_reported_with_their_cause() -> None:
    host = Host(found(Many(3)))
    async with host.run_test() as pilot:
        await pilot.press("down", "down", "down")
        host.table.show(found(Many(2)))
        await pilot.pause()
        assert moved(host) == [("id-0", False), ("id-1", True), ("id-2", True), ("id-1", False)]


async def test_the_header_stays_when_rows_scroll() -> None:
    host = Host(found(Many(100)))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press("end")
        shown = lines(host.table)
        assert shown[0].split() == ["Contact", "E-mail", "They", "owe", "Sync", "status"]
        assert shown[-1].startswith("▌  Contact 99 ")


# -- other rows


async def test_the_cursor_stays_on_its_contact_and_line_when_rows_come_above() -> None:
    host = Host(found(Many(100)))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press("pagedown", "pagedown", "down")
        line = next(y for y, text in enumerate(lines(host.table)) if text.startswith("▌"))
        more = [row(1000 + i) for i in range(7)] + list(Many(100).window(0, 100))
        host.table.show(found(more))
        await pilot.pause()
        assert host.table.cursor_id == "id-47"
        assert lines(host.table)[line].startswith("▌  Contact 47 ")


async def test_view_stays_when_the_cursor_is_out_of_sight() -> None:
    host = Host(found(Many(100)))
    async with host.run_test(size=(80, 24)) as pilot:
        host.table.scroll_to(y=50, animate=False)
        more = [row(1000 + i) for i in range(7)] + list(Many(100).window(0, 100))
        host.table.show(found(more))
        await pilot.pause()
        assert host.table.cursor_id == "id-0"
        assert lines(host.table)[1].strip().startswith("Contact 50 ")


async def test_the_row_that_takes_the_place_of_a_gone_one_gets_the_cursor() -> None:
    host = Host(found(Many(100)))
    async with host.run_test() as pilot:
        await pilot.press("down", "down")
        rest = [one for one in Many(100).window(0, 100) if one.contact_id != "id-2"]
        host.table.show(found(rest))
        await pilot.pause()
        assert host.table.cursor_id == "id-3"


async def test_a_new_search_starts_at_the_top() -> None:
    host = Host(found(Many(100)))
    async with host.run_test() as pilot:
        await pilot.press("end")
        host.table.show(found(Many(90), text="contact"), keep=False)
        await pilot.pause()
        assert host.table.cursor_id == "id-0"
        assert host.table.scroll_y == 0


async def test_table_survives_vanishing_rows() -> None:
    rows = Rows([row(i) for i in range(60)])
    host = Host(found(rows))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press("end")
        del rows.rows[5:]
        await pilot.press("home", "end", "space", "shift+up")
        host.table.refresh_rows()
        await pilot.pause()
        assert cursor(host) == "id-4"
        assert lines(host.table)[5].startswith("▌  Contact 4 ")
        rows.rows.clear()
        host.table.refresh_rows()
        await pilot.press("down", "up", "pagedown", "space", "enter", "shift+down", "asterisk")
        assert cursor(host) is None
        assert host.table.cursor_row is None
        assert host.table.targets() == ()


async def test_empty_table_explains_itself() -> None:
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        host.table.empty_text = "No contact has both words.\nEscape clears the search."
        await pilot.pause()
        shown = lines(host.table)
        assert shown[11].strip() == "No contact has both words."
        assert shown[12].strip() == "Escape clears the search."
        assert shown[11].index("N") == (79 - 26) // 2


# -- selection


async def test_space_selects_and_moves_on() -> None:
    host = Host(found(Many(10)))
    async with host.run_test() as pilot:
        await pilot.press("space", "space", "up", "space")
        assert host.table.selected == {"id-0"}
        assert host.table.cursor_id == "id-2"
        assert counts(host) == [1, 2, 1]
        assert lines(host.table)[1].startswith(" ✓ Contact 0 ")


async def test_a_stretched_selection_shrinks_again_and_then_stays() -> None:
    host = Host(found(Many(10)))
    async with host.run_test() as pilot:
        await pilot.press("space", "down", "shift+down", "shift+down", "shift+up")
        assert host.table.selected == {"id-0", "id-2", "id-3"}
        await pilot.press("down", "down", "shift+up")
        assert host.table.selected == {"id-0", "id-2", "id-3", "id-4", "id-5"}
        assert counts(host)[-1] == 5


async def test_stretching_to_the_end_selects_everything_below() -> None:
    host = Host(found(Many(100)))
    async with host.run_test() as pilot:
        await pilot.press("down", "shift+end")
        assert len(host.table.selected) == 99


async def test_all_results_can_be_selected_and_unselected() -> None:
    host = Host(found(Many(5000)))
    async with host.run_test() as pilot:
        await pilot.press("asterisk")
        assert len(host.table.selected) == 5000
        await pilot.press("escape")
        assert host.table.selected == frozenset()
        assert host.escapes == 0
        await pilot.press("escape")
        assert host.escapes == 1
        assert counts(host) == [5000, 0]


async def test_selection_follows_contacts_and_survives_a_search() -> None:
    host = Host(found(Many(10)))
    async with host.run_test() as pilot:
        await pilot.press("down", "space")
        host.table.show(found([row(7), row(1)]))
        await pilot.pause()
        assert host.table.selected == {"id-1"}
        assert "✓ Contact 1 " in lines(host.table)[2]


async def test_targets_are_the_selection_in_order_or_the_cursor() -> None:
    host = Host(found(Many(10)))
    async with host.run_test() as pilot:
        await pilot.press("down")
        assert host.table.targets() == ("id-1",)
        await pilot.press("down", "space", "home", "space")
        assert host.table.targets() == ("id-2", "id-0")


# -- opening and the mouse


async def test_enter_opens_the_contact() -> None:
    host = Host(found(Many(10)))
    async with host.run_test() as pilot:
        await pilot.press("down", "enter")
        assert opened(host) == ["id-1"]


async def test_click_moves_the_cursor_and_a_double_click_opens() -> None:
    host = Host(found(Many(100)))
    async with host.run_test() as pilot:
        await pilot.click(ContactTable, offset=(10, 4))
        assert host.table.cursor_id == "id-3"
        assert opened(host) == []
        await pilot.double_click(ContactTable, offset=(10, 6))
        assert opened(host) == ["id-5"]


async def test_clicks_with_modifiers_and_in_the_margin_select() -> None:
    host = Host(found(Many(100)))
    async with host.run_test() as pilot:
        await pilot.click(ContactTable, offset=(10, 3), control=True)
        await pilot.click(ContactTable, offset=(1, 5))
        assert host.table.selected == {"id-2", "id-4"}
        await pilot.click(ContactTable, offset=(10, 7), shift=True)
        assert host.table.selected == {"id-2", "id-4", "id-5", "id-6"}


async def test_clicks_on_the_header_and_below_the_rows_do_nothing() -> None:
    host = Host(found(Many(3)))
    async with host.run_test() as pilot:
        await pilot.press("down")
        await pilot.click(ContactTable, offset=(10, 0))
        await pilot.click(ContactTable, offset=(10, 9))
        assert host.table.cursor_id == "id-1"


# -- what a row shows


async def test_only_the_all_tab_has_a_status() -> None:
    rows = [
        row(0),
        row(1, status=ContactStatus.ARCHIVED),
        row(2, status=ContactStatus.GDPRREQUEST),
        row(3, status=ContactStatus.ARCHIVED, is_merged=True),
    ]
    host = Host(found(rows, Tab.ALL))
    async with host.run_test(size=(80, 24)):
        words = [text.removeprefix("▌").split()[2] for text in lines(host.table)[1:5]]
        assert words == ["Active", "Archived", "GDPR", "Merged"]
        host.table.show(found(rows, Tab.ACTIVE))
        assert "Archived" not in "".join(lines(host.table))


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (200, "Contact Status E-mail Phone Groups They owe Overdue Sync status"),
        (121, "Contact Status E-mail They owe Overdue Sync status"),
        (120, "Contact Status E-mail They owe Sync status"),
        (80, "Contact Status E-mail They owe Sync status"),
        (77, "Contact Status They owe Sync status"),
        (68, "Contact Status They owe Sync status"),
        (60, "Contact Status Sync status"),
        (52, "Contact Status Sync status"),
        (42, "Contact Sync status"),
        (30, "Contact"),
    ],
)
async def test_narrow_tables_omit_columns(width: int, titles: str) -> None:
    host = Host(found([row(0, "x" * 200, owes=100, last_change=view())], Tab.ALL))
    async with host.run_test(size=(width, 10)):
        table = host.table
        assert " ".join(lines(table)[0].split()) == titles
        assert {table.render_line(y).cell_length for y in range(10)} == {width - 1}


async def test_a_row_that_left_its_tab_is_dimmed() -> None:
    host = Host(found([row(0), row(1), row(2, status=ContactStatus.ARCHIVED)], Tab.ACTIVE))
    async with host.run_test():
        styles = [next(s.style for s in host.table.render_line(y) if "Contact" in s.text) for y in (2, 3)]
        assert [bool(style and style.italic) for style in styles] == [False, True]


async def test_deleted_contact_is_dimmed_and_labelled_unless_a_change_is_shown() -> None:
    gone = ContactStatus.DELETED
    rows = [
        row(0),
        row(1, status=gone),
        row(2, status=gone, last_change=view(State.REFUSED)),
        row(3, status=gone, last_change=view(State.CONFIRMED, SyncStatus.SUPERSEDED)),
    ]
    host = Host(found(rows, Tab.ALL))
    async with host.run_test(size=(120, 24)):
        _, there, one, refused, settled = lines(host.table)[:5]
        assert one.endswith("⊘ Gone from Xero")
        assert "Gone" in one
        assert refused.endswith("✗ Refused by Xero")
        assert settled.endswith("⊘ Gone from Xero")
        assert "gone" not in there
        styles = [host.table.render_line(y)._segments[-1].style for y in (1, 2)]
        assert [bool(style and style.italic) for style in styles] == [False, True]


@pytest.mark.parametrize("tab", Tab)
def test_no_column_vanishes_from_a_wider_list(tab: Tab) -> None:
    before: set[ColumnKey] = set()
    for width in range(4, 300):
        placed = layout_columns(width, tab, ListLayout())
        shown = {each.column.key for each in placed}
        assert before <= shown, width
        assert GUTTER + sum(each.width for each in placed) + GAP * (len(placed) - 1) == max(width, GUTTER + 1)
        before = shown


@pytest.mark.parametrize("width", [10, 40, 75, 119, 200])
def test_the_users_columns_keep_their_order_and_widths(width: int) -> None:
    layout = ListLayout.from_text("phone,email:30,name,tax_number;name")
    placed = layout_columns(width, Tab.ACTIVE, layout)
    keys = [each.column.key for each in placed]
    assert ColumnKey.NAME in keys
    assert keys == [column.key for column in layout.columns if column.key in keys]
    assert all(each.width == 30 for each in placed if each.column.key is ColumnKey.EMAIL)


@pytest.mark.parametrize(
    ("sort", "title"),
    [
        (Sort(), "Contact "),
        (Sort(ColumnKey.NAME, is_descending=True), "Contact ▼"),
        (Sort(ColumnKey.EMAIL), "E-mail ▲"),
        (Sort(ColumnKey.OWES, is_descending=True), "  They owe ▼"),
    ],
    ids=str,
)
async def test_the_title_shows_the_sort(sort: Sort, title: str) -> None:
    result = found([row(0, owes=100)], Tab.ACTIVE)
    host = Host(replace(result, query=dataclasses.replace(result.query, sort=sort)))
    async with host.run_test(size=(80, 24)):
        assert title in lines(host.table)[0]
        assert ("▲" in lines(host.table)[0]) + ("▼" in lines(host.table)[0]) == (not sort.is_default)


async def test_a_click_on_a_title_asks_for_its_sort() -> None:
    host = Host(found([row(0)], Tab.ACTIVE))
    async with host.run_test(size=(80, 24)) as pilot:
        titles = lines(host.table)[0]
        for word, column in (("E-mail", ColumnKey.EMAIL), ("Contact", ColumnKey.NAME)):
            await pilot.click(host.table, offset=(titles.index(word) + 1, 0))
            clicked = [one for one in host.seen if isinstance(one, ContactTable.TitleClicked)]
            assert clicked[-1].column is column
        await pilot.click(host.table, offset=(0, 0))
        assert len([one for one in host.seen if isinstance(one, ContactTable.TitleClicked)]) == 2


async def test_zero_and_unknown_amounts_look_different() -> None:
    host = Host(found([row(0, owes=0), row(1, owes=None)], Tab.ACTIVE))
    async with host.run_test(size=(80, 24)):
        assert "—" in lines(host.table)[1]
        assert "—" not in lines(host.table)[2]


@pytest.mark.parametrize(
    ("age", "title"),
    [
        (timedelta(hours=23), "They owe"),
        (timedelta(hours=25), "They owe 1 d"),
        (timedelta(days=9), "They owe 9 d"),
        (timedelta(days=12), "They owe 12d"),
        (timedelta(days=400), "Owe, 400 d"),
        (timedelta(days=-3), "They owe"),
        (None, "They owe"),
    ],
)
async def test_amounts_older_than_a_day_show_their_age(age: timedelta | None, title: str) -> None:
    host = Host(found([row(0, owes=100)], Tab.ACTIVE))
    async with host.run_test(size=(120, 24)):
        host.table.update_from(None if age is None else NOW - age)
        assert f"{title:>12}  Sync status" in lines(host.table)[0]


async def test_unchanged_age_repaints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(found([row(0, owes=100)], Tab.ACTIVE))
    async with host.run_test(size=(120, 24)):
        painted: list[int] = []
        monkeypatch.setattr(host.table, "refresh_line", painted.append)
        for hours in (50, 51, 52):
            host.table.update_from(NOW - timedelta(hours=hours))
        assert painted == [0]


async def test_matches_are_highlighted() -> None:
    host = Host(found([row(0, "Café Déjà Vu", email="deja@vu.nz")], text="deja CAF"))
    async with host.run_test(size=(120, 10)):
        picked = [s.text for s in host.table.render_line(1) if s.style and s.style.underline]
        assert picked == ["Caf", "Déjà", "deja"]


async def test_match_beyond_the_cut_is_not_highlighted() -> None:
    host = Host(found([row(0, "y" * 20 + "abc" * 100, email="")], text="abcabc zzz"))
    async with host.run_test(size=(60, 10)):
        strip = host.table.render_line(1)
        assert strip.cell_length == 59
        assert "…" in strip.text


async def test_only_changed_rows_are_repainted() -> None:
    rows = Rows([row(i) for i in range(60)])
    host = Host(found(rows))
    async with host.run_test(size=(80, 24)) as pilot:
        rows.rows[4] = replace(rows.rows[4], last_change=view(State.QUEUED))
        rows.rows[50] = replace(rows.rows[50], last_change=view(State.QUEUED))
        host.table.refresh_rows()
        assert {region.y for region in host.table._repaint_regions} == {5}
        await pilot.pause()
        assert lines(host.table)[5].endswith("◌ Queued")


async def test_drawing_many_lines_reads_the_rows_once() -> None:
    rows = Rows([row(i) for i in range(500)])
    host = Host(found(rows))
    async with host.run_test(size=(80, 24)) as pilot:
        assert rows.reads == 1
        await pilot.press("down", "up", "pagedown")
        assert rows.reads == 1
        await pilot.press("end")
        assert rows.reads == 2


# -- the spinner


async def test_spinner_runs_only_while_a_sending_row_is_visible() -> None:
    rows = Rows([row(i) for i in range(100)])
    rows.rows[2] = replace(rows.rows[2], last_change=view(State.SENDING))
    host = Host(found(rows))
    async with host.run_test(size=(80, 24)) as pilot:
        table = host.table
        assert turns(table)
        first = lines(table)[3]
        assert first.endswith("Sending")
        table._advance_spinner()
        assert lines(table)[3] != first
        await pilot.press("end")
        assert not turns(table)
        await pilot.press("home")
        assert turns(table)
        rows.rows[2] = row(2)
        table.refresh_rows()
        await pilot.pause()
        assert not turns(table)


async def test_sign_is_static_without_animations() -> None:
    host = Host(found([row(0, last_change=view(State.SENDING))]))
    host.animation_level = "none"
    async with host.run_test(size=(80, 24)):
        assert not turns(host.table)
        assert lines(host.table)[1].endswith("… Sending")


# -- sizes


@pytest.mark.parametrize("size", [(20, 2), (1, 1), (3, 5), (20, 24), (200, 2)])
async def test_table_survives_any_size(size: tuple[int, int]) -> None:
    host = Host(found(Many(1_000_000), Tab.ALL, "con 9"))
    async with host.run_test(size=size) as pilot:
        await pilot.press("down", "pagedown", "end", "space", "pageup", "shift+up", "home")
        assert host.table.cursor_id == "id-0"


async def test_cursor_stays_visible_when_the_terminal_shrinks() -> None:
    host = Host(found(Many(100)))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press(*["down"] * 20)
        await pilot.resize_terminal(60, 8)
        assert any(text.startswith("▌  Contact 20") for text in lines(host.table))


async def test_new_rows_cost_no_layout_and_stay_scrollable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when Textual changes what `_set_count` relies on: `_scroll_update`, and who asks for layouts."""
    host = Host(found(Many(1000)))
    async with host.run_test(size=(80, 24)) as pilot:
        await pilot.press("down")
        await pilot.pause()
        layouts: list[object] = []
        refresh_layout = Screen._refresh_layout

        def counted(screen: Screen[object], *args: object, **named: object) -> None:
            layouts.append(screen)
            refresh_layout(screen, *args, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(Screen, "_refresh_layout", counted)
        table = host.table
        await pilot.press("end")
        for count in (50, 3, 0, 1_000_000):
            table.show(found(Many(count)))
            await pilot.pause()
            assert table.virtual_size.height == count + 1
            assert table.max_scroll_y == max(0, count + 1 - 24)
            assert table.vertical_scrollbar.window_virtual_size == count + 1
            assert table.scroll_y <= table.max_scroll_y
        await pilot.press("end")
        assert lines(table)[-1].startswith("▌  Contact 999999 ")
        assert layouts == []


async def test_table_keys_can_be_remapped_by_name() -> None:
    host = Host(found(Many(10)))
    async with host.run_test() as pilot:
        host.set_keymap({"table.select": "x"})
        await pilot.press("x")
        assert host.table.selected == {"id-0"}
        assert all(binding.id and not binding.show for _, binding in host.table._bindings)


async def test_matches_are_found_in_text_from_right_to_left() -> None:
    host = Host(found([row(0, "שלום נכסים", email="")], text="נכס שלו"))
    async with host.run_test(size=(120, 10)):
        picked = [s.text for s in host.table.render_line(1) if s.style and s.style.underline]
        assert picked == ["שלו", "נכס"]
