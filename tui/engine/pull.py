"""Reading contacts from Xero: all of them once, then what has changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tui.model.snapshot import PullProgress

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.store import Applied, Store
    from tui.xero.client import XeroClient

# Xero's clock counts whole seconds here, and its reads may lag its writes a little.
_OVERLAP = timedelta(minutes=1)
# Balances, and whatever a delta could have missed, are put right by reading everything again.
_FULL_EVERY = timedelta(days=7)

_SINCE = "pull.since"
_FULL_DONE_AT = "pull.full_done_at"
_FULL_PAGE = "pull.full_page"
_FULL_SINCE = "pull.full_since"


class Puller:
    """Brings the local copy up to date. Stopping it anywhere loses nothing: it goes on where it was."""

    def __init__(
        self,
        store: Store,
        xero: XeroClient,
        now: Callable[[], datetime],
        applied: Callable[[Applied], None],
        progress: Callable[[PullProgress | None], None],
    ) -> None:
        self._store = store
        self._xero = xero
        self._now = now
        self._applied = applied
        self._progress = progress

    @property
    def is_full_due(self) -> bool:
        """Whether everything has to be read: the first time, after an interruption, and once a week."""
        done_at = self._store.cursor(_FULL_DONE_AT)
        interrupted = self._store.cursor(_FULL_PAGE) is not None
        return done_at is None or interrupted or abs(self._now() - _time(done_at)) > _FULL_EVERY

    async def pull(self) -> None:
        """Read everything if that is due, else what has changed. Raises `XeroError`."""
        if self.is_full_due:
            await self._full()
        else:
            await self._delta()

    async def _full(self) -> None:
        page = int(self._store.cursor(_FULL_PAGE) or 1)
        try:
            while True:
                answer = await self._xero.contacts(page)
                if page == 1:
                    await self._store.set_cursor(_FULL_SINCE, answer.answered_at.isoformat())
                self._applied(await self._store.apply(answer.contacts, self._now()))
                self._progress(PullProgress(min(page * 1000, answer.item_count), answer.item_count))
                if page >= answer.page_count:
                    break
                page += 1
                await self._store.set_cursor(_FULL_PAGE, str(page))
        finally:
            self._progress(None)
        await self._store.set_cursor(_SINCE, self._store.cursor(_FULL_SINCE))
        await self._store.set_cursor(_FULL_DONE_AT, self._now().isoformat())
        await self._store.set_cursor(_FULL_PAGE, None)

    async def _delta(self) -> None:
        since = _time(self._store.cursor(_SINCE) or "")
        page, answered_at = 1, since
        while True:
            answer = await self._xero.contacts(page, modified_since=since - _OVERLAP)
            if page == 1:
                answered_at = answer.answered_at
            self._applied(await self._store.apply(answer.contacts, self._now()))
            if page >= answer.page_count:
                break
            page += 1
        await self._store.set_cursor(_SINCE, answered_at.isoformat())


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
