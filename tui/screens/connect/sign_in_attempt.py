"""One sign-in attempt, running in a worker."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.message import Message

from tui.model.errors import NoKeychainError, ReshelveError
from tui.system import browser

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.worker import Worker

    from tui.model.account import Account, ConnectRequest, ConnectResult, SignIn
    from tui.screens.base_screen import BaseScreen


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
        if await asyncio.to_thread(browser.open_page, url):
            self._screen.flash("Opened in your browser.")
        else:
            self._screen.post_message(BrowserNotOpened(url))
