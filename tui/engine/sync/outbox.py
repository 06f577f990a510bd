"""The outbox: sends what is queued, and settles every doubt by reading again."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from msgspec import Struct

from tui.engine.precheck import ineligible_reason
from tui.model import timestamps
from tui.model.change import Action, IllegalTransitionError, State, Transition
from tui.model.errors import RejectedError, ReplyLostError, ReshelveError, XeroError
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


CHANGED_SINCE = (
    "Xero's answer was lost, and somebody has changed the contact since: it may have been archived and "
    "restored. Look at it in Xero, then try again if it is still to be archived."
)
# A read may lag a write. What it shows so long after a call got no answer shows what came of the call.
_READ_LAG = timedelta(minutes=1)
_REFUSAL_VALID_FOR = timedelta(days=30)
_REFUSED_AT = "restore.refused_at"


class Resolution(Struct, frozen=True):
    """The journal's next moves, and the contacts as they were just read."""

    requests: tuple[TransitionRequest, ...]
    contacts: tuple[Contact, ...] = ()


def resolve(
    changes: Sequence[Change],
    contacts: Sequence[Contact],
    words: Mapping[str, str],
    *,
    is_not_applied: bool = False,
    recent: Collection[int] = (),
) -> Resolution:
    """Judge each change by its contact's status as just read, never by the wording of an error.

    A contact that wasn't read judges nothing: its change has no move. `words` are what Xero said of a
    contact, by contact id. Where it said nothing and nothing has changed, the change never arrived and is
    queued again. `is_not_applied` says that Xero certainly did nothing. `recent` are the changes, by id, of
    which an earlier call got no answer so recently that a read may not show yet what it did: they aren't
    refused.
    """
    read = {contact.contact_id: contact for contact in contacts}
    requests = (
        _transition_request(change, contact, words.get(change.contact_id, ""), is_not_applied=is_not_applied)
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
    """Say whether the change became unknown so recently that a read may not show yet what its call did."""
    # A clock that was set back must not make it early for ever.
    return abs(now - change.updated_at) < _READ_LAG


def as_manual_restores(changes: Sequence[Change], contacts: Sequence[Contact]) -> Resolution:
    """Hand restores to a person, but for those that nobody can restore, and those restored already."""
    known = {contact.contact_id: contact for contact in contacts}
    return Resolution(tuple(_as_manual_restore(change, known.get(change.contact_id)) for change in changes))


def _as_manual_restore(change: Change, contact: Contact | None) -> TransitionRequest:
    if contact is None:
        # Such as when all contacts are read again.
        return TransitionRequest(change.change_id, Transition.AWAIT_USER)
    if contact.status is change.action.target_status:
        # Its status won't be seen to move, so that a hand-off would wait for ever.
        return TransitionRequest(change.change_id, Transition.CONFIRM)
    reason = ineligible_reason(contact)
    return TransitionRequest(
        change.change_id, Transition.REFUSE if reason else Transition.AWAIT_USER, message=reason
    )


def _transition_request(
    change: Change, contact: Contact, words: str, *, is_not_applied: bool
) -> TransitionRequest:
    if contact.status is change.action.target_status:
        # A restore by hand may not move UpdatedDateUTC (unproven): then now, which is later, is honest.
        confirmed_at = contact.updated_at if change.action is Action.ARCHIVE else None
        return TransitionRequest(
            change.change_id, Transition.CONFIRM, confirmed_at=confirmed_at, detail=words
        )
    reason = ineligible_reason(contact)
    if reason:
        return TransitionRequest(change.change_id, Transition.REFUSE, message=words or reason)
    if not words and not is_not_applied and _may_have_been_reversed(change, contact):
        return TransitionRequest(change.change_id, Transition.REFUSE, message=CHANGED_SINCE)
    if not words:
        return TransitionRequest(
            change.change_id, Transition.REQUEUE, detail="read again: Xero hasn't carried it out"
        )
    transition = Transition.AWAIT_USER if change.action is Action.RESTORE else Transition.REFUSE
    return TransitionRequest(change.change_id, transition, message=words)


def _may_have_been_reversed(change: Change, contact: Contact) -> bool:
    """Say whether an archive may have arrived and been undone by somebody since.

    Archiving moves `UpdatedDateUTC`, so that one which is as it was known before says that nothing arrived.
    """
    moved = change.sent_when_updated_at is not None and contact.updated_at > change.sent_when_updated_at
    return moved and change.action is Action.ARCHIVE


class RestoreCapability:
    """Whether this organisation's API was seen to refuse a restore.

    Xero's message says "currently", so it is believed for 30 days and then tried again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def is_refused(self, now: datetime) -> bool:
        """Say whether trying again would be of no use yet."""
        refused_at = timestamps.from_iso_text(self._store.sync_state(_REFUSED_AT))
        return refused_at is not None and abs(now - refused_at) < _REFUSAL_VALID_FOR

    async def record(self, now: datetime) -> None:
        """Note that the API refused just now."""
        await self._store.set_sync_state(_REFUSED_AT, now.isoformat())


BATCH_SIZE = 50
# Enough of the queue to fill a batch where actions alternate; never all of it, which may be 100,000.
_LOOK_AHEAD = 4 * BATCH_SIZE
# Seconds.
_FIRST_WAIT: Final = 5.0
_LONGEST_WAIT: Final = 300.0
_CHECK_INTERVAL: Final = 10.0
# How long a call that another run of Reshelve began may still be under way.
MAX_CALL_DURATION: Final = timedelta(seconds=LONGEST_WRITE)
_UNCHANGED = "Xero took the call, yet left the contact as it was."


class Backoff:
    """How long each change waits between attempts that came to nothing. Times are those of `elapsed`.

    The first attempt is followed up at once, each later one after twice the time. A restart begins again.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._failures: dict[int, int] = {}
        self._due_at: dict[int, float] = {}

    def record_failures(self, change_ids: Collection[int], *, at_least: int = 1) -> None:
        """Count a failed attempt of each; with `at_least` 2 even the first one makes it wait."""
        for change_id in change_ids:
            failures = max(self._failures.get(change_id, 0) + 1, at_least)
            self._failures[change_id] = failures
            wait = min(_FIRST_WAIT * 2 ** min(failures - 2, 10), _LONGEST_WAIT) if failures > 1 else 0.0
            self._due_at[change_id] = self._elapsed() + wait

    def is_due(self, change_id: int) -> bool:
        """Say whether the change has waited long enough."""
        return self._due_at.get(change_id, 0.0) <= self._elapsed()

    def __len__(self) -> int:
        return len(self._due_at)

    def retain(self, change_ids: Collection[int]) -> None:
        """Forget all but these, which are the ones still open."""
        for gone in self._failures.keys() - set(change_ids):
            del self._failures[gone], self._due_at[gone]


class Outbox:
    """Sends queued changes, one call at a time. A change is journalled before and after every step.

    `may_send` returns whether this copy of the program still holds the organisation's lease.
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
        # The changes, by id, of the last call that was begun here.
        self._sent_ids: frozenset[int] = frozenset()
        self._next_check_at = elapsed()

    async def recover(self) -> None:
        """Mark changes whose call was interrupted as unknown, so that they are verified before being resent.

        A call that another run or copy of Reshelve began may still be under way until it must have timed out.
        Until then a read can confirm what it did, and nothing is sent again. Raises `XeroError`.
        """
        now = self._now()
        under_way: list[Change] = []
        interrupted: list[Change] = []
        for change in self._store.changes_in(State.SENDING):
            # A clock that was set back must not make a call last for ever.
            is_young = abs(now - change.updated_at) < MAX_CALL_DURATION
            (under_way if is_young and not self._was_sent_here(change) else interrupted).append(change)
        if interrupted:
            await self._mark_unknown(interrupted, detail="interrupted before an answer was noted")
        if under_way and self._elapsed() >= self._next_check_at:
            self._next_check_at = self._elapsed() + _CHECK_INTERVAL
            await self._confirm_done(under_way)

    def _was_sent_here(self, change: Change) -> bool:
        return change.change_id in self._sent_ids

    async def _confirm_done(self, changes: Sequence[Change]) -> None:
        """Read contacts whose change is being sent, and confirm what is done."""
        found = await self._xero.look_up([change.contact_id for change in changes])
        resolution = resolve(changes, found.contacts, {})
        done = tuple(request for request in resolution.requests if request.transition is Transition.CONFIRM)
        self._on_write(
            await self._store.record_transitions(
                done, self._now(), resolution.contacts, deleted=found.unknown, missing=found.missing
            )
        )

    async def _mark_sending_unknown(self, detail: str) -> None:
        interrupted = [each for each in self._store.changes_in(State.SENDING) if self._was_sent_here(each)]
        if interrupted:
            await self._mark_unknown(interrupted, detail=detail)

    @property
    def has_work(self) -> bool:
        """Whether anything is queued or in doubt."""
        return bool(self._store.changes_in(State.QUEUED, State.UNKNOWN, limit=1))

    async def run_until_empty(self) -> None:
        """Verify what is unknown and send what is queued until nothing is due, or sending is paused.

        Ends as well when another copy of the program has the lease. What a read couldn't settle stays
        unknown, and is read again later: nothing else waits for it but other changes of the same contact.
        Raises `XeroError` when Xero can't be reached; everything then stays in the change log as it is.
        """
        while True:
            await self.verify_unknown()
            if self._store.is_paused or not self._may_send():
                return
            batch = self._due_batch()
            if not batch:
                return
            try:
                await (self._send_restores(batch) if batch[0].action is Action.RESTORE else self._send(batch))
            except ReshelveError:
                raise
            except Exception as error:
                if isinstance(error, IllegalTransitionError) and not self._may_send():
                    logger.info("outbox: another copy of Reshelve has taken over what was being sent")
                    return
                # A bug of ours, at any point of it: only reading again tells what Xero has done.
                await self._mark_sending_unknown(f"interrupted by an unexpected {type(error).__name__}")
                raise

    async def verify_unknown(self) -> None:
        """Read again every contact whose change may or may not have reached Xero."""
        while True:
            unknown = self._store.changes_in(State.UNKNOWN)
            due = [change for change in unknown if self._backoff.is_due(change.change_id)][:BATCH_SIZE]
            if not due:
                return
            now = self._now()
            recent = {change.change_id for change in due if is_recent(change, now)}
            messages = {change.contact_id: change.message for change in due if change.message}
            await self._read_and_resolve(due, messages, recent)

    def _due_batch(self) -> list[Change]:
        """Choose the next changes to send; those of contacts with an unknown change wait for that one.

        So do those of contacts with a change that an earlier run may still be sending.
        """
        unknown = self._store.changes_in(State.UNKNOWN, State.SENDING)
        blocked_ids = {change.contact_id for change in unknown}
        # No contact has more than one open change of an action.
        queued = self._store.changes_in(
            State.QUEUED, limit=_LOOK_AHEAD + 2 * (len(blocked_ids) + len(self._backoff))
        )
        waiting = {each.contact_id for each in queued if not self._backoff.is_due(each.change_id)}
        self._backoff.retain({change.change_id for change in (*unknown, *queued)})
        return _next_batch([each for each in queued if each.contact_id not in blocked_ids | waiting])

    async def _send_restores(self, batch: Sequence[Change]) -> None:
        """Try the API with one contact where its refusal isn't known; hand the rest to a person."""
        if self._restore_capability.is_refused(self._now()):
            await self._record(
                as_manual_restores(batch, self._store.contacts([each.contact_id for each in batch]))
            )
        else:
            await self._send(batch[:1])

    async def _send(self, batch: Sequence[Change]) -> None:
        key = uuid4().hex
        # Of an earlier call it may still be open whether Xero carried it out.
        resent = {change.change_id for change in batch if change.idempotency_key}
        self._sent_ids = frozenset(change.change_id for change in batch)
        try:
            # A pull or a person may have settled some of them since they were read.
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
            await self._mark_unknown(batch, detail="no answer from Xero")
            raise
        except XeroError:
            # Offline, limited or signed out: the call was not carried out.
            await self._transition_all(batch, Transition.REQUEUE, detail="Xero couldn't be reached")
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
                unconfirmed, {key: _message_of(element) for key, element in answers.items()}, resent
            )

    async def _verify_unanswered(
        self, changes: Sequence[Change], messages: Mapping[str, str], resent: Collection[int]
    ) -> None:
        await self._mark_unknown(changes, detail="Xero left it unanswered", messages=messages)
        requests = await self._read_and_resolve(changes, messages, resent)
        if any(request.transition is Transition.REQUEUE for request in requests):
            # Sent again at once, it could go unanswered without end.
            raise ReplyLostError("Xero left some contacts unanswered.", "Reshelve tries again by itself.")

    async def _handle_rejection(self, batch: Sequence[Change], error: RejectedError) -> None:
        """Find out which contact made Xero refuse the whole call: one unknown id takes all with it.

        A 404 is about ids alone: it refuses no contact that Xero has.
        """
        await self._mark_unknown(batch, detail=error.message)
        found = await self._xero.look_up([change.contact_id for change in batch])
        is_culprit_known = len(found.contacts) < len(batch)
        is_final = not is_culprit_known and error.status != HTTPStatus.NOT_FOUND
        messages = dict.fromkeys((each.contact_id for each in batch), error.message) if is_final else {}
        await self._record_resolution(
            batch, found, resolve(batch, found.contacts, messages, is_not_applied=True)
        )
        if not is_final and not is_culprit_known:
            raise ReplyLostError(error.message, "Nothing is lost: Reshelve retries automatically.")

    async def _read_and_resolve(
        self, changes: Sequence[Change], messages: Mapping[str, str], recent: Collection[int]
    ) -> Sequence[TransitionRequest]:
        found = await self._xero.look_up([change.contact_id for change in changes])
        resolution = resolve(changes, found.contacts, messages, recent=recent)
        if any(request.transition is Transition.AWAIT_USER for request in resolution.requests):
            await self._restore_capability.record(self._now())
        await self._record_resolution(changes, found, resolution)
        return resolution.requests

    async def _record_resolution(
        self, changes: Sequence[Change], found: LookupResult, resolution: Resolution
    ) -> None:
        """Write what a read has settled; what it left open is read again later."""
        applied = await self._store.record_transitions(
            resolution.requests,
            self._now(),
            resolution.contacts,
            deleted=found.unknown,
            missing=found.missing,
        )
        self._on_write(applied)
        moved = {request.change_id for request in resolution.requests}
        self._backoff.record_failures({each.change_id for each in changes} - moved, at_least=2)

    async def _mark_unknown(
        self, batch: Sequence[Change], *, detail: str, messages: Mapping[str, str] | None = None
    ) -> None:
        """Mark changes as unknown; what Xero said of them is kept for when their contacts can be read."""
        messages_by_contact = messages or {}
        requests = (
            TransitionRequest(
                change.change_id,
                Transition.REPLY_LOST,
                message=messages_by_contact.get(change.contact_id, ""),
                detail=detail,
            )
            for change in batch
        )
        await self._record(Resolution(tuple(requests)))
        self._backoff.record_failures([change.change_id for change in batch])

    async def _record(self, resolution: Resolution) -> Sequence[Change]:
        applied = await self._store.record_transitions(resolution.requests, self._now(), resolution.contacts)
        self._on_write(applied)
        return applied.updated

    async def _transition_all(
        self, batch: Sequence[Change], transition: Transition, *, idempotency_key: str = "", detail: str = ""
    ) -> Sequence[Change]:
        requests = (
            TransitionRequest(change.change_id, transition, idempotency_key=idempotency_key, detail=detail)
            for change in batch
        )
        return await self._record(Resolution(tuple(requests)))


def _next_batch(queued: Sequence[Change]) -> list[Change]:
    """Take what can go in one call: one action, and no contact before an older change of its own."""
    batch: list[Change] = []
    blocked_ids: set[str] = set()
    for change in queued:
        if change.action is queued[0].action and change.contact_id not in blocked_ids:
            batch.append(change)
        else:
            blocked_ids.add(change.contact_id)
    return batch[:BATCH_SIZE]


def _message_of(element: ContactWriteResult) -> str:
    """Return Xero's words; ours for a contact that it gave back without a word, and not as asked."""
    return element.message or ("" if element.contact is None else _UNCHANGED)
