"""Searches with filters in SQL, for as long as there is no index. Typed text is always a parameter."""

from __future__ import annotations

import json
import sqlite3
from array import array
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from tui.model.columns import NEVER_USED
from tui.model.contact import ContactStatus
from tui.model.evidence import ReportKind, SyncStatus
from tui.model.marks import MarkKind
from tui.model.query import (
    BY_STATE,
    BalanceCondition,
    BalanceSide,
    ContactKind,
    CurrencyCondition,
    GroupCondition,
    IdleCondition,
    KindCondition,
    NeverSyncedCondition,
    NeverUsedCondition,
    NoMatchCondition,
    Operator,
    OriginCondition,
    SyncCondition,
    SyncFilter,
    TabCounts,
    fold,
    sync_filter_of,
)
from tui.model.snapshot import ChangeView
from tui.store import values
from tui.store.activity import LAST_ACTIVITY
from tui.store.change_log.changes import CHANGE_COLUMNS, change_of
from tui.store.marks import contacts_with, read_marks
from tui.store.search.ranking import SQL_RANK
from tui.store.search.sorting import order_by
from tui.store.sync_state import BASE_CURRENCY
from tui.store.values import stored_query, to_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.evidence import StatusSince
    from tui.model.query import ChangedCondition, Filter, PossibleCondition, Query


_BALANCES: Final = {
    BalanceSide.RECEIVABLE: "receivable",
    BalanceSide.PAYABLE: "payable",
    BalanceSide.OVERDUE: "receivable_overdue",
}
#: The columns that are compared with numbers, by qualifier.
AMOUNTS: Final = {
    **{side.value: column for side, column in _BALANCES.items()},
    "changed": "updated_ms",
    **dict.fromkeys(("idle", "never"), LAST_ACTIVITY),
}
#: The kinds that follow from a row of `contacts` alone.
CONTACT_KINDS: Final = {
    ContactKind.CUSTOMER: "is_customer = 1",
    ContactKind.SUPPLIER: "is_supplier = 1",
    ContactKind.ACTIVE: f"status = '{ContactStatus.ACTIVE}'",
    ContactKind.ARCHIVED: f"status = '{ContactStatus.ARCHIVED}'",
    ContactKind.GDPR: f"status = '{ContactStatus.GDPRREQUEST}'",
    ContactKind.DELETED: f"status = '{ContactStatus.DELETED}'",
    ContactKind.MERGED: "merged_to <> ''",
}
_NOT_LINKED: Final = f"""
    SELECT contact_id FROM user_reports AS report WHERE kind = '{ReportKind.UNLINKED}' AND number = (
        SELECT max(number) FROM user_reports WHERE contact_id = report.contact_id
            AND kind IN ('{ReportKind.UNLINKED}', '{ReportKind.LINKED}')
    )
"""  # noqa: S608 - only our own names
_BY_USER: Final = {
    ContactKind.NOT_LINKED: f"contact_id IN ({_NOT_LINKED})",
    ContactKind.KEPT: f"contact_id IN ({contacts_with(MarkKind.KEPT)})",
}
_GROUP_LISTS: Final = "SELECT DISTINCT group_names FROM contacts WHERE group_names <> '[]'"
#: As in the table's rows: cancelled changes don't count.
COUNTED: Final = "state NOT IN ('cancelled', 'dismissed')"
_LAST: Final = f"""
    change_id = (SELECT max(change_id) FROM changes WHERE contact_id = last.contact_id AND {COUNTED})
"""  # noqa: S608 - as above
_ARRIVED: Final = "state = 'confirmed' AND (synced_ms IS NOT NULL OR checked_ms IS NOT NULL)"
_UNSYNCED: Final = "state = 'confirmed' AND synced_ms IS NULL AND checked_ms IS NULL"
# Statuses that follow from the change log alone, without the clock or the company's status.
_BY_CHANGE_LOG: Final = {
    **{sync: f"state = '{state}'" for state, sync in BY_STATE.items()},
    SyncFilter.SYNCED: "state = 'confirmed' AND synced_ms IS NOT NULL",
    SyncFilter.CHECKED: "state = 'confirmed' AND synced_ms IS NULL AND checked_ms IS NOT NULL",
    SyncFilter.SUPERSEDED: f"{_UNSYNCED} AND superseded = 1",
}
#: The currency of a row of `contacts AS c`: its own, or else the organisation's; empty if neither is known.
CURRENCY: Final = f"""
    coalesce(nullif((
        SELECT CASE WHEN json_valid(CAST(raw AS TEXT)) THEN
            CASE json_type(CAST(raw AS TEXT), '$.DefaultCurrency') WHEN 'text'
                THEN upper(trim(json_extract(CAST(raw AS TEXT), '$.DefaultCurrency'))) END
        END
        FROM contact_documents WHERE contact_rowid = c.rowid
    ), ''), (SELECT upper(trim(value)) FROM sync_state WHERE name = '{BASE_CURRENCY}'), '')
"""  # noqa: S608 - our own name


