"""Searches the contacts of a store without opening it."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from tui.model import timestamps
from tui.model.change import State
from tui.model.columns import ColumnKey
from tui.model.evidence import CompanyStatus, grade_change
from tui.model.organisation_search import ContactMatches, SearchState
from tui.store import values
from tui.store.change_log.evidence import SELECT_REPORTS, report_of
from tui.store.database import FILE_NAME
from tui.store.read_only_summary import open_read_only
from tui.store.schema import MIGRATIONS, version_of
from tui.store.search.filtering import Translator, search
from tui.store.search.rows import RowReader
from tui.store.sync_state import FULL_SYNC_ENDED_AT, REFRESHED_UNTIL, sync_state_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.change import Change
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
    reports = values.read_rows(report_of, connection.execute(SELECT_REPORTS, ("",)))
    knowledge = moment.knowledge(CompanyStatus.of(reports))

    def grade(change: Change) -> StatusSince | None:
        if change.state is not State.CONFIRMED or change.confirmed_at is None:
            return None
        return grade_change(change, knowledge, moment.now)

    rowids, counts = search(Translator(connection, moment.now, grade), query, None, is_cancelled=is_cancelled)
    reader = RowReader(_Reader(connection), grade)
    reader.show_columns(NUMBERS)
    rows = tuple(reader.rows(rowids[:most], query.words))
    return ContactMatches(state, rows, counts.of(query.tab), refreshed_at)
