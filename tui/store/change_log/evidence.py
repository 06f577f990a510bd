"""Evidence that Re-Leased has synced contacts: append-only, and applied to the change log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tui.model.change import Action, Change, LogEvent, Origin, State
from tui.model.contact import ContactStatus
from tui.model.evidence import (
    CompanyStatus,
    ReportKind,
    SyncRecord,
    UserReport,
    apply_evidence,
    has_no_net_effect,
)
from tui.model.reasons import ChangeReason, Notice
from tui.model.timestamps import from_milliseconds
from tui.net import lenient_json
from tui.store import values
from tui.store.change_log.entries import write_entry
from tui.store.schema.fragments import PENDING, PENDING_SINCE, UNSYNCED
from tui.store.sync_state import BASE_CURRENCY, sync_state_in
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tui.store.database import Database

_REPORT_COLUMNS: Final = "at_ms, kind, contact_id, status, state"
#: Reports about a contact, or with an empty id about the company, oldest first.
SELECT_REPORTS: Final = f"SELECT {_REPORT_COLUMNS} FROM user_reports WHERE contact_id = ? ORDER BY number"  # noqa: S608 - our own names
# Changes whose contact could turn out to be in a foreign currency.
_UNMARKED: Final = f"""
    SELECT change_id, raw FROM changes JOIN contacts USING (contact_id)
    JOIN contact_documents ON contact_rowid = contacts.rowid
    WHERE {UNSYNCED} AND confirmed_ms IS NOT NULL AND foreign_currency_ms IS NULL
"""  # noqa: S608 - our own condition
_NOTES: Final = {
    ReportKind.UNLINKED: ChangeReason.UNLINKED,
    ReportKind.LINKED: ChangeReason.LINKED,
}


def save_sync_records(connection: sqlite3.Connection, sync_records: Iterable[SyncRecord]) -> int:
    """Save evidence, ignoring duplicates. Returns how many changes it shows as synced."""
    contact_ids: dict[str, None] = {}
    for sync_record in sync_records:
        connection.execute(
            "INSERT INTO sync_records (contact_id, status, sync_started_ms, synced_ms, run_id)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                sync_record.contact_id, sync_record.status.value, to_ms(sync_record.sync_started_at),
                to_ms(sync_record.synced_at), sync_record.run_id,
            ),
        )  # fmt: skip
        contact_ids[sync_record.contact_id] = None
    return sum(update_sync_status(connection, contact_id) for contact_id in contact_ids)


def save_reports(connection: sqlite3.Connection, reports: Iterable[UserReport], reported_at: datetime) -> int:
    """Save the user's reports. Returns how many changes become checked or synced."""
    synced = 0
    for report in reports:
        connection.execute(
            f"INSERT INTO user_reports (reported_ms, {_REPORT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own names
            (
                to_ms(reported_at), to_ms(report.at), report.kind.value, report.contact_id,
                report.status.value if report.status else "", report.state,
            ),
        )  # fmt: skip
        if report.contact_id:
            synced += update_sync_status(connection, report.contact_id)
            _log_link_report(connection, report)
    return synced


def read_reports(database: Database) -> list[UserReport]:
    """Read all reports, about contacts and the company, oldest first."""
    sql = f"SELECT {_REPORT_COLUMNS} FROM user_reports ORDER BY number"  # noqa: S608 - our own names
    return values.read_rows(report_of, database.rows(sql))


def read_company(database: Database) -> CompanyStatus:
    """Read the company's status from the reports about it."""
    return CompanyStatus.of(values.read_rows(report_of, database.rows(SELECT_REPORTS, ("",))))


def report_of(row: tuple[Any, ...]) -> UserReport:
    """Convert a row of `SELECT_REPORTS` to a report. Raises `UnreadableRowError`, also for a missing time."""
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
    """Apply the stored evidence to a contact's changes. Returns how many are newly synced or checked."""
    confirmed = _confirmed(connection, contact_id)
    since = next((change.confirmed_at for change in confirmed if change.synced_at is None), None)
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
            "UPDATE changes SET synced_ms = ?, checked_ms = ?, unlinked_ms = ?, relinked_ms = ?"
            " WHERE change_id = ?",
            (*(None if moment is None else to_ms(moment) for moment in moments), change.change_id),
        )
        for at, previous, event in (
            (known.synced_at, change.synced_at, LogEvent.SYNCED),
            (known.checked_at, change.checked_at, LogEvent.CHECKED),
        ):
            if at is not None and previous is None:
                write_entry(connection, to_ms(at), change.change_id, event, State.CONFIRMED.value)
                synced += 1
    return synced


