"""The Textual app: opens organisations and screens, and connects each screen to its engine."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from textual import events, work
from textual.actions import parse
from textual.screen import ModalScreen
from textual.worker import WorkerState

from tui import messages
from tui.actions import OF_THE_APP, ActionCommands, bindings, is_action, key_name, spec
from tui.app.engine_registry import EngineRegistry
from tui.app.garbage import GarbageCollector
from tui.compat.textual import CrashSafeApp, as_default_screen, current_keymap
from tui.messages.formats import enumerate_words
from tui.model.change import Action
from tui.model.errors import ReshelveError
from tui.model.reasons import Notice, ReadOnlyReason
from tui.model.services import read_only_reason
from tui.screens import navigation
from tui.screens.base_screen import (
    BaseScreen,
    ConnectRequested,
    DemoRequested,
    OrganisationChosen,
    OrganisationsConnected,
    RestoreRequested,
    SnapshotChanged,
)
from tui.screens.main import MainScreen
from tui.system.log import logger
from tui.system.platform import STOP_SIGNALS, HangUpDetector, on_signals
from tui.system.search_history import SearchHistory
from tui.widgets.themes import DEFAULT, THEMES
from tui.widgets.title_bar import terminal_title

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from textual.actions import ActionParseResult
    from textual.binding import BindingType
    from textual.dom import DOMNode
    from textual.screen import Screen
    from textual.worker import Worker

    from tui.app.change_notifier import ChangeNotifier
    from tui.app.key_editor import KeyEditor
    from tui.model.account import Account
    from tui.model.contact import Organisation
    from tui.model.services import RunnableBackend
    from tui.model.snapshot import Snapshot


_CHECK_SECONDS = 1.0
# Places to name for a key that does nothing here.
_MOST_PLACES = 3
_UNFOCUSED_TICK_SECONDS = 10


_NOT_CONNECTED = "No organisation is connected yet. Connect to Xero first."
_ALREADY_LISTED = "This is the list of organisations."
_ALREADY_SEARCHING = "This is the search in all organisations."
_ALREADY_CHECKING = "Paste the message, or type the contact's name."
_ALREADY_CONNECTING = "You are already connecting to Xero."


class _Timers(Protocol):
    def set_interval(self, interval: float, callback: Callable[[], None]) -> object: ...


class TerminalWatchdog:
    """Calls `end` when the terminal is closed or the process is asked to stop.

    Signals aren't enough: with SIGHUP ignored (nohup, some terminals and ssh), a Textual app without a
    terminal reads end of file in a busy loop. So the input is checked as well.
    """

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._hang_up = HangUpDetector()
        self._release_signals: Callable[[], None] = lambda: None

    def watch(self, timers: _Timers) -> None:
        """Start watching; call it from the event loop's thread."""
        self._release_signals = on_signals(STOP_SIGNALS, self._end)
        timers.set_interval(_CHECK_SECONDS, self._check_terminal)

    def release(self) -> None:
        """Restore the default signal handlers, so that a hanging shutdown can be interrupted."""
        self._release_signals()

    def _check_terminal(self) -> None:
        if self._hang_up.has_hung_up:
            self._end()


