"""Odd dates from Xero: no change is dated too early, and a full sync corrects stored dates."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest
from store.store_samples import ACTIVE, ARCHIVED, NOON, contact, minutes

from tui.model.change import Action, Origin, Transition
from tui.model.evidence import NightlyWindow, SyncKnowledge, SyncStatus, grade_change
from tui.store import TransitionRequest

if TYPE_CHECKING:
    from tui.model.change import Change
    from tui.model.contact import ContactStatus
    from tui.store import Store

DAY = 24 * 60
NIGHTLY = SyncKnowledge(window=NightlyWindow(time(0), time(6), UTC))
YEAR_2099 = (datetime(2099, 1, 1, tzinfo=UTC) - NOON) / timedelta(minutes=1)


def grade(change: Change, at: float) -> SyncStatus:
    return grade_change(change, NIGHTLY, minutes(at)).status


@pytest.mark.parametrize("way", [(), (Transition.REPLY_LOST,)], ids=["answered", "read again"])
@pytest.mark.parametrize(
    "dated",
    [-30 * DAY, -30 * DAY - 5, -365 * DAY, -2 * DAY, -DAY, 9 * DAY, YEAR_2099],
    ids=["as before", "earlier", "a year back", "two days back", "yesterday", "ahead", "2099"],
)
async def test_a_change_is_expected_only_after_a_night_since_it_was_sent(
    store: Store, dated: float, way: tuple[Transition, ...]
) -> None:
    await store.save_contacts([contact(1, at=-30 * DAY)], minutes(-DAY))
    [change] = await store.changes.add(Action.ARCHIVE, store.contacts(["id-1"]), NOON)
    for event in (Transition.SEND, *way):
        await store.record_transitions([TransitionRequest(change.change_id, event)], minutes(1))
    confirm = TransitionRequest(change.change_id, Transition.CONFIRM, confirmed_at=minutes(dated))
    await store.record_transitions([confirm], minutes(2), [contact(1, ARCHIVED, at=dated)])
    [after] = store.changes.of_contact("id-1")
    assert after.confirmed_at == minutes(2)
    assert grade(after, 3) is SyncStatus.PENDING
    assert grade(after, DAY) is SyncStatus.EXPECTED


@pytest.mark.parametrize("dated", [-4, -1, 0.5])
async def test_no_change_is_dated_before_it_was_sent(store: Store, dated: float) -> None:
    await store.save_contacts([contact(1, at=-30 * DAY)], minutes(-DAY))
    [change] = await store.changes.add(Action.ARCHIVE, store.contacts(["id-1"]), NOON)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.SEND)], minutes(1))
    confirm = TransitionRequest(change.change_id, Transition.CONFIRM, confirmed_at=minutes(dated))
    await store.record_transitions([confirm], minutes(2), [contact(1, ARCHIVED, at=dated)])
    [after] = store.changes.of_contact("id-1")
    assert after.confirmed_at == minutes(1)


@pytest.mark.parametrize("dated", [-30 * DAY, -29 * DAY, -3 * DAY, 9 * DAY, YEAR_2099])
@pytest.mark.parametrize(
    ("before", "after"), [(ACTIVE, ARCHIVED), (ARCHIVED, ACTIVE)], ids=["archived", "restored"]
)
@pytest.mark.parametrize("is_queued", [False, True])
async def test_change_made_in_xero_is_dated_after_the_last_refresh(
    store: Store, before: ContactStatus, after: ContactStatus, dated: float, *, is_queued: bool
) -> None:
    await store.save_contacts([contact(1, before, at=-30 * DAY)], minutes(-DAY))
    await store.set_sync_state("contacts.refreshed_until", minutes(-1).isoformat())
    if is_queued:
        action = Action.ARCHIVE if after is ARCHIVED else Action.RESTORE
        await store.changes.add(action, store.contacts(["id-1"]), minutes(-1))
    await store.save_contacts([contact(1, after, at=dated)], NOON)
    [change] = store.changes.of_contact("id-1")
    assert change.origin is (Origin.RESHELVE if is_queued else Origin.XERO)
    assert change.confirmed_at == NOON
    assert grade(change, 1) is SyncStatus.PENDING


@pytest.mark.parametrize("stored", [YEAR_2099, 30 * DAY, 60, -60, -3 * DAY])
@pytest.mark.parametrize("told", [-5 * DAY, -365 * DAY, -4 * DAY])
async def test_a_full_read_corrects_what_is_stored_with_a_later_date(
    store: Store, stored: float, told: float
) -> None:
    """A contact that was once dated ahead, or Xero's own data put back to an earlier day."""
    await store.save_contacts([contact(1, ARCHIVED, at=stored, name="Later")], minutes(-2 * DAY))
    await store.save_contacts([contact(1, ACTIVE, at=told, name="Earlier")], NOON, is_full_sync=True)
    one = store.contact("id-1")
    assert one is not None
    assert (one.name, one.status, one.updated_at) == ("Earlier", ACTIVE, minutes(told))
    # It was archived here and is active in Xero: that is a change made now.
    [change] = store.changes.of_contact("id-1")
    assert (change.action, change.origin, change.confirmed_at) == (Action.RESTORE, Origin.XERO, NOON)
    # Updates of it count again.
    await store.save_contacts([contact(1, ACTIVE, at=1, name="Latest")], minutes(2))
    assert [one.name for one in store.contacts(["id-1"])] == ["Latest"]


@pytest.mark.parametrize("stored", [-1, 0, 5])
async def test_page_read_before_our_own_change_does_not_revert_it(store: Store, stored: float) -> None:
    await store.save_contacts([contact(1, ARCHIVED, at=stored)], NOON)
    await store.save_contacts([contact(1, ACTIVE, at=-DAY)], NOON, is_full_sync=True)
    assert store.counts().archived == 1
    assert not store.changes.of_contact("id-1")


async def test_a_contact_once_dated_2099_follows_updates_without_a_full_sync(store: Store) -> None:
    await store.save_contacts([contact(1, at=YEAR_2099)], NOON)
    await store.save_contacts([contact(1, ARCHIVED, at=1)], minutes(2))
    assert store.counts().archived == 1


@pytest.mark.parametrize("pulled", [8 * DAY, 400 * DAY, YEAR_2099])
async def test_a_sync_state_dated_ahead_dates_no_change(store: Store, pulled: float) -> None:
    await store.save_contacts([contact(1, at=-30 * DAY)], minutes(-DAY))
    await store.set_sync_state("contacts.refreshed_until", minutes(pulled).isoformat())
    await store.save_contacts([contact(1, ARCHIVED, at=-1)], NOON)
    [change] = store.changes.of_contact("id-1")
    assert change.confirmed_at == minutes(-1)
