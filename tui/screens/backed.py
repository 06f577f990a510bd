"""What every screen that asks the engine has in common."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic

from textual import work
from textual.screen import ScreenResultType

from tui import browser
from tui.screens.telling import Telling

if TYPE_CHECKING:
    from tui.model.backend import Backend


class Backed(Telling[ScreenResultType], Generic[ScreenResultType]):
    """A screen with an engine behind it."""

    backend: Backend

    @work(exit_on_error=False, group="browser")
    async def open_page(self, contact_id: str) -> None:
        """Open a contact in Xero's pages; where no browser can be opened, show the link instead."""
        url = self.backend.contact_url(contact_id)
        if await asyncio.to_thread(browser.open_page, url):
            self.flash("Opened in your browser.")
        else:
            self.flash(f"No browser opened. {self.key('copy')} copies the link: {url}", trouble=True)

    def copy_link(self, contact_id: str) -> None:
        """Put a contact's link on the clipboard, through the terminal, so that it works over ssh too."""
        url = self.backend.contact_url(contact_id)
        self.app.copy_to_clipboard(url)
        self.flash(f"Copied: {url}")
