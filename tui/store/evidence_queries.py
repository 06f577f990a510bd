"""Evidence of Re-Leased's syncs, and the changes that are still pending."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from tui.model.change import ReadResult, State
from tui.model.contact import ContactStatus
from tui.model.timestamps import from_milliseconds
from tui.store import sync_state, values
from tui.store.change_log import evidence
from tui.store.change_log.changes import CHANGE_COLUMNS, change_of
from tui.store.schema.fragments import MISSED, PENDING, PENDING_SINCE, SYNCED_AT, UNSYNCED
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.comparison import XeroContact
    from tui.model.evidence import CompanyStatus, SyncRecord, UserReport
    from tui.store.database import Database


_SELECT: Final = f"SELECT {', '.join(CHANGE_COLUMNS)} FROM changes INDEXED BY"  # noqa: S608 - our own column names
# Without the index named, SQLite would scan every change that was ever confirmed.
_BETWEEN: Final = f"changes_pending WHERE {PENDING} AND {PENDING_SINCE} > ? AND {PENDING_SINCE} <= ?"
_LATEST_MS: Final = 1 << 62
_MISSED_LATER: Final = "(read_result = 'missed' AND read_ms > ?)"
# By an earlier read: one dated later used a wrong clock.
_SEEN_MISSED: Final = f"read_result = 'missed' AND read_ms > {PENDING_SINCE} AND read_ms <= :read_ms"
_SHOWS_STATUS: Final = frozenset({ReadResult.MISSED, ReadResult.OTHER_STATUS})


def read_pending(
    database: Database, limit: int | None, after: datetime | None, until: datetime | None
) -> list[Change]:
    """Read the changes pending since later than `after` and no later than `until`, newest first.

    None means no limit.
    """
    rows = database.rows(
        f"{_SELECT} {_BETWEEN} ORDER BY {PENDING_SINCE} DESC, change_id DESC LIMIT ?",
        (*_bounds(after, until), -1 if limit is None else limit),
    )
    return values.read_rows(change_of, rows)


def read_pending_total(database: Database) -> int:
    """Read how many changes are pending; takes constant time."""
    rows = database.rows("SELECT total FROM row_counts WHERE name = 'pending_changes'")
    return max(values.integer(rows[0][0]) or 0, 0) if rows else 0


def read_pending_between(database: Database, after: datetime | None, until: datetime | None) -> int:
    """Count the changes pending since later than `after` and no later than `until`; None means no limit.

    Takes time in proportion to the result: use it for one night's changes, not for all.
    """
    sql = f"SELECT count(*) FROM changes INDEXED BY {_BETWEEN}"  # noqa: S608 - constant SQL
    return int(database.rows(sql, _bounds(after, until))[0][0])


def read_synced(database: Database, limit: int) -> list[Change]:
    """Read the changes that are synced, checked, or of an unlinked contact; newest first."""
    rows = database.rows(
        f"{_SELECT} changes_synced WHERE {SYNCED_AT} IS NOT NULL"
        f" ORDER BY {SYNCED_AT} DESC, change_id DESC LIMIT ?",
        (limit,),
    )
    return values.read_rows(change_of, rows)


def read_synced_total(database: Database) -> int:
    """Count the changes that are synced, checked, or of an unlinked contact."""
    sql = f"SELECT count(*) FROM changes INDEXED BY changes_synced WHERE {SYNCED_AT} IS NOT NULL"  # noqa: S608 - constant SQL
    return int(database.rows(sql)[0][0])


def _bounds(after: datetime | None, until: datetime | None) -> tuple[int, int]:
    return -1 if after is None else to_ms(after), _LATEST_MS if until is None else to_ms(until)


class EvidenceQueries:
    """Reads pending and synced changes, and records evidence."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(
        self, limit: int | None = None, *, after: datetime | None = None, until: datetime | None = None
    ) -> list[Change]:
        """Return confirmed changes that aren't superseded, synced, checked or unlinked, newest first.

        Only those pending since later than `after` and no later than `until`; None means no limit.
        """
        return read_pending(self._database, limit, after, until)

    def pending_total(self) -> int:
        """Return how many changes are pending, including those that should be synced by now."""
        return read_pending_total(self._database)

    def pending_between(self, after: datetime | None, until: datetime | None) -> int:
        """Count changes pending since later than `after` and no later than `until`; None means no limit."""
        return read_pending_between(self._database, after, until)

    def pending_after(self, moment: datetime | None) -> int:
        """Count changes pending since later than the given time; all pending changes for None."""
        return self.pending_total() if moment is None else self.pending_between(moment, None)

    def presumed_synced(self, after: datetime | None, until: datetime, limit: int) -> list[Change]:
        """Return pending changes that a sync should have included by `until`, newest first.

        Without those that Re-Leased's own data showed to be missed after that.
        """
        rows = self._database.rows(
            f"{_SELECT} {_BETWEEN} AND NOT coalesce({_MISSED_LATER}, 0)"
            f" ORDER BY {PENDING_SINCE} DESC, change_id DESC LIMIT ?",
            (*_bounds(after, until), to_ms(until), limit),
        )
        return values.read_rows(change_of, rows)

    async def unseen(self) -> dict[int, datetime | None]:
        """Return the confirmed changes that Re-Leased's own data hasn't shown yet, by their ids.

        With the time of confirmation if no read has had a result for the change, and None otherwise.
        """

        def work(connection: sqlite3.Connection) -> dict[int, datetime | None]:
            rows = connection.execute(
                "SELECT change_id, CASE WHEN checked_ms IS NULL AND read_ms IS NULL THEN confirmed_ms END"
                " FROM changes INDEXED BY changes_in_state"
                " WHERE state = ? AND synced_ms IS NULL AND superseded = 0",
                (State.CONFIRMED.value,),
            )
            return {change_id: from_milliseconds(confirmed_ms) for change_id, confirmed_ms in rows}

        return await self._database.read(work)

    def seen_missed(self, read_after: datetime | None, limit: int) -> list[Change]:
        """Return changes that were read as missed later than a time, newest first; None means no limit."""
        rows = self._database.rows(
            f"{_SELECT} changes_missed WHERE {MISSED} AND read_ms > ? ORDER BY change_id DESC LIMIT ?",
            (_bounds(read_after, None)[0], limit),
        )
        return values.read_rows(change_of, rows)

    def seen_missed_total(
        self, read_after: datetime | None, *, after: datetime | None = None, until: datetime | None = None
    ) -> int:
        """Count changes that were read as missed later than a time; `after` and `until` as in `pending`."""
        sql = (
            f"SELECT count(*) FROM changes INDEXED BY changes_missed WHERE {MISSED} AND read_ms > ?"  # noqa: S608 - constant SQL
            f" AND {PENDING_SINCE} > ? AND {PENDING_SINCE} <= ?"
        )
        return int(self._database.rows(sql, (_bounds(read_after, None)[0], *_bounds(after, until)))[0][0])

    def synced(self, limit: int) -> list[Change]:
        """Return changes that are synced, checked, or of an unlinked contact; newest first."""
        return read_synced(self._database, limit)

    def synced_total(self) -> int:
        """Count changes that are synced, checked, or of an unlinked contact."""
        return read_synced_total(self._database)

    async def record_synced(self, sync_records: Sequence[SyncRecord], cursor: tuple[str, str]) -> int:
        """Save evidence and the feed's cursor together. Returns how many changes it shows as synced."""

        def work(connection: sqlite3.Connection) -> int:
            synced = evidence.save_sync_records(connection, sync_records)
            sync_state.write_sync_state(connection, *cursor)
            return synced

        return await self._database.write(work)

    async def record_read(
        self,
        sync_records: Sequence[SyncRecord],
        results: Mapping[int, ReadResult],
        read_at: datetime,
        *cursors: tuple[str, str | None],
    ) -> int:
        """Save what a read of Re-Leased's contacts showed, all of it or nothing.

        `results` are those of changes that weren't shown as synced, by their id. A change that was read as
        missed stays so until a read shows its contact's status. Returns how many changes the read shows as
        synced.
        """
        read_ms = to_ms(read_at)

        def work(connection: sqlite3.Connection) -> int:
            synced = evidence.save_sync_records(connection, sync_records)
            connection.executemany(
                f"UPDATE changes SET read_ms = :read_ms, read_result = :result WHERE change_id = :change_id"  # noqa: S608 - constant SQL
                f" AND {UNSYNCED} AND (:shows_status OR coalesce(NOT ({_SEEN_MISSED}), 1))",
                [
                    {
                        "read_ms": read_ms,
                        "result": result.value,
                        "change_id": change_id,
                        "shows_status": result in _SHOWS_STATUS,
                    }
                    for change_id, result in results.items()
                ],
            )
            for cursor in cursors:
                sync_state.write_sync_state(connection, *cursor)
            return synced

        return await self._database.write(work)

    async def record_clean_sync(self, started_at: datetime, now: datetime, *cursors: tuple[str, str]) -> int:
        """Record a clean sync from the feed, with its cursors, after everything that it synced.

        Returns how many changes are superseded because Re-Leased never synced what they reversed.
        """

        def work(connection: sqlite3.Connection) -> int:
            superseded = evidence.supersede_without_effect(connection, started_at, now)
            for cursor in cursors:
                sync_state.write_sync_state(connection, *cursor)
            return superseded

        return await self._database.write(work)

    async def record_reports(self, reports: Sequence[UserReport], now: datetime) -> int:
        """Save the user's reports permanently. Returns how many changes become checked or synced."""
        return await self._database.write(lambda connection: evidence.save_reports(connection, reports, now))

    def reports(self) -> list[UserReport]:
        """Return everything the user has reported, oldest first."""
        return evidence.read_reports(self._database)

    def company_status(self) -> CompanyStatus:
        """Return the company's status from the user's reports about it."""
        return evidence.read_company(self._database)


