"""What every screen that starts workers has in common."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic

from textual import getters
from textual.css.query import NoMatches
from textual.screen import ScreenResultType
from textual.worker import Worker, WorkerState

from tui import messages
from tui.actions.registry import current_key, error_message
from tui.compat.textual import GuardedScreen
from tui.model.errors import ReadOnlyError, ReshelveError
from tui.screens import navigation
from tui.system import browser
from tui.system.log import logger
from tui.widgets import clock
from tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from tui.model.services import Backend


class BaseScreen(GuardedScreen[ScreenResultType], Generic[ScreenResultType]):
    """A screen with a key bar at its foot.

    Workers only ask and post messages. One that fails is told in words: what the engine raised shows in the
    key bar, a mistake of the program on a screen of its own, its traceback in the log alone.
    """

    key_bar = getters.query_one(KeyBar)

    def tick(self) -> None:
        """Show the time; called every second while this screen can be seen."""

    def key(self, action_id: str) -> str:
        """Return the key of an action as it is now, for a sentence that says what to press."""
        return current_key(self.app, action_id)

    def flash(self, text: str, *, is_problem: bool = False) -> None:
        """Show a line of news for a while; a screen that is closing has no place for it."""
        with suppress(NoMatches):
            self.key_bar.flash(text, is_problem=is_problem)

    def start(
        self, job: Callable[[], Coroutine[None, None, None]], group: str, *, exclusive: bool = False
    ) -> Worker[None]:
        """Run what takes a while, in place of what runs in the group if exclusive; an error is shown."""
        return self.run_worker(job, group=group, exclusive=exclusive, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell of a worker that failed."""
        error = event.worker.error
        if event.state is not WorkerState.ERROR or error is None:
            return
        if isinstance(error, ReshelveError):
            self.show_error(error)
        else:
            logger.error("worker %s failed", event.worker.name, exc_info=error)
            self.app.push_screen(navigation.BugReportScreen())

    def show_error(self, error: ReshelveError) -> None:
        """Show what the engine says went wrong, and what to do."""
        if isinstance(error, ReadOnlyError):
            self.flash(messages.in_full(error))
        else:
            self.flash(error_message(self.app, error), is_problem=True)


class EngineScreen(BaseScreen[ScreenResultType], Generic[ScreenResultType]):
    """A screen with an engine behind it."""

    backend: Backend

    def now(self) -> datetime:
        """Return the present moment in UTC by the clock of this organisation's Xero."""
        return clock.to_xero_time(clock.now(), self.backend.snapshot.clock_ahead)

    def local_now(self) -> datetime:
        """Return the same moment in the person's time zone."""
        return self.now().astimezone()

    def open_page(self, contact_id: str) -> None:
        """Open a contact in Xero's pages; where no browser can be opened, show the link instead."""
        self.start(partial(self._open_page, contact_id), "browser")

    async def _open_page(self, contact_id: str) -> None:
        url = self.backend.contacts.url(contact_id)
        if await asyncio.to_thread(browser.open_page, url):
            self.flash("Opened in your browser.")
        else:
            self.flash(f"No browser found. {self.key('copy')} copies the link: {url}", is_problem=True)

    def copy_link(self, contact_id: str) -> None:
        """Put a contact's link on the clipboard, through the terminal, so that it works over ssh too."""
        url = self.backend.contacts.url(contact_id)
        self.app.copy_to_clipboard(url)
        self.flash(f"Copied: {url}")
