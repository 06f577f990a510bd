"""From starting the process to the first contacts on the screen, against an app with one label."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Limit, Result, middle
from benchmarks.stores import command
from benchmarks.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.keys import Expected
    from benchmarks.stores import Home

YARDSTICK = [sys.executable, str(Path(__file__).with_name("yardstick.py"))]

# A full screen, less what smaller screens might lack.
_FIRST = 25


def measure(homes: Mapping[Home, Expected], rounds: int) -> list[Result]:
    """Start each program in turn, twice per round; the first start only warms the disk cache."""
    bare: list[float] = []
    ours: dict[Home, list[float]] = {home: [] for home in homes}
    for _ in range(2 * rounds + 1):
        bare.append(_start(YARDSTICK, {}, ["yardstick"]))
        for home, expected in homes.items():
            ours[home].append(_start(command(), home.environment, expected.names[:_FIRST]))
    return [
        Result(
            "start to first contacts, median",
            home.contacts,
            middle(times[1:]),
            "ms",
            middle(bare[1:]),
            goal=Limit(2, is_ratio=True),
            aim=Limit(1.5, is_ratio=True),
        )
        for home, times in ours.items()
    ]


def _start(program: Sequence[str], environment: Mapping[str, str], names: Sequence[str]) -> float:
    with Terminal(program, environment) as terminal:
        shown = terminal.until(lambda text: all(name in text for name in names), f"{names[0]!r}")
        return shown - terminal.started
