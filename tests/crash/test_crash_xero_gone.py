"""Xero stops in the middle, or its replies are lost: every change is still made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.crash_site import Site
from support.effort import some

from tui.model.change import Action

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRITES = "/api.xro/2.0/Contacts"
REFRESH = "\x1b[15~"
SIZE = 120


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site.open(tmp_path) as site:
        yield site


def ask(site: Site, word: str) -> None:
    site.confirm(SIZE)
    site.until(lambda: site.is_journalled(word), "the changes being journalled")
    site.asked[-1].is_journalled = True


def is_under_way(site: Site) -> bool:
    return any(call["method"] == "POST" and call["path"] == WRITES for call in site.practice.requests())


def is_applied(site: Site) -> bool:
    return site.practice.status_writes() > 0


@pytest.mark.parametrize("fault", some(["slow", "drop-after", "fair"], 2))
def test_changes_survive_a_restart_of_xero(site: Site, fault: str) -> None:
    word = site.fill(SIZE, Action.ARCHIVE)
    site.choose(word, SIZE, Action.ARCHIVE)
    if fault != "fair":
        site.practice.fault(fault, method="POST", path=WRITES, count=1, seconds=60)
    ask(site, word)
    # Slow: Xero has the request and hasn't carried it out. The others: it has, and the reply may be lost.
    site.until(lambda: is_under_way(site) if fault == "slow" else is_applied(site), "Xero having the call")
    site.practice.kill()
    site.practice.restart_same_port()
    site.settle()
    assert site.check() == []
    assert site.practice.status_writes() == SIZE
    site.leave()


def test_repeatedly_dropped_replies_lose_no_change(site: Site) -> None:
    word = site.fill(SIZE, Action.ARCHIVE)
    site.choose(word, SIZE, Action.ARCHIVE)
    # Every write is carried out and its reply lost, as are the replies to some of the reads after it.
    site.practice.fault("drop-after", method="POST", path=WRITES, count=3)
    site.practice.fault("drop-after", method="GET", path=WRITES, count=2)
    ask(site, word)
    site.until(lambda: is_settled_by_pressing(site), "settling")
    assert site.check() == []
    assert site.practice.status_writes() == SIZE
    dropped = [call for call in site.practice.requests() if call["fault"] == "drop-after"]
    assert len(dropped) == 5
    site.leave()


def is_settled_by_pressing(site: Site) -> bool:
    """Press F5 instead of waiting for the next retry, which is later each time."""
    if "not responding, again" in site.program().screen.text:
        site.program().write(REFRESH)
    return site.is_settled()


def test_kill_while_replies_are_dropped_loses_no_change(site: Site) -> None:
    word = site.fill(SIZE, Action.ARCHIVE)
    site.choose(word, SIZE, Action.ARCHIVE)
    site.practice.fault("drop-after", method="POST", path=WRITES, count=2)
    ask(site, word)
    site.until(lambda: site.practice.status_writes() >= 100, "two writes being applied")
    site.kill()
    site.practice.clear_faults()
    site.settle()
    assert site.check() == []
    assert site.practice.status_writes() == SIZE
    site.leave()
