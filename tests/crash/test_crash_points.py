"""The real program is killed at every step of a change; what it finds when it starts again is put right.

One round of all crashes; it runs beside the other tests of this folder, see `conftest.py`.
`RESHELVE_CRASH_MINUTES=10` goes on with further rounds, each with other sizes and other places.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support.crash_chain import Tally
from support.crash_plan import SIZES, chains, submit
from support.crash_points import Point

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

MINUTES = float(os.environ.get("RESHELVE_CRASH_MINUTES", "0"))
AT_ONCE = 3
ROUND = chains(0)
# A test that waits for its chain also waits for those before it.
LONGEST_SECONDS = 300

pytestmark = pytest.mark.timeout(LONGEST_SECONDS + MINUTES * 60)


def test_every_point_is_in_a_round() -> None:
    runs = [run for chain in ROUND.values() for run in chain]
    assert {run.point for run in runs} == set(Point)
    assert {run.size for run in runs} == set(SIZES)


@pytest.mark.parametrize("chain", ROUND)
def test_whatever_was_asked_for_is_done_once(tallies: dict[str, Future[Tally]], chain: str) -> None:
    tally = tallies[chain].result()
    assert not tally.findings, "\n\n".join(tally.findings)
    assert tally.points >= {run.point for run in ROUND[chain]} - {Point.STATEMENT}
    # A count of statements may lie beyond the end of the work; not every one of them.
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
