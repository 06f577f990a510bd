"""Undo and redo over a real store: last batch first, crash-safe, and never more than was shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from store.store_samples import ACTIVE, ARCHIVED, GDPR, NOON, contact, minutes

from tui.model.change import Action, Change, State, Transition
from tui.model.change_list import BatchKind, UndoOutcome, UndoPlan
from tui.model.errors import ReshelveError
from tui.model.reasons import ChangeReason, ContactReason, Notice, Reason, UndoReason
from tui.store import Store, TransitionRequest

if TYPE_CHECKING:
    from tui.model.contact import ContactStatus

ARCHIVE, RESTORE = Action.ARCHIVE, Action.RESTORE
UNDO, REDO = BatchKind.UNDO, BatchKind.REDO


class Book:
    """A store whose clock advances with each call, and short names for what happens to it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.minute = 0.0

    def now(self) -> float:
        self.minute += 1
        return self.minute

    async def told(self, *numbers: int, status: ContactStatus = ACTIVE) -> None:
        at = self.now()
        await self.store.save_contacts([contact(each, status, at) for each in numbers], minutes(at))

    async def ask(self, action: Action, *numbers: int) -> list[Change]:
        wanted = self.store.contacts([f"id-{each}" for each in numbers])
        return await self.store.changes.add(action, wanted, minutes(self.now()))

    async def step(self, event: Transition, *changes: Change, words: str = "") -> None:
        moves = [TransitionRequest(change.change_id, event, message=words) for change in changes]
        await self.store.record_transitions(moves, minutes(self.now()))

    async def done(self, *changes: Change) -> None:
        """Let Xero confirm them."""
        at = self.now()
        queued = [each for each in changes if self.state(each) is State.QUEUED]
        await self.store.record_transitions(
            [TransitionRequest(each.change_id, Transition.SEND) for each in queued], minutes(at)
        )
        seen = [contact(int(each.contact_id[3:]), each.action.target_status, at) for each in changes]
        moves = [
            TransitionRequest(each.change_id, Transition.CONFIRM, confirmed_at=minutes(at))
            for each in changes
        ]
        await self.store.record_transitions(moves, minutes(at), seen)

    async def plan(self, kind: BatchKind = UNDO) -> UndoPlan:
        plan = await self.store.changes.plan_undo(kind)
        assert plan is not None
        return plan

    async def undo(self, kind: BatchKind = UNDO) -> UndoPlan:
        return await self.store.changes.undo(await self.plan(kind), minutes(self.now()))

    def state(self, change: Change) -> State:
        found = self.store.changes.get(change.change_id)
        assert found is not None
        return found.state

    def now_open(self, number: int) -> list[tuple[Action, State]]:
        changes = reversed(self.store.changes.of_contact(f"id-{number}"))
        return [(each.action, each.state) for each in changes if each.state.is_open]


@pytest.fixture
def book(store: Store) -> Book:
    return Book(store)


def fates(plan: UndoPlan) -> list[UndoOutcome]:
    return [line.outcome for line in plan.lines]


async def test_nothing_to_undo_before_the_first_request(book: Book) -> None:
    assert await book.store.changes.plan_undo() is None
    assert await book.store.changes.plan_undo(REDO) is None


async def test_undo_cancels_unsent_archives_and_restores_the_others(book: Book) -> None:
    await book.told(*range(1, 13))
    changes = await book.ask(ARCHIVE, *range(1, 13))
    await book.done(*changes[3:])
    plan = await book.plan()
    assert fates(plan) == [UndoOutcome.CANCEL] * 3 + [UndoOutcome.RESTORE] * 9
    done = await book.store.changes.undo(plan, minutes(book.now()))
    assert fates(done) == fates(plan)
    assert [book.state(each) for each in changes[:3]] == [State.CANCELLED] * 3
    assert book.now_open(1) == []
    assert book.now_open(12) == [(RESTORE, State.QUEUED)]


