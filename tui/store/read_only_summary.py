"""Reads a store without opening it: its open and pending changes, and whether it has some contacts."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.change import State
from tui.model.contact import ContactStatus
from tui.model.evidence import CompanyStatus
from tui.store import values
from tui.store.change_log.evidence import SELECT_REPORTS, report_of
from tui.store.database import FILE_NAME, Connection
from tui.store.schema.fragments import MISSED, PENDING, PENDING_SINCE
from tui.store.schema.old_files import use_current_names
from tui.store.values import sort_key, to_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.contact import Contact

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
    try:
        with open_read_only(folder) as connection:
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


# SQLite steps between two checks of the clock.
_STEPS_BETWEEN_CHECKS: Final = 20_000
# The first by the index of active contacts; e-mail addresses have none, so all of these are read.
_SAME: Final = (
    f"FROM contacts WHERE status = '{ContactStatus.ACTIVE}' AND {{0}} IN (SELECT value FROM json_each(?))"  # noqa: S608 - constants
)


def find_active(folder: Path, contacts: Sequence[Contact], *, seconds: float) -> frozenset[str]:
    """Return the ids of those contacts whose name or e-mail address an active contact in this folder has.

    Stops after that many seconds with what was found so far; finds nothing without a readable store. Case and
    accents of names are ignored, and the case of addresses.
    """
    by_name: dict[str, list[str]] = {}
    by_email: dict[str, list[str]] = {}
    for contact in contacts:
        for found, key in ((by_name, sort_key(contact.name)), (by_email, _email_key(contact.email))):
            if key:
                found.setdefault(key, []).append(contact.contact_id)
    ids: set[str] = set()
    ends_at = time.monotonic() + seconds
    try:
        with open_read_only(folder) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > ends_at, _STEPS_BETWEEN_CHECKS)
            for column, wanted in (("sort_key", by_name), ("lower(email)", by_email)):
                sql = f"SELECT DISTINCT {column} {_SAME.format(column)}"
                for (key,) in connection.execute(sql, (json.dumps(list(wanted)),)):
                    ids.update(wanted.get(key, ()))
    except sqlite3.Error:
        return frozenset(ids)
    return frozenset(ids)


def _email_key(email: str) -> str:
    """Return an address as SQLite's `lower` does, which changes only ASCII letters."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in email)


@contextmanager
def open_read_only(folder: Path) -> Iterator[Connection]:
    """Open a store for reading: this must neither create a store nor migrate one. Raises `sqlite3.Error`."""
    place = f"{(folder / FILE_NAME).as_uri()}?mode=ro"
    with closing(sqlite3.connect(place, uri=True, timeout=0.2, factory=Connection)) as connection:
        use_current_names(connection)
        yield connection
