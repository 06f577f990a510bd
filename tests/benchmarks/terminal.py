"""A program in a pseudo-terminal of 120×40: what it paints, when, and its cost."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

_ROWS, _COLUMNS = 40, 120
_PATIENCE = 30.0
_SYNC_ASKED, _SYNC_ANSWERED = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
_FRAME_STARTS, _FRAME_ENDS = b"\x1b[?2026h", b"\x1b[?2026l"
_MOVE = re.compile(r"\x1b\[[\d;]*[Hf]")
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]_P][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")


class Terminal:
    """Starts a program and reads all it paints.

    Of the terminal's many answers it gives the one that Textual asks real terminals for: that frames can
    be marked. A frame counts as painted when its end has been read.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = {
            **os.environ,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            **environment,
        }
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._news = threading.Condition()
        self._is_over = False
        self._painted = b""
        self._moment = 0.0

    def __enter__(self) -> Self:
        self._handle, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            self._command,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=self._environment,
            start_new_session=True,
        )
        os.close(follower)
        self.usage = psutil.Process(self._process.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(10)
        os.close(self._handle)

    @property
    def megabytes(self) -> float:
        """The memory of the process, with shared libraries."""
        return float(self.usage.memory_info().rss) / 1e6

    @property
    def processor_seconds(self) -> float:
        """The CPU time of the process so far, in all threads."""
        times = self.usage.cpu_times()
        return float(times.user + times.system)

    def press(self, keys: str) -> float:
        """Forget what was painted, then type; return the time of the key."""
        with self._news:
            self._chunks.clear()
            self._painted = b""
        now = time.perf_counter()
        os.write(self._handle, keys.encode())
        return now

    def until(self, is_there: Callable[[str], bool], what: str) -> float:
        """Wait until this was painted since the last key; return when."""
        end = time.monotonic() + _PATIENCE
        while not (self._is_whole and is_there(self.text)):
            with self._news:
                while not self._chunks and not self._is_over and time.monotonic() < end:
                    self._news.wait(1)
                if not self._chunks:
                    raise RuntimeError(f"{what} was never painted. There was:\n{self.text[-3000:]}")
                self._moment, chunk = self._chunks.popleft()
            self._painted += chunk
        return self._moment

    def until_shown(self, words: str) -> float:
        """Wait until the words have been painted."""
        return self.until(lambda text: words in text, repr(words))

    def until_quiet(self) -> None:
        """Wait until the process has been idle for a second, when its index is loaded."""
        before = self.processor_seconds
        for _ in range(int(_PATIENCE)):
            time.sleep(1)
            before, used = self.processor_seconds, self.processor_seconds - before
            if used <= 0.05:
                return
        raise RuntimeError("the program never came to rest")

    @property
    def _is_whole(self) -> bool:
        return self._painted.count(_FRAME_STARTS) == self._painted.count(_FRAME_ENDS)

    @property
    def text(self) -> str:
        """The text painted since the last key, without colours, one line per part of the screen."""
        text = self._painted.decode(errors="replace")
        return _ESCAPE.sub("", _MOVE.sub("\n", text))

    def _read(self) -> None:
        asked = b""
        while True:
            try:
                chunk = os.read(self._handle, 65_536)
            except OSError:  # Linux says so when the last process has let go
                chunk = b""
            with self._news:
                self._is_over = not chunk
                if chunk:
                    self._chunks.append((time.perf_counter(), chunk))
                self._news.notify_all()
            if not chunk:
                return
            asked += chunk
            if _SYNC_ASKED in asked:
                os.write(self._handle, _SYNC_ANSWERED)
                asked = b""
            asked = asked[-len(_SYNC_ASKED) :]
