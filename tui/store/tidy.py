"""Finds active contacts that are probably unused."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from tui.model.activity import from_day_number
from tui.model.contact import ContactStatus
from tui.model.tidy import CHANGED_DAYS, TidyCandidate, TidyReason, TidySurvey
from tui.store import tenancy, values
from tui.store.marks import read_marks
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from tui.model.marks import Marks


_ACTIVE: Final = f"""
    SELECT c.contact_id, name, updated_ms, group_names,
        coalesce(receivable, 0) <> 0 OR coalesce(payable, 0) <> 0, last_day,
        coalesce(posted, 0) > 0, coalesce(drafts, 0) > 0, coalesce(repeating, 0) > 0
    FROM contacts AS c LEFT JOIN contact_activity AS a ON a.contact_id = c.contact_id
    WHERE status = '{ContactStatus.ACTIVE}'
"""  # noqa: S608 - our own name
# Cancelled requests change nothing, but the user had a reason for them.
_CHANGED: Final = "SELECT DISTINCT contact_id FROM changes WHERE updated_ms >= ?"
# Each text of groups is parsed once: there are few different ones.
_Groups = dict[object, frozenset[str]]


def survey(connection: sqlite3.Connection, now: datetime, *, knows_activity: bool) -> TidySurvey:
    """Look at all active contacts; takes a second with 100,000."""
    marks = read_marks(connection)
    tenant_groups = tenancy.tenant_groups_in(connection)
    since = to_ms(now - timedelta(days=CHANGED_DAYS))
    changed = frozenset(contact_id for (contact_id,) in connection.execute(_CHANGED, (since,)))
    active = 0
    left_out: Counter[TidyReason] = Counter()
    candidates = []
    groups: _Groups = {}
    for row in connection.execute(_ACTIVE):
        active += 1
        if row[3] not in groups:
            groups[row[3]] = frozenset(values.names(row[3]))
        reasons = _reasons(row, groups[row[3]], marks, tenant_groups, changed, knows_activity=knows_activity)
        reason = next(reasons, None)
        if reason is None:
            candidates.append(_candidate(row, knows_activity=knows_activity))
        else:
            left_out[reason] += 1
    candidates.sort(key=lambda one: (one.idle_since, one.name, one.contact_id))
    counted = tuple((reason, left_out[reason]) for reason in TidyReason if left_out[reason])
    return TidySurvey(active, tuple(candidates), counted, knows_activity)


def _reasons(
    row: tuple[Any, ...],
    groups: frozenset[str],
    marks: Marks,
    tenant_groups: frozenset[str],
    changed: frozenset[str],
    *,
    knows_activity: bool,
) -> Iterator[TidyReason]:
    contact_id, _, _, _, has_balance, _, _, has_drafts, has_repeating = row
    if contact_id in marks.protected or not groups.isdisjoint(marks.protected_groups):
        yield TidyReason.PROTECTED
    if contact_id in marks.kept:
        yield TidyReason.KEPT
    if not groups.isdisjoint(tenant_groups):
        yield TidyReason.TENANT
    if has_balance:
        yield TidyReason.BALANCE
    if knows_activity and has_drafts:
        yield TidyReason.DRAFT
    if knows_activity and has_repeating:
        yield TidyReason.REPEATING
    if contact_id in changed:
        yield TidyReason.CHANGED_HERE


def _candidate(row: tuple[Any, ...], *, knows_activity: bool) -> TidyCandidate:
    contact_id, name, updated_ms, _, _, last_day, is_used, _, _ = row
    last_used = from_day_number(last_day) if knows_activity and is_used else None
    idle_since = (
        values.timestamp(updated_ms) if last_used is None else datetime.combine(last_used, time(), tzinfo=UTC)
    )
    return TidyCandidate(values.text(contact_id), values.text(name), idle_since, last_used)
