"""Connect to Xero: from a client ID to the organisations it gives access to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec.structs import replace as replace_fields
from textual import events, getters, on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Button, Checkbox, ContentSwitcher, Input, Static

from tui import messages
from tui.actions import bindings, current_key, error_message
from tui.compat.textual import LineInput, ReadyButton
from tui.messages import formats
from tui.model.account import ConnectRequest
from tui.model.errors import NoKeychainError, ReshelveError
from tui.screens import navigation
from tui.screens.base_screen import BaseScreen, OrganisationsConnected
from tui.screens.connect import formatting
from tui.screens.dialogs.ask import AskScreen
from tui.widgets import clock
from tui.widgets.inputs import TickBox
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.text import content

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content
    from textual.worker import Worker

    from tui.model.account import Account, ConnectResult, SignIn


@dataclass
class SignInStarted(Message, bubble=False):
    """The attempt has started; there may be a link to open."""

    sign_in: SignIn


@dataclass
class BrowserNotOpened(Message, bubble=False):
    """The link couldn't be opened on this computer."""

    url: str


@dataclass
class KeychainMissing(Message, bubble=False):
    """There is no keychain; the user decides whether tokens may be saved in a file."""

    error: NoKeychainError
    request: ConnectRequest


@dataclass
class SignInFailed(Message, bubble=False):
    """The attempt failed."""

    error: ReshelveError


@dataclass
class SignInSucceeded(Message, bubble=False):
    """The attempt connected organisations."""

    connected: ConnectResult


class SignInAttempt:
    """Sign in for the connect screen and post the results to it.

    An attempt runs in one worker and ends with it, releasing its port: when the user stops it, and when the
    screen or the app closes. `on_keychain_wait` is called when the keychain starts and stops waiting for the
    user; `on_failed` when a bug ended the attempt.
    """

    def __init__(
        self,
        screen: BaseScreen[Any],
        account: Account,
        on_keychain_wait: Callable[[bool], None],
        on_failed: Callable[[], None],
    ) -> None:
        self._screen = screen
        self._account = account
        self._on_keychain_wait = on_keychain_wait
        self._on_failed = on_failed
        self._worker: Worker[None] | None = None
        self.sign_in: SignIn | None = None

    def start(self, request: ConnectRequest) -> None:
        """Start signing in."""
        self._account.on_keychain_wait = self._on_keychain_wait
        self._worker = self._screen.start(partial(self._run, request), "attempt", exclusive=True)

    def stop(self) -> None:
        """Stop the attempt, if there is one."""
        if self._worker is not None:
            self._worker.cancel()
        self._worker = self.sign_in = None

    @property
    def is_running(self) -> bool:
        """Whether an attempt is running."""
        return self._worker is not None

    @property
    def url(self) -> str:
        """The link the user has to open now, or ""."""
        return self.sign_in.url if self.sign_in is not None else ""

    async def _run(self, request: ConnectRequest) -> None:
        post = self._screen.post_message
        try:
            sign_in = await self._account.sign_in(request)
            try:
                post(SignInStarted(sign_in))
                connected = await sign_in.finish()
            finally:
                await sign_in.cancel()
        except NoKeychainError as error:
            post(KeychainMissing(error, request))
        except ReshelveError as error:
            post(SignInFailed(error))
        except Exception:
            # The worker's error is reported by the screen; the user can retry.
            self._worker = self.sign_in = None
            self._on_failed()
            raise
        else:
            post(SignInSucceeded(connected))

    def open_browser(self) -> None:
        """Open the link, or report that there is no browser."""
        self._screen.start(partial(self._open_browser, self.url), "browser")

    async def _open_browser(self, url: str) -> None:
        if await self._screen.open_in_browser(url):
            self._screen.flash(self._screen.opened())
        else:
            self._screen.post_message(BrowserNotOpened(url))


