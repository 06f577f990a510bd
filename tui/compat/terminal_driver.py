"""Textual's driver for POSIX terminals, hardened against invalid input and interruptions.

Part of what `tui.compat.textual` overrides in Textual.
"""

from __future__ import annotations

import codecs
import os
import selectors
import signal
import sys
import termios
import weakref
from contextlib import suppress
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from textual import events
from textual._time import get_time
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual.message import Message


# Windows has its own driver; this makes mypy skip the rest there.
assert sys.platform != "win32"  # noqa: S101 - as above

_READ_BYTES: Final = 4096
_CLOSED_SECONDS: Final = 0.1
_PASTE_TIMEOUT_SECONDS: Final = 5.0
_MOST_COLUMNS, _MOST_LINES = 2000, 1000
_MOST_PASTED: Final = 100_000
# Alternate screen, no cursor, focus events, bracketed paste, no wrapping; then the keyboard protocol, set
# instead of pushed, so that leaving pops only what starting pushed.
# The terminal keeps its title for later; without support for that, the title is cleared when the app ends.
_KEEP_TITLE: Final = "\x1b[22;2t"
_RESTORE_TITLE: Final = "\x1b]2;\x1b\\\x1b[23;2t"
_REENTER_SEQUENCE: Final = "\x1b[?1049h\x1b[?25l\x1b[?1004h\x1b[?2004h\x1b[?7l\x1b[=25;1u"


def clamp_size(width: int, height: int) -> tuple[int, int]:
    """Return a size in cells within limits, which a terminal might not keep."""
    return min(max(width, 1), _MOST_COLUMNS), min(max(height, 1), _MOST_LINES)


class TerminalParser(XTermParser):
    """Ignores sequences that can't be keys or mouse events; Textual's parser raises on some of them."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterator[events.Key]:  # noqa: FBT001, FBT002 - Textual's signature
        try:
            keys: Iterable[events.Key] = list(super()._sequence_to_key_events(sequence, alt))
        except (ValueError, OverflowError):
            keys = [events.Key(Keys.Ignore, sequence)]
        for key in keys:
            # Half of a surrogate pair isn't a character: it can be neither displayed nor stored.
            is_character = not any("\ud800" <= char <= "\udfff" for char in f"{key.key}{key.character or ''}")
            yield key if is_character else events.Key(Keys.Ignore, sequence)

    def parse_mouse_code(self, code: str) -> Message | None:
        """Return the mouse event, or None if the code isn't valid."""
        try:
            return super().parse_mouse_code(code)
        except (ArithmeticError, ValueError):
            return None


