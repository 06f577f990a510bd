"""What is known of Re-Leased having picked up a change, and how firmly.

Re-Leased can't be asked. A grade never claims more than its evidence, and never rises without new
evidence or, for *expected*, a nightly window that has passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, tzinfo

    from tui.model.change import Change
    from tui.model.contact import ContactStatus


class Grade(StrEnum):
    """How firmly it is known that Re-Leased has a confirmed change."""

    PENDING = "pending"
    OVERDUE = "overdue"
    EXPECTED = "expected"
    READ = "read"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class PickUp:
    """Evidence read from a feed: one contact as a Re-Leased sync found it.

    `sync_started_at` decides: a sync that began before Xero confirmed a change can't have seen it.
    """

    contact_id: str
    status: ContactStatus
    sync_started_at: datetime
    picked_up_at: datetime
    run: str


@dataclass(frozen=True, slots=True)
class NightlyWindow:
    """The hours of the night within which Re-Leased's automatic sync runs.

    They are local to `zone`; None means this machine's. Results are in UTC.
    """

    start: time
    end: time
    zone: tzinfo | None = None

    def next_after(self, moment: datetime) -> tuple[datetime, datetime]:
        """Return start and end of the first whole window that begins at the moment or later."""
        day = moment.astimezone(self.zone).date()
        while True:
            start, end = self._on(day)
            if start >= moment:
                return start, end
            day += timedelta(days=1)

    def last_before(self, moment: datetime) -> tuple[datetime, datetime]:
        """Return start and end of the last window that had ended by the moment."""
        day = moment.astimezone(self.zone).date()
        while True:
            start, end = self._on(day)
            if end <= moment:
                return start, end
            day -= timedelta(days=1)

    def _on(self, day: date) -> tuple[datetime, datetime]:
        end_day = day if self.end > self.start else day + timedelta(days=1)
        return min(self._local(day, self.start)), max(self._local(end_day, self.end))

    def _local(self, day: date, at: time) -> list[datetime]:
        # Where clocks change, a time comes twice or never. Both readings are kept, so that the window is
        # as wide as it can be: it never ends before it starts, and nothing is expected too early.
        readings = (datetime.combine(day, at.replace(fold=fold), self.zone) for fold in (0, 1))
        return [reading.astimezone(UTC) for reading in readings]


@dataclass(frozen=True, slots=True)
class Standing:
    """A grade and since when it holds; `since` is None while nothing has been learnt."""

    grade: Grade
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of Re-Leased's syncs as a whole.

    With a feed, `last_clean_sync_started_at` is the start of the last sync that ended without errors;
    without one, `window` lets *expected* follow from the clock.
    """

    window: NightlyWindow | None = None
    last_clean_sync_started_at: datetime | None = None


def proves(pick_up: PickUp, change: Change) -> bool:
    """Say whether the evidence shows that Re-Leased has this change."""
    return (
        change.confirmed_at is not None
        and pick_up.contact_id == change.contact_id
        and pick_up.status is change.action.target
        and pick_up.sync_started_at >= change.confirmed_at
    )


def stand(change: Change, watch: Watch, now: datetime) -> Standing:
    """Grade one change that Xero has confirmed.

    Raises `ValueError` for one that Xero hasn't confirmed: there is nothing to pick up yet.
    """
    confirmed_at = change.confirmed_at
    if confirmed_at is None:
        raise ValueError("only a confirmed change can be graded")
    if change.picked_up_at is not None:
        return Standing(Grade.READ, change.picked_up_at)
    if change.superseded:
        return Standing(Grade.SUPERSEDED)
    missed = watch.last_clean_sync_started_at
    if missed is not None and missed >= confirmed_at:
        return Standing(Grade.OVERDUE, missed)
    if watch.window is not None:
        start, end = watch.window.last_before(now)
        if confirmed_at <= start:
            return Standing(Grade.EXPECTED, end)
    return Standing(Grade.PENDING)
