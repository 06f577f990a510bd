"""Random histories of the outbox over a real store, compared with the model Xero."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engine.model_xero import Fault, ModelXero, contact
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.effort import examples

from tui.engine.outbox import Outbox
from tui.model.change import Action, Change, Origin, State, Transition
from tui.model.contact import Contact, ContactStatus
from tui.model.errors import XeroError
from tui.store import Store, TransitionRequest

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from tui.xero.results import ContactWriteResult, LookupResult

T = TypeVar("T")

UNFINISHED = (State.QUEUED, State.SENDING, State.UNKNOWN)
IDS = st.sampled_from("abcdef")
SETS = st.sets(IDS, min_size=1)
STATUSES = st.sampled_from(sorted(set(ContactStatus) - {ContactStatus.DELETED}))
FAULTS = st.lists(st.none() | st.sampled_from(sorted(set(Fault) - {Fault.REJECTED})), max_size=4)


class WatchedXero(ModelXero):
    """Records what reads have shown, to catch archives of contacts known to be archived."""

    def __init__(self) -> None:
        super().__init__({one: contact(one) for one in "abcdef"})
        self.seen_archived: set[str] = set()
        self.needless: list[str] = []

    async def look_up(self, contact_ids: Sequence[str]) -> LookupResult:
        found = await super().look_up(contact_ids)
        for one in found.contacts:
            self._saw(one)
        return found

    async def change_status(
        self, action: Action, contact_ids: Sequence[str], *, idempotency_key: str
    ) -> list[ContactWriteResult]:
        if action is Action.ARCHIVE:
            self.needless += [one for one in contact_ids if one in self.seen_archived]
        return await super().change_status(action, contact_ids, idempotency_key=idempotency_key)

    def set_status(self, contact_id: str, status: ContactStatus) -> None:
        super().set_status(contact_id, status)
        self.seen_archived.discard(contact_id)

    def _saw(self, one: Contact) -> None:
        if one.status is ContactStatus.ARCHIVED:
            self.seen_archived.add(one.contact_id)


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store.open(Path(self.folder.name))
        self.xero = WatchedXero()
        self.clock = self.xero.clock
        self.pusher = self.new_pusher()

    def teardown(self) -> None:
        self.store.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
        self.folder.cleanup()

    def run_(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def new_pusher(self) -> Outbox:
        return Outbox(
            self.store, self.xero.client, self.clock, lambda _: None, lambda: self.clock().timestamp()
        )

    async def drain(self) -> None:
        await self.pusher.recover()
        await self.pusher.run_until_empty()

    @initialize()
    def first_pull(self) -> None:
        self.pull()

    @rule()
    def pull(self) -> None:
        self.run_(self.store.save_contacts(list(self.xero.contacts_now.values()), self.clock()))

    @rule(action=st.sampled_from(Action), ids=SETS)
    def somebody_asks(self, action: Action, ids: set[str]) -> None:
        self.clock.forward(seconds=1)
        wanted = [
            one
            for one in self.store.contacts(sorted(ids))
            if one.status in {ContactStatus.ACTIVE, ContactStatus.ARCHIVED}
            and one.status is not action.target_status
        ]
        self.run_(self.store.changes.add(action, wanted, self.clock()))

    @rule(contact_id=IDS, status=STATUSES)
    def somebody_works_in_xero(self, contact_id: str, status: ContactStatus) -> None:
        if self.xero.status(contact_id) not in {status, ContactStatus.GDPRREQUEST}:
            self.xero.set_status(contact_id, status)

    @rule(ids=st.sets(IDS, max_size=2))
    def xero_refuses_some(self, ids: set[str]) -> None:
        self.xero.repeating = ids

    @rule(writes=FAULTS, reads=FAULTS)
    def work_in_connection_problem(self, writes: list[Fault | None], reads: list[Fault | None]) -> None:
        self.xero.write_faults, self.xero.read_faults = writes, reads
        # The change log has everything by then, so nothing more is needed here.
        with suppress(XeroError):
            self.run_(self.drain())
        self.xero.write_faults, self.xero.read_faults = [], []

    @rule(is_carried_out=st.booleans())
    def crash_while_sending(self, *, is_carried_out: bool) -> None:
        queued = self.store.changes.in_states(State.QUEUED, limit=1)
        if queued and queued[0].action is Action.ARCHIVE:
            change = queued[0]
            self.run_(
                self.store.record_transitions(
                    [TransitionRequest(change.change_id, Transition.SEND, idempotency_key="k")], self.clock()
                )
            )
            if is_carried_out and self.xero.status(change.contact_id) is ContactStatus.ACTIVE:
                self.xero.set_status(change.contact_id, ContactStatus.ARCHIVED)
        self.pusher = self.new_pusher()

    @rule()
    def the_faults_end(self) -> None:
        for _ in range(6):
            with suppress(XeroError):
                self.run_(self.drain())
            if not self.store.changes.in_states(*UNFINISHED):
                break
            self.clock.forward(minutes=6)
        assert not self.store.changes.in_states(*UNFINISHED)
        for contact_id in self.xero.contacts_now:
            self.each_change_stands_where_xero_does(contact_id)

    def each_change_stands_where_xero_does(self, contact_id: str) -> None:
        self.pull()
        changes = self.store.changes.of_contact(contact_id)
        confirmed = [one for one in changes if one.state is State.CONFIRMED]
        status = self.xero.status(contact_id)
        if confirmed and status is not ContactStatus.GDPRREQUEST:
            last = max(confirmed, key=_confirmed_at)
            assert last.action.target_status is status
        for one in changes:
            if one.state is State.AWAITING_USER:
                assert status is not ContactStatus.ACTIVE
            if one.state is State.REFUSED:
                assert one.message or one.notice

    @invariant()
    def nothing_is_archived_that_a_read_showed_archived(self) -> None:
        assert not self.xero.needless

    @invariant()
    def a_contact_has_at_most_one_open_change_of_an_action(self) -> None:
        still_open = self.store.changes.in_states(
            State.QUEUED, State.SENDING, State.UNKNOWN, State.AWAITING_USER
        )
        pairs = [(one.contact_id, one.action) for one in still_open]
        assert len(pairs) == len(set(pairs))

    @invariant()
    def what_is_confirmed_here_was_sent_or_seen(self) -> None:
        for one in self.store.changes.in_states(State.CONFIRMED):
            assert one.confirmed_at is not None
            assert one.origin in Origin


def _confirmed_at(change: Change) -> tuple[object, int]:
    return change.confirmed_at, change.change_id


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=examples(60), stateful_step_count=15, suppress_health_check=list(HealthCheck)
)
