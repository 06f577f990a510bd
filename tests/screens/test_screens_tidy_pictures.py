"""Pictures of Tidy up, and of the two questions before a protected contact is archived."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.pictures import Compare, picture
from support.sample_contacts import NOW, contacts

from tui.model.change import Action, State
from tui.model.contact import Balances

SIZES = [(40, 15), (80, 24), (120, 36)]
TIDY, PROTECT = "Z", "A"


def idle_engine() -> IdleEngine:
    backend = IdleEngine(
        [
            replace(
                one,
                balances=Balances(receivable=12_300) if number % 5 == 2 else Balances(),
                updated_at=NOW - timedelta(days=60 * number + 7),
            )
            for number, one in enumerate(contacts(40))
        ]
    )
    backend.mark("Tenants")
    return backend


@pytest.mark.parametrize("size", SIZES)
def test_months(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, idle_engine(), TIDY, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_review(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, idle_engine(), TIDY, "enter", "space", "down", size=size)


def test_without_contacts(snap_compare: Compare) -> None:
    assert picture(snap_compare, IdleEngine(()), TIDY, size=(80, 24))


def with_warnings() -> IdleEngine:
    backend = idle_engine()
    # The first archive is explained at length.
    backend.put_change(29, Action.ARCHIVE, State.CANCELLED)
    backend.edit(2, balances=Balances(payable=4_500, payable_overdue=4_500))
    return backend


@pytest.mark.parametrize("size", SIZES)
def test_a_protected_contact_and_warnings(snap_compare: Compare, size: tuple[int, int]) -> None:
    keys = (PROTECT, "space", "space", "space", "a")
    assert picture(snap_compare, with_warnings(), *keys, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_those_with_warnings_are_left_out(snap_compare: Compare, size: tuple[int, int]) -> None:
    keys = (PROTECT, "space", "space", "space", "space", "space", "a", "ctrl+l")
    assert picture(snap_compare, with_warnings(), *keys, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_the_second_question(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, with_warnings(), PROTECT, "a", "y", size=size)
