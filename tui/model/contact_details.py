"""One contact in detail: its data, its changes, and Xero's own history of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.change import ChangeLogEntry
    from tui.model.contact import Contact
    from tui.model.snapshot import ChangeView


class HistoryEntry(Struct, frozen=True):
    """One entry of Xero's own history of a contact; `when` is None if its date can't be read."""

    when: datetime | None
    user: str
    event: str
    details: str


class ContactDetails(Struct, frozen=True):
    """One contact with its changes and their log, newest first; `tenant_groups` are its groups of tenants."""

    contact: Contact
    changes: tuple[ChangeView, ...]
    timeline: tuple[ChangeLogEntry, ...]
    tenant_groups: tuple[str, ...] = ()
