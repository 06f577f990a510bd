"""A program in a pseudo-terminal of 120 by 40: what it paints, when, and what it costs.

A thread does nothing but read what is painted and note the time. The painted bytes are followed on a small
terminal emulator only after the keys were pressed, so that watching doesn't slow down what is watched.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

COLUMNS, ROWS = 120, 40
#: Seconds within which anything that is awaited has to be painted, on a busy machine too.
PATIENCE = 20.0
_LOADING_PATIENCE = 180.0
DOWN, PAGE_DOWN, HOME, CTRL_HOME = "\x1b[B", "\x1b[6~", "\x1b[H", "\x1b[1;5H"
ESCAPE, CLEAR_INPUT, FOCUS_OUT = "\x1b", "\x15", "\x1b[O"

_TOKEN = re.compile(
    r"\x1b\[(?P<private>[?<>=]?)(?P<numbers>[\d;:]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]P_^X].*?(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])"
    r"|(?P<words>[^\x00-\x1f\x7f]+)",
    re.DOTALL,
)
# The program asks whether the terminal knows marked frames. It does: a frame counts once its end was read.
_SYNC_ASKED, _SYNC_ANSWERED, _FRAME_MODE = b"\x1b[?2026$p", b"\x1b[?2026;2$y", 2026
_FRAME_END = re.compile(rb"(?<=\x1b\[\?2026l)")
_INHERITED = ("RESHELVE_", "TEXTUAL", "FZF_", "PYTHON", "COLUMNS", "LINES", "NO_COLOR")


class Screen:
    """What is on the screen: lines of text, without colours, and the place of the cursor."""

    def __init__(self) -> None:
        self.lines = [" " * COLUMNS] * ROWS
        self.row = self.column = 0
        self.is_in_frame = False
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._unread = ""

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(line.rstrip() for line in self.lines)

    def typed(self, words: str, beyond: int = 0) -> bool:
        """Say whether these words are before the cursor, which is so many cells further right."""
        return self.lines[self.row][: max(0, self.column - beyond)].endswith(words)

    def feed(self, output: bytes) -> None:
        """Follow what a program has written."""
        text, position = self._unread + self._decode(output), 0
        while found := _TOKEN.match(text, position):
            position = found.end()
            if words := found["words"]:
                self._put(words)
            elif control := found["control"]:
                self._control(control)
            elif final := found["final"]:
                numbers = [int(number or 0) for number in re.split("[;:]", found["numbers"])]
                self._command(found["private"], numbers, final)
        self._unread = text[position:]

    def _put(self, words: str) -> None:
        line = self.lines[self.row]
        self.lines[self.row] = (line[: self.column] + words + line[self.column + len(words) :])[:COLUMNS]
        self.column = min(self.column + len(words), COLUMNS)

    def _control(self, control: str) -> None:
        if control == "\r":
            self.column = 0
        elif control == "\b":
            self.column = max(0, self.column - 1)
        elif control == "\n" and self.row < ROWS - 1:
            self.row += 1
        elif control == "\n":
            self.lines = [*self.lines[1:], " " * COLUMNS]

    def _command(self, private: str, numbers: list[int], final: str) -> None:
        count = max(1, numbers[0])
        if private:
            if private == "?" and final in "hl" and _FRAME_MODE in numbers:
                self.is_in_frame = final == "h"
        elif final in "Hf":
            row, column = (*numbers, 1)[:2]
            self.row, self.column = min(max(row, 1), ROWS) - 1, min(max(column, 1), COLUMNS) - 1
        elif final in "AB":
            self.row = min(max(self.row + (count if final == "B" else -count), 0), ROWS - 1)
        elif final in "CD":
            self.column = min(max(self.column + (count if final == "C" else -count), 0), COLUMNS - 1)
        elif final == "G":
            self.column = min(count, COLUMNS) - 1
        elif final == "K":
            line, blank = self.lines[self.row], " " * COLUMNS
            ends = (line[: self.column] + blank, blank[: self.column] + line[self.column :], blank)
            self.lines[self.row] = ends[numbers[0]][:COLUMNS]
        elif final == "J" and numbers[0] == 0:
            self._command("", [0], "K")
            self.lines[self.row + 1 :] = [" " * COLUMNS] * (ROWS - self.row - 1)
        elif final == "J":
            self.lines = [" " * COLUMNS] * ROWS


Condition: TypeAlias = "Callable[[Screen], bool]"


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key, and by name what it makes appear, such as the echo of a letter."""

    keys: str
    effects: Mapping[str, Condition]


class NeverPaintedError(Exception):
    """What was awaited never appeared; the message has what was on the screen instead."""


