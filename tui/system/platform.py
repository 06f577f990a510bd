"""Differences between POSIX systems and Windows.

On Windows, files need no modes, as the user's profile folder is private. There is no SIGHUP and no terminal
that can hang up; closing a console ends its programs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

if sys.platform == "win32":
    import subprocess
    import threading
else:
    import fcntl
    import select

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST_BYTES: Final = 65_536

if sys.platform == "win32":
    #: The signals that stop a program from outside: from the console, or its close button.
    STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGBREAK)
    #: `subprocess.Popen` options for a process that survives this terminal's keys and closing.
    OWN_SESSION: Final[dict[str, Any]] = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    #: The signals that stop a program from outside: from the system, or a terminal that is closed.
    STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
    #: `subprocess.Popen` options for a process that survives this terminal's keys and closing.
    OWN_SESSION: Final[dict[str, Any]] = {"start_new_session": True}


# --- files ---


def open_without_waiting(file: Path) -> int:
    """Open a file for reading and return its handle, without blocking on a pipe."""
    if sys.platform == "win32":
        return os.open(file, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)
    else:  # noqa: RET505 - mypy checks one branch for each system
        return os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def set_mode(handle: int, mode: int) -> None:
    """Set the mode of an open file, where supported."""
    if sys.platform != "win32":
        os.fchmod(handle, mode)


def try_database_lock(file: IO[bytes]) -> None:
    """Lock an open file as databases do. Raises `OSError` if that isn't possible."""
    if sys.platform != "win32":
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_file_lock(file: IO[bytes]) -> None:
    """Lock an open file as `filelock` does. Raises `BlockingIOError` if it is locked, otherwise `OSError`."""
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock_holder(file: Path) -> int | None:
    """Return the ID of the process that has locked a file as `filelock` does; None if unknown.

    Only Linux tells; processes of another container aren't known there either.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            inode = file.stat().st_ino
            for line in Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines():
                # Number, kind, mode, access, process, device and inode.
                fields = line.split()
                if fields[1:2] == ["FLOCK"] and fields[5].rpartition(":")[2] == str(inode):
                    return int(fields[4]) or None
    return None


def is_open_to_others(file: Path) -> bool:
    """Return whether other users of this computer can read a file or list a folder."""
    if sys.platform == "win32":
        return False
    else:  # noqa: RET505 - mypy checks one branch for each system
        try:
            return bool(file.stat().st_mode & 0o044)
        except OSError:
            return False


# --- memory ---


_LARGE_BYTES: Final = 128 * 1024


class MemoryAllocator:
    """Returns freed memory to the system, on Linux with glibc; elsewhere it does nothing.

    Otherwise each thread keeps a pool of its own, and memory that was freed stays with the process.
    """

    #: mallopt's M_ARENA_MAX and M_MMAP_THRESHOLD.
    _MOST_POOLS: Final = -8
    _LARGE: Final = -3

    def __init__(self) -> None:
        self._trim: Callable[[int], int] | None = None
        if sys.platform == "linux":
            # Too slow for the start of the program.
            import ctypes

            library = ctypes.CDLL(None)
            with suppress(AttributeError):
                library.mallopt(self._MOST_POOLS, 1)
                # Otherwise glibc raises this threshold, and memory of freed arrays stays with the process.
                library.mallopt(self._LARGE, _LARGE_BYTES)
                self._trim = library.malloc_trim

    def trim(self) -> None:
        """Return free memory to the system; takes about a millisecond."""
        if self._trim is not None:
            self._trim(0)


# --- signals ---


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Defer Ctrl-C until the end of the block; main thread only."""
    pending: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: pending.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pending:
        signal.raise_signal(signal.SIGINT)


def on_signals(numbers: tuple[int, ...], callback: Callable[[], None]) -> Callable[[], None]:
    """Call back in the running loop on any of the signals. Returns a function that stops it."""
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":
        previous = {
            number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(callback))
            for number in numbers
        }

        def restore() -> None:
            for number, handler in previous.items():
                signal.signal(number, handler)

        return restore
    else:  # noqa: RET505 - mypy checks one branch for each system
        handled = []
        for number in numbers:
            # Signals only work in the main thread.
            with suppress(RuntimeError):
                loop.add_signal_handler(number, callback)
                handled.append(number)

        def remove() -> None:
            for number in handled:
                with suppress(RuntimeError):
                    loop.remove_signal_handler(number)

        return remove


# --- terminals ---


class HangUpDetector:
    """Checks whether the terminal of standard input is gone."""

    def __init__(self) -> None:
        if sys.platform != "win32":
            self._poll = select.poll()
            if sys.__stdin__ is not None:
                # Only hang-ups: typed input is left unread.
                self._poll.register(sys.__stdin__.fileno(), 0)

    @property
    def has_hung_up(self) -> bool:
        """Whether the terminal is gone."""
        if sys.platform == "win32":
            return False
        else:  # noqa: RET505 - mypy checks one branch for each system
            return any(event & select.POLLHUP for _, event in self._poll.poll(0))


@contextmanager
def terminal_lines(on_line: Callable[[str], None], terminal: int = 0) -> Iterator[None]:
    """Call `on_line`, in the running loop, with each line typed or pasted while the block runs.

    A terminal returns whole lines, so this never waits for the rest of one.
    """
    loop = asyncio.get_running_loop()

    def received(typed: bytes) -> None:
        for line in typed.decode(errors="replace").splitlines():
            if line.strip():
                on_line(line.strip())

    if sys.platform == "win32":
        is_open = True

        def read_all() -> None:
            # Windows can't wait for a console together with anything else: the thread ends with the program.
            while is_open and (typed := os.read(terminal, _MOST_BYTES)):
                loop.call_soon_threadsafe(lambda: received(typed) if is_open else None)

        threading.Thread(target=read_all, daemon=True).start()
        try:
            yield
        finally:
            is_open = False
    else:

        def read() -> None:
            try:
                typed = os.read(terminal, _MOST_BYTES)
            except OSError:
                typed = b""
            if not typed:
                # The terminal was closed or ctrl+d was pressed.
                loop.remove_reader(terminal)
            received(typed)

        loop.add_reader(terminal, read)
        try:
            yield
        finally:
            loop.remove_reader(terminal)
