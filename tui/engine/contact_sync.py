"""Sync contacts from Xero: all of them at first and weekly, else only changes.

Restores that the user finishes in Xero are looked up between syncs.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tui.model import timestamps
from tui.model.change import State, Transition
from tui.model.contact import ineligible_reason
from tui.model.errors import RejectedError, ReplyLostError
from tui.model.reasons import ContactReason, Notice
from tui.model.snapshot import SyncProgress
from tui.store import TransitionRequest
from tui.store.sync_state import (
    FULL_SYNC_COUNT,
    FULL_SYNC_ENDED_AT,
    FULL_SYNC_PAGE,
    FULL_SYNC_STARTED_AT,
    REFRESHED_UNTIL,
)
from tui.system.log import logger
from tui.xero.results import has_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.contact import Contact
    from tui.store import Store, StoreUpdate
    from tui.xero.client import XeroClient
    from tui.xero.results import ContactsPage


# Twenty requests. That many contacts don't disappear: something else must be wrong.
_MAX_LOOKUPS: Final = 1_000
_BATCH_SIZE: Final = 50


class DeletedContactDetector:
    """Looks up missing contacts and marks those that Xero doesn't have. Never deletes anything."""

    def __init__(
        self,
        store: Store,
        xero: XeroClient,
        now: Callable[[], datetime],
        on_write: Callable[[StoreUpdate], None],
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._on_write = on_write

    async def detect(self) -> None:
        """Refresh contacts that the ending full sync didn't include. Raises `XeroError`."""
        unseen = await self._store.unseen_contacts(limit=_MAX_LOOKUPS + 1)
        if len(unseen) > _MAX_LOOKUPS:
            logger.warning(
                "pull: more than %d contacts are missing from the list; none is marked as deleted",
                _MAX_LOOKUPS,
            )
            return
        for start in range(0, len(unseen), _BATCH_SIZE):
            await self._look_up(unseen[start : start + _BATCH_SIZE])

    async def _look_up(self, contact_ids: Sequence[str]) -> None:
        try:
            found = await self._xero.look_up(contact_ids)
        except RejectedError as error:
            # It would recur every time: the full sync must not fail because of it.
            logger.warning("pull: contacts missing from the list can't be read (HTTP %d)", error.status)
            return
        if found.unknown:
            logger.warning("pull: Xero no longer knows %d contacts", len(found.unknown))
        self._on_write(
            await self._store.save_contacts(
                found.contacts, self._now(), deleted=found.unknown, missing=found.missing
            )
        )


# Temporary errors pass soon. Lasting ones cost one extra call in ten refreshes.
_EAGER_RETRIES: Final = 5
_RETRY_EVERY: Final = 10
# Only a full sync shows whether a contact without an ID can be read now.
_MOST_FULL_READS: Final = 3
_UNREADABLE_BATCH_SIZE: Final = 50


class UnreadableContacts:
    """Decides when to retry contacts that couldn't be read.

    A refresh fetches changed contacts anyway. This is for bad responses about unchanged contacts, which an
    incremental sync would never fetch again.
    """

    def __init__(
        self,
        store: Store,
        xero: XeroClient,
        now: Callable[[], datetime],
        on_write: Callable[[StoreUpdate], None],
        may_call: Callable[[], bool],
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._on_write = on_write
        self._may_call = may_call
        self._refreshes = 0
        self._full_syncs = 0

    @property
    def needs_full_sync(self) -> bool:
        """Whether there are contacts without an ID and a full sync could still help."""
        return self._full_syncs < _MOST_FULL_READS and not all(map(has_id, self._store.unreadable()))

    def record_full_sync(self) -> None:
        """Count a finished full sync."""
        has_unidentified = not all(map(has_id, self._store.unreadable()))
        self._full_syncs = self._full_syncs + 1 if has_unidentified else 0

    async def retry(self) -> None:
        """Look them up by ID if it is time. Raises `XeroError`."""
        contact_ids = [mark for mark in self._store.unreadable() if has_id(mark)]
        if not contact_ids:
            self._refreshes = 0
            return
        if not self._may_call():
            return
        refresh_number = self._refreshes
        self._refreshes += 1
        if refresh_number >= _EAGER_RETRIES and refresh_number % _RETRY_EVERY:
            return
        # One call: if there are more, they take turns.
        start = refresh_number * _UNREADABLE_BATCH_SIZE % len(contact_ids)
        try:
            found = await self._xero.look_up(contact_ids[start : start + _UNREADABLE_BATCH_SIZE])
        except RejectedError as error:
            logger.warning("pull: contacts that can't be read were refused (HTTP %d)", error.status)
            return
        self._on_write(
            await self._store.save_contacts(
                found.contacts, self._now(), deleted=found.unknown, missing=found.missing
            )
        )


# Xero's times are in whole seconds here, and its reads may lag its writes a little.
_OVERLAP = timedelta(minutes=1)
# A full sync updates balances and anything that incremental syncs missed.
_FULL_SYNC_INTERVAL = timedelta(days=7)
_PAGE_SIZE = 1000
_MOST_DIGITS = 9
# A reply that lacks contacts is requested again; after this many in a row it is accepted.
_MAX_PARTIAL_REPLIES = 3


class ContactSync:
    """Keeps saved contacts up to date. It can be interrupted anywhere and continues from there.

    `may_call` returns whether background tasks may make another call today.
    """

    def __init__(
        self,
        store: Store,
        xero: XeroClient,
        now: Callable[[], datetime],
        on_write: Callable[[StoreUpdate], None],
        on_progress: Callable[[SyncProgress | None], None],
        *,
        may_call: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._on_write = on_write
        self._on_progress = on_progress
        self._may_call = may_call
        self._deleted_contacts = DeletedContactDetector(store, xero, now, on_write)
        self._unreadable = UnreadableContacts(store, xero, now, on_write, may_call)
        self._resumed = asyncio.Event()
        self._resumed.set()
        self._is_full_sync_running = False
        # The number of consecutive incomplete replies.
        self._partial_replies = 0

    @property
    def is_full_sync_due(self) -> bool:
        """Whether a full sync is due: the first time, after an interruption, and weekly.

        A few more run while there are unreadable contacts without an ID.
        """
        if self._unreadable.needs_full_sync:
            return True
        done_at = self._full_sync_ended_at
        interrupted = self._store.sync_state(FULL_SYNC_PAGE) is not None
        return done_at is None or interrupted or abs(self._now() - done_at) > _FULL_SYNC_INTERVAL

    @property
    def _full_sync_ended_at(self) -> datetime | None:
        """When the last full sync ended; also None if there is no usable start for the next sync."""
        return (
            None
            if self._modified_since is None
            else timestamps.from_iso_text(self._store.sync_state(FULL_SYNC_ENDED_AT))
        )

    @property
    def _modified_since(self) -> datetime | None:
        """The start of the next incremental sync; None if the stored time is missing or implausible."""
        since = timestamps.from_iso_text(self._store.sync_state(REFRESHED_UNTIL))
        return since if since is not None and since <= self._now() + timestamps.MOST_AHEAD else None

    def pause(self, *, on: bool) -> None:
        """Pause a running full sync after the current page, or resume it."""
        if on and self._is_full_sync_running:
            self._resumed.clear()
        else:
            self._resumed.set()

    async def refresh(self) -> bool:
        """Run a full sync if one is due, else an incremental one. Raises `XeroError`.

        Returns whether the saved contacts are up to date. They aren't if a first full sync stopped because
        the day's remaining calls are reserved: each refresh then reads one more page. A later full sync is
        postponed instead, in favour of an incremental one.
        """
        is_first = self._full_sync_ended_at is None
        if is_first or (self.is_full_sync_due and self._may_call()):
            has_ended = await self._full_sync(is_first=is_first)
            if has_ended or is_first:
                return has_ended
        await self._incremental_sync()
        await self._unreadable.retry()
        return True

    async def _full_sync(self, *, is_first: bool) -> bool:
        self._is_full_sync_running, is_put_off = True, False
        try:
            page = _parse_number(self._store.sync_state(FULL_SYNC_PAGE)) or 1
            while True:
                reply = self._require_complete(await self._xero.contacts(page))
                page, is_last = await self._store_page(reply, page)
                if is_last:
                    break
                if not self._may_call():
                    is_put_off = is_first
                    return False
                await self._wait_while_paused(page, reply.item_count)
            await self._deleted_contacts.detect()
        finally:
            self._is_full_sync_running = False
            self._resumed.set()
            if not is_put_off:
                self._on_progress(None)
        await self._store.set_sync_state(REFRESHED_UNTIL, self._store.sync_state(FULL_SYNC_STARTED_AT))
        await self._store.set_sync_state(FULL_SYNC_ENDED_AT, self._now().isoformat())
        await self._store.set_sync_state(FULL_SYNC_PAGE, None)
        await self._store.end_full_sync()
        self._unreadable.record_full_sync()
        return True

    async def _store_page(self, reply: ContactsPage, page: int) -> tuple[int, bool]:
        """Store a page; returns which one to read next, and whether this was the last."""
        before = _parse_number(self._store.sync_state(FULL_SYNC_COUNT))
        if page > 1 and (before is None or reply.item_count < before or page > reply.page_count):
            # A contact before this page was removed, so later ones moved up, onto pages already read. New
            # contacts only move others down, so they are read twice.
            await self._restart_full_sync()
            return 1, False
        if page == 1:
            await self._begin_full_sync(reply)
        await self._store.record_unreadable(reply.unreadable_ids, is_full_sync=True)
        self._on_write(await self._store.save_contacts(reply.contacts, self._now(), is_full_sync=True))
        self._on_progress(SyncProgress(min(page * _PAGE_SIZE, reply.item_count), reply.item_count))
        if page >= reply.page_count:
            return page, True
        await self._store.set_sync_state(FULL_SYNC_COUNT, str(reply.item_count))
        await self._store.set_sync_state(FULL_SYNC_PAGE, str(page + 1))
        return page + 1, False

    async def _begin_full_sync(self, reply: ContactsPage) -> None:
        await self._store.begin_full_sync()
        await self._store.set_sync_state(
            FULL_SYNC_STARTED_AT, self._clamp_to_now(reply.answered_at).isoformat()
        )

    async def _restart_full_sync(self) -> None:
        await self._store.set_sync_state(FULL_SYNC_PAGE, "1")

    async def _wait_while_paused(self, page: int, total: int) -> None:
        if not self._resumed.is_set():
            self._on_progress(SyncProgress(min((page - 1) * _PAGE_SIZE, total), total, is_paused=True))
            await self._resumed.wait()
            self._on_progress(SyncProgress(min((page - 1) * _PAGE_SIZE, total), total))

    async def _incremental_sync(self) -> None:
        since = self._modified_since or self._now()
        page, count, answered_at = 1, 0, since
        while True:
            reply = self._require_complete(await self._xero.contacts(page, modified_since=since - _OVERLAP))
            if reply.item_count < count:
                # As in a full sync: a contact was removed and later ones moved up.
                page, count = 1, 0
                continue
            count = reply.item_count
            if page == 1:
                answered_at = reply.answered_at
            await self._store.record_unreadable(reply.unreadable_ids)
            self._on_write(await self._store.save_contacts(reply.contacts, self._now()))
            if page >= reply.page_count:
                break
            page += 1
        await self._store.set_sync_state(REFRESHED_UNTIL, self._clamp_to_now(answered_at).isoformat())

    def _require_complete(self, reply: ContactsPage) -> ContactsPage:
        """Return a complete page. Raises `ReplyLostError` for the first few incomplete ones.

        Accepting them would miss contacts until the next full sync.
        """
        if reply.is_complete:
            self._partial_replies = 0
        elif self._partial_replies < _MAX_PARTIAL_REPLIES:
            self._partial_replies += 1
            raise ReplyLostError(ContactReason.INCOMPLETE_REPLY)
        else:
            logger.warning("pull: page %d lacks contacts at every attempt", reply.page)
        return reply

    def _clamp_to_now(self, answered_at: datetime) -> datetime:
        """Return the reply's time, at most now: a future time would skip changes until then."""
        return min(answered_at, self._now())


def _parse_number(stored: str | None) -> int | None:
    """Parse a page or count; None for anything else."""
    is_number = stored is not None and stored.isascii() and stored.isdecimal() and len(stored) <= _MOST_DIGITS
    return int(stored) if stored is not None and is_number else None


# One call of Xero's sixty a minute.
_RESTORE_BATCH_SIZE = 50


class ManualRestorePoller:
    """Reads the contacts that wait for Restore; the store confirms those that were restored."""

    def __init__(
        self,
        store: Store,
        xero: XeroClient,
        now: Callable[[], datetime],
        on_write: Callable[[StoreUpdate], None],
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._on_write = on_write
        self._next_index = 0

    async def poll(self) -> None:
        """Read the next 50 waiting contacts, in rotation. Raises `XeroError`."""
        waiting = self._store.changes.in_states(State.AWAITING_USER)
        if not waiting:
            return
        if self._next_index >= len(waiting):
            self._next_index = 0
        batch = waiting[self._next_index : self._next_index + _RESTORE_BATCH_SIZE]
        self._next_index += len(batch)
        found = await self._xero.look_up([change.contact_id for change in batch])
        self._on_write(
            await self._store.save_contacts(
                found.contacts, self._now(), deleted=found.unknown, missing=found.missing
            )
        )
        await self._refuse_impossible(batch, found.contacts)

    async def _refuse_impossible(self, batch: Sequence[Change], contacts: Sequence[Contact]) -> None:
        """Refuse restores that are no longer possible, such as of a merged contact."""
        reasons = {contact.contact_id: ineligible_reason(contact) for contact in contacts}
        requests = [
            TransitionRequest(change.change_id, Transition.REFUSE, notice=Notice(reason))
            for change in batch
            if (reason := reasons.get(change.contact_id))
        ]
        if requests:
            self._on_write(await self._store.record_transitions(requests, self._now()))