class SecretInput(LineInput):
    """An input whose text is neither shown nor copied."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(password=True, compact=True, id=id)

    @property
    def selected_text(self) -> str:
        """Empty, since selected text would be copied to the clipboard."""
        return ""


class ConnectForm(VerticalScroll, can_focus=False):
    """What connecting takes, and the fields to fill in."""

    client_id = getters.query_one("#client-id", Input)
    secret = getters.query_one("#secret", Input)

    def __init__(self, account: Account) -> None:
        super().__init__(id="form", classes="face")
        self._account = account

    def compose(self) -> ComposeResult:
        """Lay out the steps above the fields."""
        for number, step in enumerate(self._steps(formatting.steps), 1):
            with Horizontal(classes="step"):
                yield SafeLabel(f"{number}", classes="number")
                yield Static(step, classes="words", id=f"step-{number}")
        with Horizontal(classes="field"):
            yield SafeLabel("Client ID", classes="label")
            yield LineInput(
                self._account.client_id,
                placeholder=formatting.CLIENT_ID_LIKE,
                compact=True,
                id="client-id",
            )
        yield TickBox("Read-only", compact=True, id="read-only")
        yield SafeLabel(formatting.READ_ONLY, classes="note")
        yield TickBox("Show when contacts were last used", compact=True, id="with-activity")
        yield SafeLabel(formatting.ACTIVITY, classes="note")
        yield TickBox("Custom connection", compact=True, id="custom")
        yield SafeLabel(formatting.CUSTOM, classes="note")
        with Horizontal(classes="field", id="secret-field"):
            yield SafeLabel("Client secret", classes="label")
            yield SecretInput(id="secret")

    def _steps(self, write: Callable[[str], tuple[Content, ...]]) -> tuple[Content, ...]:
        if self._account.is_sandbox:
            return formatting.practice_steps()
        return write(current_key(self.app, "app_instructions"))

    def on_mount(self) -> None:
        """Hide the secret unless a custom connection is chosen."""
        self.query_one("#secret-field").display = False

    @on(Checkbox.Changed, "#custom")
    def _custom_chosen(self, event: Checkbox.Changed) -> None:
        self.query_one("#secret-field").display = event.value
        steps = self._steps(formatting.custom_steps if event.value else formatting.steps)
        for number, step in enumerate(steps, 1):
            self.query_one(f"#step-{number}", Static).update(step)
        if event.value:
            self.screen.set_focus(self.secret)
            # The input has no position until the next layout.
            self.call_after_refresh(self.secret.scroll_visible, animate=False)
        else:
            self.secret.value = ""

    @property
    def problem(self) -> str:
        """Why the input is invalid, or "" if it is valid."""
        return formatting.validation_problem(self._client_id, self._secret, is_custom=self.is_custom)

    def request(self) -> ConnectRequest:
        """Return the request, and clear the secret from the form."""
        request = ConnectRequest(
            self._client_id,
            self._secret,
            is_read_only=self.query_one("#read-only", Checkbox).value,
            with_activity=self.query_one("#with-activity", Checkbox).value,
        )
        self.secret.value = ""
        return request

    def focus_invalid_input(self) -> None:
        """Focus the input that is empty or invalid."""
        is_id = formatting.validation_problem(self._client_id, "", is_custom=False)
        self.screen.set_focus(self.client_id if is_id else self.secret)

    @property
    def first_empty_input(self) -> Input | None:
        """The first required input that is empty."""
        if not self._client_id:
            return self.client_id
        return self.secret if self.is_custom and not self._secret else None

    @property
    def _client_id(self) -> str:
        return self.client_id.value.strip()

    @property
    def is_custom(self) -> bool:
        """Whether a custom connection is chosen."""
        return self.query_one("#custom", Checkbox).value

    @property
    def _secret(self) -> str:
        return self.secret.value.strip() if self.is_custom else ""


class WaitingForm(VerticalScroll, can_focus=False):
    """The current step, with a link for browsers on another computer."""

    address = getters.query_one("#address", Input)

    def __init__(self) -> None:
        super().__init__(id="waiting", classes="face")

    def compose(self) -> ComposeResult:
        """Lay out the status above the address."""
        yield SafeLabel(id="status")
        with Vertical(id="by-hand"):
            yield SafeLabel(id="left", classes="paragraph")
            yield SafeLabel(formatting.ADDRESS)
            yield Static(id="url", markup=False)
            yield SafeLabel(formatting.PASTE, id="paste")
            with Horizontal(classes="field"):
                yield LineInput(placeholder="http://localhost…", compact=True, id="address")

    def show_status(self, status: str, url: str = "") -> None:
        """Show the current step, with the link to open if the user has to act."""
        self.query_one("#status", SafeLabel).update_text(status, "bold")
        self.query_one("#by-hand").display = bool(url)
        if url:
            self.query_one("#url", Static).update(content(url, "$text-accent"))

    def show_time_left(self, left: str) -> None:
        """Show the time left to sign in."""
        stops = f"Press {current_key(self.app, 'back')} to cancel."
        self.query_one("#left", SafeLabel).update_text(f"Waiting for your sign-in: {left} left. {stops}")


class DoneForm(VerticalScroll, can_focus=False):
    """The connected organisations, and where the sign-in is saved."""

    def __init__(self) -> None:
        super().__init__(id="done", classes="face")

    def compose(self) -> ComposeResult:
        """Lay out the organisations first."""
        yield SafeLabel("Connected", "bold $text-success", classes="paragraph")
        yield Static(id="connected", markup=False)
        yield SafeLabel(classes="paragraph", id="more")
        yield SafeLabel(id="kept")
        yield SafeLabel(id="clock")

    def show(self, connected: ConnectResult) -> None:
        """Show the result of a sign-in."""
        self.query_one("#connected", Static).update(formatting.organisations(connected))
        self.query_one("#more", SafeLabel).update_text(formatting.more_organisations(connected))
        self.query_one("#kept", SafeLabel).update_text(f"Sign-in saved in {connected.token_storage}.")
        self.query_one("#clock", SafeLabel).update_text(
            clock.clock_warning(connected.clock_ahead), "$text-warning"
        )


def _together(before: ConnectResult | None, now: ConnectResult) -> ConnectResult:
    """Return the result of all sign-ins on this screen: the organisations connected first come first."""
    if before is None:
        return now
    latest = {organisation.tenant_id: organisation for organisation in now.organisations}
    earlier = [latest.pop(known.tenant_id, known) for known in before.organisations]
    return replace_fields(now, organisations=(*earlier, *latest.values()))


_SCROLLING = ("up", "down", "pageup", "pagedown")


class ConnectScreen(BaseScreen[None]):
    """Show a form, then wait for the browser sign-in, then show the result.

    `opens_first` means that the first organisation connected is opened afterwards.
    """

    PLACE = "while connecting"
    CSS_PATH = "connect.tcss"
    AUTO_FOCUS = "#client-id,#go"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (24, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("back", "app_instructions", "copy_address"),
        *(Binding(key, f"scroll_face('{key}')", show=False) for key in _SCROLLING),
    ]

    form = getters.query_one(ConnectForm)
    waiting = getters.query_one(WaitingForm)
    done = getters.query_one(DoneForm)
    views = getters.query_one(ContentSwitcher)
    primary_button = getters.query_one("#go", Button)
    another_button = getters.query_one("#another", Button)
    back_button = getters.query_one("#leave", Button)

    def __init__(self, account: Account, *, opens_first: bool = False) -> None:
        super().__init__()
        self.account = account
        self.attempt = SignInAttempt(self, account, self._set_keychain_waiting, self._show_form)
        self._opens_first = opens_first
        self._connected: ConnectResult | None = None
        self._is_keychain_waiting = False

    def compose(self) -> ComposeResult:
        """Lay out one view at a time above the error message and the buttons, which are always visible."""
        is_practice = self.account.is_sandbox
        yield SafeLabel(formatting.HEADING_PRACTICE if is_practice else formatting.HEADING, id="title")
        with Vertical(id="column"):
            with ContentSwitcher(initial="form"):
                yield ConnectForm(self.account)
                yield WaitingForm()
                yield DoneForm()
            yield SafeLabel(id="trouble")
            with Horizontal(id="buttons"):
                yield ReadyButton("Connect", id="go", compact=True)
                yield ReadyButton("Connect another", id="another", compact=True)
                yield ReadyButton("Back", id="leave", compact=True)
        yield KeyBar()

    def on_mount(self) -> None:
        """Start with the form."""
        self._show_problem("")
        self._show_form()

    # --- views ---

    @property
    def _view(self) -> str:
        return self.views.current or ""

    def _show(self, view: str, *, go: str = "", leave: str = "") -> None:
        self.views.current = view
        self.primary_button.label, self.primary_button.display = go, bool(go)
        self.another_button.display = view == "done"
        self.back_button.label, self.back_button.display = leave, bool(leave)
        self.set_focus(self.primary_button if go else self.back_button)
        self._update_key_bar()

    def _show_problem(self, problem: str) -> None:
        line = self.query_one("#trouble", SafeLabel)
        line.update_text(problem, "$text-error")
        line.display = bool(problem)

    def on_descendant_focus(self) -> None:
        """Show the keys that work for the focused widget."""
        self._update_key_bar()

    def _update_key_bar(self) -> None:
        if self._view == "form":
            how = [] if self.account.is_sandbox else ["app_instructions"]
            self.key_bar.set_actions(*how, "help", "back")
        elif self._view == "done":
            self.key_bar.set_actions("help", ("back", "Continue"))
        else:
            copy = [("copy_address", "Copy address")] if self.attempt.url else []
            self.key_bar.set_actions(*copy, "help", ("back", "Stop"))

    # --- form ---

    def _show_form(self) -> None:
        """Show the form with its previous values."""
        self._show("form", go="Connect", leave="Back")
        if box := self.form.first_empty_input:
            self.set_focus(box)

    def _back_to_form(self, problem: str = "") -> None:
        """End the attempt, and go back to where it was started."""
        self.attempt.stop()
        self._show_problem(problem)
        if self._connected is None:
            self._show_form()
        else:
            self._show_done(self._connected)

    @property
    def _can_return(self) -> bool:
        """Whether the form is for another organisation, after at least one was connected."""
        return self._view == "form" and self._connected is not None

    @on(Input.Submitted, "#client-id,#secret")
    def _connect(self) -> None:
        problem = self.form.problem
        if problem:
            self._show_problem(problem)
            self.form.focus_invalid_input()
        else:
            self._sign_in(self.form.request())

    def _sign_in(self, request: ConnectRequest) -> None:
        self._show_problem("")
        self.waiting.address.value = ""
        self._is_keychain_waiting = False
        self._show_busy()
        self._show("waiting", leave="Stop")
        self.attempt.start(request)

    def _set_keychain_waiting(self, is_waiting: bool) -> None:  # noqa: FBT001 - called positionally
        """Show that the keychain is waiting for the user, or the current step."""
        self._is_keychain_waiting = is_waiting
        if self._view == "waiting":
            self._show_busy()

    def _show_busy(self) -> None:
        doing = formatting.PREPARING if self.attempt.sign_in is None else formatting.READING
        self.waiting.show_status(formatting.KEYCHAIN if self._is_keychain_waiting else doing)

    # --- attempt ---

    @on(SignInStarted)
    def _sign_in_started(self, message: SignInStarted) -> None:
        if not self.attempt.is_running:
            return
        self.attempt.sign_in = message.sign_in
        if self.attempt.url:
            self.waiting.show_status(formatting.OPEN_IT, self.attempt.url)
            self.attempt.open_browser()
            self.tick()
        else:
            self._show_busy()
        self._update_key_bar()

    @on(BrowserNotOpened)
    def _no_browser(self, message: BrowserNotOpened) -> None:
        if message.url == self.attempt.url:
            self.waiting.show_status(formatting.NO_BROWSER, message.url)

    def tick(self) -> None:
        """Update the countdown."""
        if self.attempt.sign_in is None or not self.attempt.url:
            return
        if (ends_at := self.attempt.sign_in.ends_at) is not None:
            self.waiting.show_time_left(formats.countdown(ends_at, clock.now()))
        else:
            # The browser has returned; stop waiting for the user.
            self._browser_finished()

    def _browser_finished(self) -> None:
        self._show_busy()
        self._show("waiting", leave="Stop")

    @on(Input.Changed, "#address")
    def _address_typed(self, event: Input.Changed) -> None:
        self.primary_button.label, self.primary_button.display = "Use this address", bool(event.value)

    @on(Input.Submitted, "#address")
    def _submit_address(self) -> None:
        address = self.waiting.address.value.strip()
        if self.attempt.sign_in is None or not address:
            return
        try:
            self.attempt.sign_in.paste(address)
        except ReshelveError as error:
            self._show_problem(error_message(self.app, error))
        else:
            self._show_problem("")
            self._browser_finished()

    @on(KeychainMissing)
    def _ask_for_file(self, message: KeychainMissing) -> None:
        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_confirmed:
                self._sign_in(replace(message.request, allow_file=True))
            else:
                self._back_to_form(formatting.NO_FILE)

        self._back_to_form()
        question = formatting.file_question(messages.message(message.error))
        self.open_screen(AskScreen("Keep the sign-in in a file?", question, yes="Use a file"), answered)

    @on(SignInFailed)
    def _failed(self, message: SignInFailed) -> None:
        error = message.error
        # In the practice Xero there is no app to look at.
        is_about_app = self.account.is_sandbox and error.reason in formatting.ABOUT_THE_APP
        practice = f"{messages.message(error)} {formatting.PRACTICE_CLIENT_ID}"
        self._back_to_form(practice if is_about_app else error_message(self.app, error))

    @on(SignInSucceeded)
    def _succeeded(self, message: SignInSucceeded) -> None:
        self.attempt.stop()
        if not message.connected.organisations:
            self._back_to_form(formatting.NO_ORGANISATION)
            return
        self._connected = _together(self._connected, message.connected)
        self._show_problem("")
        self._show_done(self._connected)

    def _show_done(self, connected: ConnectResult) -> None:
        self.done.show(connected)
        first = connected.organisations[0].name
        self._show("done", go=formatting.open_button(first) if self._opens_first else "Continue")

    # --- keys and buttons ---

    @on(Button.Pressed, "#go")
    def _primary_pressed(self) -> None:
        {"form": self._connect, "waiting": self._submit_address, "done": self._go_on}[self._view]()

    @on(Button.Pressed, "#another")
    def _another_pressed(self) -> None:
        """Sign in again with the same app: Xero usually connects one organisation for each sign-in."""
        if self.form.is_custom:
            # Each custom connection has a client ID and a secret of its own.
            self._show_form()
        else:
            self._sign_in(self.form.request())

    @on(Button.Pressed, "#leave")
    def _back_pressed(self) -> None:
        self.action_back()

    def on_paste(self, event: events.Paste) -> None:
        """Put pasted text in the input that expects it, wherever the focus is."""
        view = self._view if self._view != "waiting" or self.attempt.url else ""
        if box := {"form": self.form.client_id, "waiting": self.waiting.address}.get(view):
            box.value = event.text.strip().partition("\n")[0].strip()
            self.set_focus(box)

    def action_app_instructions(self) -> None:
        """Show how to register an app; the practice Xero needs none."""
        if self.account.is_sandbox:
            self.flash(formatting.NO_APP_NEEDED)
        elif self._view == "form":
            is_custom = self.form.is_custom
            self.open_screen(navigation.AppInstructionsScreen(self.account.redirect_uri, is_custom=is_custom))

    def action_copy_address(self) -> None:
        """Copy the link to sign in through the terminal, which also works over SSH."""
        if address := self.attempt.url:
            self.app.copy_to_clipboard(address)
            self.flash(f"Copied: {address}")
        else:
            self.flash("No link to copy at this step.")

    def action_scroll_face(self, key: str) -> None:
        """Scroll the view, wherever the focus is."""
        if view := self.views.visible_content:
            steps = {"up": -1, "down": 1, "pageup": -view.size.height, "pagedown": view.size.height}
            view.scroll_relative(y=steps[key], animate=False)

    def action_back(self) -> None:
        """Stop waiting; otherwise go back to the previous screen."""
        if self._view == "waiting" or self._can_return:
            self._back_to_form()
        elif self._view == "done":
            self._go_on()
        else:
            self.dismiss()

    def _go_on(self) -> None:
        """Open the first organisation connected, or continue in the app."""
        if self._connected is not None:
            # Post to the app: a closing screen doesn't forward messages.
            self.app.post_message(OrganisationsConnected(self._connected))
            self.dismiss()
