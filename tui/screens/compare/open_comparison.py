"""Start a comparison from any screen that offers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tui.screens import navigation

if TYPE_CHECKING:
    from tui.screens.base_screen import EngineScreen
    from tui.screens.compare.choose_file import ComparedFile


_CONNECTION, _FILE = "connection", "file"
_SOURCES: Final = {
    _CONNECTION: "Re-Leased's contacts, read now",
    _FILE: "A file of contacts exported from Re-Leased",
}


class ComparisonController:
    """Ask for a file or read Re-Leased, compare, and show the result."""

    def __init__(self, screen: EngineScreen[Any]) -> None:
        self._screen = screen
        self._last_path = ""

    def compare(self) -> None:
        """Compare Re-Leased's contacts with Xero: those read now, if there is a connection, or a file."""
        if self._screen.backend.snapshot.re_leased.contacts is None:
            self._compare_file()
            return

        def answered(answer: str | None) -> None:
            if answer == _CONNECTION:
                self._screen.flash("Reading Re-Leased's contacts…")
                self._screen.start(self._compare_contacts, "compare", exclusive=True)
            elif answer == _FILE:
                self._compare_file()

        words = ("Comparing changes nothing in Xero or Re-Leased.",)
        question = "Compare what with Xero?"
        self._screen.open_screen(
            navigation.ChooseScreen(question, words, _SOURCES, first=_CONNECTION), answered
        )

    async def _compare_contacts(self) -> None:
        screen = self._screen
        comparison = await screen.backend.comparison.compare_contacts()
        # A user who has opened another screen in the meantime isn't interrupted.
        if screen.is_current:
            screen.open_screen(navigation.CompareScreen(screen.backend, comparison))

    def _compare_file(self) -> None:
        screen = self._screen

        def compared(file: ComparedFile | None) -> None:
            if file is not None:
                # Suggested the next time, when a newer export is likely at the same path.
                self._last_path = file.typed
                screen.open_screen(navigation.CompareScreen(screen.backend, file.comparison))

        screen.open_screen(navigation.ChooseFileScreen(screen.backend, self._last_path), compared)
