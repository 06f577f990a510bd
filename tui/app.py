"""The Textual app: opens screens and hands them the engine."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual.app import App
from textual.screen import ModalScreen

from tui.actions import ActionCommands, bindings
from tui.lifeline import Lifeline
from tui.log import logger
from tui.model.backend import Backend
from tui.model.errors import ReshelveError
from tui.screens.main import MainScreen
from tui.screens.messages import RestoreRequested, SnapshotChanged
from tui.widgets.themes import DEFAULT, THEMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.binding import BindingType
    from textual.screen import Screen
    from textual.worker import Worker

    from tui.model.snapshot import Snapshot


class Service(Backend, Protocol):
    """An engine that can be started and stopped."""

    async def run(self) -> None:
        """Keep store, Xero and Re-Leased in step; ends only by raising what made a part of it fail."""
        ...

    async def stop(self) -> None:
        """Finish what is being written and let go of everything; also after a start that was cut short."""
        ...


class ReshelveApp(App[None]):
    """Shows the main screen at once and starts the engine after the first frame."""

    TITLE = "Reshelve"
    # A default screen's own style sheet isn't loaded by Textual; read here it also costs no second parse.
    CSS_PATH = "screens/main.tcss"
    COMMANDS: ClassVar = {ActionCommands}
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("quit", "interrupt", "help")]

    def __init__(self, backend: Service) -> None:
        super().__init__()
        self._backend = backend
        self._lifeline = Lifeline(self.exit)
        self._unsubscribe: Callable[[], None] = lambda: None
        self._awaited_restores: frozenset[str] = frozenset()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DEFAULT

    def get_default_screen(self) -> Screen[None]:
        """Open on the contacts."""
        return MainScreen(self._backend)

    def on_mount(self) -> None:
        """Follow the engine, and start it once the first frame is out."""
        self._unsubscribe = self._backend.subscribe(self._publish)
        if not self.is_headless:
            self._lifeline.watch(self)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        _collect_garbage_again()
        self.run_worker(self._backend.run(), group="engine", exit_on_error=False)

    async def on_unmount(self) -> None:
        """Stop the engine; by now the terminal is the person's again."""
        self._unsubscribe()
        self._lifeline.let_go()
        try:
            await self._backend.stop()
        except ReshelveError as error:
            logger.error("stopping: %s", error.what)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell of an engine that couldn't start."""
        error = event.worker.error
        if error is None:
            return
        from tui.screens.problem import ProblemScreen  # noqa: PLC0415 - a dialog costs a first paint nothing

        if isinstance(error, ReshelveError):
            self.push_screen(ProblemScreen(error.what, next_step=error.next_step))
        else:
            logger.error("worker %s failed", event.worker.name, exc_info=error)
            self.push_screen(ProblemScreen())

    def _publish(self, snapshot: Snapshot) -> None:
        for screen in self.screen_stack:
            screen.post_message(SnapshotChanged(snapshot))
        self._open_handoffs(snapshot)

    def on_restore_requested(self, message: RestoreRequested) -> None:
        """Remember whose restores to open the list for, should they become hand-offs."""
        self._awaited_restores = frozenset(message.contact_ids)
        self._open_handoffs(self._backend.snapshot)

    def _open_handoffs(self, snapshot: Snapshot) -> None:
        waiting = {view.change.contact_id for view in snapshot.pane.handoffs} if snapshot.pane else set()
        if self._awaited_restores & waiting and not isinstance(self.screen, ModalScreen):
            from tui.screens.handoff import HandoffScreen  # noqa: PLC0415 - a dialog costs a first paint nothing

            self._awaited_restores = frozenset()
            self.push_screen(HandoffScreen(self._backend))

    def action_interrupt(self) -> None:
        """Copy the text that is marked; with nothing marked, leave."""
        marked = getattr(self.focused, "selected_text", "") or self.screen.get_selected_text()
        if marked:
            self.copy_to_clipboard(marked)
        else:
            self.exit()

    def action_help(self) -> None:
        """Show every key."""
        from tui.screens.help import HelpScreen  # noqa: PLC0415 - a dialog costs a first paint nothing

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())


def _collect_garbage_again() -> None:
    """Turn the collector on, where the command line has put it off for the sake of the first paint."""
    if not gc.isenabled():
        # Modules and widgets stay to the end: no collection has to look through them any more.
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        gc.enable()
