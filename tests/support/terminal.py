"""A command in a real pseudo-terminal, and what a user would see there.

with Terminal([sys.executable, "-m", "tui", "demo"], environment) as terminal:
    terminal.until_shown("Reshelve")
    terminal.write("q")
    assert terminal.wait() == 0
"""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import selectors
import struct
import subprocess
import sys
import termios
import threading
import time
from typing import TYPE_CHECKING, Self

import psutil
from rich.cells import get_character_cell_size

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

PATIENCE_SECONDS = 60
# Private modes of a fresh terminal: lines wrap, the cursor is shown.
_WRAP, _CURSOR_SHOWN = 7, 25
_ALTERNATE_SCREEN = 1049
# Makes it the command's controlling terminal, without which closing it sends no SIGHUP.
_LOGIN = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"
_SEQUENCE = re.compile(
    r"\x1b\[(?P<private>[?<>=]?)(?P<numbers>[\d;:]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]P_^X].*?(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]",
    re.DOTALL,
)

# Operating system commands, such as the one that sets the title.
_COMMAND = re.compile(r"\x1b\](\d+);(.*?)(?:\x07|\x1b\\)", re.DOTALL)
_COLOUR = re.compile(r"(?:^|;)((?:[34]8;(?:5;\d+|2;\d+;\d+;\d+)|[34][0-7]|9[0-7]|10[0-7]))(?=;|$)")
SHELL = "shell"


class Screen:
    """The parts of a terminal that Textual needs: a grid, a cursor and modes, without colours.

    `title` is the terminal's title, `notifications` the texts it was asked to show, `bells` how often
    it rang, and `colours` which colours were set.
    """

    def __init__(self, columns: int, lines: int) -> None:
        self.modes = {_WRAP, _CURSOR_SHOWN}
        self.keyboard_protocols = 0
        self.title = SHELL
        self.notifications: list[str] = []
        self.bells = 0
        self.colours: set[str] = set()
        self._titles: list[str] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unread = ""
        self._kept = (_blank(columns, lines), (0, 0))
        self.resize(columns, lines)

    @property
    def text(self) -> str:
        """The words on the screen, line by line."""
        return "\n".join("".join(line).rstrip() for line in self._grid).rstrip()

    @property
    def is_as_found(self) -> bool:
        """Whether alternate screen, mouse, paste and key modes are off again, cursor and title as before."""
        is_title_as_found = self.title == SHELL and not self._titles
        return self.modes == {_WRAP, _CURSOR_SHOWN} and not self.keyboard_protocols and is_title_as_found

    def resize(self, columns: int, lines: int) -> None:
        """Clear the screen for another size, as everything is painted again."""
        self._columns, self._lines = columns, lines
        self._grid = _blank(columns, lines)
        self._row = self._column = 0

    def feed(self, output: bytes) -> None:
        """Process the program's output."""
        text = self._unread + self._decoder.decode(output)
        position = 0
        while position < len(text):
            if text[position] != "\x1b":
                self._put(text[position])
                position += 1
            elif found := _SEQUENCE.match(text, position):
                self._obey(found)
                position = found.end()
            elif (again := text.find("\x1b", position + 1)) > 0 and text[again:] not in {"\x1b", "\x1b\\"}:
                position = again  # as a terminal does with a sequence that is broken off
            else:
                break  # the rest of the sequence is yet to come
        self._unread = text[position:]

    def _put(self, char: str) -> None:
        if char == "\a":
            self.bells += 1
        elif char == "\r":
            self._column = 0
        elif char == "\n":
            self._new_line()
        elif char >= " ":
            width = get_character_cell_size(char)
            if self._column + width > self._columns:
                self._wrap(width)
            # If even a whole line is too narrow, a terminal cuts the character off.
            for offset in range(min(width, self._columns)):
                self._grid[self._row][self._column + offset] = "" if offset else char
            self._column += width

    def _wrap(self, width: int) -> None:
        if _WRAP in self.modes:
            self._column = 0
            self._new_line()
        else:
            self._column = max(0, self._columns - width)

    def _new_line(self) -> None:
        if self._row < self._lines - 1:
            self._row += 1
        else:
            self._grid = [*self._grid[1:], [" "] * self._columns]

    def _obey(self, found: re.Match[str]) -> None:
        if command := _COMMAND.fullmatch(found[0]):
            self._run_command(*command.groups())
            return
        private, final = found["private"], found["final"] or ""
        numbers = [int(number or 0) for number in re.split("[;:]", found["numbers"] or "")]
        if final == "H" and not private:
            row, column = (*numbers, 1)[:2]  # both are left out for the upper left corner
            self._row = min(max(row, 1), self._lines) - 1
            self._column = min(max(column, 1), self._columns) - 1
        elif final == "J" and not private:
            self._grid = _blank(self._columns, self._lines)
        elif final in {"h", "l"} and private == "?":
            self._switch(set(numbers), on=final == "h")
        elif final == "u" and private in {"<", ">"}:
            self.keyboard_protocols += 1 if private == ">" else -1
        elif final == "t" and numbers == [22, 2]:
            self._titles.append(self.title)
        elif final == "t" and numbers == [23, 2] and self._titles:
            self.title = self._titles.pop()
        elif final == "m" and not private:
            self.colours |= set(_COLOUR.findall(found["numbers"]))

    def _run_command(self, number: str, text: str) -> None:
        if number == "2":
            self.title = text
        elif number in {"9", "777"}:
            self.notifications.append(text)

    def _switch(self, modes: set[int], *, on: bool) -> None:
        if _ALTERNATE_SCREEN in modes and on != (_ALTERNATE_SCREEN in self.modes):
            shown = (self._grid, (self._row, self._column))
            grid, (row, column) = self._kept
            self._kept = shown
            if (len(grid), len(grid[0])) == (self._lines, self._columns):
                self._grid, (self._row, self._column) = grid, (row, column)
            else:
                # Drop the content, as after every resize.
                self.resize(self._columns, self._lines)
        self.modes = self.modes | modes if on else self.modes - modes


