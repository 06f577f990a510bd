"""Comparing a file with Xero, from any screen that offers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from textual.screen import ScreenResultType

from tui.screens.backed import Backed

if TYPE_CHECKING:
    from tui.screens.reconcile.reconcile_file import ComparedFile


class Comparing(Backed[ScreenResultType], Generic[ScreenResultType]):
    """The part of a screen that asks for a file, and shows what came of it."""

    _compared = ""

    def action_reconcile(self) -> None:
        """Hold a file of contacts exported from Re-Leased against Xero."""
        from tui.screens.reconcile import file_paths  # noqa: PLC0415 - a dialog costs a first paint nothing
        from tui.screens.reconcile.reconcile import ReconcileScreen  # noqa: PLC0415 - as above
        from tui.screens.reconcile.reconcile_file import FileScreen  # noqa: PLC0415 - as above

        def compared(one: ComparedFile | None) -> None:
            if one is not None:
                # To be compared again, once it says something else.
                self._compared = one.typed
                self.open_screen(ReconcileScreen(self.backend, one.found))

        self.open_screen(FileScreen(self.backend, self._compared or file_paths.start()), compared)
