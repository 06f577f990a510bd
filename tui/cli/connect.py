"""`reshelve connect`: signs in to Xero with a browser, or with a custom connection's secret."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from tui.cli.launch import report_keychain_wait, to_click_error
from tui.engine.accounts.account import account as account_of
from tui.model.account import ConnectRequest
from tui.model.errors import (
    NetworkSetupError,
    NoKeychainError,
    OfflineError,
    ReplyLostError,
    ReshelveError,
    SettingsError,
    SignInError,
)
from tui.settings import find_key, load
from tui.settings.loader import validate_value
from tui.system import browser
from tui.system.paths import Paths
from tui.system.platform import terminal_lines

if TYPE_CHECKING:
    from tui.model.account import Account, ConnectResult, SignIn

_NOTHING_CHANGED: Final = "What was connected before is as it was."
_BROWSER_STEPS: Final = """\
Reshelve signs in through a Xero app of your own, which takes four steps:

  1. At https://developer.xero.com/app/manage, choose New app. Its name may not contain "Xero".
  2. As its type, choose "Mobile or desktop app".
  3. As its redirect URI, write exactly {redirect_uri}
  4. Copy its client id.
"""
_CUSTOM_STEPS: Final = """\
A custom connection opens one organisation without a browser, which takes four steps:

  1. At https://developer.xero.com/app/manage, choose New app. Its name may not contain "Xero".
  2. As its type, choose "Custom connection".
  3. Choose its scopes, {scopes}, and the person who allows it for the organisation.
  4. When it is allowed, copy its client id and make a client secret.
