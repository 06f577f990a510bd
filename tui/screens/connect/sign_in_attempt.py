"""One attempt to sign in, as long as its worker runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import work
from textual.message import Message
from textual.worker import Worker, WorkerState

from tui.model.errors import NoKeychainError, ReshelveError
from tui.screens.base_screen import BaseScreen
from tui.system import browser

if TYPE_CHECKING:
    from tui.model.account import Account, ConnectRequest, ConnectResult, SignIn


@dataclass
class SignInStarted(Message, bubble=False):
    """The attempt has begun; there may be an address to open."""

    sign_in: SignIn


@dataclass
class BrowserNotOpened(Message, bubble=False):
    """The address couldn't be opened here."""

    url: str


@dataclass
class KeychainMissing(Message, bubble=False):
    """There is no keychain: the person is to say whether tokens may be kept in a file."""

    error: NoKeychainError
    request: ConnectRequest


@dataclass
class SignInFailed(Message, bubble=False):
    """The attempt has come to nothing."""

    error: ReshelveError


@dataclass
class SignInSucceeded(Message, bubble=False):
    """The attempt has brought organisations."""

    connected: ConnectResult


class SignInController(BaseScreen[None]):
    """The part of the connect screen that signs in.

    The attempt lives in one worker and ends with it, port and all: when the person stops it, and when the
    screen or the app closes.
    """

    account: Account
    sign_in: SignIn | None = None
    _attempt: Worker[None] | None = None

    def start_attempt(self, request: ConnectRequest) -> None:
        """Try to sign in; what comes of it is posted."""
        self.account.on_keychain_wait = self.set_keychain_waiting
        self._attempt = self._run_attempt(request)

    def stop_attempt(self) -> None:
        """End the attempt, if there is one."""
        if self._attempt is not None:
            self._attempt.cancel()
        self._attempt = self.sign_in = None

    @property
    def is_attempting(self) -> bool:
        """Whether an attempt is under way."""
        return self._attempt is not None

    @property
    def url(self) -> str:
        """The address that a person has to open now, if any."""
        return self.sign_in.url if self.sign_in is not None else ""

    @work(exclusive=True, group="attempt", exit_on_error=False)
    async def _run_attempt(self, request: ConnectRequest) -> None:
        try:
            sign_in = await self.account.sign_in(request)
            try:
                self.post_message(SignInStarted(sign_in))
                connected = await sign_in.finish()
            finally:
                await sign_in.cancel()
        except NoKeychainError as error:
            self.post_message(KeychainMissing(error, request))
        except ReshelveError as error:
            self.post_message(SignInFailed(error))
        else:
            self.post_message(SignInSucceeded(connected))

    @work(group="browser", exit_on_error=False)
    async def open_browser(self, url: str) -> None:
        """Open the address; where there is no browser, say so."""
        if await asyncio.to_thread(browser.open_page, url):
            self.flash("Your browser has opened.")
        else:
            self.post_message(BrowserNotOpened(url))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Let the person try again after a mistake of the program, too.

        Textual calls the handler of the base class by itself, which tells of the mistake.
        """
        if event.worker is self._attempt and event.state is WorkerState.ERROR:
            self.stop_attempt()
            self.attempt_ended()

    def set_keychain_waiting(self, is_waiting: bool) -> None:  # noqa: FBT001 - as accounts call it
        """Say that the keychain waits for the person, or no longer."""

    def attempt_ended(self) -> None:
        """Go back to where another attempt can begin."""
