"""What every screen that asks the engine has in common."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Generic

from textual import work
from textual.screen import ScreenResultType

from tui import browser
from tui.screens.telling import Telling

if TYPE_CHECKING:
    from tui.model.backend import Backend

_CONNECTED_TO_READ: Final = "This connection may only read. Connect again without “Read only”."
_STARTED_TO_READ: Final = "Reshelve was started with --read-only: nothing can be changed."


class Backed(Telling[ScreenResultType], Generic[ScreenResultType]):
    """A screen with an engine behind it."""

    backend: Backend

    def may_write(self) -> bool:
        """Whether changes are possible here; where they aren't, say why."""
        if not self.backend.is_read_only:
            return True
        by_xero = self.backend.snapshot.organisation.is_read_only
        self.flash(_CONNECTED_TO_READ if by_xero else _STARTED_TO_READ)
        return False

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
