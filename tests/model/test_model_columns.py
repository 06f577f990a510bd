from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.columns import (
    BY_NAME,
    LEAST_WIDTH,
    MOST_WIDTH,
    ColumnKey,
    ListLayout,
    ShownColumn,
    Sort,
)

keys = st.sampled_from(ColumnKey)
widths = st.just(0) | st.integers(LEAST_WIDTH, MOST_WIDTH)
layouts = st.builds(
    lambda columns, sort, has_preview: ListLayout(
        columns and (ShownColumn(ColumnKey.NAME), *columns), sort, has_preview
    ),
    st.lists(
        st.builds(ShownColumn, keys.filter(lambda key: key is not ColumnKey.NAME), widths),
        unique_by=lambda column: column.key,
    ).map(tuple),
    st.builds(Sort, keys, st.booleans()),
    st.booleans(),
)


@given(layouts)
def test_a_layout_is_read_as_it_was_stored(layout: ListLayout) -> None:
    assert ListLayout.from_text(layout.to_text()) == layout


@given(st.none() | st.text(alphabet="name,email:-;_0129they_owe ", max_size=60) | st.text())
def test_any_stored_text_is_a_layout_with_the_name(text: str | None) -> None:
    layout = ListLayout.from_text(text)
    shown = [column.key for column in layout.columns]
    assert len(set(shown)) == len(shown)
    assert not shown or ColumnKey.NAME in shown
    assert ListLayout.from_text(layout.to_text()) == layout


def test_unknown_columns_and_widths_are_left_out() -> None:
    layout = ListLayout.from_text("email:999,colour,they_owe:14,phone:x;-colour")
    assert layout.columns == (
        ShownColumn(ColumnKey.NAME),
        ShownColumn(ColumnKey.EMAIL),
        ShownColumn(ColumnKey.OWES, 14),
        ShownColumn(ColumnKey.PHONE),
    )
    assert layout.sort == BY_NAME


@given(layouts, st.lists(st.tuples(keys, st.integers(-9, 9)), max_size=9))
def test_the_name_stays_and_no_column_is_shown_twice(
    layout: ListLayout, changes: list[tuple[ColumnKey, int]]
) -> None:
    has_columns = bool(layout.columns)
    for key, steps in changes:
        layout = layout.toggled(key) if not steps else layout.moved(key, steps).resized(key, 10 + steps)
    shown = [column.key for column in layout.columns]
    assert len(set(shown)) == len(shown)
    assert not has_columns or ColumnKey.NAME in shown


def test_a_moved_column_stops_at_the_ends() -> None:
    layout = ListLayout.from_text("name,email,phone;name")
    assert layout.moved(ColumnKey.PHONE, -1).to_text() == "name,phone,email;name"
    assert layout.moved(ColumnKey.NAME, -5) == layout
    assert layout.moved(ColumnKey.EMAIL, 9).to_text() == "name,phone,email;name"
    assert layout.moved(ColumnKey.GROUPS, 1) == layout


@pytest.mark.parametrize(("key", "is_descending"), [(ColumnKey.OWES, True), (ColumnKey.EMAIL, False)])
def test_a_column_chosen_twice_is_reversed(key: ColumnKey, is_descending: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    once = BY_NAME.by(key)
    assert once == Sort(key, is_descending)
    assert once.by(key) == Sort(key, not is_descending)
    assert once.by(ColumnKey.NAME) == BY_NAME
