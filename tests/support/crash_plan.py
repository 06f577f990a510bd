"""Which crashes are tried, in which order: one round of all of them, and further rounds that vary."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final

from support.crash_chain import Run, run_chain
from support.crash_points import Point

from tui.model.change import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future, ThreadPoolExecutor
    from pathlib import Path

    from support.crash_chain import Tally

SIZES: Final = (1, 50, 120)
_A_CALL: Final = 50
# For a practice Xero with three pages, so that something is between a page and its cursor.
MANY_CONTACTS: Final = 2_100
_FEW_CONTACTS: Final = 60
_PAGES: Final = 3
# A first start takes about this many statements to create its tables.
_MIGRATION: Final = 30

_ASKING: Final = (Point.REQUEST_BEFORE, Point.REQUEST_WRITTEN, Point.REQUEST_COMMITTED)
_SENDING: Final = (Point.SEND_BEFORE, Point.SEND_WRITTEN, Point.SEND_COMMITTED, Point.CALL_BEFORE)
_CALLING: Final = (Point.CALL_HALF, Point.CALL_SENT, Point.CALL_ANSWERED)
_ANSWERED: Final = (Point.ANSWER_BEFORE, Point.ANSWER_WRITTEN, Point.ANSWER_COMMITTED)
_DOUBTING: Final = (
    Point.DOUBT_BEFORE, Point.DOUBT_WRITTEN, Point.DOUBT_COMMITTED, Point.READING_BEFORE,
    Point.READING_ANSWERED, Point.VERDICT_BEFORE, Point.VERDICT_WRITTEN, Point.VERDICT_COMMITTED,
)  # fmt: skip
# Two crashes each, so that a round takes every other one.
_RECOVERING: Final = tuple(zip(_DOUBTING, (*_CALLING, Point.SEND_COMMITTED) * 2, strict=True))
_HANDING_OFF: Final = (Point.HAND_OFF_BEFORE, Point.HAND_OFF_WRITTEN, Point.HAND_OFF_COMMITTED)
_EVIDENCE: Final = (Point.EVIDENCE_BEFORE, Point.EVIDENCE_WRITTEN, Point.EVIDENCE_COMMITTED)
_TOKENS: Final = (Point.TOKEN_ASKED, Point.TOKEN_BEFORE, Point.TOKEN_STORED)
_BACKING_UP: Final = (
    Point.BACKUP_BEFORE, Point.BACKUP_HALF, Point.BACKUP_WRITTEN, Point.BACKUP_COMMITTED,
)  # fmt: skip
_UNDOING: Final = (Point.UNDO_BEFORE, Point.UNDO_WRITTEN, Point.UNDO_COMMITTED)
_REDOING: Final = (Point.REDO_BEFORE, Point.REDO_WRITTEN, Point.REDO_COMMITTED)
_RETRYING: Final = (Point.RETRY_BEFORE, Point.RETRY_WRITTEN, Point.RETRY_COMMITTED)
_TAKING_BACK: Final = (Point.CANCEL_BEFORE, Point.CANCEL_WRITTEN, Point.CANCEL_COMMITTED)
_PAUSING: Final = (Point.PAUSE_BEFORE, Point.PAUSE_WRITTEN, Point.PAUSE_COMMITTED)
_PAGING: Final = (
    Point.PAGE_ANSWERED, Point.PAGE_WRITTEN, Point.PAGE_COMMITTED, Point.CURSOR_WRITTEN,
    Point.CURSOR_COMMITTED,
)  # fmt: skip


def chains(number: int) -> dict[str, tuple[Run, ...]]:
    """Return the chains of a round. Sizes and counts differ from round to round, the same each time."""
    chance = Random(number)  # noqa: S311 - to vary, not to hide
    size = (SIZES[place % len(SIZES)] for place in count(number))

    def runs(points: Iterable[Point], *, is_stormy: bool = False) -> list[Run]:
        return [_run(chance, point, next(size), is_stormy=is_stormy) for point in points]

    return {
        # The longest first, as several run in parallel.
        "recovering": tuple(
            Run(point, size=next(size), during="recovering", first=first)
            for point, first in _RECOVERING[number % 2 :: 2]
        ),
        "asking and sending": tuple(runs(_ASKING + _SENDING)),
        "calling and hearing": tuple(runs(_CALLING + _ANSWERED)),
        # Those that this round doesn't reach while it recovers.
        "in doubt": tuple(runs(_DOUBTING[(number + 1) % 2 :: 2], is_stormy=True)),
        "handing off": tuple(Run(point, size=next(size), action=Action.RESTORE) for point in _HANDING_OFF),
        "undoing": tuple(Run(point, size=next(size), during="undoing") for point in _UNDOING),
        "redoing": tuple(Run(point, size=next(size), during="redoing") for point in _REDOING),
        "trying again": tuple(Run(point, during="trying again") for point in _RETRYING),
        "taking back": tuple(Run(point, during="taking back") for point in _TAKING_BACK),
        "pausing": tuple(
            # Alternately, so that both are tried at each point in two rounds.
            Run(point, size=next(size), during=("going on", "pausing")[(number + place) % 2])
            for place, point in enumerate(_PAUSING)
        ),
        "seen in Re-Leased": tuple(Run(point, size=next(size), during="evidence") for point in _EVIDENCE),
        "renewing the sign-in": tuple(
            Run(point, size=next(size), during="recovering", first=Point.REQUEST_COMMITTED)
            for point in _TOKENS
        ),
        "backing up": tuple(
            Run(point, size=next(size), during="recovering", first=Point.SEND_COMMITTED)
            for point in _BACKING_UP
        ),
        "the first start": (
            *(Run(point, nth=chance.randint(1, _PAGES), during="first start") for point in _PAGING),
            *(Run(Point.MIGRATION, nth=nth, during="first start") for nth in _places(chance, _MIGRATION, 2)),
        ),
        "any statement": tuple(
            Run(Point.STATEMENT, nth=nth, size=size)
            for size, most in ((1, 30), (50, 500), (120, 1200))
            for nth in _places(chance, most, 1)
        ),
    }


def _run(chance: Random, point: Point, size: int, *, is_stormy: bool = False) -> Run:
    """Crash at one of the batch's calls, of which there is one for every fifty contacts."""
    calls = -(-size // _A_CALL)
    is_once = is_stormy or point in _ASKING
    return Run(point, nth=1 if is_once else chance.randint(1, calls), size=size, is_stormy=is_stormy)


def _places(chance: Random, most: int, number: int) -> list[int]:
    return sorted(chance.sample(range(1, most + 1), number))


def submit(
    pool: ThreadPoolExecutor, folder: Path, round_of: Mapping[str, tuple[Run, ...]]
) -> dict[str, Future[Tally]]:
    """Have the chains run, each on an installation of its own."""
    return {
        name: pool.submit(
            run_chain,
            folder / name.replace(" ", "-"),
            runs,
            contacts=MANY_CONTACTS if runs[0].during == "first start" else _FEW_CONTACTS,
        )
        for name, runs in round_of.items()
    }
