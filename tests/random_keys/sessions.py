"""One session of random keys, resizes, signals and stray bytes in `reshelve demo`."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

from support.demo import Demo, reshelve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.terminal import Terminal

    from tui.system.paths import Paths

_LETTERS: Final = [chr(number) for number in range(0x20, 0x7F) if chr(number) != "q"]
# Without keys that are signals before the program has the terminal, and after.
_CONTROLS: Final = [chr(number) for number in range(1, 0x20) if chr(number) not in "\x03\x11\x1a\x1b\x1c"]
_COMMON: Final = [
    *("\r", "\r", "\r", "\r", "\x1b", "\x1b", "\t", " ", "\x7f"),
    *("\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[5~", "\x1b[6~", "\x1b[H", "\x1b[F", "\x1b[Z"),
    *("\x1b[1;2A", "\x1b[1;2B", "\x1b[15~", "\x1bOP", "\x1bOQ", "\x0f", "\x10", "\x10", "?", "/"),
    *"armgkvwtfcuyhp123slyY",
]
_QUITTING: Final = ["q", "\x03", "\x11"]
_WORDS: Final = ["dracula", "theme", "archive", "is:archived", "o'brien", "100", "screen", "connect", "./x"]
_STRAY: Final = [
    *(b"\xff", b"\x80", b"\xe2\x82", b"\xf0\x9f", b"\xc3", b"\x9b", b"\x00", b"\x1b[", b"\x1b[<0;5;5M"),
    *(b"\x1b[<0;0;0m", b"\x1b[<64;9;9M", b"\x1b[<35;999;999M", b"\x1b[<0;3;2M\x1b[<0;3;2m", b"\x1b[M  a"),
    *(b"\x1b[1:2;3u", b"\x1b[99999999999u", b"\x1b[55296u", b"\x1b[97;5u", b"\x1b[I", b"\x1b[O", b"\x1bOz"),
    *(
        b"\x1b[200~pasted\nlines\x1b[201~",
        b"\x1b[200~\xff\x1b[31m\x1b[201~",
        b"\x1b[5;5R",
    ),
]
_SIZES: Final = [
    *((120, 36), (80, 24), (80, 24), (60, 20), (160, 48), (200, 60), (100, 30), (40, 12)),
    *((20, 6), (12, 4), (4, 24), (4, 3), (3, 3), (2, 2), (1, 1), (1, 24), (80, 1), (80, 2), (80, 3)),
]
_SIZES_OF_CHECKS: Final = ((101, 31), (90, 27))
_QUIT_CHANCE: Final = 0.001
_BURSTS_BETWEEN_CHECKS: Final = 150
_LAST: Final = 25
# A busy machine can fall behind the keys by more than a minute.
_PATIENCE: Final = 180


@dataclass(slots=True)
class Session:
    """The keys of a session, and its problem if there was one."""

    keys: int = 0
    sizes: set[tuple[int, int]] = field(default_factory=set)
    last: list[str] = field(default_factory=list)
    checked_at: tuple[int, int] | None = None
    problem: str = ""

    def __str__(self) -> str:
        """Return the numbers, and how a problem came about."""
        told = f"{self.keys} keys, {len(self.sizes)} sizes"
        return f"{told}, FAILED: {self.problem}\nlast: {' '.join(self.last)}" if self.problem else told


def run_session(folder: Path, seed: int, number: int, most: int, *, until: float) -> Session:
    """Press up to this many random keys; the same seed and number press the same ones."""
    chance = Random(f"{seed}-{number}")  # noqa: S311 - nothing secret
    session = Session()
    home = folder / "home"
    work = folder / "work"
    work.mkdir(parents=True)
    variables = {"HOME": str(work), "BROWSER": "true", "NO_AT_BRIDGE": "1"}
    size = chance.choice(_SIZES[:8])
    session.sizes.add(size)
    options = ["demo", "--contacts", str(chance.choice((1, 40, 300, 1600))), "--cycle", "3"]
    more = {
        "variables": variables,
        "folder": work,
        "columns": size[0],
        "lines": size[1],
        "patience": _PATIENCE,
    }
    with reshelve(home, *options, **more) as terminal:
        try:
            _wait_for_start(terminal)
            _press_all(terminal, chance, session, most, until)
            _finish(terminal, chance, session)
        except (AssertionError, OSError) as error:
            session.problem = session.problem or f"{error}"
        logged = _errors(Demo(home).paths)
        if logged:
            session.problem = f"{session.problem}\nlogged: {logged}"
        if session.problem:
            session.problem += f"\nshown:\n{terminal.screen.text[-3000:]}"
    return session


def _wait_for_start(terminal: Terminal) -> None:
    terminal.until(lambda: 1049 in terminal.screen.modes or not terminal.is_running, "the start")


def _press_all(terminal: Terminal, chance: Random, session: Session, most: int, until: float) -> None:
    bursts = 0
    while session.keys < most and time.monotonic() < until and terminal.is_running:
        bursts += 1
        if bursts % _BURSTS_BETWEEN_CHECKS == 0:
            _check_alive(terminal, session)
        kind = chance.random()
        if kind < 0.04:
            _resize(terminal, session, chance.choice(_SIZES))
        elif kind < 0.045:
            _stop_and_continue(terminal, session)
        elif kind < 0.07:
            _press(terminal, session, chance.choice(_STRAY))
        elif kind < 0.09:
            _press(terminal, session, chance.choice(_WORDS).encode())
        else:
            count = chance.choice((1, 1, 1, 2, 2, 3, 3, 4, 6, 10))
            _press(terminal, session, "".join(_key(chance) for _ in range(count)).encode(), count)
        if chance.random() < 0.7:
            # Neither too fast for anything to happen in between nor always the same.
            time.sleep(chance.choice((0.001, 0.01, 0.03, 0.08, 0.2)))


def _key(chance: Random) -> str:
    if chance.random() < _QUIT_CHANCE:
        return chance.choice(_QUITTING)
    keys: Sequence[str] = chance.choice((_COMMON, _COMMON, _COMMON, _LETTERS, _CONTROLS))
    return chance.choice(keys)


def _press(terminal: Terminal, session: Session, keys: bytes, count: int = 1) -> None:
    session.keys += count
    session.last = [*session.last[1 - _LAST :], repr(keys)]
    if terminal.is_running:
        terminal.write_bytes(keys)


def _resize(terminal: Terminal, session: Session, size: tuple[int, int]) -> None:
    session.sizes.add(size)
    session.last = [*session.last[1 - _LAST :], f"{size[0]}x{size[1]}"]
    terminal.resize(*size)


def _stop_and_continue(terminal: Terminal, session: Session) -> None:
    session.last = [*session.last[1 - _LAST :], "STOP/CONT"]
    terminal.send(signal.SIGSTOP)
    terminal.send(signal.SIGCONT)


def _check_alive(terminal: Terminal, session: Session) -> None:
    """Check that the program still paints, which it must at another size."""
    # Not the current size: a busy program merges resizes, and then has nothing to paint.
    size = next(each for each in _SIZES_OF_CHECKS if each != session.checked_at)
    session.checked_at = size
    before = terminal.received
    _resize(terminal, session, size)
    terminal.until(lambda: terminal.received > before or not terminal.is_running, "painting at another size")


def _finish(terminal: Terminal, chance: Random, session: Session) -> None:
    """Quit unless a key has; check that the program exits cleanly and restores the terminal."""
    if terminal.is_running:
        # An unfinished sequence would swallow the key.
        terminal.write_bytes(b"\x1b[201~\x1b\x1b")
        time.sleep(0.3)
        # Ctrl+C copies where text is selected.
        for key in (chance.choice((b"\x03", b"\x11")), b"\x11"):
            if terminal.is_running:
                terminal.write_bytes(key)
                time.sleep(0.3)
        terminal.until(lambda: not terminal.is_running, "quitting")
    code = terminal.wait()
    shown = terminal.screen.text
    if code != 0:
        session.problem = f"exit code {code}"
    elif "Traceback" in shown or "bug in Reshelve" in shown:
        session.problem = "a crash with exit code 0"
    elif not terminal.is_as_found:
        session.problem = f"the terminal was left changed: {sorted(terminal.screen.modes)}"


def _errors(paths: Paths) -> str:
    """Return the logged errors, which no key should cause."""
    found: list[str] = []
    for file in sorted(paths.logs.glob("*.log*")):
        lines = file.read_text("utf-8", "replace").splitlines()
        for index, line in enumerate(lines):
            if " ERROR " in line or " CRITICAL " in line:
                found += lines[index : index + 150]
    return "\n".join(found[:300])
