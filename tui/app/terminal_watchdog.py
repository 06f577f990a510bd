"""Ends the app when its terminal goes away, so that no process is left behind."""

from __future__ import annotations

import asyncio
import io
import os
import select
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_CHECK_SECONDS = 1.0
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGHUP", "SIGTERM") if hasattr(signal, name)
)  # Windows has no SIGHUP


class _Timers(Protocol):
    def set_interval(self, interval: float, callback: Callable[[], None]) -> object: ...


class TerminalWatchdog:
    """Calls `end` when the terminal is closed or the process is asked to stop.

    Signals alone don't do: started with SIGHUP ignored (nohup, some terminals and ssh), a Textual app whose
    terminal is gone reads end of file for ever, at full speed. So the input is looked at as well.
    """

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._poll: select.poll | None = None

    def watch(self, timers: _Timers) -> None:
        """Begin to watch, from the loop's thread."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            with suppress(NotImplementedError, RuntimeError):
                loop.add_signal_handler(number, self._end)
        # Polled for a hang-up alone: what the person types is left for Textual to read.
        if sys.__stdin__ is not None and hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(sys.__stdin__.fileno(), 0)
            timers.set_interval(_CHECK_SECONDS, self._check_terminal)

    def release(self) -> None:
        """Leave signals to their defaults again, so that a stop that hangs can be interrupted."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            with suppress(NotImplementedError, RuntimeError):
                loop.remove_signal_handler(number)

    def _check_terminal(self) -> None:
        if self._poll is not None and any(event & select.POLLHUP for _, event in self._poll.poll(0)):
            self._end()


class _SafeOutput(io.FileIO):
    """Takes what is written after the terminal has gone as written: nobody is there to see it."""

    def write(self, data: Any, /) -> int:
        """Write what can be written."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def ignore_terminal_write_errors() -> None:
    """Let what Textual paints on never fail; to be called before the app runs.

    Textual's thread that paints ends at the first error, as a closed terminal gives. What was to be painted
    then piles up until the app waits for ever for somebody to take it.
    """
    if sys.__stderr__ is not None and os.isatty(sys.__stderr__.fileno()):
        raw = _SafeOutput(sys.__stderr__.fileno(), "w", closefd=False)
        sys.__stderr__ = io.TextIOWrapper(  # type: ignore[misc]  # it is what Textual opens
            io.BufferedWriter(raw), encoding=sys.__stderr__.encoding, errors="replace", newline=""
        )
