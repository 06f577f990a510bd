"""The real program is killed at every step of a change, and recovers when it starts again.

One round of all crashes, several installations at once.
`RESHELVE_CRASH_MINUTES=10` goes on with further rounds, each with other sizes and other places.
"""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.crash_chain import Tally
from support.crash_plan import SIZES, chains, submit
from support.crash_points import Point

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

MINUTES = float(os.environ.get("RESHELVE_CRASH_MINUTES", "0"))
# Each chain mostly waits: for a start, for a painted key, for the outbox.
AT_ONCE = 3
ROUND = chains(0)
# A test also waits for the chains before its own.
LONGEST_SECONDS = 300

pytestmark = pytest.mark.timeout(LONGEST_SECONDS + MINUTES * 60)


@pytest.fixture(scope="module")
def tallies(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Tally]]]:
    """Start all selected chains with the first test; each test then waits for its own."""
    asked_for = {
        item.callspec.params["chain"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and "tallies" in item.fixturenames
    }
    pool = ThreadPoolExecutor(AT_ONCE)
    chosen = {name: runs for name, runs in ROUND.items() if name in asked_for}
    yield submit(pool, tmp_path_factory.mktemp("crash"), chosen)
    pool.shutdown(cancel_futures=True)


def test_every_crash_point_is_in_a_round() -> None:
    runs = [run for chain in ROUND.values() for run in chain]
    assert {run.point for run in runs} == set(Point)
    assert {run.size for run in runs} == set(SIZES)


def test_readme_counts_crash_points_and_crashes() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert f"CI runs one round, {sum(map(len, ROUND.values()))} crashes, " in readme
    points = readme.partition("| Points | Where |")[2].partition("\n\n")[0]
    assert sum(map(int, re.findall(r"\((\d+)\)", points))) == len(Point)


@pytest.mark.parametrize("chain", ROUND)
def test_every_requested_change_is_made_exactly_once(tallies: dict[str, Future[Tally]], chain: str) -> None:
    tally = tallies[chain].result()
    assert not tally.findings, "\n\n".join(tally.findings)
    assert tally.points >= {run.point for run in ROUND[chain]} - {Point.STATEMENT}
    # Some counts of statements may lie beyond the end of the work, but not all.
    assert tally.crashes > tally.survived


@pytest.mark.skipif(not MINUTES, reason="RESHELVE_CRASH_MINUTES says for how many minutes; it isn't set")
def test_rounds_that_vary_find_nothing(tmp_path: Path) -> None:
    end = time.monotonic() + MINUTES * 60
    total = Tally()
    number = 0
    while time.monotonic() < end:
        number += 1
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for future in submit(pool, tmp_path / str(number), chains(number)).values():
                total.add(future.result())
        print(  # noqa: T201 - what a long run is for
            f"round {number}: {total.crashes} crashes at {len(total.points)} points so far, "
            f"{total.survived} counts beyond the end, {len(total.findings)} findings",
            flush=True,
        )
        assert not total.findings, "\n\n".join(total.findings)
    assert total.points == set(Point)
