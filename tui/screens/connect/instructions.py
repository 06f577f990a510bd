"""How to register a Xero app, to follow or to send to whoever does it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.containers import VerticalScroll

from tui.actions import bindings
from tui.screens.base_screen import BaseScreen
from tui.screens.connect import formatting
from tui.screens.dialogs.ask import FileNameScreen
from tui.system.user_files import write_user_file
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import HangingText, SafeLabel

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

_ABOUT: Final = "Saves the instructions as a text file. Save as:"
_FILE: Final = "reshelve-xero-app.txt"


class AppInstructionsScreen(BaseScreen[None]):
    """The steps in Xero's developer pages, which can be copied or saved.

    `redirect_uri` is the address to register; for a custom connection, which has none, `is_custom` is set.
    """

    CSS_PATH = "welcome.tcss"
    AUTO_FOCUS = "#page"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("copy_address", "copy_instructions", "save_instructions", "back")
    ]

    def __init__(self, redirect_uri: str, *, is_custom: bool) -> None:
        super().__init__()
        self._redirect_uri = "" if is_custom else redirect_uri
        self._text = formatting.custom_instructions() if is_custom else formatting.instructions(redirect_uri)

    def compose(self) -> ComposeResult:
        """Lay out the text below the title."""
        yield SafeLabel(formatting.INSTRUCTIONS, id="title")
        with VerticalScroll(id="page"):
            yield HangingText(id="text")
        address = [("copy_address", "Copy redirect URI")] if self._redirect_uri else []
        yield KeyBar("copy_instructions", "save_instructions", *address, "help", "back")

    def on_mount(self) -> None:
        """Show the text."""
        self.query_one(HangingText).show(formatting.paragraphs(self._text))

    def action_copy_instructions(self) -> None:
        """Copy the text through the terminal, which also works over SSH."""
        self.app.copy_to_clipboard(self._text)
        self.flash("Instructions copied. Paste them into an e-mail.")

    def action_copy_address(self) -> None:
        """Copy the redirect URI."""
        if self._redirect_uri:
            self.app.copy_to_clipboard(self._redirect_uri)
            self.flash(f"Copied: {self._redirect_uri}")

    def action_save_instructions(self) -> None:
        """Save the text to a file chosen by the user."""

        def file_chosen(file: Path | None) -> None:
            if file is not None:
                self._save(file)

        self.open_screen(FileNameScreen("Save the instructions", Path.home() / _FILE, _ABOUT), file_chosen)

    @work(group="save", exit_on_error=False)
    async def _save(self, file: Path) -> None:
        await asyncio.to_thread(write_user_file, file, self._text.encode())
        self.flash(f"Instructions saved to {file}")

    def action_back(self) -> None:
        """Go back."""
        self.dismiss()
