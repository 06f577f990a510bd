"""Counts the open and pending changes of a store without opening it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import State
from tui.model.evidence import CompanyStatus
from tui.store import values
from tui.store.change_log.evidence import SELECT_REPORTS, report_of
from tui.store.database import FILE_NAME, Connection
from tui.store.schema.fragments import MISSED, PENDING, PENDING_SINCE
from tui.store.schema.old_files import use_current_names
from tui.store.values import to_ms

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

_OPEN_STATES: Final = tuple(state.value for state in State if state.is_open)


class ReadOnlySummary(Struct, frozen=True):
    """How many changes are pending in Re-Leased, and how many aren't in Xero yet."""

    pending: int
    not_in_xero: int


def read_summary(
    folder: Path, synced_until: Callable[[CompanyStatus], datetime | None]
) -> ReadOnlySummary | None:
    """Count the changes in an organisation's folder; None if there is no readable store.

    Only changes pending since later than `synced_until` count; that may depend on what the user reported.
    """
    file = folder / FILE_NAME
    try:
        # Read-only: this must neither create a store nor migrate one.
        place = f"{file.as_uri()}?mode=ro"
        with closing(sqlite3.connect(place, uri=True, timeout=0.2, factory=Connection)) as connection:
            use_current_names(connection)
            reports = values.read_rows(report_of, connection.execute(SELECT_REPORTS, ("",)))
            since = synced_until(CompanyStatus.of(reports))
            is_pending = f"({PENDING} AND {PENDING_SINCE} > :since) OR ({MISSED} AND read_ms > :since)"
            [pending] = connection.execute(
                f"SELECT count(*) FROM changes WHERE {is_pending}",  # noqa: S608 - constants
                {"since": -1 if since is None else to_ms(since)},
            ).fetchone()
            [not_in_xero] = connection.execute(
                f"SELECT count(*) FROM changes WHERE state IN ({','.join('?' * len(_OPEN_STATES))})",  # noqa: S608 - as above
                _OPEN_STATES,
            ).fetchone()
    except sqlite3.Error:
        return None
    return ReadOnlySummary(pending, not_in_xero)
