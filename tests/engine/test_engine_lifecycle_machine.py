"""The whole lifecycle as a state machine: requests, undo, pauses, changes in Xero, faults, crashes.

After every step each change must agree with its own log; once the faults end nothing may be stuck, and
every contact's status must be the same here as in Xero. A request archives a contact at most once.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engine.model_xero import START, Clock, Fault, ModelXero, contact
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace
from support.effort import examples

from tui.engine.contact_sync import ManualRestorePoller
from tui.engine.outbox import Outbox
from tui.engine.services.changes import withdraw
from tui.model.change import Action, Change, State, Transition
from tui.model.change_list import BatchKind, ChangeQuery
from tui.model.contact import ContactStatus
from tui.model.errors import ReshelveError, XeroError
from tui.store import Store, TransitionRequest

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from tui.xero.results import ContactWriteResult

T = TypeVar("T")

NAMES = "abcdef"
IDS = st.sampled_from(NAMES)
SETS = st.sets(IDS, min_size=1)
FAULTS = st.lists(st.none() | st.sampled_from(sorted(Fault)), max_size=4)
UNFINISHED = (State.QUEUED, State.SENDING, State.UNKNOWN)


class CountingXero(ModelXero):
    """Records which request archived which contact."""

    def __init__(self, clock: Clock) -> None:
        super().__init__({one: contact(one) for one in NAMES}, clock=clock)
        self.archived_by: list[tuple[str, str]] = []
        self.deeds = 0

    async def change_status(
        self, action: Action, contact_ids: Sequence[str], *, idempotency_key: str
    ) -> list[ContactWriteResult]:
        before = {one: self.status(one) for one in contact_ids}
        try:
            return await super().change_status(action, contact_ids, idempotency_key=idempotency_key)
        finally:
            self.note(before, idempotency_key)

    def note(self, before: dict[str, ContactStatus], key: str) -> None:
        self.archived_by += [
            (one, key)
            for one, status in before.items()
            if status is ContactStatus.ACTIVE and self.status(one) is ContactStatus.ARCHIVED
        ]

    def somebody(self, deed: str, one: str) -> None:
        now = self.contacts_now[one]
        if now.merged_to or now.status is ContactStatus.GDPRREQUEST:
            return
        self.deeds += 1
        self.clock.forward(seconds=1)
        archived = {"status": ContactStatus.ARCHIVED}
        changes: dict[str, Any] = {
            "archive": archived,
            "restore": {"status": ContactStatus.ACTIVE},
            "merge": archived | {"merged_to": "elsewhere"},
            "gdpr": {"status": ContactStatus.GDPRREQUEST},
            "rename": {"name": f"Name {self.deeds}"},
        }
        self.contacts_now[one] = replace(now, updated_at=self.clock(), **changes[deed])


class Lifecycle(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock(START)
        self.xero = CountingXero(self.clock)
        self.known: dict[int, Change] = {}
        self.log: list[tuple[Any, ...]] = []
        self.start()

    def start(self) -> None:
        self.store = Store.open(Path(self.folder.name))
        self.pusher = Outbox(
            self.store, self.xero.client, self.clock, lambda _: None, lambda: self.clock().timestamp()
        )
        self.lookout = ManualRestorePoller(self.store, self.xero.client, self.clock, lambda _: None)

    def teardown(self) -> None:
        self.store.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    def run_(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def all_changes(self) -> list[Change]:
        return self.store.changes.in_states(*State)

    # --- what a person does ---

    @initialize()
    def first_pull(self) -> None:
        self.pull()

    @rule()
    def pull(self) -> None:
        self.run_(self.store.save_contacts(list(self.xero.contacts_now.values()), self.clock()))

    @rule(action=st.sampled_from(Action), ids=SETS)
    def request(self, action: Action, ids: set[str]) -> None:
        self.clock.forward(seconds=1)
        wanted = [one for one in self.store.contacts(sorted(ids)) if one.status is not action.target_status]
        wanted = [one for one in wanted if one.status in {ContactStatus.ACTIVE, ContactStatus.ARCHIVED}]
        self.run_(self.store.changes.add(action, [one for one in wanted if not one.merged_to], self.clock()))

    @rule(kind=st.sampled_from([BatchKind.UNDO, BatchKind.UNDO, BatchKind.REDO]))
    def undo(self, kind: BatchKind) -> None:
        self.clock.forward(seconds=1)
        plan = self.run_(self.store.changes.plan_undo(kind))
        if plan is not None and plan.steps:
            # Nothing happened in between, so the undo does what its plan said.
            assert self.run_(self.store.changes.undo(plan, self.clock())) == plan

    @rule(writes=FAULTS, kind=st.sampled_from([BatchKind.UNDO, BatchKind.REDO]))
    def undo_while_it_is_being_sent(self, writes: list[Fault | None], kind: BatchKind) -> None:
        plan = self.run_(self.store.changes.plan_undo(kind))
        self.work(writes, [])
        self.clock.forward(seconds=1)
        archives_before = self.count_of(Action.ARCHIVE)
        if plan is not None and plan.steps:
            with suppress(ReshelveError):
                self.run_(self.store.changes.undo(plan, self.clock()))
            promised = sum(line.outcome.value == "archive" for line in plan.steps)
            assert self.count_of(Action.ARCHIVE) <= archives_before + promised

    @rule(on=st.booleans())
    def pause(self, *, on: bool) -> None:
        self.run_(self.store.changes.pause(self.clock(), on=on))

    @rule(ids=SETS)
    def cancel(self, ids: set[str]) -> None:
        for each in self.store.changes.in_states(*UNFINISHED):
            if each.contact_id in ids:
                # Refused once it has been sent.
                with suppress(ReshelveError):
                    self.run_(withdraw(self.store, each, Transition.CANCEL, State.QUEUED, self.clock()))

    @rule(ids=SETS)
    def retry(self, ids: set[str]) -> None:
        self.clock.forward(seconds=1)
        chosen = [each for each in self.store.changes.refused(100) if each.contact_id in ids]
        self.run_(self.store.changes.retry(chosen, self.clock()))

    @rule(one=IDS)
    def dismiss(self, one: str) -> None:
        waiting = [
            each for each in self.store.changes.in_states(State.AWAITING_USER) if each.contact_id == one
        ]
        moves = [TransitionRequest(each.change_id, Transition.DISMISS) for each in waiting]
        self.run_(self.store.record_transitions(moves, self.clock()))

    # --- what happens to it ---

    @rule(one=IDS, deed=st.sampled_from(["archive", "archive", "restore", "restore", "rename"]))
    def somebody_works_in_xero(self, one: str, deed: str) -> None:
        self.xero.somebody(deed, one)

    @rule(one=IDS, deed=st.sampled_from(["merge", "gdpr"]), is_rare=st.integers(0, 5))
    def somebody_ends_it_in_xero(self, one: str, deed: str, is_rare: int) -> None:
        if is_rare == 0:
            self.xero.somebody(deed, one)

    @rule(ids=st.sets(IDS, max_size=2))
    def xero_refuses_some(self, ids: set[str]) -> None:
        self.xero.repeating = ids

    @rule(restores=st.booleans())
    def xero_learns_to_restore(self, *, restores: bool) -> None:
        self.xero.restores = restores

    @rule(writes=FAULTS, reads=FAULTS)
    def work(self, writes: list[Fault | None], reads: list[Fault | None]) -> None:
        self.xero.write_faults, self.xero.read_faults = writes, reads
        # The change log has everything by then, so nothing more is needed here.
        with suppress(XeroError):
            self.run_(self.drain())
        self.xero.write_faults, self.xero.read_faults = [], []

    @rule()
    def look_for_handoffs(self) -> None:
        self.run_(self.lookout.poll())

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.start()

    @precondition(lambda self: not self.store.changes.is_paused)
    @rule(one=IDS, is_carried_out=st.booleans(), since=st.sampled_from(["", "restore", "archive", "rename"]))
    def crash_while_sending(self, one: str, *, is_carried_out: bool, since: str) -> None:
        self.request(Action.ARCHIVE, {one})
        queued = self.store.changes.in_states(State.QUEUED, limit=1)
        if queued and queued[0].action is Action.ARCHIVE:
            [change] = queued
            key = f"crash {self.clock()} {change.change_id}"
            self.run_(
                self.store.record_transitions(
                    [TransitionRequest(change.change_id, Transition.SEND, idempotency_key=key)], self.clock()
                )
            )
            if is_carried_out:
                before = {change.contact_id: self.xero.status(change.contact_id)}
                self.xero._change(Action.ARCHIVE, change.contact_id)
                self.xero.note(before, key)
            if since:
                self.xero.somebody(since, change.contact_id)
        self.restart()

    @rule()
    def the_faults_end(self) -> None:
        self.run_(self.store.changes.pause(self.clock(), on=False))
        self.work_until_all_is_known()
        assert not self.store.changes.in_states(*UNFINISHED), "stuck"
        self.run_(self.lookout.poll())
        self.pull()
        # A change confirmed by a refresh may have released the next one of its contact.
        self.work_until_all_is_known()
        assert not self.store.changes.in_states(*UNFINISHED), "stuck"
        for one in NAMES:
            self.stands_as_in_xero(one)

    def work_until_all_is_known(self) -> None:
        """Run until nothing waits for a later read, as reads may lag a request whose reply was lost."""
        for _ in range(6):
            with suppress(XeroError):
                self.run_(self.drain())
            if not self.store.changes.in_states(*UNFINISHED):
                return
            self.clock.forward(minutes=6)

    async def drain(self) -> None:
        await self.pusher.recover()
        await self.pusher.run_until_empty()

    def stands_as_in_xero(self, one: str) -> None:
        changes = self.store.changes.of_contact(one)
        status = self.xero.status(one)
        stored = self.store.contact(one)
        assert stored is not None
        assert stored.status is status
        confirmed = [each for each in changes if each.state is State.CONFIRMED]
        if confirmed and status is not ContactStatus.GDPRREQUEST:
            last = max(confirmed, key=lambda each: (each.confirmed_at, each.change_id))
            assert last.action.target_status is status
        for each in changes:
            assert each.state is not State.REFUSED or each.message or each.notice
            assert each.state is not State.AWAITING_USER or status is ContactStatus.ARCHIVED

    # --- what always holds ---

    @invariant()
    def nothing_is_lost(self) -> None:
        now = {each.change_id: each for each in self.all_changes()}
        assert now.keys() >= self.known.keys()
        for change_id, before in self.known.items():
            after = now[change_id]
            assert (after.contact_id, after.action, after.batch_id) == (
                before.contact_id, before.action, before.batch_id,
            )  # fmt: skip
            # A request whose reply was lost can turn out to have arrived.
            is_late = after.state is State.CONFIRMED and before.idempotency_key
            assert before.state.is_open or after.state is before.state or is_late
        self.known = now

    @invariant()
    def the_log_only_grows_and_agrees_with_the_states(self) -> None:
        log = self.store._database.rows(
            "SELECT transition_id, change_id, transition, state, detail FROM transitions"
            " ORDER BY transition_id"
        )
        assert log[: len(self.log)] == self.log
        self.log = log
        last = {change_id: state for _, change_id, _, state, _ in log}
        assert last == {each.change_id: each.state.value for each in self.all_changes()}

    @invariant()
    def no_wish_archives_a_contact_twice(self) -> None:
        keys: dict[int, set[str]] = {}
        for _, change_id, _, _, detail in self.log:
            key = json.loads(detail).get("idempotency_key")
            if key:
                keys.setdefault(change_id, set()).add(key)
        for each in self.all_changes():
            mine = keys.get(each.change_id, set())
            done = [one for one, key in self.xero.archived_by if one == each.contact_id and key in mine]
            assert len(done) <= 1, each

    @invariant()
    def a_contact_has_at_most_one_open_change_of_an_action(self) -> None:
        pairs = [(each.contact_id, each.action) for each in self.all_changes() if each.state.is_open]
        assert len(pairs) == len(set(pairs))

    @invariant()
    def the_list_of_changes_is_the_journal(self) -> None:
        total, newest = self.run_(self.store.changes.page(ChangeQuery(), 0, 1_000))
        assert newest == self.all_changes()[::-1]
        assert total == len(newest)

    def count_of(self, action: Action) -> int:
        return sum(each.action is action for each in self.all_changes())


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(
    max_examples=examples(40),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
