"""All contacts and their changes, to compare with a file from Re-Leased."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from tui.model.change import State
from tui.model.contact import ContactStatus
from tui.store import values
from tui.store.change_log.changes import CHANGE_COLUMNS, change_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui.model.change import Change
    from tui.model.matching import XeroContact
    from tui.store.database import Database

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
    from tui.model.matching import XeroContact

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