async def test_each_kind_of_change_has_its_undo(book: Book) -> None:
    await book.told(1, 2, 3, 4)
    await book.told(5, 6, status=ARCHIVED)
    queued, sending, unclear, refused = await book.ask(ARCHIVE, 1, 2, 3, 4)
    await book.step(Transition.SEND, sending, unclear, refused)
    await book.step(Transition.REPLY_LOST, unclear)
    await book.step(Transition.REFUSE, refused, words="no")
    plan = await book.plan()
    assert fates(plan) == [
        UndoOutcome.CANCEL,
        UndoOutcome.RESTORE,
        UndoOutcome.RESTORE,
        UndoOutcome.NO_CHANGE,
    ]
    assert [line.waits_for_reply for line in plan.lines] == [False, True, True, False]
    assert [line.reason for line in plan.lines] == [None, None, None, UndoReason.NOT_CARRIED_OUT]
    assert queued.change_id == plan.lines[0].target.change.change_id
    handed, restored = await book.ask(RESTORE, 5, 6)
    await book.step(Transition.AWAIT_USER, handed, restored)
    await book.done(restored)
    plan = await book.undo()
    assert fates(plan) == [UndoOutcome.DISMISS, UndoOutcome.ARCHIVE]
    assert not any(line.waits_for_reply for line in plan.lines)
    assert book.state(handed) is State.DISMISSED
    assert book.now_open(6) == [(ARCHIVE, State.QUEUED)]


async def test_the_last_batch_first_then_the_one_before_then_back_again(book: Book) -> None:
    await book.told(1, 2)
    [first] = await book.ask(ARCHIVE, 1)
    [second] = await book.ask(ARCHIVE, 2)
    assert (await book.undo()).batch.batch_id == second.batch_id
    assert (await book.undo()).batch.batch_id == first.batch_id
    assert await book.store.changes.plan_undo() is None
    assert (await book.undo(REDO)).batch.batch_id == first.batch_id
    assert (await book.undo(REDO)).batch.batch_id == second.batch_id
    assert await book.store.changes.plan_undo(REDO) is None
    assert book.now_open(1) == book.now_open(2) == [(ARCHIVE, State.QUEUED)]


async def test_a_new_request_ends_what_could_be_redone(book: Book) -> None:
    await book.told(1, 2)
    await book.ask(ARCHIVE, 1)
    await book.undo()
    await book.ask(ARCHIVE, 2)
    assert await book.store.changes.plan_undo(REDO) is None


async def test_repeated_undo_and_redo_leave_the_last_request(book: Book) -> None:
    await book.told(1)
    [change] = await book.ask(ARCHIVE, 1)
    await book.done(change)
    for _ in range(3):
        assert fates(await book.undo()) == [UndoOutcome.RESTORE]
        assert book.now_open(1) == [(RESTORE, State.QUEUED)]
        assert fates(await book.undo(REDO)) == [UndoOutcome.CANCEL]
        assert book.now_open(1) == []
    await book.undo()
    [restore] = book.store.changes.in_states(State.QUEUED)
    await book.step(Transition.AWAIT_USER, restore)
    await book.done(restore)
    assert fates(await book.undo(REDO)) == [UndoOutcome.ARCHIVE]
    [archive] = book.store.changes.in_states(State.QUEUED)
    await book.done(archive)
    assert fates(await book.undo()) == [UndoOutcome.RESTORE]


async def test_earlier_batch_is_undone_through_the_undo_of_the_last(book: Book) -> None:
    await book.told(1)
    [archive] = await book.ask(ARCHIVE, 1)
    await book.done(archive)
    [restore] = await book.ask(RESTORE, 1)
    await book.step(Transition.AWAIT_USER, restore)
    await book.done(restore)
    assert fates(await book.undo()) == [UndoOutcome.ARCHIVE]
    # The archive that undid the restore hasn't left, so that undoing the first batch only cancels it.
    assert fates(await book.undo()) == [UndoOutcome.CANCEL]
    assert book.now_open(1) == []
    assert fates(await book.undo(REDO)) == [UndoOutcome.ARCHIVE]


