"""Reading contacts from Xero: all of them once and every week, else what has changed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from tui.engine.sync.bookmarks import FULL_COUNT, FULL_DONE_AT, FULL_PAGE, FULL_SINCE, SINCE
from tui.engine.sync.unreadable import UnreadableContacts
from tui.engine.sync.vanished import Vanished
from tui.log import logger
from tui.model import moments
from tui.model.errors import AnswerLostError
from tui.model.snapshot import PullProgress

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tui.store import Applied, Store
    from tui.xero.answers import ContactsPage
    from tui.xero.client import XeroClient

# Xero's clock counts whole seconds here, and its reads may lag its writes a little.
_OVERLAP = timedelta(minutes=1)
# Balances, and whatever a delta could have missed, are put right by reading everything again.
_FULL_EVERY = timedelta(days=7)
_PAGE_SIZE = 1000
_MOST_DIGITS = 9
# A reply that lacks contacts is requested again. After so many in a row, it is taken for all there is.
_MOST_PARTIAL = 3


class Puller:
    """Brings the local copy up to date. Stopping it anywhere loses nothing: it goes on where it was.

    `may_spend` says whether the background may make another call today.
    """

    def __init__(
        self,
        store: Store,
        xero: XeroClient,
        now: Callable[[], datetime],
        applied: Callable[[Applied], None],
        progress: Callable[[PullProgress | None], None],
        *,
        may_spend: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._applied = applied
        self._progress = progress
        self._may_spend = may_spend
        self._vanished = Vanished(store, xero, now, applied)
        self._unreadable = UnreadableContacts(store, xero, now, applied, may_spend)
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self._is_full_running = False
        # How many replies in a row lacked contacts.
        self._partial = 0

    @property
    def is_full_due(self) -> bool:
        """Whether everything has to be read: the first time, after an interruption, and once a week.

        A few times more while contacts without an id couldn't be read.
        """
        if self._unreadable.needs_full_read:
            return True
        done_at = self._full_done_at
        interrupted = self._store.cursor(FULL_PAGE) is not None
        return done_at is None or interrupted or abs(self._now() - done_at) > _FULL_EVERY

    @property
    def _full_done_at(self) -> datetime | None:
        """When a full read last ended; None as well where no usable start for the next read is stored."""
        return None if self._since is None else moments.of_text(self._store.cursor(FULL_DONE_AT))

    @property
    def _since(self) -> datetime | None:
        """The start of the next read of changes; None where no believable time is stored."""
        since = moments.of_text(self._store.cursor(SINCE))
        return since if since is not None and since <= self._now() + moments.MOST_AHEAD else None

    def hold(self, *, on: bool) -> None:
        """Hold a full read after the page it is at, or go on with it; what isn't running isn't held."""
        if on and self._is_full_running:
            self._goes_on.clear()
        else:
            self._goes_on.set()

    async def pull(self) -> bool:
        """Read everything if that is due, else what has changed. Raises `XeroError`.

        Returns whether the local copy is up to date now. It isn't where a first full read had to stop
        because the rest of the day's calls is the person's: each pull then reads one more page. A later
        full read is put off instead, in favour of what has changed.
        """
        is_first = self._full_done_at is None
        if is_first or (self.is_full_due and self._may_spend()):
            has_ended = await self._full(is_first=is_first)
            if has_ended or is_first:
                return has_ended
        await self._delta()
        await self._unreadable.ask_again()
        return True

    async def _full(self, *, is_first: bool) -> bool:
        self._is_full_running, is_put_off = True, False
        try:
            page = _number(self._store.cursor(FULL_PAGE)) or 1
            while True:
                answer = self._whole(await self._xero.contacts(page))
                page, is_last = await self._take(answer, page)
                if is_last:
                    break
                if not self._may_spend():
                    is_put_off = is_first
                    return False
                await self._while_held(page, answer.item_count)
            await self._vanished.look()
        finally:
            self._is_full_running = False
            self._goes_on.set()
            if not is_put_off:
                self._progress(None)
        await self._store.set_cursor(SINCE, self._store.cursor(FULL_SINCE))
        await self._store.set_cursor(FULL_DONE_AT, self._now().isoformat())
        await self._store.set_cursor(FULL_PAGE, None)
        await self._store.end_full_read()
        self._unreadable.note_full_read()
        return True

    async def _take(self, answer: ContactsPage, page: int) -> tuple[int, bool]:
        """Store a page; returns which one to read next, and whether this was the last."""
        before = _number(self._store.cursor(FULL_COUNT))
        if page > 1 and (before is None or answer.item_count < before or page > answer.page_count):
            # Something before this page is gone, so that what followed has moved up by a place: onto
            # pages that were read already. New contacts only move it down, which shows it twice.
            await self._begin_again()
            return 1, False
        if page == 1:
            await self._begin(answer)
        await self._store.note_unreadable(answer.unreadable_ids, is_full_read=True)
        self._applied(await self._store.apply(answer.contacts, self._now(), is_full_read=True))
        self._progress(PullProgress(min(page * _PAGE_SIZE, answer.item_count), answer.item_count))
        if page >= answer.page_count:
            return page, True
        await self._store.set_cursor(FULL_COUNT, str(answer.item_count))
        await self._store.set_cursor(FULL_PAGE, str(page + 1))
        return page + 1, False

    async def _begin(self, answer: ContactsPage) -> None:
        await self._store.begin_full_read()
        await self._store.set_cursor(FULL_SINCE, self._no_later(answer.answered_at).isoformat())

    async def _begin_again(self) -> None:
        await self._store.set_cursor(FULL_PAGE, "1")

    async def _while_held(self, page: int, total: int) -> None:
        if not self._goes_on.is_set():
            self._progress(PullProgress(min((page - 1) * _PAGE_SIZE, total), total, is_held=True))
            await self._goes_on.wait()
            self._progress(PullProgress(min((page - 1) * _PAGE_SIZE, total), total))

    async def _delta(self) -> None:
        since = self._since or self._now()
        page, count, answered_at = 1, 0, since
        while True:
            answer = self._whole(await self._xero.contacts(page, modified_since=since - _OVERLAP))
            if answer.item_count < count:
                # As in a full read: what followed something that is gone has moved up.
                page, count = 1, 0
                continue
            count = answer.item_count
            if page == 1:
                answered_at = answer.answered_at
            await self._store.note_unreadable(answer.unreadable_ids)
            self._applied(await self._store.apply(answer.contacts, self._now()))
            if page >= answer.page_count:
                break
            page += 1
        await self._store.set_cursor(SINCE, self._no_later(answered_at).isoformat())

    def _whole(self, answer: ContactsPage) -> ContactsPage:
        """Return a page that has all its contacts. Raises `AnswerLostError` for the first few that don't.

        Taken for whole, it would leave out contacts until the next full read.
        """
        if answer.is_whole:
            self._partial = 0
        elif self._partial < _MOST_PARTIAL:
            self._partial += 1
            raise AnswerLostError(
                "Xero's reply was incomplete.",
                "Nothing is lost: Reshelve retries automatically.",
            )
        else:
            logger.warning("pull: page %d lacks contacts at every attempt", answer.page)
        return answer

    def _no_later(self, answered_at: datetime) -> datetime:
        """Return when an answer was given. One that is dated ahead must not hide what comes until then."""
        return min(answered_at, self._now())


def _number(stored: str | None) -> int | None:
    """Read a page or a count; None for anything else."""
    is_number = stored is not None and stored.isascii() and stored.isdecimal() and len(stored) <= _MOST_DIGITS
    return int(stored) if stored is not None and is_number else None
