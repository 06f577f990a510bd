"""Messages between the app, its screens and their workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from tui.model.account import ConnectResult
    from tui.model.contact import Organisation
    from tui.model.errors import ReshelveError
    from tui.model.precheck import Precheck
    from tui.model.rows import SearchResult
    from tui.model.snapshot import Snapshot


@dataclass
class SnapshotChanged(Message, bubble=False):
    """The engine knows something new. Only the newest of several matters."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        """Let a newer snapshot that already waits take this one's place."""
        return isinstance(message, SnapshotChanged)


@dataclass
class SearchAnswered(Message, bubble=False):
    """A query was answered, in part or whole.

    `keep` says that the cursor stays on its contact; `is_refresh` that nobody asked: the list has changed.
    """

    found: SearchResult
    keep: bool
    is_refresh: bool = False


@dataclass
class GroupNamesLoaded(Message):
    """These are the names of all contact groups."""

    names: tuple[str, ...]


@dataclass
class RestoreRequested(Message):
    """The person asked for restores: should they become hand-offs, the list opens by itself."""

    contact_ids: tuple[str, ...]


@dataclass
class PrecheckFinished(Message, bubble=False):
    """Xero was asked about the contacts that are to be changed."""

    precheck: Precheck


@dataclass
class PrecheckFailed(Message, bubble=False):
    """The contacts couldn't be looked at."""

    error: ReshelveError


@dataclass
class OrganisationChosen(Message):
    """The person wants to work on this organisation."""

    organisation: Organisation


class ConnectRequested(Message):
    """The person wants to connect to Xero, or to sign in again."""


@dataclass
class OrganisationsConnected(Message):
    """A sign-in has brought organisations, and the person goes on."""

    connected: ConnectResult
