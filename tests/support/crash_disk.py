"""Full disks and unwritable folders, without harming the machine."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SMALL_DISK = "24m"
# In large blocks first, then to the last byte.
_CHUNKS = (1 << 16, 1 << 9, 1)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a small disk there, and return the file that fills it. Skips if mounting isn't allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={_SMALL_DISK},mode=700", "tmpfs", str(folder))
    try:
        yield folder / "ballast"
    finally:
        _unmount(folder)


def fill(ballast: Path) -> None:
    """Write until nothing fits any more, to the last page."""
    with ballast.open("wb", buffering=0) as stream:
        for size in _CHUNKS:
            try:
                while True:
                    stream.write(b"." * size)
            except OSError:
                continue


def limit_files(pid: int, most: int) -> None:
    """Let the process make no file longer than that; `resource.RLIM_INFINITY` ends it. Needs no rights."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make the folder unwritable, even for an administrator, who ignores permissions."""
    if os.geteuid() == 0:
        _mount("--bind", str(folder), str(folder))
        try:
            _mount("-o", "remount,ro,bind", str(folder))
            yield
        finally:
            _unmount(folder)
        return
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    try:
        for path in reversed(paths):
            path.chmod(modes[path] & ~0o222)
        yield
    finally:
        for path in paths:
            path.chmod(modes[path])


def _mount(*arguments: str) -> None:
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("mounting a file system takes an administrator and `mount`")
    done = subprocess.run([mount, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting isn't allowed here: {done.stderr.strip()}")


def _unmount(folder: Path) -> None:
    subprocess.run([shutil.which("umount") or "/bin/umount", str(folder)], check=True)