def value_range(
    condition: BalanceCondition | ChangedCondition | IdleCondition | NeverUsedCondition, now: datetime
) -> tuple[str, int | None, int | None]:
    """Return the column that is compared, its least value, and the one it must be below; None is no limit."""
    if isinstance(condition, BalanceCondition):
        amount = condition.hundredths
        least, below = {
            Operator.EQUAL: (amount, amount + 1),
            Operator.LESS: (None, amount),
            Operator.AT_MOST: (None, amount + 1),
            Operator.MORE: (amount + 1, None),
            Operator.AT_LEAST: (amount, None),
        }[condition.operator]
        return _BALANCES[condition.side], least, below
    if isinstance(condition, NeverUsedCondition):
        return LAST_ACTIVITY, NEVER_USED, NEVER_USED + 1
    if isinstance(condition, IdleCondition):
        return LAST_ACTIVITY, *condition.bounds(now)
    start, end = condition.bounds(now, None)
    return "updated_ms", to_ms(start) if start else None, to_ms(end) if end else None


#: SQLite steps between two checks for cancellation.
STEPS_BETWEEN_CHECKS: Final = 20_000


class Sql(Struct, frozen=True):
    """A condition on a row of `contacts AS c`, with its parameters. NULL means unknown."""

    text: str
    parameters: tuple[object, ...] = ()


class Translator(Struct, frozen=True):
    """Translates filters to SQL, as of a given time; `grade` returns the sync status of a change."""

    connection: sqlite3.Connection
    now: datetime
    grade: Callable[[Change], StatusSince | None]

    def translate(self, wanted: Filter) -> Sql:
        """Return the condition; a negated one doesn't match unknown values either."""
        if isinstance(wanted.condition, NoMatchCondition):
            return Sql("0")
        sql = self._condition(wanted.condition)
        return Sql(f"NOT ({sql.text})", sql.parameters) if wanted.is_negated else sql

    def _condition(self, condition: PossibleCondition) -> Sql:
        match condition:
            case KindCondition(ContactKind.PROTECTED):
                return self._protected()
            case KindCondition(kind):
                return Sql(CONTACT_KINDS.get(kind) or _BY_USER[kind])
            case GroupCondition():
                return _one_of("group_names", self._memberships(condition))
            case CurrencyCondition(currency):
                return Sql(f"nullif({CURRENCY}, '') = ?", (currency,))
            case SyncCondition() | NeverSyncedCondition() | OriginCondition():
                return self._by_changes(condition)
            case _:
                column, least, below = value_range(condition, self.now)
                bounds = [(f"{column} >= ?", least), (f"{column} < ?", below)]
                given = [(text, bound) for text, bound in bounds if bound is not None]
                return Sql(" AND ".join(text for text, _ in given), tuple(bound for _, bound in given))

    def _protected(self) -> Sql:
        groups = read_marks(self.connection).protected_groups
        lists = self.connection.execute(_GROUP_LISTS)
        in_groups = _one_of(
            "group_names",
            (stored for (stored,) in lists if not groups.isdisjoint(values.names(stored))) if groups else (),
        )
        own = contacts_with(MarkKind.PROTECTED)
        return Sql(f"(contact_id IN ({own}) OR {in_groups.text})", in_groups.parameters)

    def _memberships(self, condition: GroupCondition) -> Iterable[str]:
        """Yield the stored group lists that contain a matching group; there are few distinct ones."""
        rows = self.connection.execute(_GROUP_LISTS)
        return (stored for (stored,) in rows if any(map(condition.matches, map(fold, values.names(stored)))))

    def _by_changes(self, condition: SyncCondition | NeverSyncedCondition | OriginCondition) -> Sql:
        match condition:
            case SyncCondition(sync):
                return self._synced(sync)
            case NeverSyncedCondition():
                return self._never_synced()
            case OriginCondition(origin):
                last = f"SELECT contact_id FROM changes AS last WHERE origin = '{origin}' AND {_LAST}"  # noqa: S608 - constant SQL
                return Sql(f"contact_id IN ({last})")

    def _synced(self, sync: SyncFilter) -> Sql:
        if sync is SyncFilter.NONE:
            return Sql(f"contact_id NOT IN (SELECT contact_id FROM changes WHERE {COUNTED})")  # noqa: S608 - constant SQL
        if sync in _BY_CHANGE_LOG:
            last = f"SELECT contact_id FROM changes AS last WHERE {_BY_CHANGE_LOG[sync]} AND {_LAST}"  # noqa: S608 - as above
            return Sql(f"contact_id IN ({last})")
        rows = self.connection.execute(
            f"SELECT {', '.join(CHANGE_COLUMNS)} FROM changes AS last"  # noqa: S608 - as above
            f" WHERE {_UNSYNCED} AND superseded = 0 AND {_LAST}"
        )
        views = (ChangeView(change, self.grade(change)) for change in values.read_rows(change_of, rows))
        return _one_of(
            "contact_id", (view.change.contact_id for view in views if sync_filter_of(view) is sync)
        )

    def _never_synced(self) -> Sql:
        rows = self.connection.execute(
            f"SELECT {', '.join(CHANGE_COLUMNS)} FROM changes WHERE state = 'confirmed'"  # noqa: S608 - constant SQL
            f" AND contact_id NOT IN (SELECT contact_id FROM changes WHERE {_ARRIVED})"
        )
        found: dict[str, bool] = {}
        for change in values.read_rows(change_of, rows):
            # A change that was reversed can have been reported before.
            grade = self.grade(replace(change, superseded=False))
            is_reported = grade is not None and grade.status is SyncStatus.REPORTED
            found[change.contact_id] = found.get(change.contact_id, False) or is_reported
        return _one_of(
            "contact_id", (contact_id for contact_id, is_reported in found.items() if not is_reported)
        )


