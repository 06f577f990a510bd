"""A glance at a store that isn't open: how many of its changes are under way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import State
from tui.model.evidence import CompanyStatus
from tui.store import values
from tui.store.connection import Connection
from tui.store.database import FILE_NAME
from tui.store.evidence import SELECT_REPORTS, report_of
from tui.store.schema import USER_REPORTS_VERSION
from tui.store.schema.user_reports import PENDING, PENDING_SINCE
from tui.store.timestamps import to_ms

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

_OPEN_STATES: Final = tuple(state.value for state in State if state.is_open)
_PENDING: Final = f"{PENDING} AND {PENDING_SINCE}"
# Of a store that this version hasn't opened yet.
_PENDING_BEFORE_REPORTS: Final = (
    "state = 'confirmed' AND picked_up_ms IS NULL AND superseded = 0 AND confirmed_ms"
)


class ReadOnlySummary(Struct, frozen=True):
    """How many changes are confirmed and wait for Re-Leased, and how many Xero has yet to confirm."""

    pending: int
    not_in_xero: int


def read_summary(
    folder: Path, synced_until: Callable[[CompanyStatus], datetime | None]
) -> ReadOnlySummary | None:
    """Count the changes in an organisation's folder; None where there is no store that can be read.

    Only what waits from later than `synced_until` counts as waiting; that may depend on what was told.
    """
    file = folder / FILE_NAME
    try:
        # Read only: a glance must neither make a store nor migrate one.
        place = f"{file.as_uri()}?mode=ro"
        with closing(sqlite3.connect(place, uri=True, timeout=0.2, factory=Connection)) as connection:
            [version] = connection.execute("PRAGMA user_version").fetchone()
            has_reports = version >= USER_REPORTS_VERSION
            reports = (
                values.read_rows(report_of, connection.execute(SELECT_REPORTS, ("",))) if has_reports else []
            )
            since = synced_until(CompanyStatus.of(reports))
            is_pending = _PENDING if has_reports else _PENDING_BEFORE_REPORTS
            [pending] = connection.execute(
                f"SELECT count(*) FROM changes WHERE {is_pending} > ?",  # noqa: S608 - constants
                (-1 if since is None else to_ms(since),),
            ).fetchone()
            [not_in_xero] = connection.execute(
                f"SELECT count(*) FROM changes WHERE state IN ({','.join('?' * len(_OPEN_STATES))})",  # noqa: S608 - as above
                _OPEN_STATES,
            ).fetchone()
    except sqlite3.Error:
        return None
    return ReadOnlySummary(pending, not_in_xero)