"""


@click.command()
@click.option("--client-id", help="The client id of your Xero app. Asked for without it.")
@click.option("--read-only", is_flag=True, help="Ask Xero for leave to read alone; nothing can be changed.")
@click.option("--custom", is_flag=True, help="Use a custom connection: a client id and its secret.")
@click.option("--no-browser", is_flag=True, help="Only print the address to open.")
@click.option("--allow-file", is_flag=True, help="Without a keychain, keep the tokens in a file of yours.")
def connect(
    client_id: str | None, *, read_only: bool, custom: bool, no_browser: bool, allow_file: bool
) -> None:
    """Connect organisations by signing in to Xero.

    The tokens are kept in the system's keychain. A custom connection's secret is asked for, or read from
    standard input, so that it appears in no process list and no shell history.
    """
    paths = Paths.find()
    try:
        account = account_of(load(paths.settings_file), paths)
        account.on_keychain_wait = report_keychain_wait
        request = _ask(account, client_id, is_read_only=read_only, is_custom=custom)
        # One loop, left in between to ask: while it runs, Ctrl-C can't end a question.
        with asyncio.Runner() as runner:
            attempt = _begin(runner, account, replace(request, allow_file=allow_file), paths)
            connected = runner.run(_finish(attempt, opens_browser=not no_browser))
    except (KeyboardInterrupt, click.Abort):
        raise to_click_error(ReshelveError("Cancelled.", _NOTHING_CHANGED)) from None
    except NetworkSetupError as error:
        raise to_click_error(ReshelveError(error.message, f"{error.next_step} {_NOTHING_CHANGED}")) from error
    except (OfflineError, ReplyLostError) as error:
        # Unlike the app, a command doesn't try again by itself.
        raise to_click_error(
            ReshelveError(error.message, f"{_NOTHING_CHANGED} Run the command again later.")
        ) from error
    except ReshelveError as error:
        raise to_click_error(error) from error
    _print_result(connected)


def is_interactive() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty()


def _ask(account: Account, client_id: str | None, *, is_read_only: bool, is_custom: bool) -> ConnectRequest:
    """Ask for what was not given, with the steps that lead to it."""
    if account.is_sandbox:
        click.echo("This is a practice Xero on this machine: nothing real is connected.\n")
    if client_id is None:
        scopes = "accounting.contacts.read" if is_read_only else "accounting.contacts"
        steps = _CUSTOM_STEPS if is_custom else _BROWSER_STEPS
        click.echo(
            steps.format(redirect_uri=account.redirect_uri, scopes=f"{scopes} and accounting.settings.read")
        )
        client_id = _ask_client_id("" if is_custom else account.client_id)
    return ConnectRequest(
        _validate_client_id(client_id),
        client_secret=_ask_secret() if is_custom else "",
        is_read_only=is_read_only,
    )


def _ask_client_id(proposed: str) -> str:
    if not is_interactive():
        return sys.stdin.readline().strip() or proposed
    answer: str = click.prompt("Client id", default=proposed or None, value_proc=_validate_prompt)
    return answer


def _validate_prompt(client_id: str) -> str:
    """Return a client id; click asks again when it hears of a usage error."""
    try:
        return _validate_client_id(client_id)
    except SettingsError as error:
        raise click.UsageError(error.message) from None


def _validate_client_id(client_id: str) -> str:
    if not client_id:
        raise SettingsError("No client id was given.", "Copy it from your Xero app.")
    kept: str = validate_value(find_key("xero.client_id"), client_id.strip(), "The client id")
    return kept


def _ask_secret() -> str:
    if is_interactive():
        secret: str = click.prompt("Client secret (it isn't shown)", hide_input=True)
    else:
        secret = sys.stdin.readline()
    secret = secret.strip()
    if not (secret and secret.isascii() and secret.isprintable()):
        raise SignInError("That isn't a client secret.", f"Nothing was sent. {_NOTHING_CHANGED}")
    return secret


def _begin(runner: asyncio.Runner, account: Account, request: ConnectRequest, paths: Paths) -> SignIn:
    """Begin to sign in; where there is no keychain, only once the person has agreed to a file."""
    try:
        return runner.run(account.sign_in(request))
    except NoKeychainError as error:
        if not is_interactive():
            raise NoKeychainError(
                error.message, "With --allow-file the tokens are kept in a file that only you can read."
            ) from None
    file = paths.token_file(request.client_id)
    if not click.confirm(
        f"There is no keychain here. Keep the tokens in a file that only you can read ({file})?"
    ):
        raise SignInError(
            "Nothing was connected: there is nowhere else to keep the tokens.", _NOTHING_CHANGED
        )
    return runner.run(account.sign_in(replace(request, allow_file=True)))


async def _finish(attempt: SignIn, *, opens_browser: bool) -> ConnectResult:
    """Wait until the person has said yes or no in the browser, or has pasted where that ended."""
    can_paste = bool(attempt.url) and is_interactive()
    try:
        if attempt.url:
            await _print_instructions(attempt, opens_browser=opens_browser, can_paste=can_paste)
        with terminal_lines(lambda line: _paste(attempt, line)) if can_paste else nullcontext():
            return await attempt.finish()
    finally:
        await attempt.cancel()


async def _print_instructions(attempt: SignIn, *, opens_browser: bool, can_paste: bool) -> None:
    """Tell which address to open, open it, and say until when it is waited for."""
    click.echo(f"Sign in to Xero at this address:\n\n{attempt.url}\n")
    if opens_browser and not await asyncio.to_thread(browser.open_page, attempt.url):
        click.echo("No browser could be opened: open the address in one of yours.")
    until = f" until {attempt.ends_at.astimezone():%H:%M}" if attempt.ends_at else ""
    click.echo(f"Waiting{until} for you to allow it there. Ctrl-C cancels.")
    if can_paste:
        click.echo("If the browser is on another machine, paste the address it ends at, and press enter.")


def _paste(attempt: SignIn, address: str) -> None:
    try:
        attempt.paste(address)
    except SignInError as error:
        click.echo(to_click_error(error).message, err=True)


def _print_result(connected: ConnectResult) -> None:
    """Say what is connected now."""
    from tui.widgets import clock
    from tui.widgets.text import safe

    for organisation in connected.organisations:
        suffix = " (read-only)" if organisation.is_read_only else ""
        click.echo(f"Connected: {safe(organisation.name)}{suffix}")
    click.echo(f"The tokens are kept here: {safe(connected.token_storage)}")
    warning = clock.clock_warning(connected.clock_ahead)
    if warning:
        click.echo(warning, err=True)
    click.echo("Run `reshelve`.")