_STATES: Final = tuple(state.value for state in State if state.is_open or state is State.CONFIRMED)
_CONTACTS: Final = "SELECT contact_id, name, email, status FROM contacts ORDER BY sort_key, rowid"
_CHANGES: Final = (
    f"SELECT {', '.join(CHANGE_COLUMNS)} FROM changes"  # noqa: S608 - our own column names
    f" WHERE state IN ({', '.join('?' * len(_STATES))}) ORDER BY change_id"
)


def read_for_comparison(
    database: Database,
) -> tuple[Sequence[XeroContact], Mapping[str, Sequence[Change]]]:
    """Read all contacts in order, and the open and confirmed changes of each by contact id.

    Must be called in a thread.
    """
    from tui.model.comparison import XeroContact

    def contact(row: tuple[Any, ...]) -> XeroContact:
        key, name, email, status = row
        known = values.enum_member(ContactStatus, status)
        return XeroContact(values.text(key), values.text(name), values.text(email), known)

    changes: dict[str, list[Change]] = defaultdict(list)
    with database.read_connection() as connection:
        # One snapshot for both: a change confirmed in between would belong to a status that isn't read here.
        connection.execute("BEGIN")
        with closing(connection.execute(_CONTACTS)) as rows:
            contacts = values.read_rows(contact, rows)
        for change in values.read_rows(change_of, connection.execute(_CHANGES, _STATES)):
            changes[change.contact_id].append(change)
    return contacts, dict(changes)
