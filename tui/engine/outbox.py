"""The outbox: sends queued changes and verifies unknown results by reading contacts again."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from msgspec import Struct

from tui.engine.history_notes import HistoryNotes
from tui.model import timestamps
from tui.model.change import Action, IllegalTransitionError, State, Transition
from tui.model.contact import ineligible_reason
from tui.model.errors import RejectedError, ReplyLostError, ReshelveError, XeroError
from tui.model.reasons import ChangeReason, Notice
from tui.store import TransitionRequest
from tui.system.log import logger
from tui.xero.rate_limiter import LONGEST_WRITE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from tui.model.change import Change
    from tui.model.contact import Contact
    from tui.store import Store, StoreUpdate
    from tui.xero.client import ContactWriteResult, XeroClient
    from tui.xero.results import LookupResult


# Why Xero didn't make a change: its own words, or our reason if it gave none.
Refusal = str | Notice

# A read may lag a write. After this long without a reply, a read shows the result of the request.
_READ_LAG = timedelta(minutes=1)
_REFUSAL_VALID_FOR = timedelta(days=30)
_REFUSED_AT = "restore.refused_at"


class Resolution(Struct, frozen=True):
    """The transitions to record, and the contacts as just read."""

    requests: tuple[TransitionRequest, ...]
    contacts: tuple[Contact, ...] = ()


def resolve(
    changes: Sequence[Change],
    contacts: Sequence[Contact],
    refusals: Mapping[str, Refusal],
    *,
    is_not_applied: bool = False,
    recent: Collection[int] = (),
) -> Resolution:
    """Resolve each change by its contact's status as just read, never by the wording of an error.

    If a contact wasn't read, its change stays as it is. `refusals` are by contact ID. Without one and without
    a change of status, the request never arrived and the change is requeued.

    `is_not_applied` means that Xero definitely did nothing. `recent` are IDs of changes whose earlier request
    got no reply so recently that a read may not show its result yet: they aren't refused.
    """
    read = {contact.contact_id: contact for contact in contacts}
    requests = (
        _transition_request(change, contact, refusals.get(change.contact_id), is_not_applied=is_not_applied)
        for change in changes
        if (contact := read.get(change.contact_id))
    )
    kept = (
        request
        for request in requests
        if not (request.transition is Transition.REFUSE and request.change_id in recent)
    )
    return Resolution(tuple(kept), tuple(contacts))


def is_recent(change: Change, now: datetime) -> bool:
    """Return whether the change became unknown so recently that a read may not show its result yet."""
    # A clock that was set back must not make it recent forever.
    return abs(now - change.updated_at) < _READ_LAG


def as_manual_restores(changes: Sequence[Change], contacts: Sequence[Contact]) -> Resolution:
    """Return manual restores, except for contacts that can't be restored or already are."""
    known = {contact.contact_id: contact for contact in contacts}
    return Resolution(tuple(_as_manual_restore(change, known.get(change.contact_id)) for change in changes))


def _as_manual_restore(change: Change, contact: Contact | None) -> TransitionRequest:
    if contact is None:
        # Such as during a full sync.
        return TransitionRequest(change.change_id, Transition.AWAIT_USER)
    if contact.status is change.action.target_status:
        # Its status won't change again, so a manual restore would wait forever.
        return TransitionRequest(change.change_id, Transition.CONFIRM)
    reason = ineligible_reason(contact)
    if reason is None:
        return TransitionRequest(change.change_id, Transition.AWAIT_USER)
    return TransitionRequest(change.change_id, Transition.REFUSE, notice=Notice(reason))


