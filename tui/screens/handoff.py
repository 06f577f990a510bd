"""The restores that a person has to finish in Xero's pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from textual import getters, on, work
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.actions import bindings
from tui.model.change import State
from tui.model.errors import RejectedError, ReshelveError
from tui.screens.backed import Backed
from tui.screens.handoff_items import Item, look
from tui.screens.messages import ConnectWanted, SnapshotChanged
from tui.widgets import clock
from tui.widgets.key_bar import KeyBar
from tui.widgets.plain import Plain
from tui.widgets.text import safe
from tui.widgets.words import counted

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.backend import Backend
    from tui.model.change import Change

_WHY: Final = (
    "Xero's API refuses to restore contacts, so the last press is yours: open the contact in Xero and "
    "press Restore there. Reshelve looks every few seconds and ticks it off by itself."
)
_PRACTICE: Final = " This is practice: p presses Restore from here, without a browser."
_DONE: Final = (
    "All done: Xero shows them as active again. Re-Leased picks them up at its next sync. Esc goes back."
)
_ENDED: Final = (
    "Nothing is waiting any more. What is marked ✓ is active again in Xero, the others are not. "
    "Esc goes back."
)
_NOTHING: Final = "No restore is waiting for a press in Xero. Esc goes back."


@dataclass
class _Looked(Message, bubble=False):
    items: tuple[Item, ...]


@dataclass
class _Said(Message, bubble=False):
    change_id: int
    words: str


class HandoffScreen(ModalScreen[None], Backed[None]):
    """Lists waiting restores with their links; each ticks itself off when it is seen to be done."""

    CSS_PATH: ClassVar = ["dialog.tcss", "handoff.tcss"]
    AUTO_FOCUS = "#items"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("open_in_xero", "copy", "press_restore", "stop_waiting", "connect", "back"),
    ]

    items_list = getters.query_one("#items", OptionList)

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self._items: tuple[Item, ...] = ()
        self._listed: tuple[Item, ...] = ()
        self._to_stop: int | None = None
        self._pressed: set[int] = set()

    def compose(self) -> ComposeResult:
        """Put the explanation above the list."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Restore in Xero"
            yield Plain(_WHY, id="why", classes="paragraph")
            yield OptionList(id="items", markup=False, compact=True)
        yield KeyBar()

    def on_mount(self) -> None:
        """Look closely as long as somebody is at it."""
        self.backend.look_closely(on=True)
        self._offer_keys()
        self._look()

    def on_unmount(self) -> None:
        """Look at the usual pace again."""
        self.backend.look_closely(on=False)

    @on(SnapshotChanged)
    def _snapshot_changed(self) -> None:
        self._look()

    @work(exclusive=True, group="look", exit_on_error=False)
    async def _look(self) -> None:
        self.post_message(_Looked(await look(self.backend, self._items)))

    @on(_Looked)
    def _looked(self, message: _Looked) -> None:
        self._items = message.items
        self._show()

    def _list(self) -> None:
        """Write what is new or different: a list of hundreds measures all of its lines after any change."""
        if self._items == self._listed:
            return
        now = clock.now()
        options = self.items_list
        for index, (item, listed) in enumerate(zip(self._items, self._listed, strict=False)):
            if item != listed:
                options.replace_option_prompt_at_index(index, item.text(now))
        added = self._items[len(self._listed) :]
        options.add_options(Option(item.text(now), id=str(item.change.change_id)) for item in added)
        self._listed = self._items
        # A list without height doesn't notice what is added to it.
        options.refresh(layout=True)

    def _show(self) -> None:
        self._list()
        options = self.items_list
        if options.highlighted is None and self._items:
            options.highlighted = 0
        waiting = sum(1 for item in self._items if item.is_waiting)
        self._explain(waiting)
        self.query_one(".dialog").border_subtitle = f"{counted(waiting, 'contact')} waiting"
        self._offer_keys()

    def _explain(self, waiting: int) -> None:
        why = self.query_one("#why", Plain)
        if waiting:
            why.update_text(_WHY + (_PRACTICE if self.backend.is_practice else ""))
        elif not self._items:
            why.update_text(_NOTHING)
        elif all(item.change.state is State.CONFIRMED for item in self._items):
            why.update_text(_DONE, "$text-success")
        else:
            why.update_text(_ENDED)

    def _offer_keys(self) -> None:
        if not any(item.is_waiting for item in self._items):
            self.key_bar.offer("back")
            return
        practice = [("press_restore", "Restore (practice)")] if self.backend.is_practice else []
        self.key_bar.offer(*practice, "open_in_xero", "copy", "stop_waiting", "back")

    @property
    def _current(self) -> Item | None:
        index = self.items_list.highlighted
        return self._items[index] if index is not None and index < len(self._items) else None

    def _waiting(self) -> Item | None:
        item = self._current
        if item is None or not item.is_waiting:
            self.flash("This one isn't waiting any more.")
            return None
        return item

    @on(OptionList.OptionSelected)
    def action_open_in_xero(self) -> None:
        """Open the contact in Xero's pages."""
        if item := self._waiting():
            self.open_page(item.change.contact_id)

    def action_copy(self) -> None:
        """Copy the link."""
        if item := self._waiting():
            self.copy_link(item.change.contact_id)

    def action_press_restore(self) -> None:
        """Press Restore in the practice Xero's page."""
        if not self.may_write():
            return
        if not self.backend.is_practice:
            self.flash("Only the practice Xero can be pressed from here. o opens the contact in Xero.")
        elif item := self._waiting():
            if item.change.change_id in self._pressed:
                self.flash("Pressed already: it ticks itself off when Xero shows it as active.")
                return
            self._pressed.add(item.change.change_id)
            self.flash("Pressing Restore in the practice Xero …")
            self._press(item.change)

    @work(group="press", exit_on_error=False)
    async def _press(self, change: Change) -> None:
        try:
            await self.backend.press_restore(change.contact_id)
        except RejectedError as error:
            self.post_message(_Said(change.change_id, f"{error.what} {error.next_step}".strip()))
        except ReshelveError:
            self._pressed.discard(change.change_id)
            raise
        else:
            self.post_message(_Said(change.change_id, ""))

    @on(_Said)
    def _said(self, message: _Said) -> None:
        self._items = tuple(
            replace(item, said=message.words) if item.change.change_id == message.change_id else item
            for item in self._items
        )
        self._show()
        if message.words:
            self._pressed.discard(message.change_id)
            self.flash(f"Xero refused: {message.words}", trouble=True)
        else:
            self.key_bar.end_flash()

    def action_stop_waiting(self) -> None:
        """Stop waiting for this restore, at the second press."""
        item = self._waiting() if self.may_write() else None
        if item is None:
            return
        if self._to_stop != item.change.change_id:
            self._to_stop = item.change.change_id
            self.flash(
                f"Press x again to stop waiting for {safe(item.change.name, 40)}. Xero stays as it is."
            )
            return
        self._to_stop = None
        self._dismiss(item.change)

    @work(group="dismiss", exit_on_error=False)
    async def _dismiss(self, change: Change) -> None:
        await self.backend.dismiss(change)
        self._look()

    def action_connect(self) -> None:
        """Connect to Xero again."""
        self.post_message(ConnectWanted())

    def action_back(self) -> None:
        """Go back."""
        self.dismiss()
