"""Messages between the app, its screens and their workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from tui.model.account import ConnectResult
    from tui.model.contact import Organisation, SearchResult
    from tui.model.errors import ReshelveError
    from tui.model.precheck import Precheck
    from tui.model.snapshot import Snapshot


@dataclass
class SnapshotChanged(Message, bubble=False):
    """The engine published a new snapshot. Only the newest of several matters."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        """Let a newer queued snapshot replace this one."""
        return isinstance(message, SnapshotChanged)


@dataclass
class SearchAnswered(Message, bubble=False):
    """Part or all of the result of a search.

    `number` identifies the search; `keep` means the cursor stays on its contact; `is_refresh` means the list
    changed without a new search.
    """

    number: int
    found: SearchResult
    keep: bool
    is_refresh: bool = False


@dataclass
class GroupNamesLoaded(Message):
    """The names of all contact groups."""

    names: tuple[str, ...]


@dataclass
class RestoreRequested(Message):
    """The user requested restores: if any must be finished in Xero, their list opens automatically."""

    contact_ids: tuple[str, ...]


@dataclass
class PrecheckFinished(Message, bubble=False):
    """The check with Xero before a change has finished."""

    precheck: Precheck


@dataclass
class PrecheckFailed(Message, bubble=False):
    """The contacts couldn't be checked."""

    error: ReshelveError


@dataclass
class OrganisationChosen(Message):
    """The user chose this organisation."""

    organisation: Organisation


class ConnectRequested(Message):
    """The user wants to connect to Xero, or to sign in again."""


@dataclass
class OrganisationsConnected(Message):
    """The user connected these organisations and continues."""

    connected: ConnectResult
