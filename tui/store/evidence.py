"""Evidence that Re-Leased has picked up contacts: append-only, and held against the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tui.model.change import Action, Change, Origin, State
from tui.model.contact import ContactStatus
from tui.model.evidence import (
    CompanyStatus,
    ReportKind,
    SyncRecord,
    UserReport,
    apply_evidence,
    has_no_net_effect,
)
from tui.model.timestamps import from_milliseconds
from tui.store import values
from tui.store.change_log.entries import CHECKED, NOTE, SYNCED, write_entry
from tui.store.schema.user_reports import PENDING, PENDING_SINCE
from tui.store.timestamps import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from datetime import datetime

    from tui.store.database import Database

_REPORT_COLUMNS: Final = "at_ms, kind, contact_id, status, state"
#: What was told of a contact, or with an empty id of the company, in the order of telling.
SELECT_REPORTS: Final = f"SELECT {_REPORT_COLUMNS} FROM tellings WHERE contact_id = ? ORDER BY number"  # noqa: S608 - our own names
_NOTES: Final = {
    ReportKind.UNLINKED: "said to be unlinked in Re-Leased, so that its syncs leave it out",
    ReportKind.LINKED: "said to be linked again in Re-Leased",
}
_NO_NET_EFFECT: Final = "Re-Leased never had what this reversed, so that there is nothing to wait for"


def save_sync_records(connection: sqlite3.Connection, sync_records: Iterable[SyncRecord]) -> int:
    """Keep the evidence; what is told again is kept once. Returns how many changes it settles."""
    contact_ids: dict[str, None] = {}
    for sync_record in sync_records:
        connection.execute(
            "INSERT INTO pick_ups (contact_id, status, sync_started_ms, picked_up_ms, run)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                sync_record.contact_id, sync_record.status.value, to_ms(sync_record.sync_started_at),
                to_ms(sync_record.synced_at), sync_record.run_id,
            ),
        )  # fmt: skip
        contact_ids[sync_record.contact_id] = None
    return sum(update_sync_status(connection, contact_id) for contact_id in contact_ids)


def save_reports(connection: sqlite3.Connection, reports: Iterable[UserReport], reported_at: datetime) -> int:
    """Keep what was told. Returns how many changes it settles: one that was seen, for one."""
    synced = 0
    for report in reports:
        connection.execute(
            f"INSERT INTO tellings (told_ms, {_REPORT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own names
            (
                to_ms(reported_at), to_ms(report.at), report.kind.value, report.contact_id,
                report.status.value if report.status else "", report.state,
            ),
        )  # fmt: skip
        if report.contact_id:
            synced += update_sync_status(connection, report.contact_id)
            _log_link_report(connection, report)
    return synced


def read_company(database: Database) -> CompanyStatus:
    """Read what was told of the company as a whole."""
    return CompanyStatus.of(values.read_rows(report_of, database.rows(SELECT_REPORTS, ("",))))


def report_of(row: tuple[Any, ...]) -> UserReport:
    """Read a report from a row of `SELECT_REPORTS`. Raises `UnreadableRowError`, also without a time."""
    at_ms, kind, contact_id, status, state = row
    at = from_milliseconds(at_ms)
    if at is None:
        raise values.UnreadableRowError("at_ms")
    return UserReport(
        values.enum_member(ReportKind, kind),
        at,
        values.text(contact_id),
        values.enum_member(ContactStatus, status) if status else None,
        values.text(state),
    )


def update_sync_status(connection: sqlite3.Connection, contact_id: str) -> int:
    """Write to the contact's changes what stored evidence says of them; returns how many it settles."""
    confirmed = _confirmed(connection, contact_id)
    since = next((each.confirmed_at for each in confirmed if each.synced_at is None), None)
    if since is None:
        return 0
    sync_records = _sync_records(connection, contact_id, since)
    reports = values.read_rows(report_of, connection.execute(SELECT_REPORTS, (contact_id,)))
    results = apply_evidence(confirmed, sync_records, reports)
    synced = 0
    for change, known in zip(confirmed, results, strict=True):
        before = (change.synced_at, change.checked_at, change.unlinked_at, change.relinked_at)
        if before == (known.synced_at, known.checked_at, known.unlinked_at, known.relinked_at):
            continue
        moments = (known.synced_at, known.checked_at, known.unlinked_at, known.relinked_at)
        connection.execute(
            "UPDATE changes SET picked_up_ms = ?, told_ms = ?, unlinked_ms = ?, relinked_ms = ?"
            " WHERE change_id = ?",
            (*(None if each is None else to_ms(each) for each in moments), change.change_id),
        )
        for at, was, event in (
            (known.synced_at, change.synced_at, SYNCED),
            (known.checked_at, change.checked_at, CHECKED),
        ):
            if at is not None and was is None:
                write_entry(connection, to_ms(at), change.change_id, event, State.CONFIRMED.value)
                synced += 1
    return synced