def _transition_request(
    change: Change, contact: Contact, refusal: Refusal | None, *, is_not_applied: bool
) -> TransitionRequest:
    message, notice = _parts(refusal)
    if contact.status is change.action.target_status:
        # A manual restore may not change UpdatedDateUTC (unproven): then use now, which is later.
        confirmed_at = contact.updated_at if change.action is Action.ARCHIVE else None
        return TransitionRequest(
            change.change_id, Transition.CONFIRM, confirmed_at=confirmed_at, message=message, notice=notice
        )
    reason = ineligible_reason(contact)
    if reason is not None:
        return TransitionRequest(change.change_id, Transition.REFUSE, message, notice=Notice(reason))
    if refusal:
        transition = Transition.AWAIT_USER if change.action is Action.RESTORE else Transition.REFUSE
        return TransitionRequest(change.change_id, transition, message, notice=notice)
    if not is_not_applied and _may_have_been_reversed(change, contact):
        notice = Notice(ChangeReason.CHANGED_SINCE)
        return TransitionRequest(change.change_id, Transition.REFUSE, notice=notice)
    return TransitionRequest(change.change_id, Transition.REQUEUE, notice=Notice(ChangeReason.NEVER_ARRIVED))


def _parts(refusal: Refusal | None) -> tuple[str, Notice | None]:
    """Return the message and the notice that a refusal is stored as."""
    return ("", refusal) if isinstance(refusal, Notice) else (refusal or "", None)


def _may_have_been_reversed(change: Change, contact: Contact) -> bool:
    """Return whether an archive may have arrived and been reversed since.

    Archiving changes `UpdatedDateUTC`: if it is unchanged, nothing arrived.
    """
    moved = change.sent_when_updated_at is not None and contact.updated_at > change.sent_when_updated_at
    return moved and change.action is Action.ARCHIVE


class RestoreCapability:
    """Whether this organisation's API refused a restore.

    Xero's message says "currently", so the result is cached for 30 days and then tried again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def is_refused(self, now: datetime) -> bool:
        """Return whether the cached refusal is still valid."""
        refused_at = timestamps.from_iso_text(self._store.sync_state(_REFUSED_AT))
        return refused_at is not None and abs(now - refused_at) < _REFUSAL_VALID_FOR

    async def record(self, now: datetime) -> None:
        """Record that the API refused now."""
        await self._store.set_sync_state(_REFUSED_AT, now.isoformat())


BATCH_SIZE = 50
# Enough to fill a batch if actions alternate, without reading a queue of perhaps 100,000.
_LOOK_AHEAD = 4 * BATCH_SIZE
# Seconds.
_FIRST_WAIT: Final = 5.0
_LONGEST_WAIT: Final = 300.0
_CHECK_INTERVAL: Final = 10.0
# How long a request started by another run of Reshelve may still be running.
MAX_CALL_DURATION: Final = timedelta(seconds=LONGEST_WRITE)


class Backoff:
    """The wait of each change between failed attempts. Times are those of `elapsed`.

    The first retry is immediate, then the wait doubles each time. A restart resets it.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._failures: dict[int, int] = {}
        self._due_at: dict[int, float] = {}

    def record_failures(self, change_ids: Collection[int], *, at_least: int = 1) -> None:
        """Count a failed attempt of each; with `at_least` 2 even the first one causes a wait."""
        for change_id in change_ids:
            failures = max(self._failures.get(change_id, 0) + 1, at_least)
            self._failures[change_id] = failures
            wait = min(_FIRST_WAIT * 2 ** min(failures - 2, 10), _LONGEST_WAIT) if failures > 1 else 0.0
            self._due_at[change_id] = self._elapsed() + wait

    def is_due(self, change_id: int) -> bool:
        """Return whether the change has waited long enough."""
        return self._due_at.get(change_id, 0.0) <= self._elapsed()

    def __len__(self) -> int:
        return len(self._due_at)

    def retain(self, change_ids: Collection[int]) -> None:
        """Drop all but these, which are still open."""
        for gone in self._failures.keys() - set(change_ids):
            del self._failures[gone], self._due_at[gone]


