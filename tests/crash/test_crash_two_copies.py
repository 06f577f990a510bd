"""Two copies of the program on one home: one talks to Xero, the other shows its data and requests changes."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from support.crash_site import Site

from tui.model.change import Action

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.terminal import Terminal

ELSEWHERE = "open in another Reshelve"
SIZE = 50


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site.open(tmp_path) as site:
        yield site


@pytest.fixture
def second(site: Site) -> Iterator[Terminal]:
    """Start a second copy once the first holds the lock."""
    site.until(site.is_settled, "reading the contacts")
    with site.start() as terminal:
        terminal.until_shown(ELSEWHERE)
        yield terminal


def asked_by(site: Site, terminal: Terminal, size: int = SIZE) -> str:
    word = site.fill(size, Action.ARCHIVE)
    # The copy that talks to Xero refreshes for both.
    site.program().write("\x1b[15~")
    site.choose(word, size, Action.ARCHIVE, by=terminal)
    site.confirm(size, by=terminal)
    site.until(lambda: site.is_journalled(word), "the changes being journalled")
    site.asked[-1].is_journalled = True
    return word


def test_second_copy_shows_the_changes_of_the_first(site: Site, second: Terminal) -> None:
    word = asked_by(site, site.program(), size=1)
    second.write(f"/{word}\r")
    second.until_shown(f"{word.capitalize()} 000")
    second.until_shown("◷ Pending sync")
    assert ELSEWHERE in second.screen.text
    site.settle()
    assert site.check() == []


def test_change_requested_in_the_second_copy_is_sent_by_the_first(site: Site, second: Terminal) -> None:
    asked_by(site, second)
    site.until(site.is_done, "the first sending it")
    assert ELSEWHERE in second.screen.text
    site.settle()
    assert site.check() == []
    assert site.practice.status_writes() == SIZE


@pytest.mark.parametrize("fault", ["slow", "drop-after"])
def test_second_copy_takes_over_when_the_first_is_killed(site: Site, second: Terminal, fault: str) -> None:
    before = {call["number"] for call in site.practice.requests()}
    site.practice.fault(fault, method="POST", path="/api.xro/2.0/Contacts", count=1, seconds=2)
    asked_by(site, site.program(), size=120)
    site.until(lambda: has_write(site, before), "the first sending")
    site.program().send(signal.SIGKILL)
    asked_by_both = len(site.asked)
    second.until(lambda: ELSEWHERE not in second.screen.text, "the second taking over")
    second.until(site.is_settled, "the second finishing what the first began")
    assert asked_by_both == len(site.asked)
    assert site.check() == []
    assert site.practice.status_writes() == 120


def has_write(site: Site, before: set[int]) -> bool:
    return any(
        call["method"] == "POST" and call["path"].endswith("/Contacts") and call["number"] not in before
        for call in site.practice.requests()
    )
