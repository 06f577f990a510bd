"""Base classes of the screens: error reporting, workers and status messages.

Also the messages that the app, its screens and their workers send each other.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, Generic

from textual import getters
from textual.css.query import NoMatches
from textual.message import Message
from textual.screen import ScreenResultType
from textual.worker import Worker, WorkerState

from tui import messages
from tui.actions import current_key, error_message
from tui.compat.textual import GuardedScreen
from tui.messages.formats import pluralize
from tui.model.errors import ReadOnlyError, ReshelveError
from tui.model.snapshot import ConnectionStatus
from tui.screens import navigation
from tui.system import browser
from tui.system.log import logger
from tui.widgets import clock
from tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from tui.model.account import ConnectResult
    from tui.model.change import Precheck
    from tui.model.contact import Organisation, SearchResult
    from tui.model.services import Backend
    from tui.model.snapshot import Snapshot
    from tui.screens.changes.change_controller import ResultController


_REFRESHING = "Refreshing from Xero and Re-Leased…"
_OFFLINE = "Can't reach Xero. Retrying now…"
_SIGNED_OUT = "Can't refresh: the sign-in to Xero has ended. Press {key} to reconnect."
NOT_MERGED: Final = "This contact wasn't merged into another one."
SURVIVOR_NOT_LOADED: Final = "The contact it was merged into isn't loaded."
#: What the key of a tab says while that tab is open.
ALREADY_SHOWN = "This tab is already open."


_OPENED: Final = "Opened in your browser."
_OPENED_MANY: Final = "Opened {pages}."
# A page can't find out whether the browser has blocked another.
_IN_NEW_TAB: Final = "Opened in a new tab. If there is none, allow pop-ups for this page."
_IN_NEW_TABS: Final = "Opened {pages} in new tabs. If any is missing, allow pop-ups for this page."


class BaseScreen(GuardedScreen[ScreenResultType], Generic[ScreenResultType]):
    """A screen with a key bar at the bottom.

    Workers only query the engine and post messages. Errors raised by the engine are shown in the key bar. Any
    other exception opens the bug report screen, and its traceback goes to the log.
    """

    #: Where its keys work, to follow "works"; empty for dialogs that others don't point to.
    PLACE: ClassVar[str] = ""

    #: Whether it takes every key itself, so that the app's own don't run.
    CAPTURES_KEYS: ClassVar = False

    key_bar = getters.query_one(KeyBar)

    def tick(self) -> None:
        """Update displayed times; called every second while this screen is visible."""

    def key(self, action_id: str) -> str:
        """Return the key currently bound to an action, for use in a message."""
        return current_key(self.app, action_id)

    def key_pressed(self) -> None:
        """React to any key, before it does anything; called for the screen on top."""

    def flash(self, text: str, *, is_problem: bool = False, stays: bool = False) -> None:
        """Show a temporary message in the key bar; do nothing if the screen is closing."""
        with suppress(NoMatches):
            self.key_bar.flash(text, is_problem=is_problem, stays=stays)

    def start(
        self, job: Callable[[], Coroutine[None, None, None]], group: str, *, exclusive: bool = False
    ) -> Worker[None]:
        """Start a worker that reports its errors; if exclusive, it replaces the group's running worker."""
        return self.run_worker(job, group=group, exclusive=exclusive, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Report a failed worker."""
        error = event.worker.error
        if event.state is not WorkerState.ERROR or error is None:
            return
        if isinstance(error, ReshelveError):
            self.show_error(error)
        else:
            logger.error("worker %s failed", event.worker.name, exc_info=error)
            self.app.push_screen(navigation.BugReportScreen())

    def show_error(self, error: ReshelveError) -> None:
        """Show an engine error and what to do about it."""
        if isinstance(error, ReadOnlyError):
            self.flash(messages.in_full(error))
        else:
            self.flash(error_message(self.app, error), is_problem=True)

    def opened(self, count: int = 1) -> str:
        """Say that pages were opened with `open_in_browser`."""
        one, many = (_IN_NEW_TAB, _IN_NEW_TABS) if self.app.is_web else (_OPENED, _OPENED_MANY)
        return one if count == 1 else many.format(pages=pluralize(count, "page"))

    async def open_in_browser(self, url: str) -> bool:
        """Open a page in the user's browser; return whether that worked.

        Where Reshelve itself is in a browser, that is a new tab there, which the browser may block.
        """
        if self.app.is_web:
            self.app.open_url(url)
            return True
        return await asyncio.to_thread(browser.open_page, url)


class EngineScreen(BaseScreen[ScreenResultType], Generic[ScreenResultType]):
    """A screen connected to an engine."""

    backend: Backend
    #: Shows what becomes of the last request, on screens from which changes are made.
    result: ResultController | None = None

    def key_pressed(self) -> None:
        """Show the keys instead of the result of the last request."""
        if self.result is not None:
            self.result.key_pressed()

    def now(self) -> datetime:
        """Return the current time in UTC, adjusted to the clock of this organisation's Xero."""
        return clock.to_xero_time(clock.now(), self.backend.snapshot.clock_ahead)

    def local_now(self) -> datetime:
        """Return the same time in the user's time zone."""
        return self.now().astimezone()

    def flash_refreshing(self) -> None:
        """Say that Xero and Re-Leased are asked again, or why Xero can't be."""
        status = self.backend.snapshot.xero.status
        if status in {ConnectionStatus.RECONNECT, ConnectionStatus.REMOVED}:
            self.flash(_SIGNED_OUT.format(key=self.key("connect")), is_problem=True)
        else:
            self.flash(_OFFLINE if status is ConnectionStatus.OFFLINE else _REFRESHING)

    def open_page(self, contact_id: str) -> None:
        """Open a contact in Xero in the browser; if there is no browser, show the link instead."""
        self.start(partial(self._open_page, contact_id), "browser")

    async def _open_page(self, contact_id: str) -> None:
        url = self.backend.contacts.url(contact_id)
        if await self.open_in_browser(url):
            self.flash(self.opened())
        else:
            self.flash(f"No browser found. {self.key('copy')} copies the link: {url}", is_problem=True)

    def copy_link(self, contact_id: str) -> None:
        """Copy a contact's link through the terminal, which also works over SSH."""
        url = self.backend.contacts.url(contact_id)
        self.app.copy_to_clipboard(url)
        self.flash(f"Copied: {url}")

    def copy_contact_id(self, contact_id: str) -> None:
        """Copy Xero's ContactID of a contact, for a search in Re-Leased's Sync Results."""
        self.app.copy_to_clipboard(contact_id)
        self.flash(f"Copied for Re-Leased's Sync Results (External ID): {contact_id}")


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
class SavedDataChecked(Message, bubble=False):
    """The contacts were checked by saved data, which is shown until the check with Xero has finished."""

    precheck: Precheck


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
    """The user chose this organisation.

    With a `search`, to see its contacts that match; the cursor goes to the contact with `contact_id`, if any.
    With `restores`, that contact is to be restored, which asks first.
    """

    organisation: Organisation
    search: str | None = None
    contact_id: str = ""
    restores: bool = False


class DemoRequested(Message):
    """The user wants to try the demo."""


class ConnectRequested(Message):
    """The user wants to connect to Xero, or to sign in again."""


@dataclass
class OrganisationsConnected(Message):
    """The user connected these organisations and continues."""

    connected: ConnectResult
