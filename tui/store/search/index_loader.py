"""Keeps the search index in memory up to date in the background."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Final

from tui.model.errors import ReshelveError, StoreClosedError, StoreError, UnexpectedError
from tui.store.search.contact_index import LoadCancelledError, load
from tui.store.search.scan import RecentSearches
from tui.system.log import log_unexpected, logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.model.contact import ContactStatus
    from tui.store.database import Database
    from tui.store.search.contact_index import ContactIndex

# The pause between two loads, in times of the last one: a sync of many pages changes the order all the time.
_PAUSE_FACTOR: Final = 10
# A search waits for a load that is as short as this, so results for small stores are always exact.
_CHEAP_SECONDS: Final = 0.03


class IndexLoader:
    """Keeps the current index, updates statuses in it, and reloads it when order or texts have changed."""

    def __init__(self, database: Database) -> None:
        self.index: ContactIndex | None = None
        self.recent = RecentSearches()
        #: Called on the event loop's thread after each load: earlier results may be out of date.
        self.on_loaded: Callable[[], None] = lambda: None
        self._database = database
        self._task: asyncio.Task[None] | None = None
        self._is_stale = True
        self._is_urgent = asyncio.Event()
        # Callers waiting for the running load, and for the next one.
        self._waiting_now: list[asyncio.Future[None]] | None = None
        self._waiting_next: list[asyncio.Future[None]] = []
        self._patches: list[tuple[int, ContactStatus]] = []
        self._load_seconds = 0.0
        self._ended_at = 0.0
        self._stop = threading.Event()

    async def load(self) -> None:
        """Wait for an index of everything stored now, loading it at once if needed. Raises `StoreError`."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._waiting_now is not None and not self._is_stale:
            self._waiting_now.append(waiter)
        elif self.index is None or self._is_stale:
            self._waiting_next.append(waiter)
            self._is_stale = True
            self._is_urgent.set()
            self._start()
        else:
            return
        await waiter

    async def wait_while_stale(self) -> None:
        """Wait for an outdated or loading index, if loading is quick."""
        is_current = not self._is_stale and self._waiting_now is None
        if self.index is not None and not is_current and self._load_seconds <= _CHEAP_SECONDS:
            with suppress(StoreError, UnexpectedError):
                await self.load()

    def mark_stale(self) -> None:
        """Reload the index soon; does nothing until the first load is requested."""
        self._is_stale = True
        if self._task is not None:
            self._start()

    def patch(self, rowid: int, status: ContactStatus) -> None:
        """Update a status, in the index and in a load that may be running."""
        self._patches.append((rowid, status))
        if self.index is not None:
            self.index.patch(rowid, status)

    def close(self) -> None:
        """Stop a running load; no one is waiting for it any more."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()

    def _start(self) -> None:
        if (self._task is None or self._task.done()) and not self._stop.is_set():
            self._task = asyncio.create_task(self._keep_loading(), name="spine")

    async def _keep_loading(self) -> None:
        try:
            while self._is_stale:
                await self._pause()
                await self._load_once()
        except StoreError as error:
            # Retried after the next change or search.
            logger.warning("the search could not be brought up to date: %s", error)
        except UnexpectedError:
            # Logged and reported to waiting callers; searches use the previous index, or SQL.
            return
        except Exception as error:  # noqa: BLE001 - this task is never awaited
            log_unexpected("loading the search index", error)
        finally:
            _notify(self._waiting_next, StoreClosedError())
            self._waiting_next = []

    async def _load_once(self) -> None:
        self._is_stale = False
        self._patches.clear()
        waiting = self._waiting_now = self._waiting_next
        self._waiting_next = []
        started_at = perf_counter()
        try:
            index = await asyncio.to_thread(self._read)
            for rowid, status in self._patches:
                index.patch(rowid, status)
            self.index, self.recent = index, RecentSearches()
        except StoreError as error:
            self._is_stale = True
            _notify(waiting, error)
            raise
        except (LoadCancelledError, asyncio.CancelledError):
            _notify(waiting, StoreClosedError())
            raise asyncio.CancelledError from None
        except Exception as error:
            self._is_stale = True
            log_unexpected("loading the search index", error)
            unexpected = UnexpectedError(type(error).__name__)
            _notify(waiting, unexpected)
            raise unexpected from error
        else:
            _notify(waiting)
            self.on_loaded()
        finally:
            self._waiting_now = None
            self._ended_at = perf_counter()
            self._load_seconds = self._ended_at - started_at

    async def _pause(self) -> None:
        remaining = self._ended_at + _PAUSE_FACTOR * self._load_seconds - perf_counter()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(remaining, 0)):
                await self._is_urgent.wait()
        self._is_urgent.clear()

    def _read(self) -> ContactIndex:
        with self._database.read_connection() as connection:
            return load(connection, is_stopped=self._stop.is_set)


def _notify(waiting: list[asyncio.Future[None]], error: ReshelveError | None = None) -> None:
    for waiter in waiting:
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
