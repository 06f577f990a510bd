"""Start a comparison from any screen that offers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.screens import navigation

if TYPE_CHECKING:
    from tui.screens.base_screen import EngineScreen
    from tui.screens.compare.choose_file import ComparedFile


class ComparisonController:
    """Ask for a file, compare it, and show the result."""

    def __init__(self, screen: EngineScreen[Any]) -> None:
        self._screen = screen
        self._last_path = ""

    def compare(self) -> None:
        """Compare a file of contacts exported from Re-Leased with Xero."""
        screen = self._screen

        def compared(file: ComparedFile | None) -> None:
            if file is not None:
                # Suggested the next time, when a newer export is likely at the same path.
                self._last_path = file.typed
                screen.open_screen(navigation.CompareScreen(screen.backend, file.comparison))

        screen.open_screen(navigation.ChooseFileScreen(screen.backend, self._last_path), compared)
