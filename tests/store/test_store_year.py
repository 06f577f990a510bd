"""A year of the change log, compared with the same sums in Python."""

from __future__ import annotations

import random
from contextlib import closing
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Final

import pytest
from msgspec import Struct

from tui.messages.year import bar, totals
from tui.model.change import Action, Origin, State
from tui.store import Store
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

YEAR: Final = 2026
SECOND: Final = timedelta(seconds=1)


class Made(Struct, frozen=True):
    """A change as it is stored."""

    action: Action
    origin: Origin
    state: State
    confirmed: datetime
    synced: datetime | None = None
    checked: datetime | None = None
    name: str = "x"

    @property
    def wait(self) -> timedelta | None:
        ends = [end for end in (self.synced, self.checked) if end is not None]
        return max(timedelta(), min(ends) - self.confirmed) if ends else None


def made(seed: int, count: int = 400) -> list[Made]:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    changes = []
    for number in range(count):
        at = datetime(YEAR - 1, 7, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(2 * 365 * 1440))
        ends = [
            at + timedelta(minutes=chance.randrange(-9, 9_000)) if chance.random() < share else None
            for share in (0.5, 0.2)
        ]
        changes.append(
            Made(
                chance.choice(list(Action)),
                chance.choice(list(Origin)),
                chance.choice([State.CONFIRMED, State.CONFIRMED, State.REFUSED, State.CANCELLED]),
                at,
                ends[0],
                ends[1],
                f"Contact {number}",
            )
        )
    return changes


async def saved(folder: Path, changes: list[Made]) -> Store:
    store = Store.open(folder)

    def insert(connection: sqlite3.Connection) -> None:
        for change in changes:
            times = [None if at is None else to_ms(at) for at in (change.synced, change.checked)]
            connection.execute(
                "INSERT INTO changes (batch_id, contact_id, name, action, origin, state, requested_ms,"
                " updated_ms, confirmed_ms, idempotency_key, message, superseded, synced_ms, checked_ms)"
                " VALUES ('b', 'c', ?, ?, ?, ?, 1, 1, ?, '', '', 0, ?, ?)",
                (change.name, change.action, change.origin, change.state, to_ms(change.confirmed), *times),
            )

    await store._database.write(insert)
    return store


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("year", [YEAR - 1, YEAR, YEAR + 1, YEAR + 9])
async def test_the_sums_are_those_of_the_changes(tmp_path: Path, seed: int, year: int) -> None:
    changes = made(seed)
    with closing(await saved(tmp_path, changes)) as store:
        summary = await store.changes.summarize_year(year)
    confirmed = [change for change in changes if change.state is State.CONFIRMED]
    of_year = [change for change in confirmed if change.confirmed.astimezone().year == year]
    for month in summary.months:
        of_month = [change for change in of_year if change.confirmed.astimezone().month == month.month]
        counts = [
            sum(1 for change in of_month if (change.action, change.origin) == (action, origin))
            for action in Action
            for origin in Origin
        ]
        assert [
            month.archived_here, month.archived_in_xero, month.restored_here, month.restored_in_xero,
        ] == counts  # fmt: skip
        waits = [change.wait for change in of_month if change.wait is not None]
        assert (month.known, month.longest) == (len(waits), max(waits, default=None))
        assert (month.median is None) is (not waits)
        if month.median is not None:
            assert abs(month.median / SECOND - median(wait / SECOND for wait in waits)) < 0.001
    waits = [change.wait for change in of_year if change.wait is not None]
    assert (summary.total, summary.known) == (len(of_year), len(waits))
    assert summary.longest == max(waits, default=None)
    if waits:
        assert summary.median is not None
        assert abs(summary.median / SECOND - median(wait / SECOND for wait in waits)) < 0.001
        assert summary.longest_name in {change.name for change in of_year if change.wait == max(waits)}
    years = [change.confirmed.astimezone().year for change in confirmed]
    assert (summary.has_earlier, summary.has_later) == (min(years) < year, max(years) > year)


async def test_an_empty_change_log_has_an_empty_year(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path)) as store:
        summary = await store.changes.summarize_year(YEAR)
    assert (summary.total, summary.known, summary.median, summary.has_earlier) == (0, 0, None, False)
    assert list(totals(summary)) == [f"No changes were confirmed in {YEAR}."]


async def test_without_evidence_no_wait_is_claimed(tmp_path: Path) -> None:
    at = datetime(YEAR, 3, 1, 12, tzinfo=UTC)
    change = Made(Action.ARCHIVE, Origin.RESHELVE, State.CONFIRMED, at)
    with closing(await saved(tmp_path, [change])) as store:
        *_, last = totals(await store.changes.summarize_year(YEAR))
    assert last.startswith("How long changes waited isn't known")


async def test_how_many_waits_are_known_is_said(tmp_path: Path) -> None:
    at = datetime(YEAR, 3, 1, 12, tzinfo=UTC)
    known = Made(Action.ARCHIVE, Origin.RESHELVE, State.CONFIRMED, at, at + timedelta(hours=14))
    unknown = Made(Action.ARCHIVE, Origin.XERO, State.CONFIRMED, at)
    with closing(await saved(tmp_path, [known, unknown])) as store:
        archived, restored, waits = totals(await store.changes.summarize_year(YEAR))
    assert archived == "Archived: 2 (1 in Reshelve, 1 in Xero)."
    assert restored == "Restored: 0 (0 in Reshelve, 0 in Xero)."
    assert "median 14 hours, longest 14 hours (x). Known for 1 of 2 changes" in waits


@pytest.mark.parametrize(
    ("here", "in_xero", "most", "width", "drawn"),
    [
        (0, 0, 0, 10, ""),
        (0, 0, 9, 10, ""),
        (1, 0, 1_000, 10, "█"),
        (0, 1, 1_000, 10, "░"),
        (5, 5, 10, 10, "█████░░░░░"),
        (999, 1, 1_000, 10, "█████████░"),
        (1, 999, 1_000, 10, "█░░░░░░░░░"),
        (1_000, 0, 1_000, 3, "███"),
        (7, 2, 9, 0, ""),
    ],
)
def test_bars_are_read_without_colour(here: int, in_xero: int, most: int, width: int, drawn: str) -> None:
    assert bar(here, in_xero, most, width) == drawn
