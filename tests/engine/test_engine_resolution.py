"""What a fresh read means for a change, and what is to be said before one is made."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from engine.model_xero import START, contact

from tui.engine.precheck import DELETED, GDPR, MERGED, block_reason, ineligible_reason, warnings
from tui.engine.sync.outbox import RestoreCapability, as_manual_restores, resolve
from tui.model.change import Action, Change, Origin, State, Transition
from tui.model.contact import Balances, Contact, ContactStatus

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
    ("action", "read", "words", "event", "said"),
    [
        (ARCHIVE, contact("c", ARCHIVED), "", Transition.CONFIRM, ""),
        (ARCHIVE, contact("c", ARCHIVED), WORDS, Transition.CONFIRM, ""),
        (ARCHIVE, contact("c", ACTIVE), "", Transition.REQUEUE, ""),
        (ARCHIVE, contact("c", ACTIVE), WORDS, Transition.REFUSE, WORDS),
        (ARCHIVE, contact("c", GDPR_REQUEST), "", Transition.REFUSE, GDPR),
        (ARCHIVE, contact("c", GDPR_REQUEST), WORDS, Transition.REFUSE, WORDS),
        (ARCHIVE, merged(), "", Transition.CONFIRM, ""),
        (RESTORE, contact("c", ACTIVE), "", Transition.CONFIRM, ""),
        (RESTORE, contact("c", ACTIVE), WORDS, Transition.CONFIRM, ""),
        (RESTORE, contact("c", ARCHIVED), "", Transition.REQUEUE, ""),
        (RESTORE, contact("c", ARCHIVED), WORDS, Transition.AWAIT_USER, WORDS),
        (RESTORE, contact("c", GDPR_REQUEST), WORDS, Transition.REFUSE, WORDS),
        (RESTORE, merged(), "", Transition.REFUSE, MERGED),
    ],
)
def test_a_doubt_is_settled_by_status_not_by_words(
    *, action: Action, read: Contact, words: str, event: Transition, said: str
) -> None:
    verdict = resolve([change(action)], [read], {"c": words} if words else {})
    [move] = verdict.requests
    assert (move.transition, move.message) == (event, said)
    assert verdict.contacts == (read,)
    if event is Transition.CONFIRM:
        # A restore is dated by when it was seen: Xero's pages may not move UpdatedDateUTC.
        assert move.confirmed_at == (read.updated_at if action is ARCHIVE else None)


def test_each_change_is_judged_by_its_own_contact() -> None:
    changes = [change(ARCHIVE, "a", 1), change(ARCHIVE, "b", 2), change(ARCHIVE, "x", 3)]
    verdict = resolve(changes, [contact("b", ARCHIVED), contact("a")], {"b": WORDS})
    assert [(move.change_id, move.transition) for move in verdict.requests] == [
        (1, Transition.REQUEUE),
        (2, Transition.CONFIRM),
    ]


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("words", ["", WORDS])
def test_a_contact_that_was_not_read_settles_nothing(action: Action, words: str) -> None:
    assert not resolve([change(action)], [contact("other")], {"c": words} if words else {}).requests


def test_what_may_not_show_yet_is_not_refused_but_confirmed_or_sent_again() -> None:
    for read, words, events in (
        (contact("c", ACTIVE), WORDS, []),
        (contact("c", GDPR_REQUEST), "", []),
        (contact("c", ARCHIVED), WORDS, [Transition.CONFIRM]),
        (contact("c", ACTIVE), "", [Transition.REQUEUE]),
    ):
        moves = resolve([change(ARCHIVE)], [read], {"c": words} if words else {}, recent={1}).requests
        assert [move.transition for move in moves] == events


@pytest.mark.parametrize(
    ("known", "event", "said"),
    [
        (contact("c", ARCHIVED), Transition.AWAIT_USER, ""),
        (contact("c", ACTIVE), Transition.CONFIRM, ""),
        (contact("c", GDPR_REQUEST), Transition.REFUSE, GDPR),
        (merged(), Transition.REFUSE, MERGED),
        # Of a contact that isn't in the local copy nothing is known, so that nothing speaks against it.
        (None, Transition.AWAIT_USER, ""),
    ],
)
def test_only_what_a_person_can_restore_is_handed_to_one(
    known: Contact | None, event: Transition, said: str
) -> None:
    [move] = as_manual_restores([change(RESTORE)], [known] if known else []).requests
    assert (move.transition, move.message) == (event, said)


async def test_a_refusal_to_restore_is_believed_for_thirty_days_either_way(store: Store) -> None:
    refusal = RestoreCapability(store)
    assert not refusal.is_refused(START)
    await refusal.record(START)
    month = timedelta(days=30)
    assert refusal.is_refused(START + month - timedelta(seconds=1))
    assert not refusal.is_refused(START + month)
    # A clock that was far in the future when it was noted doesn't silence the API for years.
    assert not refusal.is_refused(START - month)


# --- before a change is made ---


@pytest.mark.parametrize(
    ("action", "known", "said"),
    [
        (ARCHIVE, contact("c", ACTIVE), ""),
        (ARCHIVE, contact("c", ARCHIVED), "Already archived."),
        (ARCHIVE, contact("c", GDPR_REQUEST), GDPR),
        (ARCHIVE, contact("c", GONE_FROM_XERO), DELETED),
        (RESTORE, contact("c", GONE_FROM_XERO), DELETED),
        (ARCHIVE, merged(), "Already archived."),
        (RESTORE, contact("c", ARCHIVED), ""),
        (RESTORE, contact("c", ACTIVE), "Already active."),
        (RESTORE, contact("c", GDPR_REQUEST), GDPR),
        (RESTORE, merged(), MERGED),
    ],
)
def test_what_is_left_out_and_why(action: Action, known: Contact, said: str) -> None:
    assert block_reason(action, known) == said


def test_merged_and_gdpr_contacts_are_out_of_reach_and_no_others() -> None:
    assert (ineligible_reason(merged()), ineligible_reason(contact("c", GDPR_REQUEST))) == (MERGED, GDPR)
    assert ineligible_reason(contact("c")) == ineligible_reason(contact("c", ARCHIVED)) == ""


@pytest.mark.parametrize(
    ("balances", "said"),
    [
        (None, ()),
        (Balances(), ()),
        (Balances(receivable=123_456), ("They owe 1,234.56.",)),
        (Balances(receivable=5, receivable_overdue=5), ("They owe 0.05, 0.05 of it overdue.",)),
        (
            Balances(receivable=-100, payable=100_000_000, payable_overdue=1),
            ("They owe -1.00.", "You owe 1,000,000.00, 0.01 of it overdue."),
        ),
    ],
)
def test_balances_are_mentioned_before_archiving_only(
    balances: Balances | None, said: tuple[str, ...]
) -> None:
    one = Contact("c", "n", ACTIVE, START, balances=balances)
    assert warnings(ARCHIVE, one, None) == said
    assert warnings(RESTORE, one, None) == ()


def test_a_namesake_is_mentioned_before_restoring() -> None:
    [said] = warnings(RESTORE, contact("c", ARCHIVED), contact("d", name="Bayside Club"))
    assert "“Bayside Club”" in said
    assert "Xero refuses" in said
