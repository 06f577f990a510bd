"""The three faces of the connect screen: the form, waiting, and what has come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import getters, on
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Checkbox, Input, Static

from tui.actions.registry import current_key
from tui.compat.textual import OrderedInput
from tui.model.account import ConnectRequest
from tui.screens.connect import formatting
from tui.widgets import clock
from tui.widgets.inputs import TickBox
from tui.widgets.labels import SafeLabel
from tui.widgets.text import content

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.model.account import Account, ConnectResult


class SecretInput(OrderedInput):
    """A box whose text is neither shown nor copied."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(password=True, compact=True, id=id)

    @property
    def selected_text(self) -> str:
        """Nothing: what is marked would go to the clipboard."""
        return ""


class ConnectForm(VerticalScroll, can_focus=False):
    """How to register an app with Xero, and what is asked for."""

    client_id = getters.query_one("#client-id", Input)
    secret = getters.query_one("#secret", Input)

    def __init__(self, account: Account, *, is_first: bool) -> None:
        super().__init__(id="form", classes="face")
        self._account = account
        self._is_first = is_first

    def compose(self) -> ComposeResult:
        """Put the steps above the boxes."""
        yield SafeLabel(formatting.HEADING, classes="paragraph")
        for number, step in enumerate(formatting.steps(self._account.redirect_uri), 1):
            with Horizontal(classes="step"):
                yield SafeLabel(f"{number}", classes="number")
                yield Static(step, classes="words", id=f"step-{number}")
        with Horizontal(classes="field"):
            yield SafeLabel("Client ID", classes="label")
            yield OrderedInput(
                self._account.client_id,
                placeholder=formatting.CLIENT_ID_LIKE,
                compact=True,
                id="client-id",
            )
        yield TickBox("Read-only", compact=True, id="read-only")
        yield SafeLabel(formatting.READ_ONLY, classes="note")
        yield TickBox("Custom connection", compact=True, id="custom")
        yield SafeLabel(formatting.CUSTOM, classes="note")
        with Horizontal(classes="field", id="secret-field"):
            yield SafeLabel("Client secret", classes="label")
            yield SecretInput(id="secret")
        if self._is_first:
            yield SafeLabel(formatting.DEMO, classes="hint")

    def on_mount(self) -> None:
        """Ask for a secret only where one is needed."""
        self.query_one("#secret-field").display = False

    @on(Checkbox.Changed, "#custom")
    def _custom_chosen(self, event: Checkbox.Changed) -> None:
        self.query_one("#secret-field").display = event.value
        steps = formatting.custom_steps() if event.value else formatting.steps(self._account.redirect_uri)
        for number, step in enumerate(steps, 1):
            self.query_one(f"#step-{number}", Static).update(step)
        if event.value:
            self.screen.set_focus(self.secret)
            # It has no place yet: the layout that makes room for it comes after this.
            self.call_after_refresh(self.secret.scroll_visible, animate=False)
        else:
            self.secret.value = ""

    @property
    def problem(self) -> str:
        """What can't be sent; empty when everything can."""
        return formatting.validation_problem(self._client_id, self._secret, is_custom=self._is_custom)

    def request(self) -> ConnectRequest:
        """Return what is asked for. The secret leaves the form with it."""
        request = ConnectRequest(
            self._client_id, self._secret, is_read_only=self.query_one("#read-only", Checkbox).value
        )
        self.secret.value = ""
        return request

    def focus_invalid_input(self) -> None:
        """Take the person to the box that has to be filled or mended."""
        is_id = formatting.validation_problem(self._client_id, "", is_custom=False)
        self.screen.set_focus(self.client_id if is_id else self.secret)

    @property
    def first_empty_input(self) -> Input | None:
        """The first empty box that has to be filled, for the first time or again."""
        if not self._client_id:
            return self.client_id
        return self.secret if self._is_custom and not self._secret else None

    @property
    def _client_id(self) -> str:
        return self.client_id.value.strip()

    @property
    def _is_custom(self) -> bool:
        return self.query_one("#custom", Checkbox).value

    @property
    def _secret(self) -> str:
        return self.secret.value.strip() if self._is_custom else ""


class WaitingForm(VerticalScroll, can_focus=False):
    """What is waited for; with an address for those whose browser is elsewhere."""

    address = getters.query_one("#address", Input)

    def __init__(self) -> None:
        super().__init__(id="waiting", classes="face")

    def compose(self) -> ComposeResult:
        """Put what happens above the address."""
        yield SafeLabel(id="status")
        with Vertical(id="by-hand"):
            yield SafeLabel(id="left", classes="paragraph")
            yield SafeLabel(formatting.ADDRESS)
            yield Static(id="url", markup=False)
            yield SafeLabel(formatting.PASTE, id="paste")
            with Horizontal(classes="field"):
                yield OrderedInput(placeholder="http://localhost…", compact=True, id="address")

    def show_status(self, status: str, url: str = "") -> None:
        """Say what is waited for, with the address to open if a person is to do something."""
        self.query_one("#status", SafeLabel).update_text(status, "bold")
        self.query_one("#by-hand").display = bool(url)
        if url:
            self.query_one("#url", Static).update(content(url, "$text-accent"))

    def show_time_left(self, left: str) -> None:
        """Say how long somebody is still waited for."""
        stops = f"Press {current_key(self.app, 'back')} to cancel."
        self.query_one("#left", SafeLabel).update_text(f"Waiting for your sign-in: {left} left. {stops}")


class DoneForm(VerticalScroll, can_focus=False):
    """Which organisations were connected, and where the sign-in is kept."""

    def __init__(self) -> None:
        super().__init__(id="done", classes="face")

    def compose(self) -> ComposeResult:
        """Put the organisations first."""
        yield SafeLabel("Connected", "bold $text-success", classes="paragraph")
        yield Static(id="connected", markup=False)
        yield SafeLabel(id="kept")
        yield SafeLabel(id="clock")

    def show(self, connected: ConnectResult) -> None:
        """Show what a sign-in has brought."""
        self.query_one("#connected", Static).update(formatting.organisations(connected))
        self.query_one("#kept", SafeLabel).update_text(f"Sign-in saved in {connected.token_storage}.")
        self.query_one("#clock", SafeLabel).update_text(
            clock.clock_warning(connected.clock_ahead), "$text-warning"
        )