class ReshelveApp(CrashSafeApp[None]):
    """Shows an organisation's contacts at once and starts its engine after the first frame.

    Without an organisation it starts with a welcome. `keys` maps actions to custom keys; `save_keys` is
    called with an action and its new keys, empty for the defaults; `on_theme` when the user chooses another
    theme; `notifications` is what the terminal does while another window has the focus, as in the settings;
    `searches` returns the last searches of an organisation, `saved_searches` the file of its saved ones;
    `warning` is shown at the start.
    `is_demo_requested` is set if the app was closed to try the demo.
    """

    TITLE = "Reshelve"
    # Textual's own colours are too faint to be read.
    CSS = (
        CrashSafeApp.CSS + "Input { & > .input--placeholder, & > .input--suggestion { color: $text-muted; } }"
    )
    # Textual doesn't load a default screen's own style sheet; loading it here also avoids a second parse.
    CSS_PATH = "../screens/main.tcss"
    COMMANDS: ClassVar = {ActionCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(*OF_THE_APP),
    ]

    def __init__(
        self,
        account: Account,
        organisation: Organisation | None = None,
        *,
        keys: Mapping[str, str] | None = None,
        save_keys: Callable[[str, str], None] = lambda _action_id, _keys: None,
        theme: str = DEFAULT,
        notifications: str = "off",
        on_theme: Callable[[str], None] = lambda _: None,
        searches: Callable[[Organisation], SearchHistory] = lambda _: SearchHistory(),
        saved_searches: Callable[[Organisation], Path | None] = lambda _: None,
        warning: str = "",
    ) -> None:
        super().__init__(
            css_path=None if organisation is not None else "../screens/connect/welcome.tcss",
            # Without this, Textual only turns colours into greys. The styles of `:ansi` need no colour.
            ansi_color=True if os.environ.get("NO_COLOR") else None,
        )
        self.account = account
        self.is_demo_requested = False
        self._engines = EngineRegistry(account, self._forward_snapshot)
        self._current: RunnableBackend | None = None
        self._main_screens: dict[RunnableBackend, MainScreen] = {}
        self._watchdog = TerminalWatchdog(self.exit)
        self._garbage = GarbageCollector()
        self._requested_restores: frozenset[str] = frozenset()
        self._seconds = 0
        self._on_theme = on_theme
        self._searches = searches
        self._saved_searches = saved_searches
        self._warning = warning
        self._notifier: ChangeNotifier | None = None
        if notifications != "off":
            from tui.app.change_notifier import ChangeNotifier

            self._notifier = ChangeNotifier(self, notifications)
        for known in THEMES:
            self.register_theme(known)
        self.theme = theme
        self._custom_keys, self._save_keys = keys or {}, save_keys
        self._key_editor: KeyEditor | None = None
        if keys:
            from tui.app.keymap import to_textual_keymap

            self.set_keymap(to_textual_keymap(keys))
        if organisation is not None:
            self._current = self._engines.get_or_open(organisation)

    @property
    def service(self) -> RunnableBackend | None:
        """The engine of the organisation shown; None if there is none."""
        return self._current

    @property
    def environment_label(self) -> str:
        """A badge for every screen, so that the demo isn't mistaken for real data; usually empty."""
        if self.account.is_sandbox:
            return "PRACTICE"
        if self._current is not None and self._current.snapshot.organisation.is_demo:
            return "DEMO COMPANY"
        return ""

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be changed, in any organisation or in the open one."""
        return self.account.is_read_only or (self._current is not None and self._current.is_read_only)

    def refusal_reason(self, action_id: str) -> ReadOnlyReason | None:
        """Return why read-only mode refuses an action, or None if it is allowed."""
        item = spec(action_id)
        if item.writes and self._current is not None and (reason := read_only_reason(self._current)):
            return reason
        return (
            ReadOnlyReason.OPTION if (item.writes or item.signs_out) and self.account.is_read_only else None
        )

    def get_default_screen(self) -> Screen[None]:
        """Return the contacts screen, or the welcome if no organisation is open."""
        return as_default_screen(self._first_screen(), self)

    def _first_screen(self) -> Screen[None]:
        if self._current is not None:
            return self._main_screen(self._current)
        return navigation.WelcomeScreen(self.account)

    def on_mount(self) -> None:
        """Start the engine after the first frame."""
        self.theme_changed_signal.subscribe(self, lambda theme: self._on_theme(theme.name))
        if not self.is_headless:
            self._watchdog.watch(self)
        self.set_interval(1, self._tick)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        self._garbage.enable()
        self._show_terminal_title()
        if self._current is not None:
            self._run(self._current)
        preload = partial(navigation.preload, partial(self.call_later, self.preload_styles))
        self.run_worker(preload, thread=True, group="preload", exit_on_error=False)
        if self._warning and isinstance(self.screen, BaseScreen):
            self.screen.flash(self._warning, is_problem=True)

    # A separate coroutine: one passed to a worker that never starts would print a warning to the terminal.
    @work(group="engine", exit_on_error=False)
    async def _run(self, service: RunnableBackend) -> None:
        await service.run()

    async def on_unmount(self) -> None:
        """Stop the engines; the terminal is already restored."""
        self._watchdog.release()
        self._garbage.close()
        await self._engines.close()

    async def on_event(self, event: events.Event) -> None:
        """Report user activity to the engine."""
        if isinstance(event, events.InputEvent):
            self._garbage.record_activity()
            if self._current is not None:
                self._current.record_user_activity()
        # What has been forwarded may bubble up to the app again.
        if isinstance(event, events.Key) and not event.is_forwarded:
            for screen in self.screen_stack[-1:]:
                if isinstance(screen, BaseScreen):
                    screen.key_pressed()
        await super().on_event(event)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Report an engine that couldn't start."""
        error = event.worker.error
        # A worker cancelled because its organisation was closed also has an error, but hasn't failed.
        if event.state is not WorkerState.ERROR or error is None:
            return
        if isinstance(error, ReshelveError):
            self.push_screen(navigation.BugReportScreen(error))
        else:
            logger.error("worker %s failed", event.worker.name, exc_info=error)
            self.push_screen(navigation.BugReportScreen())

    def watch_app_focus(self, has_focus: bool) -> None:  # noqa: FBT001 - called by Textual
        """Report to the engine that the terminal got or lost the focus."""
        if self._current is not None:
            self._current.record_focus(has_focus=has_focus)

    def on_app_focus(self) -> None:
        """Show the current times at once when the terminal gets the focus back."""
        if self._notifier is not None:
            self._notifier.forget()
        self._tick()

    def _tick(self) -> None:
        """Update the visible screens: the top one, and those behind its dialogs."""
        self._seconds += 1
        # Nobody works in a terminal without the focus. Changes are still shown as they happen.
        is_unwatched = not self.app_focus and self._seconds % _UNFOCUSED_TICK_SECONDS
        if is_unwatched or not self.is_running:
            return
        for screen in reversed(self.screen_stack):
            if isinstance(screen, BaseScreen) and screen.is_mounted and not self._is_closing(screen):
                screen.tick()
            if not screen.is_modal:
                break

    # --- organisations ---

    def _main_screen(self, service: RunnableBackend) -> MainScreen:
        """Return an organisation's contacts screen, as the user left it."""
        main_screen = self._main_screens.get(service)
        if main_screen is None:
            organisation = service.snapshot.organisation
            main_screen = self._main_screens[service] = MainScreen(
                service, self._searches(organisation), self._saved_searches(organisation)
            )
            # Installed screens keep their state while another organisation is shown.
            self.install_screen(main_screen, f"contacts-{id(main_screen)}")
        return main_screen

    async def open_organisation(self, organisation: Organisation) -> None:
        """Show an organisation's contacts; the previous one finishes its work in the background."""
        is_new = not self._engines.is_open(organisation)
        service = self._engines.get_or_open(organisation)
        self._current = service
        service.record_user_activity()
        await self._pop_to_base()
        main_screen = self._main_screen(service)
        if self.screen is not main_screen:
            await self.switch_screen(main_screen)
        if is_new:
            self._run(service)
        self._engines.record_opened(organisation)
        self._show_terminal_title()

    async def on_organisation_chosen(self, message: OrganisationChosen) -> None:
        """Open the organisation chosen in the list."""
        await self._try_open(message.organisation)
        current, search = self._current, message.search
        if current is not None and search is not None and self._engines.get(message.organisation) is current:
            main_screen = self._main_screen(current)
            main_screen.show_found(search, message.contact_id)
            if message.restores and (reason := self.refusal_reason("restore")) is not None:
                main_screen.flash(messages.in_full(Notice(reason)))
            elif message.restores:
                main_screen.changes.confirm(Action.RESTORE, (message.contact_id,))

    async def _try_open(self, organisation: Organisation) -> None:
        try:
            await self.open_organisation(organisation)
        except ReshelveError as error:
            self.push_screen(navigation.BugReportScreen(error))

    def action_organisations(self) -> None:
        """Show the connected organisations."""
        if self._current is None:
            self._flash(_NOT_CONNECTED)
        elif isinstance(self.screen, navigation.OrganisationsScreen):
            self._flash(_ALREADY_LISTED)
        elif not self._return_to(navigation.OrganisationsScreen):
            current = self._current.snapshot.organisation
            organisations = navigation.OrganisationsScreen(self.account, current.tenant_id)
            self.push_screen(organisations, self._after_organisations)

    def action_search_everywhere(self) -> None:
        """Search the contacts of all organisations, first for what is searched for in the open one."""
        if self._current is None:
            self._flash(_NOT_CONNECTED)
        elif isinstance(self.screen, navigation.SearchEverywhereScreen):
            self._flash(_ALREADY_SEARCHING)
        elif not self._return_to(navigation.SearchEverywhereScreen):
            text = self._main_screen(self._current).search.text
            tenant_id = self._current.snapshot.organisation.tenant_id
            self.push_screen(navigation.SearchEverywhereScreen(self.account, text, tenant_id))

    def action_invoice_check(self) -> None:
        """Find out why an invoice fails, first for what is searched for in the open organisation."""
        if self._current is None:
            self._flash(_NOT_CONNECTED)
        elif isinstance(self.screen, navigation.InvoiceCheckScreen):
            self._flash(_ALREADY_CHECKING)
        elif not self._return_to(navigation.InvoiceCheckScreen):
            text = self._main_screen(self._current).search.text
            self.push_screen(navigation.InvoiceCheckScreen(self.account, text))

    async def _after_organisations(self, _: None) -> None:
        """Apply connections removed or changed while the list was open."""
        await self._engines.close_disconnected()
        await self._leave_closed_organisation()

    def action_connect(self) -> None:
        """Connect to Xero, for the first time or again."""
        if isinstance(self.screen, navigation.ConnectScreen):
            self._flash(_ALREADY_CONNECTING)
        elif not self._return_to(navigation.ConnectScreen):
            self.push_screen(navigation.ConnectScreen(self.account, opens_first=self._current is None))

    def on_demo_requested(self, _: DemoRequested) -> None:
        """Close the app, so that whoever opened it starts the demo."""
        self.is_demo_requested = True
        self.exit()

    def on_connect_requested(self, _: ConnectRequested) -> None:
        """Open the connect screen."""
        self.action_connect()

    async def on_organisations_connected(self, message: OrganisationsConnected) -> None:
        """Resume with the new sign-in, or open the first organisation."""
        await self._engines.close_disconnected()
        organisations = message.connected.organisations
        self._engines.reconnected(organisations)
        if self._current is None and organisations:
            await self._try_open(organisations[0])
        else:
            await self._leave_closed_organisation()

    async def _leave_closed_organisation(self) -> None:
        """If the open organisation was closed, go to another, or to the welcome."""
        closed = self._current
        if closed is None or self._engines.get(closed.snapshot.organisation) is closed:
            return
        here = closed.snapshot.organisation.tenant_id
        # The same organisation first: it may have been connected with another sign-in.
        organisations = sorted(self.account.connected, key=lambda known: known.tenant_id != here)
        if organisations:
            await self._try_open(organisations[0])
        else:
            await self._show_welcome()
        main_screen = self._main_screens.pop(closed)
        self.uninstall_screen(main_screen)
        await main_screen.remove()

    async def _show_welcome(self) -> None:
        self._current = None
        self._show_terminal_title()
        await self._pop_to_base()
        await self.switch_screen(navigation.WelcomeScreen(self.account))

    async def _pop_to_base(self) -> None:
        while len(self.screen_stack) > 1:
            await self.pop_screen()

    # --- updates ---

    def _forward_snapshot(self, service: RunnableBackend, snapshot: Snapshot) -> None:
        for screen in self.screen_stack:
            if getattr(screen, "backend", None) is service:
                screen.post_message(SnapshotChanged(snapshot))
        if self._notifier is not None:
            self._notifier.receive(snapshot, is_watched=self.app_focus)
        if service is self._current:
            self._show_terminal_title()
            self._open_manual_restores(service)

    def _show_terminal_title(self) -> None:
        current = self._current
        self.set_terminal_title(self.TITLE if current is None else terminal_title(current.snapshot))

    def on_restore_requested(self, message: RestoreRequested) -> None:
        """Store which contacts' restores open the list if they must be finished in Xero."""
        self._requested_restores = frozenset(message.contact_ids)
        if self._current is not None:
            self._open_manual_restores(self._current)

    def _open_manual_restores(self, service: RunnableBackend) -> None:
        summary = service.snapshot.summary
        waiting = {view.change.contact_id for view in summary.manual_restores} if summary else set()
        if self._requested_restores & waiting and not isinstance(self.screen, ModalScreen):
            self._requested_restores = frozenset()
            self.push_screen(navigation.ManualRestoresScreen(service))

    # --- global keys ---

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Run an action, or explain why read-only mode refuses it."""
        _, name, _ = parse(action) if isinstance(action, str) else action
        reason = self.refusal_reason(name) if is_action(name) else None
        if reason is None:
            return await super().run_action(action, default_namespace, namespaces)
        self._flash(messages.in_full(Notice(reason)))
        return True

    def _flash(self, text: str) -> None:
        if isinstance(self.screen, BaseScreen):
            self.screen.flash(text)

    def key_unused(self, key: str) -> None:
        """Say where the key of an action works, if it doesn't here."""
        screen = self.screen
        if not isinstance(screen, BaseScreen):
            return
        from tui.app.keymap import places_with

        places = places_with(key, current_keymap(self))
        elsewhere = [place for place in places if place != screen.PLACE]
        if elsewhere:
            screen.flash(f"{key_name(key)} works {enumerate_words(elsewhere[:_MOST_PLACES])}.")
        elif places:
            screen.flash(f"{key_name(key)} does nothing here.")

    def action_interrupt(self) -> None:
        """Copy the selected text; if there is none, quit."""
        marked = getattr(self.focused, "selected_text", "") or self.screen.get_selected_text()
        if marked:
            self.copy_to_clipboard(marked)
        else:
            self.exit()

    def action_help(self) -> None:
        """Show the help."""
        if not self._return_to(navigation.HelpScreen):
            self.push_screen(navigation.HelpScreen())

    def action_change_keys(self) -> None:
        """Choose other keys for actions."""
        if self._key_editor is None:
            from tui.app.key_editor import KeyEditor

            self._key_editor = KeyEditor(self, self._custom_keys, self._save_keys)
        if not self._return_to(navigation.KeysScreen):
            self.push_screen(navigation.KeysScreen(self._key_editor))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Run nothing but quitting while a screen takes all keys."""
        for screen in self.screen_stack[-1:]:
            if isinstance(screen, BaseScreen) and screen.CAPTURES_KEYS and action != "interrupt":
                return False
        return super().check_action(action, parameters)

    def _return_to(self, kind: type[Screen[Any]]) -> bool:
        """Close the screens above one of this kind, if it is open; return whether it is.

        Help and the list of organisations can open each other: without this, the stack would grow with each
        key press.
        """
        if not any(isinstance(screen, kind) for screen in self.screen_stack):
            return False
        while not isinstance(self.screen, kind):
            self.pop_screen()
        return True
