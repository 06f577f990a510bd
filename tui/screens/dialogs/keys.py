"""Change the keys of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from textual import getters, on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from tui.actions import (
    ACTIONS,
    KeyFault,
    KeyRefusal,
    bindings,
    is_offered,
    key_name,
    key_names,
    spec,
)
from tui.compat.textual import LineInput, ReadyButton
from tui.screens.base_screen import BaseScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.actions import ActionSpec

_ABOUT: Final = "Choose an action, then press its new key."
_FIXED: Final = "extend"
_CANCEL, _SAVE = "escape", "enter"
_KEYS_WIDTH: Final = 14
_LABEL_WIDTH: Final = 18
_OTHER_ROWS: Final = 13
_FAULTS: Final = {
    KeyFault.NOT_SENT: "{key} isn't the same key in every terminal. Press another key.",
    KeyFault.MOVES: "{key} moves the cursor. Press another key.",
    KeyFault.TYPED: "{key} has to stay free for typing. Press a function key, or a key with ctrl or alt.",
    KeyFault.USED: "{key} is used by {other}{place}. Press another key, or change that one first.",
}


class CustomKeys(Protocol):
    """The custom keys of the app."""

    @property
    def keys(self) -> Mapping[str, str]:
        """The custom keys by action."""
        ...

    def refusal(self, action_id: str, own: str) -> KeyRefusal | None:
        """Return why an action can't have these keys, or None if it can."""
        ...

    def save(self, action_id: str, own: str) -> str:
        """Save and use the keys of an action, the default ones if `own` is empty; return what went wrong."""
        ...


def keys_of(editor: CustomKeys, item: ActionSpec) -> str:
    """Return the keys of an action: custom ones, or the defaults."""
    return editor.keys.get(item.id, item.keys)


def with_key(keys: str, key: str) -> str:
    """Return keys in which another takes the place of the first one. Esc, which closes dialogs, stays."""
    single = keys.split(",")
    place = next((index for index, each in enumerate(single) if each != _CANCEL), len(single))
    return ",".join([*single[:place], key, *single[place + 1 :]])


def refusal_text(refusal: KeyRefusal) -> str:
    """Describe why an action can't have a key."""
    other = spec(refusal.other).label if refusal.other else ""
    place = f" {refusal.place or 'in the same place'}" if other else ""
    return _FAULTS[refusal.fault].format(key=key_name(refusal.key), other=other, place=place)


class _Filter(LineInput):
    """The filter; Down and Enter go to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("down,enter", "leave", show=False)]

    def action_leave(self) -> None:
        """Go to the list."""
        self.screen.set_focus(self.screen.query_one(VirtualList))


class KeysScreen(ModalScreen[None], BaseScreen[None]):
    """The actions with their keys: choose one to give it another key."""

    PLACE = "in Change keys"
    CSS_PATH: ClassVar = ["dialog.tcss", "keys.tcss"]
    AUTO_FOCUS = "#actions"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("reset_keys", "search", "back")]

    rows = getters.query_one("#actions", VirtualList)
    filter = getters.query_one("#filter", Input)

    def __init__(self, editor: CustomKeys) -> None:
        super().__init__()
        self._editor = editor
        self._shown: Sequence[ActionSpec] = ()

    def compose(self) -> ComposeResult:
        """Lay out the filter above the list."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Change keys"
            yield SafeLabel(_ABOUT, classes="paragraph")
            yield _Filter(placeholder="Filter by key or word", compact=True, id="filter")
            yield VirtualList(self._format_row, id="actions")
            yield SafeLabel(id="about")
        yield KeyBar(("open", "Change"), "reset_keys", ("search", "Filter"), ("back", "Close"))

    def on_mount(self) -> None:
        """Show the actions."""
        self.rows.empty_text = "No action matches."
        self._show()

    def on_resize(self) -> None:
        """Fit the list to the screen."""
        self.rows.styles.height = max(1, min(len(ACTIONS), self.size.height - _OTHER_ROWS))

    @on(Input.Changed, "#filter")
    def _show(self) -> None:
        typed = self.filter.value.strip()
        offered = [item for item in ACTIONS if item.keys and item.id != _FIXED and is_offered(self.app, item)]
        with_key = [item for item in offered if typed in key_names(keys_of(self._editor, item)).split()]
        words = typed.casefold().split()
        self._shown = with_key or [
            item for item in offered if all(word in f"{item.label} {item.help}".casefold() for word in words)
        ]
        self.rows.show(len(self._shown), self.rows.cursor)
        self._describe()

    @property
    def _current(self) -> ActionSpec | None:
        return self._shown[self.rows.cursor] if self.rows.cursor < len(self._shown) else None

    @on(VirtualList.Moved)
    def _describe(self) -> None:
        """Show what the action under the cursor does."""
        item = self._current
        text = "" if item is None else item.help
        if item is not None and item.id in self._editor.keys:
            text += f" (default: {key_names(item.keys)})"
        self.query_one("#about", SafeLabel).update_text(text, "$text-muted")

    def _format_row(self, index: int, width: int) -> Sequence[Content]:
        item = self._shown[index]
        style = "bold $text-accent" if item.id in self._editor.keys else "bold"
        keys = key_names(keys_of(self._editor, item))
        row = Content.assemble((keys.ljust(_KEYS_WIDTH), style), " ")
        room = width - row.cell_length
        if room <= _LABEL_WIDTH:
            return (row + Content(item.label).truncate(room, ellipsis=True),)
        group = Content.styled(item.group, "$text-muted").truncate(room - _LABEL_WIDTH, ellipsis=True)
        return (row + Content(item.label.ljust(_LABEL_WIDTH)) + group,)

    @on(VirtualList.RowOpened)
    def _change(self) -> None:
        item = self._current
        if item is None:
            self.flash("No action matches.")
            return

        def pressed(own: str | None) -> None:
            if own is not None:
                self._save(item, own)

        self.open_screen(PressKeyScreen(self._editor, item), pressed)

    def _save(self, item: ActionSpec, own: str) -> None:
        problem = self._editor.save(item.id, "" if own == item.keys else own)
        self.rows.refresh()
        self._describe()
        keys = key_names(keys_of(self._editor, item))
        self.flash(problem or f"{item.label} is now {keys}.", is_problem=bool(problem))

    def action_reset_keys(self) -> None:
        """Reset the action under the cursor to its default keys, if no other action has them now."""
        item = self._current
        if item is None or item.id not in self._editor.keys:
            self.flash("This action has its default keys.")
        elif refusal := self._editor.refusal(item.id, item.keys):
            self.flash(refusal_text(refusal), is_problem=True)
        else:
            self._save(item, item.keys)

    def action_search(self) -> None:
        """Focus the filter."""
        self.set_focus(self.filter)

    def action_back(self) -> None:
        """Clear the filter; if it is empty, close the dialog."""
        if self.filter.value:
            self.filter.value = ""
            self.set_focus(self.rows)
        else:
            self.dismiss()


