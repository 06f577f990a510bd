"""The results as a table, beside their goals."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The size at which a missed goal fails the run.
DECIDING = 100_000
_HEADS = ("what", "contacts", "measured", "yardstick", "ratio", "goal", "", "aim", "")
_LEFT = (0, 6, 8)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a number, or its ratio to the yardstick, may be at most."""

    most: float
    is_ratio: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement. A missed `goal` fails the run at the deciding size; the `aim` is for later."""

    what: str
    contacts: int | None
    value: float
    unit: str
    yardstick: float | None = None
    goal: Limit | None = None
    aim: Limit | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the yardstick."""
        return self.value / self.yardstick if self.yardstick else None

    @property
    def is_failure(self) -> bool:
        """Whether this fails the run."""
        return self.contacts == DECIDING and self.goal is not None and not self.meets(self.goal)

    def meets(self, limit: Limit) -> bool:
        """Return whether the value is within the limit."""
        value = self.ratio if limit.is_ratio else self.value
        return value is not None and value <= limit.most


def middle(seconds: Sequence[float]) -> float:
    """Return the median in milliseconds."""
    return median(seconds) * 1000


def p95(seconds: Sequence[float]) -> float:
    """Return the 95th percentile in milliseconds."""
    return sorted(seconds)[ceil(0.95 * len(seconds)) - 1] * 1000


def table(results: Sequence[Result]) -> str:
    """Print all results, one per line."""
    lines = [_HEADS, *map(_cells, results)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in _LEFT else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(result: Result) -> tuple[str, ...]:
    return (
        result.what,
        "" if result.contacts is None else f"{result.contacts:,}",
        f"{result.value:,.3g} {result.unit}" if result.value < 1000 else f"{result.value:,.0f} {result.unit}",
        "" if result.yardstick is None else f"{result.yardstick:.3g} {result.unit}",
        "" if result.ratio is None else f"{result.ratio:.2f}",
        *_judged(result, result.goal),
        *_judged(result, result.aim),
    )


def _judged(result: Result, limit: Limit | None) -> tuple[str, str]:
    if limit is None:
        return "", ""
    unit = "×" if limit.is_ratio else result.unit
    return f"≤ {limit.most:g} {unit}", "met" if result.meets(limit) else "missed"
