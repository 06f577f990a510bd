"""Pictures of the failed invoice's screen, and of the year at a glance."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.pictures import SIZES, picture
from support.sample_contacts import NOW

from tui.model.change import Action, Origin, State
from tui.store.values import to_ms

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine
    from support.pictures import Compare


def fill_year(backend: IdleEngine) -> None:
    """Spread confirmed changes over the months, two thirds of them with evidence."""
    for number in range(24):
        action = Action.RESTORE if number % 5 == 0 else Action.ARCHIVE
        change = backend.put_change(number, action, State.CONFIRMED)
        at = NOW - timedelta(days=13 * (number % 11))
        synced = None if number % 3 == 0 else at + timedelta(hours=9 + number)
        origin = Origin.XERO if number % 4 == 0 else Origin.RESHELVE
        backend._store._database._writer.execute(
            "UPDATE changes SET confirmed_ms = ?, synced_ms = ?, origin = ? WHERE change_id = ?",
            (to_ms(at), None if synced is None else to_ms(synced), origin.value, change.change_id),
        )
    backend.publish_changes()


@pytest.mark.parametrize("size", [(60, 20), *SIZES])
def test_failed_invoice(snap_compare: Compare, backend: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, backend, "F", *"boulder", "enter", size=size)


def test_failed_invoice_of_nobody(snap_compare: Compare, backend: IdleEngine) -> None:
    assert picture(snap_compare, backend, "F", as_text=True)


def test_failed_invoice_with_drafts_approved(snap_compare: Compare, backend: IdleEngine) -> None:
    assert picture(snap_compare, backend, "F", *"boulder", "enter", "w", as_text=True)


@pytest.mark.parametrize("size", [(60, 20), *SIZES])
def test_year(snap_compare: Compare, backend: IdleEngine, size: tuple[int, int]) -> None:
    fill_year(backend)
    assert picture(snap_compare, backend, "l", "B", size=size)