class Outbox:
    """Sends queued changes to Xero, one request at a time. Every step is logged before and after it happens.

    `may_send` returns whether this copy of Reshelve still holds the organisation's lock.
    """

    def __init__(
        self,
        store: Store,
        xero: XeroClient,
        now: Callable[[], datetime],
        applied: Callable[[StoreUpdate], None],
        elapsed: Callable[[], float] = monotonic,
        *,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._on_write = applied
        self._restore_capability = RestoreCapability(store)
        self._elapsed = elapsed
        self._backoff = Backoff(elapsed)
        self._may_send = may_send
        # The IDs of the changes in the last request started here.
        self._sent_ids: frozenset[int] = frozenset()
        self._notes = HistoryNotes(store, xero, now, may_send)
        self._next_check_at = elapsed()

    async def recover(self) -> None:
        """Mark changes whose request was interrupted as unknown, so that they are verified first.

        A request started by another run or copy of Reshelve may still be running until its timeout. Until
        then, a read can confirm its result, and nothing is resent. Raises `XeroError`.
        """
        now = self._now()
        under_way: list[Change] = []
        interrupted: list[Change] = []
        for change in self._store.changes.in_states(State.SENDING):
            # A clock that was set back must not make a request last forever.
            is_young = abs(now - change.updated_at) < MAX_CALL_DURATION
            (under_way if is_young and not self._was_sent_here(change) else interrupted).append(change)
        if interrupted:
            await self._mark_unknown(interrupted, Notice(ChangeReason.INTERRUPTED))
        if under_way and self._elapsed() >= self._next_check_at:
            self._next_check_at = self._elapsed() + _CHECK_INTERVAL
            await self._confirm_done(under_way)

    def _was_sent_here(self, change: Change) -> bool:
        return change.change_id in self._sent_ids

    async def _confirm_done(self, changes: Sequence[Change]) -> None:
        """Read the contacts of changes being sent, and confirm those that were applied."""
        found = await self._xero.look_up([change.contact_id for change in changes])
        resolution = resolve(changes, found.contacts, {})
        done = tuple(request for request in resolution.requests if request.transition is Transition.CONFIRM)
        self._on_write(
            await self._store.record_transitions(
                done, self._now(), resolution.contacts, deleted=found.unknown, missing=found.missing
            )
        )

    async def _mark_sending_unknown(self, notice: Notice) -> None:
        interrupted = [
            change for change in self._store.changes.in_states(State.SENDING) if self._was_sent_here(change)
        ]
        if interrupted:
            await self._mark_unknown(interrupted, notice)

    @property
    def has_work(self) -> bool:
        """Whether any change is queued or unknown."""
        return bool(self._store.changes.in_states(State.QUEUED, State.UNKNOWN, limit=1))

    async def run_until_empty(self) -> None:
        """Verify unknown changes and send queued ones until none is due or sending is paused.

        Also ends when another copy of Reshelve has the lock. Changes that a read couldn't resolve stay
        unknown and are read again later: only other changes of the same contact wait for them. Raises
        `XeroError` if Xero can't be reached; the change log then stays as it is.
        """
        while True:
            await self.verify_unknown()
            if self._store.changes.is_paused or not self._may_send():
                return
            batch = self._due_batch()
            if not batch:
                return
            try:
                if batch[0].action is Action.ARCHIVE and await self._notes.write(batch):
                    # That takes a while, in which the user may have cancelled some.
                    continue
                await (self._send_restores(batch) if batch[0].action is Action.RESTORE else self._send(batch))
            except ReshelveError:
                raise
            except Exception as error:
                if isinstance(error, IllegalTransitionError) and not self._may_send():
                    logger.info("outbox: another copy of Reshelve has taken over what was being sent")
                    return
                # A bug, at any point: only reading the contacts again shows what Xero did.
                kind = type(error).__name__
                await self._mark_sending_unknown(Notice(ChangeReason.INTERRUPTED_BY_BUG, {"kind": kind}))
                raise

    async def verify_unknown(self) -> None:
        """Re-read each contact whose change may not have reached Xero and record the result."""
        while True:
            unknown = self._store.changes.in_states(State.UNKNOWN)
            due = [change for change in unknown if self._backoff.is_due(change.change_id)][:BATCH_SIZE]
            if not due:
                return
            now = self._now()
            recent = {change.change_id for change in due if is_recent(change, now)}
            refusals = {change.contact_id: refusal for change in due if (refusal := _known_refusal(change))}
            await self._read_and_resolve(due, refusals, recent)

    def _due_batch(self) -> list[Change]:
        """Return the next changes to send.

        Changes of a contact with an unknown change wait for that one, as do those of a contact with a change
        that an earlier run may still be sending.
        """
        unknown = self._store.changes.in_states(State.UNKNOWN, State.SENDING)
        blocked_ids = {change.contact_id for change in unknown}
        # No contact has more than one open change of an action.
        queued = self._store.changes.in_states(
            State.QUEUED, limit=_LOOK_AHEAD + 2 * (len(blocked_ids) + len(self._backoff))
        )
        waiting = {change.contact_id for change in queued if not self._backoff.is_due(change.change_id)}
        self._backoff.retain({change.change_id for change in (*unknown, *queued)})
        return _next_batch([change for change in queued if change.contact_id not in blocked_ids | waiting])

    async def _send_restores(self, batch: Sequence[Change]) -> None:
        """Try the API with one contact if no refusal is cached; else mark restores for the user to finish."""
        if self._restore_capability.is_refused(self._now()):
            await self._record(
                as_manual_restores(batch, self._store.contacts([change.contact_id for change in batch]))
            )
        else:
            await self._send(batch[:1])

    async def _send(self, batch: Sequence[Change]) -> None:
        key = uuid4().hex
        # The result of an earlier request may still be unknown.
        resent = {change.change_id for change in batch if change.idempotency_key}
        self._sent_ids = frozenset(change.change_id for change in batch)
        try:
            # A refresh or the user may have completed some of these in the meantime.
            batch = await self._transition_all(batch, Transition.SEND, idempotency_key=key)
        except IllegalTransitionError:
            self._sent_ids = frozenset()
            logger.info("outbox: another copy of Reshelve has moved these changes; the queue is read again")
            return
        if not batch:
            return
        ids = [change.contact_id for change in batch]
        try:
            elements = await self._xero.change_status(batch[0].action, ids, idempotency_key=key)
        except RejectedError as error:
            await self._handle_rejection(batch, error)
        except ReplyLostError:
            await self._mark_unknown(batch, Notice(ChangeReason.NO_REPLY))
            raise
        except XeroError:
            # Offline, rate limited or signed out: the request wasn't processed.
            await self._transition_all(batch, Transition.REQUEUE, notice=Notice(ChangeReason.UNREACHABLE))
            raise
        else:
            await self._handle_elements(batch, elements, resent)

    async def _handle_elements(
        self, batch: Sequence[Change], elements: Sequence[ContactWriteResult], resent: Collection[int]
    ) -> None:
        target = batch[0].action.target_status
        answers = {element.contact_id: element for element in elements}
        confirmed: list[TransitionRequest] = []
        contacts: list[Contact] = []
        unconfirmed: list[Change] = []
        for change in batch:
            element = answers.get(change.contact_id)
            contact = element.contact if element else None
            if contact is not None and contact.status is target:
                confirmed.append(
                    TransitionRequest(change.change_id, Transition.CONFIRM, confirmed_at=contact.updated_at)
                )
                contacts.append(contact)
            else:
                unconfirmed.append(change)
        await self._record(Resolution(tuple(confirmed), tuple(contacts)))
        if unconfirmed:
            await self._verify_unanswered(
                unconfirmed, {key: _refusal_of(element) for key, element in answers.items()}, resent
            )

    async def _verify_unanswered(
        self, changes: Sequence[Change], refusals: Mapping[str, Refusal], resent: Collection[int]
    ) -> None:
        await self._mark_unknown(changes, Notice(ChangeReason.NOT_CONFIRMED), refusals)
        requests = await self._read_and_resolve(changes, refusals, resent)
        if any(request.transition is Transition.REQUEUE for request in requests):
            # Resending immediately could loop forever.
            raise ReplyLostError(ChangeReason.NOT_CONFIRMED)

    async def _handle_rejection(self, batch: Sequence[Change], error: RejectedError) -> None:
        """Find the contact that made Xero refuse the whole request: one unknown ID is enough.

        A 404 is only about IDs: it doesn't refuse contacts that Xero has.
        """
        await self._mark_unknown(batch, error.notice)
        found = await self._xero.look_up([change.contact_id for change in batch])
        is_culprit_known = len(found.contacts) < len(batch)
        is_final = not is_culprit_known and error.status != HTTPStatus.NOT_FOUND
        refusal = _words_of(error) or error.notice
        refusals = {change.contact_id: refusal for change in batch} if is_final else {}
        await self._record_resolution(
            batch, found, resolve(batch, found.contacts, refusals, is_not_applied=True)
        )
        if not is_final and not is_culprit_known:
            raise ReplyLostError(error.reason, **error.notice.params)

    async def _read_and_resolve(
        self, changes: Sequence[Change], refusals: Mapping[str, Refusal], recent: Collection[int]
    ) -> Sequence[TransitionRequest]:
        found = await self._xero.look_up([change.contact_id for change in changes])
        resolution = resolve(changes, found.contacts, refusals, recent=recent)
        if any(request.transition is Transition.AWAIT_USER for request in resolution.requests):
            await self._restore_capability.record(self._now())
        await self._record_resolution(changes, found, resolution)
        return resolution.requests

    async def _record_resolution(
        self, changes: Sequence[Change], found: LookupResult, resolution: Resolution
    ) -> None:
        """Record what a read resolved; the rest is read again later."""
        applied = await self._store.record_transitions(
            resolution.requests,
            self._now(),
            resolution.contacts,
            deleted=found.unknown,
            missing=found.missing,
        )
        self._on_write(applied)
        moved = {request.change_id for request in resolution.requests}
        self._backoff.record_failures({change.change_id for change in changes} - moved, at_least=2)

    async def _mark_unknown(
        self, batch: Sequence[Change], notice: Notice, refusals: Mapping[str, Refusal] | None = None
    ) -> None:
        """Mark changes as unknown; Xero's answers are kept until the contacts can be read."""
        refusals = refusals or {}

        def request(change: Change) -> TransitionRequest:
            message, why = _parts(refusals.get(change.contact_id))
            return TransitionRequest(change.change_id, Transition.REPLY_LOST, message, notice=why or notice)

        await self._record(Resolution(tuple(map(request, batch))))
        self._backoff.record_failures([change.change_id for change in batch])

    async def _record(self, resolution: Resolution) -> Sequence[Change]:
        applied = await self._store.record_transitions(resolution.requests, self._now(), resolution.contacts)
        self._on_write(applied)
        return applied.updated

    async def _transition_all(
        self,
        batch: Sequence[Change],
        transition: Transition,
        *,
        idempotency_key: str = "",
        notice: Notice | None = None,
    ) -> Sequence[Change]:
        requests = (
            TransitionRequest(change.change_id, transition, idempotency_key=idempotency_key, notice=notice)
            for change in batch
        )
        return await self._record(Resolution(tuple(requests)))


def _next_batch(queued: Sequence[Change]) -> list[Change]:
    """Return a batch for one request: one action, and never a contact before its own older change."""
    batch: list[Change] = []
    blocked_ids: set[str] = set()
    for change in queued:
        if change.action is queued[0].action and change.contact_id not in blocked_ids:
            batch.append(change)
        else:
            blocked_ids.add(change.contact_id)
    return batch[:BATCH_SIZE]


def _refusal_of(element: ContactWriteResult) -> Refusal:
    """Return Xero's message, or our reason if Xero returned the contact unchanged without one."""
    return element.message or ("" if element.contact is None else Notice(ChangeReason.NOT_APPLIED))


def _known_refusal(change: Change) -> Refusal | None:
    """Return Xero's answer to a change whose result is unknown, if any."""
    notice = change.notice
    is_answer = notice is not None and notice.reason is ChangeReason.NOT_APPLIED
    return change.message or (notice if is_answer else None)


def _words_of(error: RejectedError) -> str:
    """Return Xero's own words about a request that it rejected; may be empty."""
    return str(error.notice.params.get("xero_message", ""))