async def test_request_that_only_cancelled_is_undone_by_requesting_again(book: Book) -> None:
    await book.told(1)
    [archive] = await book.ask(ARCHIVE, 1)
    assert await book.ask(RESTORE, 1) == []
    assert book.state(archive) is State.CANCELLED
    assert fates(await book.undo()) == [UndoOutcome.ARCHIVE]
    assert book.now_open(1) == [(ARCHIVE, State.QUEUED)]
    assert fates(await book.undo(REDO)) == [UndoOutcome.CANCEL]


@pytest.mark.parametrize(
    ("status", "reason"), [(ACTIVE, UndoReason.CHANGED_IN_XERO), (GDPR, ContactReason.GDPR)]
)
async def test_undo_skips_changes_made_in_xero(book: Book, status: ContactStatus, reason: Reason) -> None:
    await book.told(1)
    [archive] = await book.ask(ARCHIVE, 1)
    await book.done(archive)
    await book.told(1, status=status)
    plan = await book.plan()
    assert [(line.outcome, line.reason) for line in plan.lines] == [(UndoOutcome.SKIPPED, reason)]
    done = await book.store.changes.undo(plan, minutes(book.now()))
    assert (done.lines, done.steps) == (plan.lines, ())
    assert book.now_open(1) == []


async def test_undo_skips_contacts_changed_again_here(book: Book) -> None:
    await book.told(1, 2)
    await book.done(*await book.ask(ARCHIVE, 1, 2))
    [restore] = await book.ask(RESTORE, 1)
    await book.step(Transition.AWAIT_USER, restore)
    await book.done(restore)
    await book.told(1, status=GDPR)
    # The last batch can't be undone any more, so the one before is next.
    plan = await book.undo()
    assert fates(plan) == [UndoOutcome.SKIPPED, UndoOutcome.RESTORE]
    assert plan.lines[0].reason is UndoReason.CHANGED_AGAIN


async def test_undo_of_an_unsent_change_sends_nothing(book: Book) -> None:
    await book.told(1)
    [archive] = await book.ask(ARCHIVE, 1)
    await book.step(Transition.SEND, archive)
    await book.undo()
    assert book.now_open(1) == [(ARCHIVE, State.SENDING), (RESTORE, State.QUEUED)]
    await book.step(Transition.REPLY_LOST, archive)
    await book.step(Transition.REQUEUE, archive)
    assert book.now_open(1) == []
    assert book.state(archive) is State.CANCELLED


async def test_undo_of_a_change_that_xero_then_refuses_is_dropped(book: Book) -> None:
    await book.told(1)
    [archive] = await book.ask(ARCHIVE, 1)
    await book.step(Transition.SEND, archive)
    await book.undo()
    await book.step(Transition.REFUSE, archive, words="on a repeating invoice")
    assert book.now_open(1) == []


async def test_undo_of_a_change_that_xero_then_confirms_is_queued(book: Book) -> None:
    await book.told(1)
    [archive] = await book.ask(ARCHIVE, 1)
    await book.step(Transition.SEND, archive)
    await book.undo()
    await book.done(archive)
    assert book.now_open(1) == [(RESTORE, State.QUEUED)]


async def test_undo_restores_a_change_confirmed_meanwhile_but_never_archives_unseen(book: Book) -> None:
    await book.told(1)
    await book.told(2, status=ARCHIVED)
    [archive] = await book.ask(ARCHIVE, 1)
    shown = await book.plan()
    await book.done(archive)
    assert fates(await book.store.changes.undo(shown, minutes(book.now()))) == [UndoOutcome.RESTORE]
    [restore] = await book.ask(RESTORE, 2)
    await book.step(Transition.AWAIT_USER, restore)
    shown = await book.plan()
    await book.done(restore)
    assert (await book.store.changes.undo(shown, minutes(book.now()))).steps == ()
    assert book.now_open(2) == []


