"""A full disk, and an unwritable data folder: both are reported, and nothing is lost."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from support import crash_disk
from support.crash_site import Site

from tui.model.change import Action
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WRITES = "/api.xro/2.0/Contacts"
SIZE = 50
# Seconds that a reply takes: time enough to fill the disk on a busy machine.
LONG_ENOUGH = 4
# The two cases that SQLite distinguishes: no space left, and a file that may not grow.
FULL = {"a small disk": "The disk is full", "files that can't grow": "The disk reported an error"}
SIGNS_OF_A_CRASH = ("Traceback", "Errno", "sqlite3", "bug in Reshelve")


@contextmanager
def disk(kind: str, tmp_path: Path) -> Iterator[tuple[Site, Callable[[], None], Callable[[], None]]]:
    """Return a site, a function that fills its disk, and one that makes room again."""
    if kind == "a small disk":
        with crash_disk.small_disk(tmp_path / "home") as ballast, Site.open(tmp_path) as site:
            yield site, lambda: crash_disk.fill(ballast), ballast.unlink
        return
    with Site.open(tmp_path) as site:
        yield (
            site,
            lambda: crash_disk.limit_files(site.program().pid, site.log_of_writes.stat().st_size),
            lambda: crash_disk.limit_files(site.program().pid, resource.RLIM_INFINITY),
        )


@pytest.mark.parametrize("kind", FULL)
def test_change_that_cannot_be_logged_is_not_sent(kind: str, tmp_path: Path) -> None:
    with disk(kind, tmp_path) as (site, fill, make_room):
        word = site.fill(SIZE, Action.ARCHIVE)
        site.choose(word, SIZE, Action.ARCHIVE)
        fill()
        site.confirm(SIZE)
        site.program().until(lambda: FULL[kind] in site.program().words, "saying that the disk is full")
        assert not any(sign in site.program().screen.text for sign in SIGNS_OF_A_CRASH)
        site.note_journalled()
        assert not site.asked[-1].is_journalled
        assert site.practice.status_writes() == 0
        make_room()
        # They are still selected: the user presses the key once more.
        site.press(SIZE, Action.ARCHIVE)
        site.confirm(SIZE)
        site.program().until(site.is_done, "archiving with room on the disk")
        site.asked[-1].is_journalled = True
        assert site.check() == []


@pytest.mark.parametrize("kind", FULL)
def test_result_that_cannot_be_logged_is_verified_later(kind: str, tmp_path: Path) -> None:
    with disk(kind, tmp_path) as (site, fill, make_room):
        word = site.fill(SIZE, Action.ARCHIVE)
        site.choose(word, SIZE, Action.ARCHIVE)
        site.practice.fault("slow", method="POST", path=WRITES, count=1, seconds=LONG_ENOUGH)
        site.confirm(SIZE)
        site.until(lambda: has_write(site), "the call being made")
        fill()
        site.program().until(lambda: FULL[kind] in site.program().words, "saying that the disk is full")
        assert not any(sign in site.program().screen.text for sign in SIGNS_OF_A_CRASH)
        site.note_journalled()
        assert site.asked[-1].is_journalled
        make_room()
        site.settle()
        assert site.check() == []
        assert site.practice.status_writes() == SIZE
        site.leave()


def test_kill_with_a_full_disk_loses_no_change(tmp_path: Path) -> None:
    with disk("a small disk", tmp_path) as (site, fill, make_room):
        word = site.fill(SIZE, Action.ARCHIVE)
        site.choose(word, SIZE, Action.ARCHIVE)
        site.practice.fault("slow", method="POST", path=WRITES, count=1, seconds=LONG_ENOUGH)
        site.confirm(SIZE)
        site.until(lambda: has_write(site), "the call being made")
        fill()
        site.program().until(lambda: FULL["a small disk"] in site.program().words, "saying so")
        site.kill()
        site.note_journalled()
        make_room()
        site.settle()
        assert site.check() == []
        assert site.practice.status_writes() == SIZE
        site.leave()


def test_unwritable_data_folder_is_reported(tmp_path: Path) -> None:
    with Site.open(tmp_path) as site:
        word = site.fill(SIZE, Action.ARCHIVE)
        site.choose(word, SIZE, Action.ARCHIVE)
        site.practice.fault("slow", method="POST", path=WRITES, count=1, seconds=60)
        site.confirm(SIZE)
        site.until(lambda: has_write(site), "the call being made")
        site.kill()
        site.note_journalled()
        with crash_disk.read_only(Paths.under(site.home).data):
            terminal = site.program()
            assert terminal.wait() == 1
            assert terminal.is_as_found
            assert "Error: " in terminal.words
            assert str(site.home) in terminal.words
            assert not any(sign in terminal.words for sign in SIGNS_OF_A_CRASH)
            site.end()
        site.settle()
        assert site.check() == []
        assert site.practice.status_writes() == SIZE
        site.leave()


def has_write(site: Site) -> bool:
    return any(call["method"] == "POST" and call["path"] == WRITES for call in site.practice.requests())
