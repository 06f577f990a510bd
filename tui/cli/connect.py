"""`reshelve connect`: sign in to Xero in a browser, or with a custom connection's secret."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from tui import messages
from tui.cli.exit_codes import ExitCode
from tui.cli.launch import (
    command_error,
    confirm,
    format_error,
    no_such_organisation,
    report_keychain_wait,
    to_click_error,
)
from tui.engine.account import account as account_of
from tui.messages import formats
from tui.model.account import ConnectRequest
from tui.model.activity import ACTIVITY_SCOPES
from tui.model.errors import (
    NetworkSetupError,
    NoKeychainError,
    OfflineError,
    ReplyLostError,
    ReshelveError,
    SettingsError,
    SignInError,
)
from tui.model.query import fold
from tui.settings import find_key, load
from tui.settings.loader import validate_value
from tui.system import browser
from tui.system.paths import Paths
from tui.system.platform import terminal_lines
from tui.widgets import clock
from tui.widgets.text import safe

if TYPE_CHECKING:
    from tui.model.account import Account, ConnectResult, SignIn


_NOTHING_CHANGED: Final = "Your existing connections haven't changed."
_BROWSER_STEPS: Final = """\
Reshelve signs in with your own Xero app. To create it:

  1. At https://developer.xero.com/app/manage, choose New app. Its name may not contain "Xero".
  2. For its type, choose "Mobile or desktop app".
  3. Enter exactly this redirect URI: {redirect_uri}
  4. Copy its client ID.
"""
_CUSTOM_STEPS: Final = """\
A custom connection gives access to one organisation without a browser. To create it:

  1. At https://developer.xero.com/app/manage, choose New app. Its name may not contain "Xero".
  2. For its type, choose "Custom connection".
  3. Choose its scopes, {scopes}, and who authorises it for the organisation.
  4. Once it is authorised, copy its client ID and generate a client secret.