class _Document(Struct, gc=False, rename="pascal"):
    default_currency: str | None = None


def mark_foreign_currency(connection: sqlite3.Connection, contact_ids: Sequence[str] | None = None) -> int:
    """Mark confirmed changes, of all contacts or of some, whose contact isn't in the organisation's currency.

    Only those that aren't known to be synced. A mark stays if the currency is corrected later: Re-Leased has
    unlinked the contact by then. Does nothing while either currency is unknown. Returns how many it marks.
    """
    base = _normalise_currency(sync_state_in(connection, BASE_CURRENCY))
    if not base:
        return 0
    of_contacts, parameters = "", []
    if contact_ids is not None:
        of_contacts = " AND contact_id IN (SELECT value FROM json_each(?))"
        parameters = [json.dumps(contact_ids)]
    rows = connection.execute(f"{_UNMARKED}{of_contacts}", parameters).fetchall()
    foreign = [(change_id,) for change_id, raw in rows if _currency_of(raw) not in {"", base}]
    connection.executemany(
        f"UPDATE changes SET foreign_currency_ms = {PENDING_SINCE} WHERE change_id = ?",  # noqa: S608 - constant SQL
        foreign,
    )
    return len(foreign)


def _currency_of(raw: object) -> str:
    """Return the currency in Xero's document of a contact; empty if there is none or it can't be read."""
    try:
        document = lenient_json.decode(raw if isinstance(raw, bytes) else b"", _Document)
    except lenient_json.UndecodableError:
        return ""
    return _normalise_currency(document.default_currency)


def _normalise_currency(currency: str | None) -> str:
    return (currency or "").strip().upper()


def supersede_without_effect(connection: sqlite3.Connection, sync_started_at: datetime, now: datetime) -> int:
    """Supersede changes that only reversed something Re-Leased had never synced. Returns how many.

    The feed reported a clean sync that started at that time, and everything it synced is stored. A feed lists
    what differs, so it never mentions a contact that was archived and restored between two syncs.
    """
    rows = connection.execute(
        f"SELECT change_id, contact_id FROM changes WHERE {PENDING} AND {PENDING_SINCE} <= ?",  # noqa: S608 - constant SQL
        (to_ms(sync_started_at),),
    ).fetchall()
    superseded = 0
    for change_id, contact_id in rows:
        confirmed = _confirmed(connection, contact_id)
        position = next(
            (position for position, change in enumerate(confirmed) if change.change_id == change_id), None
        )
        if position is None:
            # Its time of confirmation isn't valid.
            continue
        if has_no_net_effect(confirmed[position], confirmed[:position]):
            connection.execute("UPDATE changes SET superseded = 1 WHERE change_id = ?", (change_id,))
            notice, state = Notice(ChangeReason.NO_NET_EFFECT), State.CONFIRMED.value
            write_entry(connection, to_ms(now), change_id, LogEvent.NOTE, state, notice=notice)
            superseded += 1
    return superseded


def _log_link_report(connection: sqlite3.Connection, report: UserReport) -> None:
    """Add a note to the log of the contact's last confirmed change, if any."""
    reason = _NOTES.get(report.kind)
    last = next(reversed(_confirmed(connection, report.contact_id)), None)
    if reason is not None and last is not None:
        at, state = to_ms(report.at), State.CONFIRMED.value
        write_entry(connection, at, last.change_id, LogEvent.NOTE, state, notice=Notice(reason))


def _confirmed(connection: sqlite3.Connection, contact_id: str) -> list[Change]:
    """Read a contact's confirmed changes, in the order of confirmation."""
    rows = connection.execute(
        "SELECT change_id, action, confirmed_ms, synced_ms, superseded, checked_ms, unlinked_ms, relinked_ms"
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
        "SELECT status, sync_started_ms, synced_ms, run_id FROM sync_records"
        " WHERE contact_id = ? AND sync_started_ms >= ?",
        (contact_id, to_ms(since)),
    )
    return values.read_rows(lambda row: _sync_record(contact_id, row), rows)


def _sync_record(contact_id: str, row: tuple[Any, ...]) -> SyncRecord:
    status, started_ms, synced_ms, run_id = row
    started_at, synced_at = from_milliseconds(started_ms), from_milliseconds(synced_ms)
    if started_at is None or synced_at is None:
        raise values.UnreadableRowError("sync_started_ms")
    known_status = values.enum_member(ContactStatus, status)
    return SyncRecord(contact_id, known_status, started_at, synced_at, values.text(run_id))
