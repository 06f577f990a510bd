"""Contact files as exported by Re-Leased, in the home of the user who compares them."""

from __future__ import annotations

import csv
import io
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from support.idle_engine import IdleEngine, at_once
from support.sample_contacts import NOW, contact_id

from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.model.contact_file import FileContact
from tui.store.sync_state import REFRESHED_UNTIL

if TYPE_CHECKING:
    from collections.abc import Iterable

ACTIVE, ARCHIVED = ContactStatus.ACTIVE, ContactStatus.ARCHIVED
EXPORTED_AT: Final = NOW - timedelta(seconds=10)
_COLUMNS: Final = ("External ID", "Name", "Email", "Status")


def line(number: int, contact: int, status: ContactStatus) -> FileContact:
    """A line that names a contact by its id."""
    return FileContact(number, status, contact_id(contact))


def export(
    lines: Iterable[FileContact], name: str = "x.csv", *, more: str = "", encoding: str = "utf-8"
) -> Path:
    """Write these lines, which have to follow each other, to a file in the home folder; `more`: a column."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*_COLUMNS, *filter(None, [more])])
    for each in lines:
        status = each.status.value.title() if each.status is not None else ""
        writer.writerow([each.xero_id, each.name, each.email, status])
    file = Path.home() / name
    file.write_bytes(text.getvalue().encode(encoding))
    os.utime(file, (EXPORTED_AT.timestamp(), EXPORTED_AT.timestamp()))
    return file


def exported(backend: IdleEngine, name: str = "x.csv", *, proven: tuple[int, int] = (5, 12)) -> IdleEngine:
    """Export a file in which there is something of each kind: two matching lines prove a change."""
    for number in proven:
        backend.put_change(number, Action.ARCHIVE, State.CONFIRMED)
    backend.publish_changes()
    # Otherwise a note would say that the file is newer.
    at_once(backend._store.set_sync_state(REFRESHED_UNTIL, NOW.isoformat()))
    first, second = proven
    export(
        [
            line(2, first, ARCHIVED),
            line(3, second, ARCHIVED),
            line(4, 0, ACTIVE),
            line(5, 2, ARCHIVED),
            line(6, 3, ARCHIVED),
            line(7, 19, ACTIVE),
            FileContact(8, ACTIVE, name="Hoyt Productions", email="new@hoyt.example"),
            FileContact(9, ACTIVE, name="Jakaranda Maple Systems", email="accounts@mercury.example"),
            FileContact(10, ARCHIVED, name="Nobody Knows Ltd", email="x@nobody.example"),
        ],
        name,
    )
    return backend
