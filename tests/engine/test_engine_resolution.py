"""What a read means for a change, and the warnings before a request."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from engine.model_xero import START, contact

from tui import messages
from tui.engine.outbox import RestoreCapability, as_manual_restores, resolve
from tui.engine.services.contacts import block_reason, warnings
from tui.model.change import Action, Change, Origin, State, Transition
from tui.model.contact import Balances, Contact, ContactStatus, ineligible_reason
from tui.model.reasons import ChangeReason, ContactReason, Notice, Reason

if TYPE_CHECKING:
    from tui.store import Store

ARCHIVE, RESTORE = Action.ARCHIVE, Action.RESTORE
ACTIVE, ARCHIVED, GDPR_REQUEST, GONE_FROM_XERO = ContactStatus
WORDS = "Xero's own words"


def change(action: Action, contact_id: str = "c", change_id: int = 1) -> Change:
    return Change(
        change_id=change_id,
        batch_id="b",
        contact_id=contact_id,
        name="n",
        action=action,
        origin=Origin.RESHELVE,
        state=State.UNKNOWN,
        requested_at=START,
        updated_at=START,
    )


def merged(contact_id: str = "c") -> Contact:
    return Contact(contact_id, "Merged", ARCHIVED, START, merged_to="other")


@pytest.mark.parametrize(
    ("action", "read", "words", "event", "reason"),
    [
        (ARCHIVE, contact("c", ARCHIVED), "", Transition.CONFIRM, None),
        (ARCHIVE, contact("c", ARCHIVED), WORDS, Transition.CONFIRM, None),
        (ARCHIVE, contact("c", ACTIVE), "", Transition.REQUEUE, ChangeReason.NEVER_ARRIVED),
        (ARCHIVE, contact("c", ACTIVE), WORDS, Transition.REFUSE, None),
        (ARCHIVE, contact("c", GDPR_REQUEST), "", Transition.REFUSE, ContactReason.GDPR),
        (ARCHIVE, contact("c", GDPR_REQUEST), WORDS, Transition.REFUSE, ContactReason.GDPR),
        (ARCHIVE, merged(), "", Transition.CONFIRM, None),
        (RESTORE, contact("c", ACTIVE), "", Transition.CONFIRM, None),
        (RESTORE, contact("c", ACTIVE), WORDS, Transition.CONFIRM, None),
        (RESTORE, contact("c", ARCHIVED), "", Transition.REQUEUE, ChangeReason.NEVER_ARRIVED),
        (RESTORE, contact("c", ARCHIVED), WORDS, Transition.AWAIT_USER, None),
        (RESTORE, contact("c", GDPR_REQUEST), WORDS, Transition.REFUSE, ContactReason.GDPR),
        (RESTORE, merged(), "", Transition.REFUSE, ContactReason.MERGED),
    ],
)
def test_unknown_result_is_resolved_by_status_and_not_by_messages(
    *, action: Action, read: Contact, words: str, event: Transition, reason: Reason | None
) -> None:
    verdict = resolve([change(action)], [read], {"c": words} if words else {})
    [move] = verdict.requests
    # Xero's words stay as they are, and come before our reason where they are shown.
    assert (move.transition, move.message) == (event, words)
    assert move.notice == (None if reason is None else Notice(reason))
    assert verdict.contacts == (read,)
    if event is Transition.CONFIRM:
        # A restore is dated by when it was seen, as Xero's pages may not change UpdatedDateUTC.
        assert move.confirmed_at == (read.updated_at if action is ARCHIVE else None)


def test_refusal_without_a_message_gets_our_reason() -> None:
    unchanged = Notice(ChangeReason.NOT_APPLIED)
    for action, read, event in (
        (ARCHIVE, contact("c", ACTIVE), Transition.REFUSE),
        (RESTORE, contact("c", ARCHIVED), Transition.AWAIT_USER),
    ):
        [move] = resolve([change(action)], [read], {"c": unchanged}).requests
        assert (move.transition, move.message, move.notice) == (event, "", unchanged)


def test_each_change_is_resolved_by_its_own_contact() -> None:
    changes = [change(ARCHIVE, "a", 1), change(ARCHIVE, "b", 2), change(ARCHIVE, "x", 3)]
    verdict = resolve(changes, [contact("b", ARCHIVED), contact("a")], {"b": WORDS})
    assert [(move.change_id, move.transition) for move in verdict.requests] == [
        (1, Transition.REQUEUE),
        (2, Transition.CONFIRM),
    ]


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("words", ["", WORDS])
def test_a_contact_that_was_not_read_resolves_nothing(action: Action, words: str) -> None:
    assert not resolve([change(action)], [contact("other")], {"c": words} if words else {}).requests


def test_change_that_may_not_show_yet_is_confirmed_or_resent_but_not_refused() -> None:
    for read, words, events in (
        (contact("c", ACTIVE), WORDS, []),
        (contact("c", GDPR_REQUEST), "", []),
        (contact("c", ARCHIVED), WORDS, [Transition.CONFIRM]),
        (contact("c", ACTIVE), "", [Transition.REQUEUE]),
    ):
        moves = resolve([change(ARCHIVE)], [read], {"c": words} if words else {}, recent={1}).requests
        assert [move.transition for move in moves] == events


@pytest.mark.parametrize(
    ("known", "event", "reason"),
    [
        (contact("c", ARCHIVED), Transition.AWAIT_USER, None),
        (contact("c", ACTIVE), Transition.CONFIRM, None),
        (contact("c", GDPR_REQUEST), Transition.REFUSE, ContactReason.GDPR),
        (merged(), Transition.REFUSE, ContactReason.MERGED),
        # Nothing is known of a contact that isn't stored, so nothing prevents it.
        (None, Transition.AWAIT_USER, None),
    ],
)
def test_only_restorable_contacts_wait_for_the_user(
    known: Contact | None, event: Transition, reason: Reason | None
) -> None:
    [move] = as_manual_restores([change(RESTORE)], [known] if known else []).requests
    assert (move.transition, move.message) == (event, "")
    assert move.notice == (None if reason is None else Notice(reason))


async def test_a_refusal_to_restore_is_cached_for_thirty_days_either_way(store: Store) -> None:
    refusal = RestoreCapability(store)
    assert not refusal.is_refused(START)
    await refusal.record(START)
    month = timedelta(days=30)
    assert refusal.is_refused(START + month - timedelta(seconds=1))
    assert not refusal.is_refused(START + month)
    # A refusal dated far in the future doesn't stop requests for years.
    assert not refusal.is_refused(START - month)


# --- before a change is made ---


@pytest.mark.parametrize(
    ("action", "known", "reason"),
    [
        (ARCHIVE, contact("c", ACTIVE), None),
        (ARCHIVE, contact("c", ARCHIVED), ContactReason.ALREADY_ARCHIVED),
        (ARCHIVE, contact("c", GDPR_REQUEST), ContactReason.GDPR),
        (ARCHIVE, contact("c", GONE_FROM_XERO), ContactReason.DELETED),
        (RESTORE, contact("c", GONE_FROM_XERO), ContactReason.DELETED),
        (ARCHIVE, merged(), ContactReason.ALREADY_ARCHIVED),
        (RESTORE, contact("c", ARCHIVED), None),
        (RESTORE, contact("c", ACTIVE), ContactReason.ALREADY_ACTIVE),
        (RESTORE, contact("c", GDPR_REQUEST), ContactReason.GDPR),
        (RESTORE, merged(), ContactReason.MERGED),
    ],
)
def test_precheck_leaves_out_contacts_with_a_reason(
    action: Action, known: Contact, reason: Reason | None
) -> None:
    assert block_reason(action, known) is reason


def test_only_merged_and_gdpr_contacts_cannot_be_changed() -> None:
    assert ineligible_reason(merged()) is ContactReason.MERGED
    assert ineligible_reason(contact("c", GDPR_REQUEST)) is ContactReason.GDPR
    assert ineligible_reason(contact("c")) is ineligible_reason(contact("c", ARCHIVED)) is None


@pytest.mark.parametrize(
    ("balances", "said"),
    [
        (None, ()),
        (Balances(), ()),
        (Balances(receivable=123_456), ("They owe 1,234.56.",)),
        (Balances(receivable=5, receivable_overdue=5), ("They owe 0.05, all of it overdue.",)),
        (
            Balances(receivable=-100, payable=100_000_000, payable_overdue=1),
            ("They owe -1.00.", "You owe 1,000,000.00, 0.01 of it overdue."),
        ),
    ],
)
def test_balances_are_shown_before_a_change(balances: Balances | None, said: tuple[str, ...]) -> None:
    one = Contact("c", "n", ACTIVE, START, balances=balances)
    assert tuple(map(messages.in_full, warnings(one, None))) == said


def test_contact_of_the_same_name_is_shown_before_restoring() -> None:
    [warning] = warnings(contact("c", ARCHIVED), contact("d", name="Bayside Club"))
    assert warning == Notice(ContactReason.NAME_TAKEN, {"name": "Bayside Club"})
    said = messages.in_full(warning)
    assert "“Bayside Club”" in said
    assert "Xero refuses" in said