async def test_outdated_undo_plan_does_nothing(book: Book) -> None:
    await book.told(1, 2)
    await book.ask(ARCHIVE, 1)
    shown = await book.plan()
    await book.ask(ARCHIVE, 2)
    with pytest.raises(ReshelveError) as raised:
        await book.store.changes.undo(shown, minutes(book.now()))
    assert raised.value.reason is UndoReason.PLAN_OUTDATED
    assert book.now_open(1) == [(ARCHIVE, State.QUEUED)]


async def test_undo_is_one_transaction_and_is_logged(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    await book.told(1, 2)
    changes = await book.ask(ARCHIVE, 1, 2)
    shown = await book.plan()

    def crash(*_: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr("tui.store.change_log.batches.record_targets", crash)
        with pytest.raises(RuntimeError, match="power"):
            await book.store.changes.undo(shown, minutes(book.now()))
    assert {book.state(each) for each in changes} == {State.QUEUED}
    await book.undo()
    last = book.store.changes.entries_of_change(changes[0].change_id)[-1]
    assert (last.transition, last.state, last.notice) == (
        "cancel",
        State.CANCELLED,
        Notice(ChangeReason.UNDONE),
    )


async def test_undo_survives_a_restart(book: Book, store: Store) -> None:
    await book.told(1)
    [archive] = await book.ask(ARCHIVE, 1)
    await book.undo()
    folder = store._database.file.parent
    store.close()
    again = Store.open(folder)
    try:
        plan = await again.changes.plan_undo(REDO)
        assert plan is not None
        assert plan.batch.batch_id == archive.batch_id
        assert fates(plan) == [UndoOutcome.ARCHIVE]
    finally:
        again.close()


# --- retry and pause ---


async def test_refused_change_is_retried_as_a_new_change(book: Book) -> None:
    await book.told(1, 2)
    changes = await book.ask(ARCHIVE, 1, 2)
    await book.step(Transition.REFUSE, *changes, words="on a repeating invoice")
    [again] = await book.store.changes.retry(changes[:1], minutes(book.now()))
    assert (again.retry_of_id, again.action, again.state) == (changes[0].change_id, ARCHIVE, State.QUEUED)
    assert again.batch_id != changes[0].batch_id
    before = book.store.changes.get(changes[0].change_id)
    assert before is not None
    assert (before.state, before.superseded) == (State.REFUSED, True)
    assert [each.transition for each in book.store.changes.entries_of_change(before.change_id)][
        -1
    ] == "retried"
    assert book.store.changes.refused(10) == [book.store.changes.get(changes[1].change_id)]
    assert book.store.changes.refused_total() == 1
    assert await book.store.changes.retry(changes[:1], minutes(book.now())) == []
    assert fates(await book.undo()) == [UndoOutcome.CANCEL]


async def test_only_refused_changes_that_can_succeed_are_retried(book: Book) -> None:
    await book.told(1, 2, 3, 4)
    changes = await book.ask(ARCHIVE, 1, 2, 3, 4)
    await book.step(Transition.REFUSE, *changes[:3], words="no")
    await book.told(1, status=GDPR)
    await book.told(2, status=ARCHIVED)
    await book.ask(ARCHIVE, 3)
    assert await book.store.changes.retry(changes, minutes(book.now())) == []


async def test_a_pause_is_known_to_every_copy_and_after_a_restart(store: Store) -> None:
    other = Store.open(store._database.file.parent)
    try:
        assert not store.changes.is_paused
        await store.changes.pause(NOON, on=True)
        assert other.changes.is_paused
        await other.changes.pause(NOON + timedelta(minutes=1), on=False)
        assert not store.changes.is_paused
    finally:
        other.close()
