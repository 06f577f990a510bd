"""Comparisons of a file with the contacts of the engine in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from support.fake_backend import NOW, FakeBackend, contact_id

from tui.model.change import Action, State
from tui.model.comparison import FileComparison, compare
from tui.model.contact import ContactStatus
from tui.model.contact_file import FileContact, FileSource
from tui.model.matching import XeroContact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui.model.change import Change

ACTIVE, ARCHIVED = ContactStatus.ACTIVE, ContactStatus.ARCHIVED
SOURCE = FileSource("contacts.csv", "0123456789abcdef", NOW - timedelta(seconds=10))


def line(number: int, contact: int, status: ContactStatus) -> FileContact:
    """A line that names a contact by its id."""
    return FileContact(number, status, contact_id(contact))


def comparison(
    backend: FakeBackend, lines: Iterable[FileContact], source: FileSource = SOURCE
) -> FileComparison:
    """Hold these lines against the engine's contacts and changes."""
    contacts = [
        XeroContact(one.contact_id, one.name, one.email, one.status) for one in backend.known.values()
    ]
    changes: dict[str, list[Change]] = {}
    for change in backend.changes_made:
        changes.setdefault(change.contact_id, []).append(change)
    return compare(source, lines, contacts, changes)


def exported(backend: FakeBackend) -> FakeBackend:
    """Let any file be one in which there is something of each kind: two agreeing lines prove a change."""
    backend.put_change(5, Action.ARCHIVE, State.CONFIRMED)
    backend.put_change(12, Action.ARCHIVE, State.CONFIRMED)
    backend.publish_changes()
    backend.compared = comparison(
        backend,
        [
            line(2, 5, ARCHIVED),
            line(3, 12, ARCHIVED),
            line(4, 0, ACTIVE),
            line(5, 2, ARCHIVED),
            line(6, 3, ARCHIVED),
            line(7, 19, ACTIVE),
            FileContact(8, ACTIVE, name="Hoyt Productions", email="new@hoyt.example"),
            FileContact(9, ACTIVE, name="Jakaranda Maple Systems", email="accounts@mercury.example"),
            FileContact(10, ARCHIVED, name="Nobody Knows Ltd", email="x@nobody.example"),
        ],
    )
    return backend