def _one_of(column: str, values: Iterable[str]) -> Sql:
    wanted = list(values)
    if not wanted:
        # SQLite would scan all contacts for an empty list.
        return Sql("0")
    return Sql(f"{column} IN (SELECT value FROM json_each(?))", (json.dumps(wanted),))  # noqa: S608 - our own names


def search(
    translator: Translator, query: Query, limit: int | None, *, is_cancelled: Callable[[], bool]
) -> tuple[array[int], TabCounts]:
    """Return the row ids on the query's tab, in order, and the counts of all tabs among the rows read.

    Returns partial results if cancelled. With a limit, other tabs are left out.
    """
    connection = translator.connection
    connection.set_progress_handler(is_cancelled, STEPS_BETWEEN_CHECKS)
    status = query.tab.status
    rowids = array("q")
    totals: dict[object, int] = dict.fromkeys(ContactStatus, 0)
    try:
        condition = _condition(translator, query, None if limit is None else status)
        order, words = order_by(query.sort), query.words if query.sort.is_default else ()
        if words:
            order = f"max({', '.join(['0', *[SQL_RANK] * len(words)])}), {order}"
        parameters = (*condition.parameters, *(word for word in words for _ in range(2)))
        sql = f"SELECT rowid, status FROM contacts AS c WHERE {condition.text} ORDER BY {order} LIMIT ?"  # noqa: S608 - our own conditions
        for rowid, found in connection.execute(sql, (*parameters, -1 if limit is None else limit)):
            totals[found] = totals.get(found, 0) + 1
            if status is None or status == found:
                rowids.append(rowid)
    except sqlite3.OperationalError:
        if not is_cancelled():
            raise
    counts = TabCounts(sum(totals.values()), totals[ContactStatus.ACTIVE], totals[ContactStatus.ARCHIVED])
    return rowids, counts


def _condition(translator: Translator, query: Query, status: ContactStatus | None) -> Sql:
    stored = stored_query(query)
    parts = [
        *(Sql("instr(search, ?) > 0", (word,)) for word in stored.words),
        *(Sql("instr(search, ?) = 0", (word,)) for word in stored.excluded_words),
        *map(translator.translate, query.filters),
    ]
    if status is not None:
        parts.append(Sql("status = ?", (status.value,)))
    text = " AND ".join(f"({part.text})" for part in parts) or "1"
    return Sql(text, tuple(parameter for part in parts for parameter in part.parameters))
