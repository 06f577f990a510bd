"""When garbage is collected: while nobody types, as a collection can take longer than a key press."""

from __future__ import annotations

import asyncio
import gc
from typing import Final

from tui.system.platform import MemoryAllocator

# Seconds without a key before garbage is collected.
_QUIET_SECONDS: Final = 1.5
# Seconds between two collections of everything, which can take 0.1 s; the others only look at what is new.
_FULL_SECONDS: Final = 20.0
# For times without such a pause: often of a few new objects, which takes half a millisecond, and hardly ever
# of everything.
_THRESHOLDS: Final = (10_000, 10, 1_000)


class GarbageCollector:
    """Collects garbage once after each spell of activity. An app at rest isn't woken."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._active_at = 0.0
        self._full_at = -_FULL_SECONDS
        self._is_enabled = False
        self._has_settled = False
        self._allocator: MemoryAllocator | None = None

    def enable(self) -> None:
        """Enable collections, if the command line turned them off until the first paint."""
        if gc.isenabled():
            return
        self._is_enabled = True
        # Modules and widgets are never freed: exclude them from collections.
        gc.freeze()
        gc.set_threshold(*_THRESHOLDS)
        gc.enable()
        self._allocator = MemoryAllocator()
        self.record_activity()

    def record_activity(self) -> None:
        """Collect garbage after a pause from now on: something has been pressed."""
        if not self._is_enabled:
            return
        loop = asyncio.get_running_loop()
        self._active_at = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(_QUIET_SECONDS, self._collect_if_quiet)

    def close(self) -> None:
        """Leave the rest to the end of the process."""
        self._is_enabled = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _collect_if_quiet(self) -> None:
        loop = asyncio.get_running_loop()
        remaining = self._active_at + _QUIET_SECONDS - loop.time()
        if remaining > 0:
            self._timer = loop.call_later(remaining, self._collect_if_quiet)
            return
        self._timer = None
        if loop.time() < self._full_at + _FULL_SECONDS:
            gc.collect(1)
        else:
            gc.collect()
            self._full_at = loop.time()
            if not self._has_settled:
                # What was imported after the first paint.
                self._has_settled = True
                gc.freeze()
        if self._allocator is not None:
            self._allocator.trim()
