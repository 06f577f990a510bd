"""The rows, their goals, and what may be concluded from the samples."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import ceil
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_ANY = 10**9
_FEWEST_ROUNDS = 3
#: A yardstick whose median differs by more than this factor between rounds says that the machine did.
MOST_SPREAD = 1.25
#: A fixed loop in this process, by the clock and by its processor time: how steady the machine was for rows
#: that have no yardstick in milliseconds. What is counted needs no steadiness.
LOOP, LOOP_CPU = "fixed loop", "fixed loop: CPU"
_STEADINESS = {"ms": LOOP, "µs": LOOP_CPU, "% of a core": LOOP_CPU}


def p95(values: Sequence[float]) -> float:
    """Return what 95 of 100 don't exceed."""
    return sorted(values)[ceil(0.95 * len(values)) - 1]


STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {"median": median, "p95": p95, "max": max}
# Of fewer samples, the statistic says too little: the p95 of 20 is all but their maximum.
_FEWEST = {"median": 5, "p95": 40, "max": 5}


@dataclass(frozen=True, slots=True)
class Goal:
    """At most this, for sizes up to `contacts`; `times` of the yardstick instead of the row's own unit."""

    most: float
    contacts: int = _ANY
    times: bool = False
    aim: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `judged` is the statistic that the goals are about."""

    name: str
    judged: str
    goals: tuple[Goal, ...] = ()
    yardstick: str = ""
    unit: str = "ms"
    fewest: int | None = None

    def goal(self, contacts: int | None) -> Goal | None:
        """Return the goal for this size."""
        return next((goal for goal in self.goals if (contacts or 0) <= goal.contacts), None)


PACES = {"typist": 0.120, "key repeat": 0.033}
SCREENS = {"enter": "\r", "t": "t", "l": "l", "?": "?", "ctrl+o": "\x0f", "f": "f"}
_ECHO = (Goal(16, aim=10),)
_SETTLED = (Goal(27, 10_000), Goal(40, 100_000, aim=33), Goal(1, times=True))
_MOVE = (Goal(16),)

ROWS = (
    Row("start", "median", (Goal(1.5, times=True),), "one label: start"),
    Row("keys in the first half second: echo", "max", (Goal(50),)),
    *(
        Row(f"{kind}, {pace}: echo", "p95", _ECHO, f"bare input, {pace}: echo")
        for kind in ("names", "qualifiers")
        for pace in PACES
    ),
    *(
        Row(f"{kind}, {pace}: settled", "p95", _SETTLED, f"fzf --exact, {pace}: settled")
        for kind in ("names", "qualifiers")
        for pace in PACES
    ),
    Row("SQL LIKE, in process", "median"),
    Row("page down", "p95", _MOVE, "DataTable of 10,000: page down"),
    Row("held arrow", "p95", _MOVE, "DataTable of 10,000: held arrow"),
    Row("page down during a full read", "p95", _MOVE, "DataTable of 10,000: page down"),
    Row("held arrow during a full read", "p95", _MOVE, "DataTable of 10,000: held arrow"),
    Row("page down while Re-Leased is read", "p95", _MOVE, "DataTable of 10,000: page down"),
    Row("held arrow while Re-Leased is read", "p95", _MOVE, "DataTable of 10,000: held arrow"),
    Row("page down in the list of changes", "p95", _MOVE, "DataTable of 10,000: page down"),
    Row("held arrow in the list of changes", "p95", _MOVE, "DataTable of 10,000: held arrow"),
    Row("page down in a comparison", "p95", _MOVE, "DataTable of 10,000: page down"),
    Row("held arrow in a comparison", "p95", _MOVE, "DataTable of 10,000: held arrow"),
    Row("slowest key during a full read", "max", (Goal(50),)),
    Row("slowest key while Re-Leased is read", "max", (Goal(50),)),
    Row("full read: our CPU a contact", "median", (Goal(80, aim=50),), unit="µs", fewest=3),
    Row("full read: the list grows", "median", unit="times", fewest=3),
    Row("idle", "median", (Goal(0.3),), "one label: idle", "% of a core", 3),
    Row("idle, terminal without focus", "median", (Goal(0.2),), "one label: idle", "% of a core", 3),
    Row("wakeups", "median", (Goal(12),), "one label: wakeups", "a second", 3),
    Row("memory after the searches", "median", (Goal(90, 100_000), Goal(250)), "one label: memory", "MB", 3),
    Row("objects alive after the searches", "median", unit="thousands", fewest=3),
    *(Row(f"first opening: {key}", "max", (Goal(100),)) for key in SCREENS),
    Row("--version", "median", (Goal(2, times=True),), "click: --version"),
    Row("reshelve contacts", "median", (Goal(1500, 100_000),), fewest=3),
    Row("reshelve contacts: memory", "max", (Goal(120, 100_000),), unit="MB", fewest=3),
    Row("soak: growth of memory in ten minutes", "max", (Goal(1),), unit="MB", fewest=3),
    Row("soak: growth of objects in ten minutes", "max", (Goal(1),), unit="MB", fewest=3),
)


@dataclass(slots=True)
class Series:
    """What was measured: the samples of each round, and the processor time of each operation in ms."""

    rounds: list[list[float]] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def values(self) -> list[float]:
        """All samples."""
        return [value for values in self.rounds for value in values]

    @property
    def spread(self) -> float:
        """The largest median of a round, in times of the smallest."""
        middles = [median(values) for values in self.rounds if values]
        return max(middles) / min(middles) if middles and min(middles) > 0 else 1.0


@dataclass(slots=True)
class Samples:
    """Everything measured, by row or yardstick and size; a size of None is for what has none."""

    series: dict[tuple[str, int | None], Series] = field(default_factory=dict)
    #: What went wrong, such as a key whose effect was never painted.
    problems: list[str] = field(default_factory=list)

    def add(
        self, name: str, contacts: int | None, values: Sequence[float], *, cpu: float | None = None
    ) -> None:
        """Add the samples of a round, and the processor time in ms that each operation took on average."""
        series = self.series.setdefault((name, contacts), Series())
        series.rounds.append([*values])
        if cpu is not None:
            series.cpu.append(cpu)

    def find(self, name: str, contacts: int | None) -> Series | None:
        """Return a yardstick's samples: those of the size, or those that are for all."""
        return self.series.get((name, contacts)) or self.series.get((name, None))

    def to_json(self) -> list[dict[str, Any]]:
        """Return it all as JSON."""
        return [
            {"name": name, "contacts": contacts, "rounds": series.rounds, "cpu_ms": series.cpu}
            for (name, contacts), series in self.series.items()
        ]

    @classmethod
    def load(cls, file: Path) -> Samples:
        """Read what an earlier run has written. Raises `OSError`, `ValueError` or `KeyError`."""
        stored = json.loads(file.read_text("utf-8"))["samples"]
        return cls(
            {(one["name"], one["contacts"]): Series(one["rounds"], one["cpu_ms"]) for one in stored},
        )


