"""Pictures of possible duplicates."""

from __future__ import annotations

import pytest
from screens.test_screens_duplicates import SIZES, with_duplicates
from support.idle_engine import IdleEngine
from support.pictures import Compare, picture


@pytest.mark.parametrize("size", SIZES)
def test_two_groups(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, with_duplicates(), "D", size=size)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_a_dismissed_group_of_three(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, with_duplicates(), "D", "end", "X", size=size)


@pytest.mark.parametrize("size", [(40, 15), (80, 24)])
def test_no_duplicates(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, IdleEngine.with_contacts(), "D", size=size)
