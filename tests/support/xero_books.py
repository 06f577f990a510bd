"""The practice Xero's own data, read without its API, and compared with the program's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from tui.model.change import Action, Change, Origin, State
from tui.model.contact import ContactStatus
from tui.store.values import to_ms

if TYPE_CHECKING:
    from pathlib import Path

    from support.practice import PracticeXero

    from tui.store import Store

UNDECIDED = (State.QUEUED, State.SENDING, State.UNKNOWN)


class Entry(NamedTuple):
    """A contact's status. `archived_by_us` counts archives by the API; `archived` and `restored` all."""

    status: str
    name: str
    updated_ms: int
    is_merged: bool
    is_repeating: bool
    archived_by_us: int
    archived: int
    restored: int

    @property
    def is_final(self) -> bool:
        """Whether it was merged or erased, so that its status says nothing of archives and restores."""
        return self.is_merged or self.status == ContactStatus.GDPRREQUEST


class XeroBooks:
    """The contacts of one organisation."""

    def __init__(self, practice: PracticeXero, tenant_id: str) -> None:
        self._file: Path = practice.folder / "data" / "sandbox" / "practice.sqlite"
        self._tenant_id = tenant_id

    def read(self) -> dict[str, Entry]:
        """Return every contact's status, by ContactID."""
        sql = """
            SELECT contact_id, status, c.name, updated, merged_to IS NOT NULL, repeating,
                total(changes = 'Archived' AND user = 'Practice app'), total(changes = 'Archived'),
                total(changes = 'Restored')
            FROM contacts AS c JOIN organisations USING (org) LEFT JOIN history AS h ON h.contact = c.id
            WHERE tenant_id = ? GROUP BY c.id
        """
        with closing(sqlite3.connect(self._file, timeout=10)) as connection:
            rows = connection.execute(sql, (self._tenant_id,)).fetchall()
        return {row[0]: Entry(*row[1:]) for row in rows}


def differences(store: Store, books: dict[str, Entry]) -> list[str]:
    """Return the differences of local data and change log from Xero; none if all is well."""
    said = [
        f"{total} changes are {state}"
        for state in UNDECIDED
        if (total := store.changes.totals().get(state, 0))
    ]
    for contact_id, entry in books.items():
        contact = store.contact(contact_id)
        if contact is None:
            said.append(f"{contact_id} is missing here")
            continue
        here = (contact.status, contact.name, to_ms(contact.updated_at), bool(contact.merged_to))
        if here != (entry.status, entry.name, entry.updated_ms, entry.is_merged):
            said.append(f"{contact_id} is {here} here, {entry} in Xero")
        if not entry.is_final:
            said += _journal(contact_id, entry, store.changes.of_contact(contact_id))
    return said


def _journal(contact_id: str, entry: Entry, changes: list[Change]) -> list[str]:
    said = []
    confirmed = [change for change in changes if change.state is State.CONFIRMED]
    if confirmed:
        last = max(confirmed, key=lambda change: (change.confirmed_at, change.change_id))
        if last.action.target_status != entry.status:
            said.append(f"{contact_id}: {last.action} confirmed last, yet {entry.status} in Xero")
    if entry.status == ContactStatus.ACTIVE and any(one.state is State.AWAITING_USER for one in changes):
        said.append(f"{contact_id}: waits for a Restore that was pressed")
    if not entry.restored:
        # Only we could archive it twice, and one archive was requested.
        asked = [one for one in changes if one.action is Action.ARCHIVE and one.origin is Origin.RESHELVE]
        done = [one for one in asked if one.state is State.CONFIRMED]
        if entry.archived > 1 or entry.archived_by_us > len(asked) or len(done) > entry.archived:
            said.append(f"{contact_id}: {entry.archived} archives for {len(done)} confirmed of {len(asked)}")
    return said
