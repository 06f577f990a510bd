"""A search for contacts in every connected organisation, each from its local database."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.contact import Organisation, Row


class SearchState(Enum):
    """Whether an organisation's contacts could be searched.

    `LOADING` means that some of them aren't loaded yet, `OUTDATED` that another version of Reshelve wrote the
    database, which is converted when the organisation is opened.
    """

    SEARCHED = "searched"
    LOADING = "loading"
    NOT_LOADED = "not loaded"
    OUTDATED = "outdated"
    UNREADABLE = "unreadable"


class ContactMatches(Struct, frozen=True):
    """What was found in one local database: the first contacts in order, and how many there are in all.

    `refreshed_at` is up to when its contacts are known, by Xero's clock; None if it isn't known.
    """

    state: SearchState
    contacts: tuple[Row, ...] = ()
    total: int = 0
    refreshed_at: datetime | None = None


class OrganisationMatches(Struct, frozen=True):
    """What was found in one organisation."""

    organisation: Organisation
    found: ContactMatches
