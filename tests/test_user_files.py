"""Exports and reports are complete or absent, and private to their owner."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from tui import messages
from tui.model.errors import ReshelveError
from tui.system.user_files import write_user_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
@pytest.mark.parametrize("before", [None, 0o666, 0o400])
def test_only_the_owner_can_read_a_file(tmp_path: Path, umask: int, before: int | None) -> None:
    file = tmp_path / "report.txt"
    if before is not None:
        file.write_bytes(b"old")
        file.chmod(before)
    old = os.umask(umask)
    try:
        write_user_file(file, b"new")
    finally:
        os.umask(old)
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"new", 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = tmp_path / "report.txt"
    file.write_bytes(b"old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ReshelveError, match="No space left"):
        write_user_file(file, b"new")
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"old"]


def test_symbolic_link_is_followed_and_kept(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    write_user_file(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_special_files_are_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "folder").mkdir()
    kinds = {each: each.lstat().st_mode for each in tmp_path.iterdir()}
    for file in (
        *kinds,
        tmp_path / "a\0b",
        tmp_path / "folder" / ".." / "pipe" / "x",
        tmp_path / ("x" * 300),
    ):
        with pytest.raises(ReshelveError) as caught:
            write_user_file(file, b"new")
        assert "Nothing was saved" in messages.next_step(caught.value)
    assert {each: each.lstat().st_mode for each in tmp_path.iterdir()} == kinds


def test_longest_allowed_file_name_is_written(tmp_path: Path) -> None:
    write_user_file(tmp_path / ("ü" * 127), b"new")
