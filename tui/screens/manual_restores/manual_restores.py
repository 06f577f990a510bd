"""The restores that the user has to finish in Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import getters, on
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.actions.registry import bindings, spec
from tui.messages.formats import pluralize
from tui.model.change import State
from tui.screens.base_screen import EngineScreen
from tui.screens.events import ConnectRequested, SnapshotChanged
from tui.screens.manual_restores.finish_controller import (
    FinishController,
    PagesOpened,
    RestoreSimulated,
    RestoresLoaded,
    row_height,
)
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content

    from tui.model.services import Backend
    from tui.screens.manual_restores.finish_controller import RestoreItem

_WHY: Final = (
    "Xero's API can't restore contacts. Open each contact in Xero and click Restore. This list updates "
    "automatically."
)
_PRACTICE: Final = " In the demo, press {key} to restore without a browser."
_DONE: Final = (
    "All done: these contacts are active again in Xero. They now wait for Re-Leased's next sync. "
    "Press {back} to go back."
)
_ENDED: Final = (
    "Nothing left to finish. Contacts marked ✓ are active again in Xero; the others aren't. Press {back} "
    "to go back."
)
_NOTHING: Final = "No restores to finish in Xero. Press {back} to go back."


class ManualRestoresScreen(ModalScreen[None], EngineScreen[None]):
    """List pending restores with their links; each is marked when its outcome is known."""

    CSS_PATH: ClassVar = ["../dialogs/dialog.tcss", "manual_restores.tcss"]
    AUTO_FOCUS = "#items"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (22, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("open_in_xero", "open_next", "copy", "copy_all", "simulate_restore", "stop_waiting"),
        *bindings("connect", "back"),
        # Bound under the usual action IDs, so that custom keys apply.
        *(
            Binding(spec(action).keys, "elsewhere", show=False, id=action)
            for action in ("archive", "restore")
        ),
    ]

    items_list = getters.query_one("#items", VirtualList)

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self.finish = FinishController(self, lambda: self.items_list, self._show_items)
        self._drawn: tuple[tuple[RestoreItem, ...], int] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the explanation above the list."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Restores to finish in Xero"
            yield SafeLabel(_WHY, id="why", classes="paragraph")
            yield VirtualList(self._format_row, id="items")
        yield KeyBar()

    def on_mount(self) -> None:
        """Poll frequently while this screen is open."""
        self.backend.manual_restores.set_fast_polling(on=True)
        self._update_key_bar()
        self.finish.reload()

    def on_unmount(self) -> None:
        """Return to normal polling."""
        self.backend.manual_restores.set_fast_polling(on=False)

    @on(SnapshotChanged)
    def _snapshot_changed(self) -> None:
        self.finish.reload()

    @on(RestoresLoaded)
    def _restores_loaded(self, message: RestoresLoaded) -> None:
        self.finish.update_items(message.items)

    @on(VirtualList.Scrolled)
    def _resized(self) -> None:
        """Format the links for the current width."""
        self._update_list()

    def _format_row(self, index: int, width: int) -> Sequence[Content]:
        return self.finish.items[index].lines(width, self.now())

    def _update_list(self) -> None:
        rows = self.items_list
        width = rows.line_width
        if (self.finish.items, width) == self._drawn or not width:
            return
        self._drawn = (self.finish.items, width)
        rows.show(len(self.finish.items), rows.cursor, row_height=row_height(self.finish.items, width))

    def _show_items(self) -> None:
        """Show the state of the restores."""
        self._update_list()
        waiting = sum(1 for item in self.finish.items if item.is_waiting)
        self._explain(waiting)
        self.query_one(".dialog").border_subtitle = f"{pluralize(waiting, 'contact')} to finish"
        self._update_key_bar()

    def _explain(self, waiting: int) -> None:
        why = self.query_one("#why", SafeLabel)
        why.set_class(not waiting, "-ended")
        back = self.key("back")
        if waiting:
            key = self.key("simulate_restore") if self.backend.is_sandbox else ""
            practice = _PRACTICE.format(key=key) if key else ""
            why.update_text(_WHY + practice)
        elif not self.finish.items:
            why.update_text(_NOTHING.format(back=back))
        elif all(item.change.state is State.CONFIRMED for item in self.finish.items):
            why.update_text(_DONE.format(back=back), "$text-success")
        else:
            why.update_text(_ENDED.format(back=back))

    def _update_key_bar(self) -> None:
        waiting = sum(1 for item in self.finish.items if item.is_waiting)
        if not waiting:
            self.key_bar.set_actions("back")
            return
        practice = [("simulate_restore", "Simulate Restore")] if self.backend.is_sandbox else []
        many = ["open_next", "copy_all"] if waiting > 1 else []
        self.key_bar.set_actions(
            *practice, "open_in_xero", *many[:1], "copy", *many[1:], "stop_waiting", "back"
        )

    @on(PagesOpened)
    def _pages_opened(self, message: PagesOpened) -> None:
        self.finish.pages_opened(message)

    @on(RestoreSimulated)
    def _restore_simulated(self, message: RestoreSimulated) -> None:
        self.finish.restore_simulated(message)

    def action_open_in_xero(self) -> None:
        """Open the contact in Xero."""
        self.finish.open_in_xero()

    def action_open_next(self) -> None:
        """Open the next five that haven't been opened from here."""
        self.finish.open_next()

    def action_copy(self) -> None:
        """Copy the link."""
        self.finish.copy()

    def action_copy_all(self) -> None:
        """Copy the links of all pending restores, one per line."""
        self.finish.copy_all()

    def action_simulate_restore(self) -> None:
        """Simulate Restore in the sandbox."""
        self.finish.simulate()

    def action_stop_waiting(self) -> None:
        """Stop waiting for this restore, on the second key press."""
        self.finish.stop_waiting()

    @on(VirtualList.Opened)
    def _open(self) -> None:
        self.action_open_in_xero()

    def action_elsewhere(self) -> None:
        """Explain where contacts are archived and restored."""
        self.flash(f"To archive or restore contacts, press {self.key('back')} to go back to the list.")

    def action_connect(self) -> None:
        """Connect to Xero again."""
        self.post_message(ConnectRequested())

    def action_back(self) -> None:
        """Go back."""
        self.dismiss()
