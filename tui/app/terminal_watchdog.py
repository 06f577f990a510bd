"""Ends the app when its terminal is closed, so that no process is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tui.system.platform import STOP_SIGNALS, HangUpDetector, on_signals

if TYPE_CHECKING:
    from collections.abc import Callable

_CHECK_SECONDS = 1.0


class _Timers(Protocol):
    def set_interval(self, interval: float, callback: Callable[[], None]) -> object: ...


class TerminalWatchdog:
    """Calls `end` when the terminal is closed or the process is asked to stop.

    Signals aren't enough: with SIGHUP ignored (nohup, some terminals and ssh), a Textual app without a
    terminal reads end of file in a busy loop. So the input is checked as well.
    """

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._hang_up = HangUpDetector()
        self._release_signals: Callable[[], None] = lambda: None

    def watch(self, timers: _Timers) -> None:
        """Start watching; call it from the event loop's thread."""
        self._release_signals = on_signals(STOP_SIGNALS, self._end)
        timers.set_interval(_CHECK_SECONDS, self._check_terminal)

    def release(self) -> None:
        """Restore the default signal handlers, so that a hanging shutdown can be interrupted."""
        self._release_signals()

    def _check_terminal(self) -> None:
        if self._hang_up.has_hung_up:
            self._end()
