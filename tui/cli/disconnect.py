"""`reshelve disconnect`: end sign-ins at Xero and delete their tokens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from tui import messages
from tui.cli.launch import (
    confirm,
    format_error,
    no_such_organisation,
    report_keychain_wait,
    to_click_error,
)
from tui.engine.accounts.account import account as account_of
from tui.model.errors import NetworkSetupError, OfflineError, ReplyLostError, ReshelveError
from tui.model.query import fold
from tui.settings import load
from tui.system.paths import Paths

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
    """
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
        raise click.ClickException("No organisation is connected. There is nothing to disconnect.")
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
    from tui.widgets.text import safe

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
    from tui.widgets.text import safe

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
