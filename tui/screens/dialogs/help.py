"""Help: the keys for what has the focus, then all others, search examples and status words; with a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import getters, on
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input

from tui import messages
from tui.actions import (
    ACTIONS,
    GROUPS,
    bindings,
    current_keys,
    error_advice,
    is_offered,
    key_names,
    spec,
)
from tui.compat.textual import LineInput, ReadyButton, current_keymap
from tui.screens.base_screen import BaseScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel, TermList, TermSection
from tui.widgets.movement import moves_help
from tui.widgets.moving import ScrollingText
from tui.widgets.search_box import EXAMPLES, SearchBox
from tui.widgets.status_badge import LEGEND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.screen import Screen

    from tui.actions import ActionSpec
    from tui.model.errors import ReshelveError


_SEARCH_EXAMPLES_AFTER: Final = "Search and refresh"
_KEYS_WIDTH: Final = 16
_KEYS_STYLE: Final = "bold $text-accent"
_STATUS_WIDTH: Final = 20
_HERE: Final = "Keys here"
_MOVING: Final = "Move in a list"
_SEARCHING: Final = "In the search box"
_NOTHING: Final = TermSection("No key or word matches.", (), 1)


class _Filter(LineInput):
    """The filter; Down and Enter go back to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("down,enter", "leave", show=False)]

    def action_leave(self) -> None:
        """Go back to the list, so that keys scroll it."""
        self.screen.focus_previous()


class HelpScreen(ModalScreen[None], BaseScreen[None]):
    """List the offered actions with their current keys, search examples and the status words.

    The keys that work for what has the focus come first. Opened from the search box, it starts at the search
    examples. The text is one widget: a widget for each line would take long to lay out.
    """

    CSS_PATH: ClassVar = ["dialog.tcss", "help.tcss"]
    AUTO_FOCUS = "#help"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("back", "help", "search"),
        Binding(spec("change_keys").keys, "app.change_keys", show=False, id="change_keys"),
    ]

    words = getters.query_one("#words", TermList)
    filter = getters.query_one("#filter", Input)

    def compose(self) -> ComposeResult:
        """Lay out the filter above the list."""
        self._sections = tuple(self._all_sections())
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Keys"
            yield _Filter(placeholder="Filter by key or word", compact=True, id="filter")
            with ScrollingText(id="help"):
                yield TermList(self._sections, id="words")
        yield KeyBar(("search", "Filter"), "change_keys", "back")

    def on_descendant_focus(self) -> None:
        """Show the keys that work for what has the focus: letters are typed into the filter."""
        if self.filter.has_focus:
            self.key_bar.set_actions(("open", "Go to list"), "back")
        else:
            self.key_bar.set_actions(("search", "Filter"), "change_keys", "back")

    # --- what is listed ---

    def _all_sections(self) -> Iterator[TermSection]:
        below = self.app.screen_stack[-2]
        here = _actions_with_focus(below)
        is_searching = below.focused is not None and isinstance(below.focused.parent, SearchBox)
        moves = TermSection(_MOVING, moves_help(current_keymap(self.app)), _KEYS_WIDTH, _KEYS_STYLE)
        examples = TermSection(_SEARCHING, EXAMPLES, _KEYS_WIDTH, _KEYS_STYLE)
        if is_searching:
            yield examples
        yield self._section(_HERE, here)
        can_move = hasattr(below.focused, "action_move")
        if can_move:
            yield moves
        rest = [item for item in ACTIONS if item.keys and item not in here]
        for group in GROUPS:
            yield self._section(group, [item for item in rest if item.group == group])
            if group == _SEARCH_EXAMPLES_AFTER and not is_searching:
                yield examples
        if not can_move:
            yield moves
        yield TermSection("Status words", LEGEND, _STATUS_WIDTH)

    def _section(self, title: str, items: Sequence[ActionSpec]) -> TermSection:
        offered = [item for item in items if is_offered(self.app, item)]
        terms = [(key_names(current_keys(self.app, item)), item.help) for item in offered]
        return TermSection(title, terms, _KEYS_WIDTH, _KEYS_STYLE, tuple(item.label for item in offered))

    @on(Input.Changed)
    def _filter_changed(self, event: Input.Changed) -> None:
        found = tuple(filtered(self._sections, event.value))
        self.words.show(found or (_NOTHING,))
        self.query_one("#help").scroll_to(y=0, animate=False)

    # --- keys ---

    def action_search(self) -> None:
        """Focus the filter."""
        self.set_focus(self.filter)

    def action_back(self) -> None:
        """Clear the filter; if it is empty, close the help."""
        if self.filter.value:
            self.filter.value = ""
            self.set_focus(self.query_one("#help"))
        else:
            self.dismiss()

    def action_help(self) -> None:
        """Close the help with the key that opened it."""
        self.dismiss()


def _actions_with_focus(below: Screen[Any]) -> list[ActionSpec]:
    """Return the actions that have a key for what has the focus, without those of the app itself."""
    bound = {one.binding.id for one in below.active_bindings.values() if one.node is not below.app}
    if "table.extend_up" in bound:
        # The table has a binding for each direction.
        bound.add(spec("extend").binding_id)
    here = [item for item in ACTIONS if item.keys and item.binding_id in bound]
    return sorted(here, key=lambda item: not item.bound_by_widget)


def filtered(sections: Iterable[TermSection], typed: str) -> Iterator[TermSection]:
    """Yield the sections with the lines that have all typed words in their keys, label, text or title.

    A single character is a key, if it is one.
    """
    typed = typed.strip()
    if len(typed) == 1:
        with_key = [(section, [typed in term.split() for term, _ in section.terms]) for section in sections]
        if any(any(keep) for _, keep in with_key):
            yield from (section.keeping(keep) for section, keep in with_key if any(keep))
            return
    words = typed.casefold().split()
    for section in sections:
        texts = [" ".join(parts).casefold() for parts in section.texts()]
        keep = [all(word in text for word in words) for text in texts]
        if any(keep):
            yield section.keeping(keep)


_WHAT: Final = "Part of Reshelve stopped working. This is a bug in Reshelve."
_LOST: Final = "Nothing is lost: every change you requested is in the change log on this computer."
_NEXT: Final = (
    "You can continue. If it happens again, quit with {} and restart Reshelve. Details are in the log file."
)


class BugReportScreen(ModalScreen[None], BaseScreen[None]):
    """Show what happened, that nothing was lost, and what to do next; without an error, it was a bug."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "Button"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("cancel")]

    def __init__(self, error: ReshelveError | None = None) -> None:
        super().__init__()
        self._error = error

    def compose(self) -> ComposeResult:
        """Lay out the text above one button."""
        with VerticalScroll(classes="dialog -trouble") as dialog:
            dialog.border_title = "Something went wrong"
            for words in self._sentences():
                yield SafeLabel(words, classes="paragraph")
            yield ReadyButton("Continue", variant="primary", id="cancel", compact=True)
        yield KeyBar(("cancel", "Continue"))

    def _sentences(self) -> tuple[str, str, str]:
        if self._error is None:
            return _WHAT, _LOST, _NEXT.format(self.key("quit"))
        return messages.message(self._error), _LOST, error_advice(self.app, self._error)

    def action_cancel(self) -> None:
        """Go back."""
        self.dismiss()

    def on_button_pressed(self) -> None:
        """Go back."""
        self.dismiss()
