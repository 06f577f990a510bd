"""Read all transactions from Xero, to know when each contact was last used.

A first read takes a call for every 1,000 transactions, later ones a few calls. It is behind everything else.
"""

from __future__ import annotations

import asyncio
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations of the cursor
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from tui.model import timestamps
from tui.model.activity import ActivityAccess, ActivityStatus, TransactionKind
from tui.model.errors import ForeignReplyError, NotConnectedError, RejectedError, UnexpectedReplyError
from tui.model.snapshot import SyncProgress
from tui.store.sync_state import FULL_SYNC_ENDED_AT
from tui.system.log import logger
from tui.xero.transactions import TransactionResource

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from tui.store import Store
    from tui.xero.client import XeroClient
    from tui.xero.transactions import TransactionsPage


_PAGE_SIZE: Final = 1000
_RESOURCES: Final = tuple(TransactionResource)
# What the progress is about.
_KINDS: Final = {
    TransactionResource.INVOICES: TransactionKind.INVOICE,
    TransactionResource.CREDIT_NOTES: TransactionKind.CREDIT_NOTE,
    TransactionResource.PAYMENTS: TransactionKind.PAYMENT,
    TransactionResource.BANK_TRANSACTIONS: TransactionKind.BANK_TRANSACTION,
    TransactionResource.REPEATING_INVOICES: TransactionKind.REPEATING_INVOICE,
}


class _Cursor(Struct, frozen=True):
    """The next page to read; stored as JSON.

    `since` is the start of an incremental read, None for a read of everything. `began_at` is Xero's time of
    this read's first reply, None before that.
    """

    resource: TransactionResource = _RESOURCES[0]
    page: int = 1
    since: datetime | None = None
    began_at: datetime | None = None

    def next(self, reply: TransactionsPage, began_at: datetime) -> _Cursor | None:
        """Return the cursor after this page; None if it was the last page of all."""
        if self.resource.is_paged and self.page < reply.page_count:
            return _Cursor(self.resource, self.page + 1, self.since, began_at)
        position = _RESOURCES.index(self.resource) + 1
        if position == len(_RESOURCES):
            return None
        return _Cursor(_RESOURCES[position], 1, self.since, began_at)


class ActivityScan:
    """Reads transactions. It can be interrupted anywhere and continues from the page it was at.

    `may_call` returns whether it may make another call today; `on_update` is called when its status changes,
    `on_read` when a read has ended.
    """

    def __init__(
        self,
        store: Store,
        xero: XeroClient,
        now: Callable[[], datetime],
        *,
        may_call: Callable[[], bool],
        on_update: Callable[[], None],
        on_read: Callable[[], None],
        overlap: timedelta,
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._may_call = may_call
        self._on_update = on_update
        self._on_read = on_read
        self._overlap = overlap
        self._resumed = asyncio.Event()
        self._resumed.set()
        self.status = ActivityStatus(read_until=store.activity.known_since)

    @property
    def is_unfinished(self) -> bool:
        """Whether it stopped in the middle: because of a limit, or before all contacts were loaded."""
        return self.status.access is ActivityAccess.ALLOWED and (
            self._store.activity.cursor is not None or not self._store.activity.is_known
        )

    def pause(self, *, on: bool) -> None:
        """Pause after the current page, or resume."""
        if on and self.status.progress is not None:
            self._resumed.clear()
        else:
            self._resumed.set()

    async def read(self) -> None:
        """Read what has changed since the last read, at first everything; resumes an interrupted read.

        Stops early if no more calls may be made today. Raises `XeroError`, except for what would be the same
        next time: a missing scope, or a reply that can't be used.
        """
        if not await self._xero.may_read_activity():
            # Without the scopes, nothing is requested.
            self._update(ActivityAccess.NOT_ALLOWED)
            return
        self._update(ActivityAccess.ALLOWED)
        if self._store.sync_state(FULL_SYNC_ENDED_AT) is None:
            return
        try:
            await self._read_pages()
        except NotConnectedError:
            logger.warning("activity: Xero refuses to return transactions")
            self._update(ActivityAccess.NOT_ALLOWED)
        except ForeignReplyError:
            # From a proxy or gateway: retried as any connection problem.
            raise
        except (RejectedError, UnexpectedReplyError) as error:
            logger.warning("activity: transactions can't be read: %s", error.reason)
            self._update(ActivityAccess.FAILED)
        else:
            self._update(ActivityAccess.ALLOWED)

    async def _read_pages(self) -> None:
        cursor: _Cursor | None = self._first_cursor()
        while cursor is not None:
            if not self._may_call():
                return
            reply = await self._xero.transactions(
                cursor.resource, cursor.page, page_size=_PAGE_SIZE, modified_since=cursor.since
            )
            cursor = await self._save(cursor, reply)
            await self._wait_while_paused()
        self._on_read()

    def _first_cursor(self) -> _Cursor:
        stored = self._store.activity.cursor
        if stored is not None:
            try:
                return msgspec.json.decode(stored, type=_Cursor)
            except msgspec.DecodeError:
                logger.warning("activity: the position of the last read is lost; reading from the start")
        until = self._store.activity.known_since
        is_usable = until is not None and until <= self._now() + timestamps.MOST_AHEAD
        return _Cursor(since=until - self._overlap if until is not None and is_usable else None)

    async def _save(self, cursor: _Cursor, reply: TransactionsPage) -> _Cursor | None:
        began_at = cursor.began_at or min(reply.answered_at, self._now())
        following = cursor.next(reply, began_at)
        is_repeating = cursor.resource is TransactionResource.REPEATING_INVOICES
        await self._store.activity.save_page(
            reply.transactions,
            None if following is None else msgspec.json.encode(following).decode(),
            replaces=TransactionKind.REPEATING_INVOICE if is_repeating else None,
            read_until=began_at if following is None else None,
        )
        done = min(cursor.page * _PAGE_SIZE, reply.item_count)
        self._update(ActivityAccess.ALLOWED, _KINDS[cursor.resource], SyncProgress(done, reply.item_count))
        return following

    async def _wait_while_paused(self) -> None:
        progress = self.status.progress
        if self._resumed.is_set() or progress is None:
            return
        paused = SyncProgress(progress.done, progress.total, is_paused=True)
        self._update(ActivityAccess.ALLOWED, self.status.kind, paused)
        await self._resumed.wait()
        self._update(ActivityAccess.ALLOWED, self.status.kind, progress)

    def _update(
        self,
        access: ActivityAccess,
        kind: TransactionKind | None = None,
        progress: SyncProgress | None = None,
    ) -> None:
        self.status = ActivityStatus(access, self._store.activity.known_since, kind, progress)
        self._on_update()
