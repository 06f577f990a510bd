"""The conditions of a search besides words: what each qualifier means, however it was typed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import State
from tui.model.evidence import SyncStatus

if TYPE_CHECKING:
    from datetime import tzinfo

    from tui.model.snapshot import ChangeView

_MONTHS_A_YEAR: Final = 12
#: Earlier than any date in Xero; used for dates outside the calendar.
_EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)


class ContactKind(StrEnum):
    """Kinds of contacts. NOT_LINKED is as the user reported: Re-Leased's syncs leave the contact out."""

    CUSTOMER = "customer"
    SUPPLIER = "supplier"
    ACTIVE = "active"
    ARCHIVED = "archived"
    MERGED = "merged"
    NOT_LINKED = "unlinked"
    GDPR = "gdpr"
    DELETED = "gone"


class Operator(StrEnum):
    """A comparison operator."""

    AT_LEAST = ">="
    AT_MOST = "<="
    MORE = ">"
    LESS = "<"
    EQUAL = "="


class BalanceSide(StrEnum):
    """Which outstanding balance: what they owe us (receivable), or what we owe them (payable)."""

    RECEIVABLE = "owes"
    PAYABLE = "owed"


class SyncFilter(StrEnum):
    """The status of a contact's last change, by the value typed in the search box."""

    PENDING = "pending"
    MISSED = "missed"
    EXPECTED = "expected"
    REPORTED = "reported"
    CHECKED = "checked"
    SYNCED = "synced"
    STALLED = "not-running"
    NOT_LINKED = "unlinked"
    FOREIGN_CURRENCY = "foreign-currency"
    SUPERSEDED = "not-needed"
    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "checking"
    AWAITING_USER = "restore"
    REFUSED = "refused"
    NONE = "none"


_BY_SYNC_STATUS: Final = {
    SyncStatus.PENDING: SyncFilter.PENDING,
    SyncStatus.MISSED: SyncFilter.MISSED,
    SyncStatus.EXPECTED: SyncFilter.EXPECTED,
    SyncStatus.REPORTED: SyncFilter.REPORTED,
    SyncStatus.CHECKED: SyncFilter.CHECKED,
    SyncStatus.SYNCED: SyncFilter.SYNCED,
    SyncStatus.STALLED: SyncFilter.STALLED,
    SyncStatus.NOT_LINKED: SyncFilter.NOT_LINKED,
    SyncStatus.FOREIGN_CURRENCY: SyncFilter.FOREIGN_CURRENCY,
    SyncStatus.SUPERSEDED: SyncFilter.SUPERSEDED,
}
#: The statuses of unconfirmed changes. The two that are missing are ignored.
BY_STATE: Final = {
    State.QUEUED: SyncFilter.QUEUED,
    State.SENDING: SyncFilter.SENDING,
    State.UNKNOWN: SyncFilter.UNKNOWN,
    State.AWAITING_USER: SyncFilter.AWAITING_USER,
    State.REFUSED: SyncFilter.REFUSED,
}


def sync_filter_of(view: ChangeView | None) -> SyncFilter:
    """Return the status of a contact's last change; never more than its sync status claims."""
    if view is None:
        return SyncFilter.NONE
    if view.change.state is State.CONFIRMED:
        return _BY_SYNC_STATUS[view.sync.status] if view.sync is not None else SyncFilter.PENDING
    return BY_STATE.get(view.change.state, SyncFilter.NONE)


class KindCondition(Struct, frozen=True):
    """A contact of this kind."""

    kind: ContactKind


class BalanceCondition(Struct, frozen=True):
    """An outstanding balance in hundredths. An unknown balance never matches."""

    side: BalanceSide
    operator: Operator
    hundredths: int


class GroupCondition(Struct, frozen=True):
    """A contact in a group whose folded name equals this, or starts with it."""

    name: str
    is_exact: bool = False

    def matches(self, folded: str) -> bool:
        """Return whether a group with this folded name matches."""
        known = " ".join(folded.split())
        return known == self.name if self.is_exact else known.startswith(self.name)


class SyncCondition(Struct, frozen=True):
    """A contact whose last change has this status."""

    sync: SyncFilter


class TimeSpan(Struct, frozen=True):
    """A time span before the time of the search: `unit` is one of h, d, w, m (months) and y."""

    count: int
    unit: str

    def before(self, now: datetime) -> datetime:
        """Return the time at that distance before `now`."""
        try:
            if self.unit == "m":
                return _months_before(now, self.count)
            if self.unit == "y":
                return _months_before(now, self.count * _MONTHS_A_YEAR)
            hours = {"h": 1, "d": 24, "w": 168}[self.unit] * self.count
            return max(now - timedelta(hours=hours), _EARLIEST)
        except (OverflowError, ValueError):
            return _EARLIEST


class DateRange(Struct, frozen=True):
    """Whole days: the first, and the one after the last."""

    start: date
    end: date


class DaysAgo(Struct, frozen=True):
    """A whole day, that many days before today."""

    count: int


class ChangedCondition(Struct, frozen=True):
    """A contact last changed in Xero (by its `UpdatedDateUTC`) then: `<7d` is less than 7 days ago."""

    operator: Operator
    when: TimeSpan | DateRange | DaysAgo

    def bounds(self, now: datetime, zone: tzinfo | None) -> tuple[datetime | None, datetime | None]:
        """Return the first time, and the time before which it must be; None means no limit.

        Days are in the given zone; None means this machine's.
        """
        when = self.when
        if isinstance(when, TimeSpan):
            moment = when.before(now)
            is_longer_ago = self.operator in {Operator.MORE, Operator.AT_LEAST}
            return (None, moment) if is_longer_ago else (moment, None)
        start, end = (_midnight(day, zone) for day in _days(when, now, zone))
        return {
            Operator.EQUAL: (start, end),
            Operator.LESS: (None, start),
            Operator.AT_MOST: (None, end),
            Operator.MORE: (end, None),
            Operator.AT_LEAST: (start, None),
        }[self.operator]


class NoMatchCondition(Struct, frozen=True):
    """Matches no contact: the filter doesn't exist."""


Condition = (
    KindCondition | BalanceCondition | GroupCondition | SyncCondition | ChangedCondition | NoMatchCondition
)


class Filter(Struct, frozen=True):
    """A condition that contacts must match or, if negated, must be known not to match.

    `NoMatchCondition` never matches, negated or not.
    """

    condition: Condition
    is_negated: bool = False


def _months_before(now: datetime, months: int) -> datetime:
    """Return the same day of an earlier month, or its last day if it is shorter."""
    whole = now.year * _MONTHS_A_YEAR + now.month - 1 - months
    first = now.replace(year=whole // _MONTHS_A_YEAR, month=whole % _MONTHS_A_YEAR + 1, day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return max(first.replace(day=min(now.day, last.day)), _EARLIEST)


def _days(when: DateRange | DaysAgo, now: datetime, zone: tzinfo | None) -> tuple[date, date]:
    if isinstance(when, DateRange):
        return when.start, when.end
    day = now.astimezone(zone).date() - timedelta(days=when.count)
    return day, day + timedelta(days=1)


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
