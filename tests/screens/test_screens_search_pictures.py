"""Pictures of searching with qualifiers; see `test_screens_pictures` for updating them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.pictures import SIZES, Text, picture

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine
    from support.pictures import Compare


@pytest.mark.parametrize("size", SIZES)
def test_a_qualifier(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "/", Text("bay owes:>100"), size=size, as_text=True)


@pytest.mark.parametrize("size", [(40, 15), *SIZES])
def test_invalid_qualifier(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "/", Text("bay is:custmer"), size=size)


@pytest.mark.parametrize("size", [(40, 15), *SIZES])
def test_incomplete_qualifier(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "/", Text("bay sync:"), size=size, as_text=True)


@pytest.mark.parametrize("size", [(40, 15), *SIZES])
def test_pasted_message(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    message = Text("Not sent:\nContact Bayside Club has been archived,\nand so has Coco Café")
    assert picture(snap_compare, busy, "/", message, size=size)


@pytest.mark.parametrize("size", [(40, 15), *SIZES])
def test_all_organisations(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "/", Text("bay"), "ctrl+f", size=size)


@pytest.mark.parametrize("size", [(40, 15), *SIZES])
def test_saved_searches(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    saving = ("/", Text("bay"), "ctrl+s", "enter", Text("Bays"), "enter", "escape", "enter")
    assert picture(snap_compare, busy, *saving, "3", "ctrl+s", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_search_help(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, busy, "/", "f1", size=size)