class Terminal:
    """Runs a program. `with Terminal(command, environment) as terminal:` ends it with the block."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_INHERITED)}
        given = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **environment}
        self._command, self._environment = command, {**kept, **given}
        self.screen = Screen()
        #: When the last thing on the screen was painted.
        self.moment = 0.0
        #: When each key of the last `press_all` was pressed.
        self.pressed: list[float] = []
        self._parts: deque[tuple[float, bytes]] = deque()
        self._news = threading.Condition()
        self._is_over = False

    def __enter__(self) -> Self:
        self._handle, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.started = self.moment = time.perf_counter()
        self._process = subprocess.Popen(
            self._command,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=self._environment,
            preexec_fn=_own_terminal,  # noqa: PLW1509 - it only makes two system calls
        )
        os.close(follower)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                self._process.send_signal(number)
                try:
                    self._process.wait(15)
                except subprocess.TimeoutExpired:
                    continue
        self._reader.join(15)
        os.close(self._handle)

    # -- what it costs

    @property
    def cpu(self) -> float:
        """Seconds of processor time used so far by all threads, to the nanosecond."""
        return time.clock_gettime((~self._process.pid << 3) | 2)

    @property
    def megabytes(self) -> float:
        """What the process holds in memory (RSS)."""
        return float(psutil.Process(self._process.pid).memory_info().rss) / 1e6

    @property
    def wakeups(self) -> int:
        """How often one of its threads has gone to sleep so far, and so was woken again."""
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/status")
        found = (
            re.search(r"^voluntary_ctxt_switches:\s*(\d+)", file.read_text(), re.MULTILINE) for file in tasks
        )
        return sum(int(one[1]) for one in found if one)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def rest(self) -> None:
        """Wait until it has used next to nothing of the processor for a second: all is loaded."""
        before, end = self.cpu, time.monotonic() + _LOADING_PATIENCE
        while time.monotonic() < end:
            time.sleep(1)
            before, used = self.cpu, self.cpu - before
            if used <= 0.05:
                return
        raise NeverPaintedError("It never came to rest.")

    # -- keys

    def press(self, keys: str) -> float:
        """Type; returns when that was."""
        now = time.perf_counter()
        os.write(self._handle, keys.encode())
        return now

    def until(self, condition: Condition, what: str) -> float:
        """Wait until this is on the screen; returns when it was painted."""
        if not condition(self.screen) and not any(condition(self.screen) for _ in self.frames(PATIENCE)):
            raise NeverPaintedError(f"{what} was never painted. There was:\n{self.screen.text}")
        return self.moment

    def press_all(self, strokes: Sequence[Stroke], seconds: float) -> dict[str, list[float]]:
        """Press keys at this pace, whether or not the program keeps up; returns milliseconds by effect.

        If the program skips the effect of a key, as more keys have come since, that of a later key counts.
        """
        self.catch_up()
        self.pressed = pressed = []
        begun = time.perf_counter()
        for number, stroke in enumerate(strokes):
            time.sleep(max(0.0, begun + number * seconds - time.perf_counter()))
            pressed.append(self.press(stroke.keys))
        times: dict[str, list[float]] = {name: [] for stroke in strokes for name in stroke.effects}
        for _ in self.frames(PATIENCE):
            for name, seen in times.items():
                for index in range(len(strokes) - 1, len(seen) - 1, -1):
                    if pressed[index] < self.moment and strokes[index].effects[name](self.screen):
                        seen += [(self.moment - at) * 1000 for at in pressed[len(seen) : index + 1]]
                        break
            if all(len(seen) == len(strokes) for seen in times.values()):
                return times
        missing = {name: strokes[len(seen)].keys for name, seen in times.items() if len(seen) < len(strokes)}
        raise NeverPaintedError(f"Never painted: {missing}. There was:\n{self.screen.text}")

    def catch_up(self) -> None:
        """Follow all that was painted so far."""
        for _ in self.frames():
            pass

    def frames(self, patience: float = 0) -> Iterator[None]:
        """Follow frame by frame what was painted so far, and for so many seconds more."""
        end = time.monotonic() + patience
        while True:
            with self._news:
                while not self._parts and not self._is_over and time.monotonic() < end:
                    self._news.wait(1)
                if not self._parts or (patience and time.monotonic() > end):
                    return
                self.moment, painted = self._parts.popleft()
            for part in _FRAME_END.split(painted):
                self.screen.feed(part)
                if part and not self.screen.is_in_frame:
                    yield

    def _read(self) -> None:
        asked = b""
        while True:
            try:
                part = os.read(self._handle, 1 << 16)
            except OSError:  # Linux says so when the last process has let go
                part = b""
            now = time.perf_counter()
            with self._news:
                self._is_over = not part
                if part:
                    self._parts.append((now, part))
                self._news.notify_all()
            if not part:
                return
            asked = asked[-len(_SYNC_ASKED) :] + part
            if _SYNC_ASKED in asked:
                os.write(self._handle, _SYNC_ANSWERED)
                asked = b""


def _own_terminal() -> None:
    """Make standard input the controlling terminal, which fzf opens."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
