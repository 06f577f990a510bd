"""The program in use at each size, interleaved: search, paging, memory."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.keys import Typist
from benchmarks.report import Limit, Result, middle, p95
from benchmarks.starting import YARDSTICK
from benchmarks.stores import command
from benchmarks.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.keys import Expected, Times
    from benchmarks.stores import Home

_LETTERS = "harbour plumbing"
_SETTLED_AIMS = ((10_000, 25), (100_000, 33), (1_000_000, 100))
_MEMORY_AIMS = ((100_000, 90), (1_000_000, 250))


def measure(homes: Mapping[Home, Expected], rounds: int) -> list[Result]:
    """Use each size in turn: three searches and some paging per round, with a bare input in between."""
    with ExitStack() as stack:
        label = stack.enter_context(Terminal(YARDSTICK, {}))
        bare = stack.enter_context(Terminal([*YARDSTICK, "--input"], {}))
        bare.until_shown("yardstick")
        typists = {home: _typist(stack, home, expected) for home, expected in homes.items()}
        echoes: list[float] = []
        for number in range(rounds):
            for typist in typists.values():
                typist.search(2 * number)
                typist.search(2 * number + 1)
                typist.qualify(number)
                typist.browse()
            echoes.extend(_echo(bare, letter) for letter in _LETTERS)
        results = [
            result
            for home, typist in typists.items()
            for result in _judge(home.contacts, typist.times, echoes)
        ]
        memory = [
            Result(
                "memory after searching",
                home.contacts,
                typist.terminal.megabytes,
                "MB",
                label.megabytes,
                goal=Limit(120),
                aim=_aim(_MEMORY_AIMS, home.contacts),
            )
            for home, typist in typists.items()
        ]
        return results + memory


def _typist(stack: ExitStack, home: Home, expected: Expected) -> Typist:
    terminal = stack.enter_context(Terminal(command(), home.environment))
    typist = Typist(terminal, home.store_file, expected)
    # The search index is loaded after the first frame.
    terminal.until_quiet()
    return typist


def _echo(bare: Terminal, letter: str) -> float:
    pressed = bare.press(letter)
    return bare.until(lambda text: letter in text, f"the echo of {letter!r}") - pressed


def _judge(contacts: int, times: Times, echoes: list[float]) -> Iterator[Result]:
    bare, bare_p95, sql = middle(echoes), p95(echoes), times.sql
    yield Result("search key to echo, median", contacts, middle(times.echo), "ms", bare)
    yield Result("search key to echo, p95", contacts, p95(times.echo), "ms", bare_p95, aim=Limit(10))
    yield Result("search key to settled, median", contacts, middle(times.settled), "ms", middle(sql))
    yield Result(
        "search key to settled, p95",
        contacts,
        p95(times.settled),
        "ms",
        p95(sql),
        goal=Limit(60),
        aim=_aim(_SETTLED_AIMS, contacts),
    )
    yield Result("qualifier key to settled, median", contacts, middle(times.qualified), "ms", middle(sql))
    yield Result(
        "qualifier key to settled, p95",
        contacts,
        p95(times.qualified),
        "ms",
        p95(sql),
        aim=_aim(_SETTLED_AIMS, contacts),
    )
    yield Result("page down, p95", contacts, p95(times.page), "ms", bare_p95, aim=Limit(16))
    yield Result("held arrow, p95", contacts, p95(times.step), "ms", bare_p95, aim=Limit(16))


def _aim(aims: tuple[tuple[int, int], ...], contacts: int) -> Limit | None:
    return next((Limit(most) for size, most in aims if contacts <= size), None)