@dataclass(frozen=True, slots=True)
class Result:
    """One row at one size, judged."""

    row: Row
    contacts: int | None
    series: Series
    yardstick: Series | None
    steadiness: Series | None

    @property
    def value(self) -> float:
        """The statistic that counts."""
        return STATISTICS[self.row.judged](self.series.values)

    @property
    def measure(self) -> float | None:
        """The same statistic of the yardstick."""
        values = self.yardstick.values if self.yardstick else []
        return STATISTICS[self.row.judged](values) if values else None

    @property
    def ratio(self) -> float | None:
        """How many times the yardstick."""
        return self.value / self.measure if self.measure else None

    @property
    def goal(self) -> Goal | None:
        """What is to be reached; None as well if it is a ratio to something that isn't there."""
        goal = self.row.goal(self.contacts)
        return None if goal is not None and goal.times and self.ratio is None else goal

    @property
    def doubt(self) -> str:
        """Why the row can't be trusted; empty if it can."""
        count, fewest = len(self.series.values), self.row.fewest or _FEWEST[self.row.judged]
        if count < fewest:
            return f"{count} of {fewest} samples"
        if self.steadiness is None:
            return ""
        if len(self.steadiness.rounds) < _FEWEST_ROUNDS:
            return f"{len(self.steadiness.rounds)} of {_FEWEST_ROUNDS} rounds"
        spread = self.steadiness.spread
        return f"yardstick jumped {spread:.2f}×" if spread > MOST_SPREAD else ""

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached, trusted or not; True without a goal."""
        goal = self.goal
        if goal is None:
            return True
        value = self.ratio if goal.times else self.value
        return value is not None and value <= goal.most

    @property
    def verdict(self) -> str:
        """One of: met, missed, not trusted with the reason, or nothing without a goal."""
        said = "" if self.goal is None else "met" if self.is_met else "missed"
        return f"not trusted: {self.doubt}" if self.doubt else said


def judge(samples: Samples) -> list[Result]:
    """Judge every row that was measured, in the order of the table."""
    sizes = sorted({contacts for _, contacts in samples.series}, key=lambda size: size or 0)
    results = []
    for row in ROWS:
        for size in sizes:
            if series := samples.series.get((row.name, size)):
                yardstick = samples.find(row.yardstick, size)
                loop = samples.find(_STEADINESS.get(row.unit, ""), None)
                steadiness = yardstick if row.unit == "ms" and yardstick else loop
                results.append(Result(row, size, series, yardstick, steadiness))
    return results


def exit_code(samples: Samples, results: Sequence[Result]) -> int:
    """Return 0 if every goal that was measured is met and trusted, and there was one; else 1."""
    judged = [result for result in results if result.goal is not None]
    return int(not judged or bool(samples.problems) or any(each.doubt or not each.is_met for each in judged))


_HEADS = ("", "contacts", "n", "median", "p95", "max", "unit", "CPU ms", "yardstick", "ratio", "goal", "")
_LEFT = (0, 6, 10, 11)


def table(results: Sequence[Result]) -> str:
    """Write all results, a line each. The starred statistic is the one that is judged."""
    return _align([_HEADS, *map(_cells, results)], _LEFT)


def _cells(result: Result) -> tuple[str, ...]:
    row, values, goal = result.row, result.series.values, result.goal
    shown = (
        _number(statistic(values), is_judged=name == row.judged) for name, statistic in STATISTICS.items()
    )
    return (
        row.name,
        "" if result.contacts is None else f"{result.contacts:,}",
        f"{len(values):,}",
        *shown,
        row.unit,
        f"{median(result.series.cpu):.1f}" if result.series.cpu else "",
        "" if result.measure is None else _number(result.measure),
        "" if result.ratio is None else f"{result.ratio:.2f}",
        ""
        if goal is None
        else f"≤ {goal.most:g}{'×' if goal.times else ''}" + (f" (aim {goal.aim:g})" if goal.aim else ""),
        result.verdict,
    )


def _number(value: float, *, is_judged: bool = False) -> str:
    return (f"{value:,.0f}" if value >= 100 else f"{value:.3g}") + ("*" if is_judged else " ")


def compare(old: Samples, results: Sequence[Result]) -> str:
    """Set each row against an earlier run: by its ratio if both have a yardstick, else by its value."""
    before = {(result.row.name, result.contacts): result for result in judge(old)}
    return _align([("", "contacts", "", "before", "after", "change"), *_changes(before, results)], (0, 2))


def _changes(
    before: dict[tuple[str, int | None], Result], results: Sequence[Result]
) -> Iterator[tuple[str, ...]]:
    for result in results:
        earlier = before.get((result.row.name, result.contacts))
        if earlier is None:
            continue
        old, new, what = earlier.ratio, result.ratio, "ratio"
        if old is None or new is None:
            old, new, what = earlier.value, result.value, result.row.unit
        yield (
            result.row.name,
            "" if result.contacts is None else f"{result.contacts:,}",
            f"{result.row.judged}, {what}",
            _number(old),
            _number(new),
            f"{100 * (new / old - 1):+.0f} %" if old else "",
        )


def _align(lines: Sequence[tuple[str, ...]], left: Sequence[int]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
