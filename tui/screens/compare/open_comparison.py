"""Comparing a file with Xero, from any screen that offers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from textual.screen import ScreenResultType

from tui.screens.engine_screen import EngineScreen

if TYPE_CHECKING:
    from tui.screens.compare.choose_file import ComparedFile


class ComparisonController(EngineScreen[ScreenResultType], Generic[ScreenResultType]):
    """The part of a screen that asks for a file, and shows what came of it."""

    _last_path = ""

    def action_reconcile(self) -> None:
        """Hold a file of contacts exported from Re-Leased against Xero."""
        from tui.screens.compare import file_paths  # noqa: PLC0415 - as elsewhere in this file
        from tui.screens.compare.choose_file import ChooseFileScreen  # noqa: PLC0415 - as above
        from tui.screens.compare.compare import CompareScreen  # noqa: PLC0415 - as above

        def compared(file: ComparedFile | None) -> None:
            if file is not None:
                # To be compared again, once it says something else.
                self._last_path = file.typed
                self.open_screen(CompareScreen(self.backend, file.comparison))

        self.open_screen(
            ChooseFileScreen(self.backend, self._last_path or file_paths.default_folder()), compared
        )