def supersede_without_effect(connection: sqlite3.Connection, sync_started_at: datetime, now: datetime) -> int:
    """Supersede what only put back what Re-Leased had all along; returns how many changes that are.

    A feed has told of a clean sync that began then, and everything it picked up is stored. It lists what
    differed, so that of an archive and a restore between two syncs it never says a word.
    """
    rows = connection.execute(
        f"SELECT change_id, contact_id FROM changes WHERE {PENDING} AND {PENDING_SINCE} <= ?",  # noqa: S608 - our own words
        (to_ms(sync_started_at),),
    ).fetchall()
    superseded = 0
    for change_id, contact_id in rows:
        confirmed = _confirmed(connection, contact_id)
        position = next(
            (position for position, each in enumerate(confirmed) if each.change_id == change_id), None
        )
        if position is None:
            # When it was confirmed isn't known.
            continue
        if has_no_net_effect(confirmed[position], confirmed[:position]):
            connection.execute("UPDATE changes SET superseded = 1 WHERE change_id = ?", (change_id,))
            state = State.CONFIRMED.value
            write_entry(connection, to_ms(now), change_id, NOTE, state, detail=_NO_NET_EFFECT)
            superseded += 1
    return superseded


def _log_link_report(connection: sqlite3.Connection, report: UserReport) -> None:
    """Tell it in the log of the contact's last change, where there is one."""
    note = _NOTES.get(report.kind)
    last = next(reversed(_confirmed(connection, report.contact_id)), None)
    if note is not None and last is not None:
        at = to_ms(report.at)
        write_entry(connection, at, last.change_id, NOTE, State.CONFIRMED.value, detail=note)


def _confirmed(connection: sqlite3.Connection, contact_id: str) -> list[Change]:
    """Read what evidence can bear on, in the order of confirmation."""
    rows = connection.execute(
        "SELECT change_id, action, confirmed_ms, picked_up_ms, superseded, told_ms, unlinked_ms, relinked_ms"
        " FROM changes WHERE contact_id = ? AND state = 'confirmed' ORDER BY confirmed_ms, change_id",
        (contact_id,),
    ).fetchall()
    return values.read_rows(lambda row: _change(contact_id, row), rows)


def _change(contact_id: str, row: tuple[Any, ...]) -> Change:
    change_id, confirmed_at = values.integer(row[0]), from_milliseconds(row[2])
    if change_id is None or confirmed_at is None:
        raise values.UnreadableRowError("confirmed_ms")
    return Change(
        change_id=change_id,
        batch_id="",
        contact_id=contact_id,
        name="",
        action=values.enum_member(Action, row[1]),
        origin=Origin.RESHELVE,
        state=State.CONFIRMED,
        requested_at=confirmed_at,
        updated_at=confirmed_at,
        confirmed_at=confirmed_at,
        synced_at=from_milliseconds(row[3]),
        superseded=values.flag(row[4]),
        checked_at=from_milliseconds(row[5]),
        unlinked_at=from_milliseconds(row[6]),
        relinked_at=from_milliseconds(row[7]),
    )


def _sync_records(connection: sqlite3.Connection, contact_id: str, since: datetime) -> list[SyncRecord]:
    rows = connection.execute(
        "SELECT status, sync_started_ms, picked_up_ms, run FROM pick_ups"
        " WHERE contact_id = ? AND sync_started_ms >= ?",
        (contact_id, to_ms(since)),
    )
    return values.read_rows(lambda row: _sync_record(contact_id, row), rows)


def _sync_record(contact_id: str, row: tuple[Any, ...]) -> SyncRecord:
    status, started_ms, at_ms, run = row
    started_at, at = from_milliseconds(started_ms), from_milliseconds(at_ms)
    if started_at is None or at is None:
        raise values.UnreadableRowError("sync_started_ms")
    return SyncRecord(contact_id, values.enum_member(ContactStatus, status), started_at, at, values.text(run))
