"""What every screen that asks the engine has in common."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Generic

from textual.screen import ScreenResultType

from tui.screens.base_screen import BaseScreen
from tui.system import browser
from tui.widgets import clock

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.services import Backend


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
            self.flash(f"No browser opened. {self.key('copy')} copies the link: {url}", is_problem=True)

    def copy_link(self, contact_id: str) -> None:
        """Put a contact's link on the clipboard, through the terminal, so that it works over ssh too."""
        url = self.backend.contacts.url(contact_id)
        self.app.copy_to_clipboard(url)
        self.flash(f"Copied: {url}")