"""


@click.command()
@click.option("--client-id", help="Client ID of your Xero app. Prompted for if omitted.")
@click.option("--read-only", is_flag=True, help="Request read-only access: nothing can be changed.")
@click.option(
    "--with-activity",
    is_flag=True,
    help="Also request read-only access to invoices, payments and bank transactions, to show when each "
    "contact was last used.",
)
@click.option("--custom", is_flag=True, help="Use a custom connection (client ID and secret).")
@click.option("--no-browser", is_flag=True, help="Print the sign-in link instead of opening a browser.")
@click.option(
    "--allow-file", is_flag=True, help="Without a keychain, store tokens in a file only you can read."
)
def connect(
    client_id: str | None,
    *,
    read_only: bool,
    with_activity: bool,
    custom: bool,
    no_browser: bool,
    allow_file: bool,
) -> None:
    """Connect organisations by signing in to Xero.

    Tokens are stored in the system's keychain. A custom connection's secret is prompted for or read from
    standard input, so it never appears in process lists or shell history.

    \b
    Examples:
      $ reshelve connect
      $ reshelve connect --read-only
      $ reshelve connect --with-activity
      $ reshelve connect --no-browser --client-id 0123456789ABCDEF0123456789ABCDEF
      $ reshelve connect --custom --client-id 0123456789ABCDEF0123456789ABCDEF < secret.txt
    """  # noqa: D301 - click keeps the lines of what follows
    paths = Paths.find()
    try:
        settings = load(paths.settings_file)
        account = account_of(settings, paths)
        account.on_keychain_wait = report_keychain_wait
        request = _ask(
            account,
            client_id,
            is_read_only=read_only,
            is_custom=custom,
            with_activity=with_activity or settings.xero.wants_activity,
        )
        # One event loop, paused for prompts: while it runs, Ctrl-C can't interrupt a prompt.
        with asyncio.Runner() as runner:
            attempt = _begin(runner, account, replace(request, allow_file=allow_file), paths)
            connected = runner.run(_finish(attempt, opens_browser=not no_browser))
    except (KeyboardInterrupt, click.Abort):
        raise click.ClickException(f"Cancelled. {_NOTHING_CHANGED}") from None
    except NetworkSetupError as error:
        raise click.ClickException(f"{format_error(error)} {_NOTHING_CHANGED}") from error
    except (OfflineError, ReplyLostError) as error:
        # Unlike the app, a command doesn't retry.
        raise click.ClickException(
            f"{safe(messages.message(error))} {_NOTHING_CHANGED} Try again later."
        ) from error
    except ReshelveError as error:
        raise to_click_error(error) from error
    _print_result(connected)


def is_interactive() -> bool:
    """Whether questions can be asked: standard input is a terminal."""
    return sys.stdin.isatty()


def _ask(
    account: Account, client_id: str | None, *, is_read_only: bool, is_custom: bool, with_activity: bool
) -> ConnectRequest:
    """Prompt for missing values, showing the steps to get them."""
    if account.is_sandbox:
        click.echo("This is the practice Xero on this computer. Nothing real is connected.\n")
    if client_id is None:
        first = "accounting.contacts.read" if is_read_only else "accounting.contacts"
        scopes = ", ".join((first, *(ACTIVITY_SCOPES if with_activity else ())))
        steps = _CUSTOM_STEPS if is_custom else _BROWSER_STEPS
        click.echo(
            steps.format(redirect_uri=account.redirect_uri, scopes=f"{scopes} and accounting.settings.read")
        )
        client_id = _ask_client_id("" if is_custom else account.client_id)
    return ConnectRequest(
        _validate_client_id(client_id),
        client_secret=_ask_secret() if is_custom else "",
        is_read_only=is_read_only,
        with_activity=with_activity,
    )


def _ask_client_id(proposed: str) -> str:
    if not is_interactive():
        return sys.stdin.readline().strip() or proposed
    answer: str = click.prompt("Client ID", default=proposed or None, value_proc=_validate_prompt)
    return answer


def _validate_prompt(client_id: str) -> str:
    """Return a client ID; on a usage error click prompts again."""
    try:
        return _validate_client_id(client_id)
    except click.ClickException as error:
        raise click.UsageError(error.message) from None


def _validate_client_id(client_id: str) -> str:
    if not client_id:
        raise click.ClickException("No client ID was entered. Copy it from your Xero app.")
    try:
        kept: str = validate_value(find_key("xero.client_id"), client_id.strip(), "The client ID")
    except SettingsError as error:
        raise to_click_error(error) from None
    return kept


def _ask_secret() -> str:
    if is_interactive():
        secret: str = click.prompt("Client secret (hidden)", hide_input=True)
    else:
        secret = sys.stdin.readline()
    secret = secret.strip()
    if not (secret and secret.isascii() and secret.isprintable()):
        raise click.ClickException(f"That isn't a valid client secret. Nothing was sent. {_NOTHING_CHANGED}")
    return secret


def _begin(runner: asyncio.Runner, account: Account, request: ConnectRequest, paths: Paths) -> SignIn:
    """Start signing in. Without a keychain, ask first before storing tokens in a file."""
    try:
        return runner.run(account.sign_in(request))
    except NoKeychainError as error:
        if not is_interactive():
            raise click.ClickException(
                f"{messages.message(error)} Use --allow-file to store the tokens in a file that only you can "
                "read."
            ) from None
    file = paths.token_file(request.client_id)
    if not click.confirm(f"No keychain found. Store the tokens in a file that only you can read ({file})?"):
        raise click.ClickException(
            f"Not connected: the tokens can't be stored anywhere else. {_NOTHING_CHANGED}"
        )
    return runner.run(account.sign_in(replace(request, allow_file=True)))


async def _finish(attempt: SignIn, *, opens_browser: bool) -> ConnectResult:
    """Wait until the user allows or denies access in the browser, or pastes the address it ends at."""
    can_paste = bool(attempt.url) and is_interactive()
    try:
        if attempt.url:
            await _print_instructions(attempt, opens_browser=opens_browser, can_paste=can_paste)
        with terminal_lines(lambda line: _paste(attempt, line)) if can_paste else nullcontext():
            return await attempt.finish()
    finally:
        await attempt.cancel()


async def _print_instructions(attempt: SignIn, *, opens_browser: bool, can_paste: bool) -> None:
    """Print the sign-in link, open it, and print how long the command waits."""
    click.echo(f"Sign in to Xero with this link:\n\n{attempt.url}\n")
    if opens_browser and not await asyncio.to_thread(browser.open_page, attempt.url):
        click.echo("No browser could be opened. Open the link yourself.")
    until = f" until {formats.clock_time(attempt.ends_at)}" if attempt.ends_at else ""
    click.echo(f"Waiting{until} for you to allow access. Ctrl-C cancels.")
    if can_paste:
        click.echo("Browser on another computer? Paste the address it ends at and press Enter.")


def _paste(attempt: SignIn, address: str) -> None:
    try:
        attempt.paste(address)
    except SignInError as error:
        click.echo(format_error(error), err=True)


def _print_result(connected: ConnectResult) -> None:
    """Print the connected organisations and where the tokens are stored."""
    for organisation in connected.organisations:
        suffix = " (read-only)" if organisation.is_read_only else ""
        click.echo(f"Connected: {safe(organisation.name)}{suffix}")
    click.echo(f"Tokens stored in: {safe(connected.token_storage)}")
    warning = clock.clock_warning(connected.clock_ahead)
    if warning:
        click.echo(warning, err=True)
    if not all(organisation.is_custom for organisation in connected.organisations):
        click.echo(
            "Xero usually connects one organisation for each sign-in: for another one, run this again."
        )
    click.echo("Run `reshelve` to start.")


if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tui.model.account import Account, OrganisationSummary

    SignIns = Mapping[str, Sequence[OrganisationSummary]]


@click.command()
@click.option("--organisation", help="Disconnect the organisation whose name contains this.")
@click.option("--all", "is_all", is_flag=True, help="Disconnect all organisations.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
def disconnect(organisation: str | None, *, is_all: bool, yes: bool) -> None:
    """Disconnect from Xero and delete the sign-in's tokens.

    Saved contacts and change logs are kept.

    \b
    Examples:
      $ reshelve disconnect
      $ reshelve disconnect --organisation "Harbour & Vine" --yes
      $ reshelve disconnect --all --yes
    """  # noqa: D301 - click keeps the lines of what follows
    if organisation is not None and is_all:
        raise click.UsageError("Use either --organisation or --all.")
    paths = Paths.find()
    try:
        account = account_of(load(paths.settings_file), paths)
        account.on_keychain_wait = report_keychain_wait
        sign_ins = _select_sign_ins(
            _by_sign_in(asyncio.run(account.organisations_with_counts())), organisation, is_all=is_all
        )
        _print_sign_ins(sign_ins)
        if not yes and not confirm("Disconnect?"):
            raise click.Abort
        asyncio.run(_disconnect(account, sign_ins))
    except (KeyboardInterrupt, click.Abort):
        raise click.ClickException(
            "Cancelled. Only what is listed as disconnected was disconnected."
        ) from None
    except ReshelveError as error:
        raise to_click_error(error) from error
    click.echo(f"Saved contacts and change logs are kept in {paths.organisations}.")


def _by_sign_in(listed: Sequence[OrganisationSummary]) -> dict[str, list[OrganisationSummary]]:
    sign_ins: dict[str, list[OrganisationSummary]] = {}
    for one in listed:
        sign_ins.setdefault(one.organisation.sign_in, []).append(one)
    return sign_ins


def _select_sign_ins(sign_ins: SignIns, wanted: str | None, *, is_all: bool) -> SignIns:
    """Return the sign-ins to end. Raises an error if none match, or several do."""
    if not sign_ins:
        raise command_error(
            "No organisation is connected. There is nothing to disconnect.", ExitCode.NOT_SIGNED_IN
        )
    found = {
        sign_in: listed
        for sign_in, listed in sign_ins.items()
        if wanted is None or any(fold(wanted) in fold(one.organisation.name) for one in listed)
    }
    if found and (is_all or len(found) == 1):
        return found
    if wanted is not None and not found:
        raise no_such_organisation(
            wanted, [one.organisation for listed in sign_ins.values() for one in listed]
        )
    _print_sign_ins(found)
    raise click.ClickException("Several sign-ins match. Choose one with --organisation NAME, or use --all.")


def _print_sign_ins(sign_ins: SignIns) -> None:
    """Print each sign-in with its organisations and their unfinished changes."""
    for sign_in, listed in sign_ins.items():
        click.echo(f"Sign-in {safe(sign_in)} gives access to:")
        for one in listed:
            notes = [
                *(["no longer connected in Xero"] if one.is_removed else []),
                *(
                    [f"{one.not_in_xero} not in Xero yet, kept until you reconnect"]
                    if one.not_in_xero
                    else []
                ),
            ]
            click.echo(f"  {' – '.join([safe(one.organisation.name), *notes])}")


async def _disconnect(account: Account, sign_ins: SignIns) -> None:
    """End the sign-ins one by one and print each. Raises an error at the first that fails."""
    for sign_in, listed in sign_ins.items():
        names = ", ".join(safe(one.organisation.name) for one in listed)
        try:
            await account.disconnect(sign_in)
        except NetworkSetupError as error:
            raise click.ClickException(f"{format_error(error)} Nothing changed for {names}.") from error
        except OfflineError as error:
            raise click.ClickException(
                f"{safe(messages.message(error))} Nothing changed for {names}. Try again later."
            ) from error
        except ReplyLostError as error:
            raise click.ClickException(
                f"{safe(messages.message(error))} Xero may or may not have disconnected {names}. The tokens "
                "are kept. Try again later."
            ) from error
        click.echo(f"Disconnected: {names}")
