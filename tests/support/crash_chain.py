"""Chains of crashes: each start of the program recovers from one crash and runs into the next."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.crash_points import NOT_YET_ASKED, UNDER_WAY, Point
from support.crash_second_thoughts import DEEDS, end_pause, judge
from support.crash_site import Site

from tui.model.change import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


REFRESH = "\x1b[15~"


@dataclass(frozen=True, slots=True)
class Run:
    """One crash.

    `during` says what the program is doing: `match_question` for an archive or a restore of `size` contacts,
    with Xero's answers dropped where `is_stormy`; `recovering` from a crash at `first`; reading
    `sync_record_of`; its `first start`, with nothing stored yet; or a second thought, one of
    `crash_second_thoughts`.
    """

    point: Point
    nth: int = 1
    size: int = 1
    action: Action = Action.ARCHIVE
    during: str = "asking"
    is_stormy: bool = False
    first: Point = Point.CALL_ANSWERED

    def __str__(self) -> str:
        after = f" after {self.first!r}" if self.during == "recovering" else ""
        storm = ", answers dropped" if self.is_stormy else ""
        return f"{self.point} ({self.nth}.), {self.during}{after}, {self.action} of {self.size}{storm}"


@dataclass(slots=True)
class Tally:
    """The result of a chain. `survived` counts runs in which the point was never reached."""

    crashes: int = 0
    survived: int = 0
    points: set[Point] = field(default_factory=set)
    findings: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another chain's."""
        self.crashes += other.crashes
        self.survived += other.survived
        self.points |= other.points
        self.findings += other.findings


def run_chain(folder: Path, runs: Sequence[Run], *, contacts: int = 60) -> Tally:
    """Crash the program once per run, on one installation, and check what is left each time."""
    tally = Tally()
    with Site.open(folder, contacts=contacts) as site:
        for run in runs:
            try:
                _crash(site, run, tally)
                _mend(site, run, tally)
            except AssertionError as error:
                tally.findings.append(f"{run}: {error}")
                break
        else:
            site.leave()
    return tally


def _crash(site: Site, run: Run, tally: Tally) -> None:
    match run.during:
        case "asking":
            _ask(site, run, tally)
        case "recovering":
            _ask(site, Run(run.first, size=run.size, action=run.action), tally)
            # Until then, a request that may still be in progress is resolved only by a read.
            time.sleep(UNDER_WAY.total_seconds())
            _start_into(site, run, tally)
        case "evidence":
            _read_evidence(site, run, tally)
        case "first start":
            site.end()
            shutil.rmtree(site.store.parent, ignore_errors=True)
            _start_into(site, run, tally)
        case deed if deed in DEEDS:
            _think_again(site, run, tally)
        case unknown:
            raise ValueError(unknown)


def _ask(site: Site, run: Run, tally: Tally) -> None:
    word = site.fill(run.size, run.action)
    site.choose(word, run.size, run.action)
    if run.is_stormy:
        site.practice.fault("drop-after", method="POST", path="/api.xro/", count=1)
    site.order(run.point, run.nth)
    site.confirm(run.size)
    _until_killed(site, run, tally, site.is_done)
    site.note_journalled()
    if run.point in NOT_YET_ASKED:
        assert not site.asked[-1].is_journalled, "it is journalled before its transaction is committed"
    elif run.point is not Point.STATEMENT:
        assert site.asked[-1].is_journalled, "what was committed is lost"


def _start_into(site: Site, run: Run, tally: Tally) -> None:
    if run.point.startswith("token"):
        site.practice.control("POST", "tokens", {"expireAccess": True})
    site.order(run.point, run.nth)
    _until_killed(site, run, tally, site.is_settled)


def _read_evidence(site: Site, run: Run, tally: Tally) -> None:
    word = site.fill(run.size, run.action)
    site.choose(word, run.size, run.action)
    site.confirm(run.size)
    site.until(site.is_done, "archiving")
    site.order(run.point, run.nth)
    assert site.practice.sync_released().status < 300
    site.program().write(REFRESH)
    _until_killed(site, run, tally, site.is_picked_up)
    site.note_journalled()


def _think_again(site: Site, run: Run, tally: Tally) -> None:
    do = DEEDS[run.during](site, run.size)
    site.order(run.point, run.nth)
    do()
    _until_killed(site, run, tally, site.is_done)
    judge(site, run.during, run.size, is_kept=run.point.is_kept)


def _until_killed(site: Site, run: Run, tally: Tally, is_over: Callable[[], bool]) -> None:
    """Wait for the crash. A count of statements alone may turn out to be beyond the end."""
    terminal = site.program()
    may_survive = run.point is Point.STATEMENT
    site.until(lambda: not terminal.is_running or (may_survive and is_over()), f"dying at {run.point!r}")
    if terminal.is_running:
        site.call_off()
        tally.survived += 1
        site.kill()
        return
    assert site.call_off(), f"the program ended by itself. Shown:\n{terminal.screen.text}"
    tally.crashes += 1
    tally.points.add(run.point)
    site.end()


def _mend(site: Site, run: Run, tally: Tally) -> None:
    """Start once more, undisturbed, and check the result."""
    if run.during in DEEDS:
        end_pause(site)
    site.settle()
    if run.during == "evidence":
        site.until(site.is_picked_up, "the evidence being kept")
    tally.findings += [f"{run}: {finding}" for finding in site.check()]
