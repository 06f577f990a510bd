"""The lock has one holder at a time, and none once that process is dead."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tui.engine.leader_lock import LeaderLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HOLDER = """
import sys
from pathlib import Path
from tui.engine.leader_lock import LeaderLock
lock = LeaderLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
for line in sys.stdin:
    lock.release()
    print("given back", flush=True)
"""


@contextmanager
def another_copy(file: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_lock_passes_from_one_copy_to_the_next(tmp_path: Path) -> None:
    ours = LeaderLock(tmp_path / "lease")
    with another_copy(tmp_path / "lease") as other:
        assert told(other) == "True"
        assert not ours.acquire()
        assert other.stdin is not None
        other.stdin.write("\n")
        other.stdin.flush()
        assert told(other) == "given back"
        assert ours.acquire()


def test_a_copy_that_comes_later_waits(tmp_path: Path) -> None:
    ours = LeaderLock(tmp_path / "lease")
    assert ours.acquire()
    with another_copy(tmp_path / "lease") as other:
        assert told(other) == "False"
    ours.release()


def test_the_lock_of_a_killed_copy_is_free(tmp_path: Path) -> None:
    ours = LeaderLock(tmp_path / "lease")
    with another_copy(tmp_path / "lease") as other:
        assert told(other) == "True"
        other.kill()
        other.wait()
        assert ours.acquire()
    ours.release()


def test_acquiring_and_releasing_twice_is_harmless(tmp_path: Path) -> None:
    one, other = LeaderLock(tmp_path / "lease"), LeaderLock(tmp_path / "lease")
    other.release()
    assert one.acquire()
    assert one.acquire()
    assert not other.acquire()
    one.release()
    one.release()
    assert other.acquire()
    other.release()
