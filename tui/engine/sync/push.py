"""The outbox: sends what is queued, and settles every doubt by reading again."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from tui.engine.sync.verdict import RestoreRefusal, Verdict, hand_off, judge
from tui.model.change import Action, Event, State
from tui.model.errors import AnswerLostError, RejectedError, ReshelveError, XeroError
from tui.store import Move

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.contact import Contact
    from tui.store import Applied, Store
    from tui.xero.client import Element, XeroClient

BATCH_SIZE = 50
# Enough of the queue to fill a batch where actions alternate; never all of it, which may be 100,000.
_LOOK_AHEAD = 4 * BATCH_SIZE
_UNCHANGED = "Xero took the call, yet left the contact as it was."


class Pusher:
    """Sends queued changes, one call at a time. A change is journalled before and after every step."""

    def __init__(
        self, store: Store, xero: XeroClient, now: Callable[[], datetime], applied: Callable[[Applied], None]
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._applied = applied
        self._refusal = RestoreRefusal(store)

    async def recover(self) -> None:
        """Doubt whatever was being sent when the program, or the disk, last gave up."""
        await self._lose("interrupted before an answer was noted")

    async def _lose(self, detail: str) -> None:
        interrupted = self._store.changes_in(State.SENDING)
        if interrupted:
            await self._all(interrupted, Event.LOSE, detail=detail)

    @property
    def has_work(self) -> bool:
        """Whether anything is queued or in doubt."""
        return bool(self._store.changes_in(State.QUEUED, State.UNCLEAR, limit=1))

    async def drain(self) -> None:
        """Settle what is in doubt and send what is queued until nothing is left, or a person says stop.

        Raises `XeroError` when Xero can't be reached; everything then stands in the journal as it is.
        """
        while True:
            await self.settle_doubts()
            if self._store.is_paused:
                return
            queued = self._store.changes_in(State.QUEUED, limit=_LOOK_AHEAD)
            if not queued:
                return
            batch = _next_batch(queued)
            try:
                await (self._restore(batch) if batch[0].action is Action.RESTORE else self._send(batch))
            except ReshelveError:
                raise
            except Exception as error:
                # A bug of ours, at any point of it: only reading again tells what Xero has done.
                await self._lose(f"interrupted by an unexpected {type(error).__name__}")
                raise

    async def settle_doubts(self) -> None:
        """Read again every contact whose change may or may not have reached Xero."""
        while doubtful := self._store.changes_in(State.UNCLEAR, limit=BATCH_SIZE):
            await self._judge(doubtful, words={})

    async def _restore(self, batch: Sequence[Change]) -> None:
        """Try the API with one contact where its refusal isn't known; hand the rest to a person."""
        if self._refusal.is_remembered(self._now()):
            await self._write(hand_off(batch, self._store.contacts([each.contact_id for each in batch])))
        else:
            await self._send(batch[:1])

    async def _send(self, batch: Sequence[Change]) -> None:
        key = uuid4().hex
        # A pull or a person may have settled some of them since they were read.
        batch = await self._all(batch, Event.SEND, idempotency_key=key)
        if not batch:
            return
        ids = [change.contact_id for change in batch]
        try:
            elements = await self._xero.change_status(batch[0].action, ids, idempotency_key=key)
        except RejectedError as error:
            await self._rejected(batch, error)
        except AnswerLostError:
            await self._all(batch, Event.LOSE, detail="no answer from Xero")
            raise
        except XeroError:
            # Offline, limited or signed out: the call was not carried out.
            await self._all(batch, Event.REQUEUE, detail="Xero couldn't be reached")
            raise
        else:
            await self._read_elements(batch, elements)

    async def _read_elements(self, batch: Sequence[Change], elements: Sequence[Element]) -> None:
        target = batch[0].action.target
        answers = {element.contact_id: element for element in elements}
        confirmed: list[Move] = []
        contacts: list[Contact] = []
        doubtful: list[Change] = []
        for change in batch:
            element = answers.get(change.contact_id)
            contact = element.contact if element else None
            if contact is not None and contact.status is target:
                confirmed.append(Move(change.change_id, Event.CONFIRM, confirmed_at=contact.updated_at))
                contacts.append(contact)
            else:
                doubtful.append(change)
        await self._write(Verdict(tuple(confirmed), tuple(contacts)))
        if doubtful:
            await self._doubt(doubtful, {key: _words(element) for key, element in answers.items()})

    async def _doubt(self, changes: Sequence[Change], words: Mapping[str, str]) -> None:
        moves = [
            Move(
                change.change_id, Event.LOSE, detail=words.get(change.contact_id) or "Xero left it unanswered"
            )
            for change in changes
        ]
        await self._write(Verdict(tuple(moves)))
        verdict = await self._judge(changes, words)
        if any(move.event is Event.REQUEUE for move in verdict.moves):
            # Sent again at once, it could go unanswered without end.
            raise AnswerLostError("Xero left some contacts unanswered.", "Reshelve tries again by itself.")

    async def _rejected(self, batch: Sequence[Change], error: RejectedError) -> None:
        """Find out which contact made Xero refuse the whole call: one unknown id takes all with it."""
        await self._all(batch, Event.LOSE, detail=error.what)
        contacts = await self._xero.contacts_by_ids([change.contact_id for change in batch])
        is_blame_known = len(contacts) < len(batch)
        words = {} if is_blame_known else dict.fromkeys((each.contact_id for each in batch), error.what)
        await self._write(judge(batch, contacts, words, is_undone=True))

    async def _judge(self, changes: Sequence[Change], words: Mapping[str, str]) -> Verdict:
        contacts = await self._xero.contacts_by_ids([change.contact_id for change in changes])
        verdict = judge(changes, contacts, words)
        if any(move.event is Event.HAND_OFF for move in verdict.moves):
            await self._refusal.remember(self._now())
        await self._write(verdict)
        return verdict

    async def _write(self, verdict: Verdict) -> Sequence[Change]:
        applied = await self._store.record(verdict.moves, self._now(), verdict.contacts)
        self._applied(applied)
        return applied.moved

    async def _all(
        self, batch: Sequence[Change], event: Event, *, idempotency_key: str = "", detail: str = ""
    ) -> Sequence[Change]:
        moves = (
            Move(change.change_id, event, idempotency_key=idempotency_key, detail=detail) for change in batch
        )
        return await self._write(Verdict(tuple(moves)))


def _next_batch(queued: Sequence[Change]) -> list[Change]:
    """Take what can go in one call: one action, and no contact before an older change of its own."""
    batch: list[Change] = []
    kept_back: set[str] = set()
    for change in queued:
        if change.action is queued[0].action and change.contact_id not in kept_back:
            batch.append(change)
        else:
            kept_back.add(change.contact_id)
    return batch[:BATCH_SIZE]


def _words(element: Element) -> str:
    """Return Xero's words; ours for a contact that it gave back without a word, and not as asked."""
    return element.words or ("" if element.contact is None else _UNCHANGED)
