"""Writes the user's notes to the history of contacts in Xero, each once, before the contacts are archived."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from tui.model.change import LogEvent, NoteState, State
from tui.model.errors import MissingScopeError, RejectedError, ReplyLostError
from tui.model.reasons import ChangeReason, Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.store import Store
    from tui.store.change_log.entries import NoteCalls
    from tui.xero.client import XeroClient

# Xero repeats its reply to a key for six minutes; later, the same call would add the note again.
_KEY_VALID_FOR: Final = timedelta(minutes=5)
# How far Xero's clock may be from what is known of it.
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_MOST_CALLS: Final = 2
# After the first call, if Xero replies to none about the note: the archive isn't held up any longer.
_GIVEN_UP_AFTER: Final = timedelta(minutes=15)


class HistoryNotes:
    """Writes notes, one call each. Every call is logged with its key before it is made.

    A note that Xero doesn't accept, or never replies to, is given up: it holds up no archive for good.
    """

    def __init__(
        self, store: Store, xero: XeroClient, now: Callable[[], datetime], may_send: Callable[[], bool]
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._may_send = may_send

    async def write(self, changes: Sequence[Change]) -> bool:
        """Write the notes that are still to be written; returns whether there were any.

        Ends early if sending is paused, or another copy of Reshelve has the lock. Raises `XeroError` if Xero
        can't be reached.
        """
        wanted = [change for change in changes if change.note_in_xero and change.note_in_xero.is_open]
        for change in wanted:
            if self._store.changes.is_paused or not self._may_send():
                break
            # The user may have cancelled it in the meantime.
            current = self._store.changes.get(change.change_id)
            if current is not None and current.state is State.QUEUED:
                await self._write(current)
        return bool(wanted)

    async def _write(self, change: Change) -> None:
        calls = None
        if change.note_in_xero is NoteState.SENDING:
            calls = await self._store.changes.note_calls(change)
        first_at = self._now() if calls is None else calls.first_at
        try:
            result, message, notice = await self._call(change, calls)
        except ReplyLostError:
            if abs(self._now() - first_at) < _GIVEN_UP_AFTER:
                raise
            result, message, notice = LogEvent.NOTE_REFUSED, "", Notice(ChangeReason.NO_REPLY)
        await self._store.changes.record_note(change, result, self._now(), message=message, notice=notice)

    async def _call(self, change: Change, calls: NoteCalls | None) -> tuple[LogEvent, str, Notice | None]:
        """Write a note; returns the result, and Xero's words or our reason if it wasn't accepted."""
        if calls is not None and self._is_old(calls):
            if await self._is_in_history(change, calls.last_at):
                return LogEvent.NOTE_WRITTEN, "", None
            calls = None
        key, sent_at = (uuid4().hex, self._now()) if calls is None else (calls.last_key, calls.last_at)
        if calls is None:
            await self._store.changes.record_note(change, LogEvent.NOTE_SENT, sent_at, idempotency_key=key)
        for _ in range(_MOST_CALLS):
            try:
                await self._xero.add_note(change.contact_id, change.note, idempotency_key=key)
            except (RejectedError, MissingScopeError) as error:
                message = str(error.notice.params.get("xero_message", ""))
                return LogEvent.NOTE_REFUSED, message, None if message else error.notice
            except ReplyLostError:
                if not await self._is_in_history(change, sent_at):
                    continue
            return LogEvent.NOTE_WRITTEN, "", None
        return LogEvent.NOTE_REFUSED, "", Notice(ChangeReason.NO_REPLY)

    def _is_old(self, calls: NoteCalls) -> bool:
        # Without the key, as in a damaged log, the call can't be repeated either.
        return not calls.last_key or abs(self._now() - calls.last_at) > _KEY_VALID_FOR

    async def _is_in_history(self, change: Change, sent_at: datetime) -> bool:
        return any(
            entry.details == change.note and entry.when is not None and entry.when >= sent_at - _CLOCKS_DIFFER
            for entry in await self._xero.history(change.contact_id)
        )
