"""Searches the contacts of a store without opening it."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tui.model import timestamps
from tui.model.change import State, last_confirmed
from tui.model.columns import ColumnKey
from tui.model.contact import ContactStatus
from tui.model.evidence import CompanyStatus, grade_change
from tui.model.invoice_check import ContactFinding, NamedContact
from tui.model.organisation_search import ContactMatches, SearchState
from tui.model.snapshot import ChangeView
from tui.store import values
from tui.store.change_log.changes import CHANGE_COLUMNS, change_of
from tui.store.change_log.evidence import SELECT_REPORTS, report_of
from tui.store.database import FILE_NAME
from tui.store.read_only_summary import open_read_only
from tui.store.schema import MIGRATIONS, version_of
from tui.store.search.filtering import Translator, search
from tui.store.search.named import search_names
from tui.store.search.rows import RowReader
from tui.store.sync_state import FULL_SYNC_ENDED_AT, REFRESHED_UNTIL, sync_state_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.change import Change
    from tui.model.contact import Row
    from tui.model.evidence import StatusSince, SyncKnowledge
    from tui.model.query import Query

#: Read with each contact, to tell it from others of the same name.
NUMBERS: Final = (ColumnKey.ACCOUNT_NUMBER, ColumnKey.CONTACT_NUMBER)


class SearchMoment(Struct, frozen=True):
    """When a search is made, and what is known of Re-Leased's syncs then, by what the user has reported."""

    now: datetime
    knowledge: Callable[[CompanyStatus], SyncKnowledge]


class _Reader:
    """Reads from one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Read rows as tuples. Raises `sqlite3.Error`."""
        return self._connection.execute(sql, parameters).fetchall()

    @contextmanager
    def read_connection(self) -> Iterator[sqlite3.Connection]:
        """Return the same connection."""
        yield self._connection


def find_contacts(
    folder: Path, query: Query, most: int, moment: SearchMoment, *, is_cancelled: Callable[[], bool]
) -> ContactMatches:
    """Find the contacts of an organisation's folder, as the list of contacts does, and read the first `most`.

    The result is partial if the search is cancelled. Blocks: call it in a thread.
    """
    if not (folder / FILE_NAME).exists():
        return ContactMatches(SearchState.NOT_LOADED)
    try:
        with open_read_only(folder) as connection:
            return _find(connection, query, most, moment, is_cancelled)
    except sqlite3.Error:
        return ContactMatches(SearchState.UNREADABLE)


def explain_contacts(
    folder: Path, query: Query, most: int, moment: SearchMoment, *, is_cancelled: Callable[[], bool]
) -> tuple[ContactMatches, tuple[ContactFinding, ...]]:
    """Find contacts as `find_contacts` does, with what may be why their invoices fail. Blocks."""
    nothing: tuple[ContactFinding, ...] = ()
    if not (folder / FILE_NAME).exists():
        return ContactMatches(SearchState.NOT_LOADED), nothing
    try:
        with open_read_only(folder) as connection:
            found = _find(connection, query, most, moment, is_cancelled)
            if not found.contacts:
                return found, nothing
            grade = _grade(connection, moment)
            return found, tuple(_finding(connection, row, grade) for row in found.contacts)
    except sqlite3.Error:
        return ContactMatches(SearchState.UNREADABLE), nothing


def _finding(
    connection: sqlite3.Connection, row: Row, grade: Callable[[Change], StatusSince | None]
) -> ContactFinding:
    changes = values.read_rows(
        change_of,
        connection.execute(
            f"SELECT {', '.join(CHANGE_COLUMNS)} FROM changes WHERE contact_id = ? ORDER BY change_id",  # noqa: S608 - our own column names
            (row.contact_id,),
        ),
    )
    last = last_confirmed(changes)
    if last is not None and last.action.target_status is not row.status:
        # Something else has changed it since.
        last = None
    return ContactFinding(
        row.contact_id,
        row.name,
        row.status,
        None if last is None else ChangeView(last, grade(last)),
        next((change for change in reversed(changes) if change.state.is_open), None),
        _survivor(connection, row.contact_id) if row.is_merged else None,
        _namesake(connection, row) if row.status is ContactStatus.ARCHIVED and not row.is_merged else None,
    )


def _survivor(connection: sqlite3.Connection, contact_id: str) -> NamedContact:
    sql = """
        SELECT merged.merged_to, survivor.name FROM contacts AS merged
        LEFT JOIN contacts AS survivor ON survivor.contact_id = merged.merged_to WHERE merged.contact_id = ?
    """
    [survivor_id, name] = connection.execute(sql, (contact_id,)).fetchone()
    return NamedContact(values.text(survivor_id), values.text(name or ""))


def _namesake(connection: sqlite3.Connection, row: Row) -> NamedContact | None:
    """Return an active contact of the same name, as Xero compares names: it ignores case."""
    found = connection.execute(
        "SELECT contact_id, name FROM contacts WHERE status = 'ACTIVE' AND sort_key = ? ORDER BY rowid",
        (values.sort_key(row.name),),
    )
    for contact_id, name in found:
        if values.text(name).casefold() == row.name.casefold():
            return NamedContact(values.text(contact_id), values.text(name))
    return None


def _grade(connection: sqlite3.Connection, moment: SearchMoment) -> Callable[[Change], StatusSince | None]:
    reports = values.read_rows(report_of, connection.execute(SELECT_REPORTS, ("",)))
    knowledge = moment.knowledge(CompanyStatus.of(reports))

    def grade(change: Change) -> StatusSince | None:
        if change.state is not State.CONFIRMED or change.confirmed_at is None:
            return None
        return grade_change(change, knowledge, moment.now)

    return grade


def _find(
    connection: sqlite3.Connection,
    query: Query,
    most: int,
    moment: SearchMoment,
    is_cancelled: Callable[[], bool],
) -> ContactMatches:
    if version_of(connection) != len(MIGRATIONS) or not values.is_folded(connection):
        return ContactMatches(SearchState.OUTDATED)
    # What is found, and the rows that are read for it, are of the same moment.
    connection.execute("BEGIN")
    refreshed_at = timestamps.from_iso_text(sync_state_in(connection, REFRESHED_UNTIL))
    state = SearchState.SEARCHED
    if sync_state_in(connection, FULL_SYNC_ENDED_AT) is None:
        [is_begun] = connection.execute("SELECT EXISTS (SELECT 1 FROM contacts)").fetchone()
        state = SearchState.LOADING if is_begun else SearchState.NOT_LOADED
    grade = _grade(connection, moment)
    rowids, counts = search(Translator(connection, moment.now, grade), query, None, is_cancelled=is_cancelled)
    if query.long_text and not counts.all:
        rowids, counts = search_names(connection, query, is_cancelled=is_cancelled)
    reader = RowReader(_Reader(connection), grade)
    reader.show_columns(NUMBERS)
    rows = tuple(reader.rows(rowids[:most], query.words))
    return ContactMatches(state, rows, counts.of(query.tab), refreshed_at)