class PressKeyScreen(ModalScreen[str | None], BaseScreen[str | None]):
    """Ask for the new key of an action; the result is its keys, or None. Esc and Enter are fixed here."""

    CAPTURES_KEYS = True
    CSS_PATH: ClassVar = ["dialog.tcss", "keys.tcss"]
    AUTO_FOCUS = ""

    def __init__(self, editor: CustomKeys, item: ActionSpec) -> None:
        super().__init__()
        self._editor = editor
        self._item = item
        self._own = ""

    def compose(self) -> ComposeResult:
        """Lay out what was pressed above the buttons."""
        cancel = key_name(_CANCEL)
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = f"New key for {self._item.label}"
            yield SafeLabel(self._item.help, classes="paragraph")
            keys = key_names(keys_of(self._editor, self._item))
            yield SafeLabel(f"Now: {keys}. Press the new key. {cancel} cancels.", classes="paragraph")
            yield SafeLabel(id="pressed", classes="paragraph")
            with Horizontal(id="buttons"):
                yield ReadyButton("Cancel", id="cancel", compact=True)
                yield ReadyButton("Save", id="confirm", disabled=True, compact=True)
        yield KeyBar()

    def on_mount(self) -> None:
        """Leave every key to this screen."""
        for button in self.query(Button):
            button.can_focus = False

    def on_key(self, event: events.Key) -> None:
        """Take the key that was pressed."""
        event.stop()
        event.prevent_default()
        if event.key == _CANCEL:
            self.dismiss(None)
        elif event.key == _SAVE:
            self._confirm()
        else:
            self._take(_spelling(event))

    def _take(self, key: str) -> None:
        own = with_key(keys_of(self._editor, self._item), key)
        refusal = self._editor.refusal(self._item.id, own)
        self._own = "" if refusal else own
        if refusal:
            text, style = refusal_text(refusal), "$text-warning"
        else:
            text = f"New: {key_names(own)}. {key_name(_SAVE)} saves it, {key_name(_CANCEL)} cancels."
            style = "$text-success"
        self.query_one("#pressed", SafeLabel).update_text(text, style)
        self.query_one("#confirm", Button).disabled = not self._own

    def _confirm(self) -> None:
        if self._own:
            self.dismiss(self._own)
        else:
            text = f"{key_name(_SAVE)} and {key_name(_CANCEL)} can't be used. Press another key."
            self.query_one("#pressed", SafeLabel).update_text(text, "$text-warning")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss((self._own or None) if event.button.id == "confirm" else None)


def _spelling(event: events.Key) -> str:
    """Return a key as the settings spell it: a printable character as it is, others by Textual's name."""
    character = event.character or ""
    is_spelled = event.is_printable and character not in {" ", ","} and "+" not in event.key
    return character if is_spelled else event.key