class TerminalInput:
    """Converts bytes from the terminal to events.

    Bytes that aren't UTF-8 are dropped. An unterminated paste is ended after a few seconds without input:
    Textual would treat all later keys as part of it.
    """

    def __init__(self) -> None:
        self._parser = TerminalParser()
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._tail = ""
        self._is_pasting = False
        self._last_read = monotonic()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the events of the bytes read."""
        self._last_read = monotonic()
        text = self._decoder.decode(data)
        if text:
            self._track_paste(text)
            yield from self._parser.feed(text)
            yield from self._parser.tick()

    @property
    def seconds_left(self) -> float | None:
        """How long to wait for more input before calling `idle`; None if nothing is unfinished.

        An Esc, for example, may be the beginning of another key.
        """
        timeout = self._parser._timeout_time  # noqa: SLF001 - see tui.compat.textual
        if timeout is not None:
            return max(0.0, timeout - get_time())
        return max(0.0, self._last_read + _PASTE_TIMEOUT_SECONDS - monotonic()) if self._is_pasting else None

    def idle(self) -> Iterator[Message]:
        """Yield the events that are due because no more input came."""
        yield from self._parser.tick()
        if self._is_pasting and monotonic() - self._last_read > _PASTE_TIMEOUT_SECONDS:
            # Twice: the first may end a truncated sequence.
            yield from self.feed((BRACKETED_PASTE_END * 2).encode())

    def _track_paste(self, text: str) -> None:
        seen = self._tail + text
        start, end = seen.rfind(BRACKETED_PASTE_START), seen.rfind(BRACKETED_PASTE_END)
        if start != end:
            self._is_pasting = start > end
        self._tail = seen[1 - len(BRACKETED_PASTE_START) :]


class _StopEvent(Event):
    """Stops the input thread, even while it waits for keys: `select` can wait for this event too."""

    def __init__(self) -> None:
        super().__init__()
        self._reader, self._writer = os.pipe()
        weakref.finalize(self, _close_all, self._reader, self._writer)

    def fileno(self) -> int:
        """Return the file handle that becomes readable."""
        return self._reader

    def set(self) -> None:
        """Tell the thread to stop."""
        if not self.is_set():
            super().set()
            os.write(self._writer, b".")

    def clear(self) -> None:
        """Allow another thread to start."""
        if self.is_set():
            super().clear()
            os.read(self._reader, 1)


def _title_sequence(title: str) -> str:
    return f"\x1b]2;{title}\x1b\\"


def _close_all(*handles: int) -> None:
    for handle in handles:
        os.close(handle)


class TerminalDriver(LinuxDriver):
    """Reads the terminal without ever ending the app, and resumes after the process was stopped."""

    _raw_mode: list[Any] | None = None
    _title = ""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.exit_event = self._stop = _StopEvent()

    # --- input ---

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            # The terminal is closed.
            self._call_in_loop(self._app.exit)
        except Exception as error:  # noqa: BLE001 - reported like any other unexpected error
            self._call_in_loop(self._app._handle_exception, error)  # noqa: SLF001 - see tui.compat.textual

    def run_input_thread(self) -> None:
        """Read the terminal until the driver stops."""
        terminal = TerminalInput()
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._stop, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                ready = {key.fd for key, _ in selector.select(terminal.seconds_left)}
                if self.fileno in ready:
                    data = os.read(self.fileno, _READ_BYTES)
                    if not data:
                        # A closed terminal is always ready to be read.
                        self.exit_event.wait(_CLOSED_SECONDS)
                    for event in terminal.feed(data):
                        self.process_message(event)
                for event in terminal.idle():
                    self.process_message(event)

    def process_message(self, message: Message) -> None:
        """Pass an event to the app, unless its values are impossible."""
        if isinstance(message, events.Resize) and message.size != clamp_size(*message.size):
            return
        if isinstance(message, events.Paste):
            message.text = message.text[:_MOST_PASTED]
        super().process_message(message)

    def _get_terminal_size(self) -> tuple[int, int]:
        return clamp_size(*super()._get_terminal_size())

    # --- output ---

    def write(self, data: str) -> None:
        """Write to the terminal; data is dropped while the app doesn't own it.

        Textual's own method would wait forever for a thread that has ended.
        """
        if self._writer_thread is not None and self._writer_thread.is_alive():
            super().write(data)

    def set_title(self, title: str) -> None:
        """Set the terminal's title, until the app ends or is stopped; the text must be safe."""
        if title != self._title:
            self.write(("" if self._title else _KEEP_TITLE) + _title_sequence(title))
            self._title = title

    # --- stopping and continuing ---

    @property
    def _has_terminal(self) -> bool:
        return self._key_thread is not None and self._key_thread.is_alive()

    def start_application_mode(self) -> None:
        """Take over the terminal, unless already done: a second thread would read every other key."""
        if self._has_terminal:
            return
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._title:
            self.write(_KEEP_TITLE + _title_sequence(self._title))
        with suppress(termios.error):
            self._raw_mode = termios.tcgetattr(self.fileno)

    def stop_application_mode(self) -> None:
        """Restore the terminal after all output is written.

        Textual turns on flow control before that: a Ctrl+S typed while the app closes would then block the
        output, and the app would never end.
        """
        found, self.attrs_before = self.attrs_before, None
        if self._title:
            self.write(_RESTORE_TITLE)
        super().stop_application_mode()
        self.close()
        self.attrs_before = found
        if found is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, found)

    def _sigtstp_application(self, *_: object) -> None:
        # Not in the signal handler, which may have interrupted a write to the queue it would need.
        if not self._call_in_loop(self._stop_process):
            os.kill(os.getpid(), signal.SIGSTOP)

    def _stop_process(self) -> None:
        if self._auto_restart and self._has_terminal:
            self.suspend_application_mode()
            self._must_signal_resume = True
        os.kill(os.getpid(), signal.SIGSTOP)

    def _sigcont_application(self, *_: object) -> None:
        self._call_in_loop(self._continue)

    def _continue(self) -> None:
        # An app that is closing has restored the terminal for good.
        if not self._auto_restart or not self._app._running:  # noqa: SLF001 - see tui.compat.textual
            return
        if self._has_terminal:
            self._restore_terminal()
        elif not self.exit_event.is_set():
            self.resume_application_mode()

    def _restore_terminal(self) -> None:
        """Set up the terminal again after an unexpected stop: the shell may have used it in between."""
        if self._raw_mode is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self._raw_mode)
        self.write(_REENTER_SEQUENCE)
        if self._title:
            self.write(_title_sequence(self._title))
        self._enable_mouse_support()
        self._app.refresh(layout=True)

    def _call_in_loop(self, call: Any, *arguments: object) -> bool:
        """Call a function in the app's loop, from any thread or signal; False if the loop has ended."""
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            return False
        return True