def _blank(columns: int, lines: int) -> list[list[str]]:
    return [[" "] * columns for _ in range(lines)]


class Terminal:
    """A command in its own terminal. Its remaining processes end with the block."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        folder: Path | None = None,
        columns: int = 120,
        lines: int = 36,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._patience = patience
        self.screen = Screen(columns, lines)
        self._controller, terminal = os.openpty()
        self._set_size(columns, lines)
        self._found = termios.tcgetattr(self._controller)
        self._process = subprocess.Popen(
            [sys.executable, "-ISc", _LOGIN, *command],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=folder,
            env={**environment, "TERM": "xterm-256color"},
        )
        os.close(terminal)
        self._fed = threading.Condition()
        # Closing a descriptor doesn't end another thread's read, but this does.
        self._wake_read, self._wake_write = os.pipe()
        self._is_open = True
        self.received = 0
        self._reader = threading.Thread(target=self._read, name="terminal")
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = self.family()
        self.close()
        for process in left:
            if process.is_running():
                process.kill()
        self._process.wait(PATIENCE_SECONDS)

    @property
    def pid(self) -> int:
        """The command's process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the command has yet to end."""
        return self._process.poll() is None

    @property
    def is_as_found(self) -> bool:
        """Whether the command has left the terminal as it was before."""
        return self.screen.is_as_found and termios.tcgetattr(self._controller) == self._found

    def family(self) -> list[psutil.Process]:
        """Return the command's process and all that it has started."""
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition; on failure, say what was awaited and what was shown."""
        end = time.monotonic() + self._patience
        with self._fed:
            while not condition():
                # Woken by output, and from time to time, as not all conditions depend on output.
                self._fed.wait(0.05)
                assert time.monotonic() < end, f"{what} didn't happen. Shown:\n{self.screen.text}"

    def until_shown(self, words: str) -> None:
        """Wait until the words are on the screen, on one line."""
        self.until(lambda: words in self.screen.text, f"showing {words!r}")

    @property
    def words(self) -> str:
        """What is on the screen as one line: sentences are found wherever they were wrapped."""
        return self.screen.text.replace("\n", "")

    def send(self, number: signal.Signals) -> None:
        """Send the command a signal."""
        self._process.send_signal(number)

    def write(self, keys: str) -> None:
        """Press keys; "\\r" is enter, "\\x1b" escape, "\\x03" Ctrl-C."""
        self.write_bytes(keys.encode())

    def write_bytes(self, typed: bytes) -> None:
        """Send raw bytes, in one write as far as the terminal accepts it."""
        while typed:
            typed = typed[os.write(self._controller, typed) :]

    def resize(self, columns: int, lines: int) -> None:
        """Resize the terminal, which signals the command."""
        with self._fed:
            self.screen.resize(columns, lines)
        self._set_size(columns, lines)

    def close(self) -> None:
        """Close the terminal, as the window's close button does."""
        if not self._is_open:
            return
        self._is_open = False
        os.close(self._wake_write)
        self._reader.join()
        os.close(self._wake_read)
        os.close(self._controller)

    def wait(self) -> int:
        """Wait until the command has ended and its output is read, and return its exit code."""
        code = self._process.wait(PATIENCE_SECONDS)
        if self._is_open:
            self._reader.join()
        return code

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._controller, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        with selectors.DefaultSelector() as ready:
            for source in (self._controller, self._wake_read):
                ready.register(source, selectors.EVENT_READ)
            while all(key.fd == self._controller for key, _ in ready.select()):
                try:
                    output = os.read(self._controller, 65536)
                except OSError:  # how Linux says that nobody has the terminal open any more
                    return
                if not output:
                    return
                with self._fed:
                    self.received += len(output)
                    self.screen.feed(output)
                    self._fed.notify_all()


def gone(processes: Sequence[psutil.Process]) -> bool:
    """Wait until processes have ended, and return whether all did. A zombie counts as ended."""
    _, alive = psutil.wait_procs([one for one in processes if not _is_zombie(one)], timeout=PATIENCE_SECONDS)
    return all(_is_zombie(one) for one in alive)


def arguments(process: psutil.Process) -> list[str]:
    """Return how a process was called; nothing if it has ended meanwhile, also as a zombie."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
