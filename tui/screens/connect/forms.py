"""The three views of the connect screen: form, waiting and result."""

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
    """An input whose text is neither shown nor copied."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(password=True, compact=True, id=id)

    @property
    def selected_text(self) -> str:
        """Empty, since selected text would be copied to the clipboard."""
        return ""


class ConnectForm(VerticalScroll, can_focus=False):
    """Instructions for registering an app with Xero, and the fields to fill in."""

    client_id = getters.query_one("#client-id", Input)
    secret = getters.query_one("#secret", Input)

    def __init__(self, account: Account, *, is_first: bool) -> None:
        super().__init__(id="form", classes="face")
        self._account = account
        self._is_first = is_first

    def compose(self) -> ComposeResult:
        """Lay out the steps above the fields."""
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
        """Hide the secret unless a custom connection is chosen."""
        self.query_one("#secret-field").display = False

    @on(Checkbox.Changed, "#custom")
    def _custom_chosen(self, event: Checkbox.Changed) -> None:
        self.query_one("#secret-field").display = event.value
        steps = formatting.custom_steps() if event.value else formatting.steps(self._account.redirect_uri)
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
        return formatting.validation_problem(self._client_id, self._secret, is_custom=self._is_custom)

    def request(self) -> ConnectRequest:
        """Return the request, and clear the secret from the form."""
        request = ConnectRequest(
            self._client_id, self._secret, is_read_only=self.query_one("#read-only", Checkbox).value
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
                yield OrderedInput(placeholder="http://localhost…", compact=True, id="address")

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
        yield SafeLabel(id="kept")
        yield SafeLabel(id="clock")

    def show(self, connected: ConnectResult) -> None:
        """Show the result of a sign-in."""
        self.query_one("#connected", Static).update(formatting.organisations(connected))
        self.query_one("#kept", SafeLabel).update_text(f"Sign-in saved in {connected.token_storage}.")
        self.query_one("#clock", SafeLabel).update_text(
            clock.clock_warning(connected.clock_ahead), "$text-warning"
        )
