"""Connecting to Xero: from a client id to the organisations it opens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events, getters, on
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, ContentSwitcher, Input

from tui.actions import bindings, in_words
from tui.compat import ReadyButton
from tui.model.errors import ReshelveError
from tui.screens.connecting import connect_words as words
from tui.screens.connecting.attempting import Attempting, Begun, Failed, FileNeeded, NoBrowser, Succeeded
from tui.screens.connecting.connect_parts import Done, Form, Waiting
from tui.screens.dialogs.ask import AskScreen
from tui.screens.messages import ConnectedTo
from tui.widgets import clock
from tui.widgets.key_bar import KeyBar
from tui.widgets.plain import Plain

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.account import Account, Connected, ConnectRequest

_SCROLLING = ("up", "down", "pageup", "pagedown")


class ConnectScreen(Attempting):
    """A form, the wait for a person in a browser, and what has come of it.

    `is_first` says that there is nothing to go back to.
    """

    CSS_PATH = "connect.tcss"
    AUTO_FOCUS = "#client-id,#go"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (24, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("back", "cancel", "copy_address"),
        *(Binding(key, f"scroll_face('{key}')", show=False) for key in _SCROLLING),
    ]

    form = getters.query_one(Form)
    waiting = getters.query_one(Waiting)
    done = getters.query_one(Done)
    faces = getters.query_one(ContentSwitcher)
    go = getters.query_one("#go", Button)
    leave = getters.query_one("#leave", Button)

    def __init__(self, account: Account, *, is_first: bool = False) -> None:
        super().__init__()
        self.account = account
        self._is_first = is_first
        self._connected: Connected | None = None
        self._is_keychain_waiting = False

    def compose(self) -> ComposeResult:
        """Put one face at a time above what went wrong and the buttons, which are always in sight."""
        yield Plain("Connect to Xero", id="title")
        with Vertical(id="column"):
            with ContentSwitcher(initial="form"):
                yield Form(self.account, is_first=self._is_first)
                yield Waiting()
                yield Done()
            yield Plain(id="trouble")
            with Horizontal(id="buttons"):
                yield ReadyButton("Connect", id="go", compact=True)
                yield ReadyButton("Back", id="leave", compact=True)
        yield KeyBar()

    def on_mount(self) -> None:
        """Begin with the form."""
        self._say_trouble("")
        self.ended()

    # --- what is shown ---

    @property
    def _face(self) -> str:
        return self.faces.current or ""

    def _show(self, face: str, *, go: str = "", leave: str) -> None:
        self.faces.current = face
        self.go.label, self.go.display = go, bool(go)
        self.leave.label = leave
        self.set_focus(self.go if go else self.leave)
        self._offer_keys()

    def _say_trouble(self, trouble: str) -> None:
        line = self.query_one("#trouble", Plain)
        line.update_text(trouble, "$text-error")
        line.display = bool(trouble)

    def on_descendant_focus(self) -> None:
        """Name the keys that work where the person is."""
        self._offer_keys()

    def _offer_keys(self) -> None:
        is_typing = isinstance(self.focused, Input)
        leave = ("interrupt" if is_typing else "quit", "Quit") if self._is_first else ("back", "Back")
        if self._face == "form":
            self.key_bar.offer(("copy_address", "Copy redirect URI"), "help", leave)
        elif self._face == "done":
            self.key_bar.offer("help", leave)
        else:
            copy = [("copy_address", "Copy address")] if self.url else []
            self.key_bar.offer(*copy, "help", ("cancel" if self._is_first else "back", "Stop"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave q to the app where there is nothing to go back to."""
        if action == "back":
            return not self._is_first
        if action == "cancel":
            return self._is_first and self._face == "waiting"
        return super().check_action(action, parameters)

    # --- the form ---

    def ended(self) -> None:
        """Show the form, filled as it was."""
        self._show("form", go="Connect", leave="Quit" if self._is_first else "Back")
        if box := self.form.to_fill:
            self.set_focus(box)

    def _back_to_form(self, trouble: str = "") -> None:
        self.stop()
        self._say_trouble(trouble)
        self.ended()

    @on(Input.Submitted, "#client-id,#secret")
    def _connect(self) -> None:
        trouble = self.form.trouble
        if trouble:
            self._say_trouble(trouble)
            self.form.focus_what_is_missing()
        else:
            self._sign_in(self.form.request())

    def _sign_in(self, request: ConnectRequest) -> None:
        self._say_trouble("")
        self.waiting.address.value = ""
        self._is_keychain_waiting = False
        self._say_busy()
        self._show("waiting", leave="Stop")
        self.begin(request)

    def keychain_waits(self, is_waiting: bool) -> None:  # noqa: FBT001 - as accounts call it
        """Say that the keychain waits for the person, or what is done instead."""
        self._is_keychain_waiting = is_waiting
        if self._face == "waiting":
            self._say_busy()

    def _say_busy(self) -> None:
        doing = words.PREPARING if self.sign_in is None else words.READING
        self.waiting.say(words.KEYCHAIN if self._is_keychain_waiting else doing)

    # --- the attempt ---

    @on(Begun)
    def _begun(self, message: Begun) -> None:
        if not self.is_attempting:
            return
        self.sign_in = message.sign_in
        if self.url:
            self.waiting.say(words.OPEN_IT, self.url)
            self.open_browser(self.url)
            self.tick()
        else:
            self._say_busy()
        self._offer_keys()

    @on(NoBrowser)
    def _no_browser(self, message: NoBrowser) -> None:
        if message.url == self.url:
            self.waiting.say(words.NO_BROWSER, message.url)

    def tick(self) -> None:
        """Let the countdown count."""
        if self.sign_in is None or not self.url:
            return
        if (ends_at := self.sign_in.ends_at) is not None:
            self.waiting.count_down(clock.countdown(ends_at, clock.now()))
        else:
            # Nobody is waited for any more: the browser has come back.
            self._browser_is_done()

    def _browser_is_done(self) -> None:
        self._say_busy()
        self._show("waiting", leave="Stop")

    @on(Input.Changed, "#address")
    def _address_typed(self, event: Input.Changed) -> None:
        self.go.label, self.go.display = "Use this address", bool(event.value)

    @on(Input.Submitted, "#address")
    def _take_address(self) -> None:
        address = self.waiting.address.value.strip()
        if self.sign_in is None or not address:
            return
        try:
            self.sign_in.paste(address)
        except ReshelveError as error:
            self._say_trouble(in_words(self.app, error))
        else:
            self._say_trouble("")
            self._browser_is_done()

    @on(FileNeeded)
    def _ask_for_file(self, message: FileNeeded) -> None:
        def answered(may: bool | None) -> None:  # noqa: FBT001 - Textual hands the answer over like this
            if may:
                self._sign_in(replace(message.request, allow_file=True))
            else:
                self._back_to_form(words.NO_FILE)

        self._back_to_form()
        question = words.file_question(message.error.what)
        self.open_screen(AskScreen("Keep the sign-in in a file?", question, yes="Use a file"), answered)

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self._back_to_form(in_words(self.app, message.error))

    @on(Succeeded)
    def _succeeded(self, message: Succeeded) -> None:
        self.stop()
        connected = self._connected = message.connected
        if not connected.organisations:
            self._back_to_form(words.NO_ORGANISATION)
            return
        self._say_trouble("")
        self.done.tell(connected)
        go = words.open_button(connected.organisations[0].name) if self._is_first else "Go on"
        self._show("done", go=go, leave="Quit" if self._is_first else "Back")

    # --- what is pressed ---

    @on(Button.Pressed, "#go")
    def _go_pressed(self) -> None:
        {"form": self._connect, "waiting": self._take_address, "done": self._go_on}[self._face]()

    @on(Button.Pressed, "#leave")
    def _leave_pressed(self) -> None:
        if self._is_first and self._face != "waiting":
            self.app.exit()
        else:
            self.action_back()

    def on_paste(self, event: events.Paste) -> None:
        """Take what is pasted into the box that waits for it, wherever the focus is."""
        face = self._face if self._face != "waiting" or self.url else ""
        if box := {"form": self.form.client_id, "waiting": self.waiting.address}.get(face):
            box.value = event.text.strip().partition("\n")[0].strip()
            self.set_focus(box)

    def action_copy_address(self) -> None:
        """Copy the address that is shown, through the terminal, so that it works over ssh too."""
        address = {"form": self.account.redirect_uri, "waiting": self.url}.get(self._face)
        if address:
            self.app.copy_to_clipboard(address)
            self.flash(f"Copied: {address}")

    def action_scroll_face(self, key: str) -> None:
        """Scroll what is said, wherever the focus is."""
        if face := self.faces.visible_content:
            steps = {"up": -1, "down": 1, "pageup": -face.size.height, "pagedown": face.size.height}
            face.scroll_relative(y=steps[key], animate=False)

    def action_cancel(self) -> None:
        """Stop waiting."""
        self._back_to_form()

    def action_back(self) -> None:
        """Stop waiting; else go back to where the person was."""
        if self._face == "waiting":
            self._back_to_form()
        elif self._face == "done":
            self._go_on()
        else:
            self.dismiss()

    def _go_on(self) -> None:
        """Let the app open what was connected, or go on with it."""
        if self._connected is not None:
            # To the app itself: a screen that is closing hands nothing on.
            self.app.post_message(ConnectedTo(self._connected))
            if not self._is_first:
                self.dismiss()
