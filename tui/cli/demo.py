"""`reshelve demo`: the app on a practice Xero and Re-Leased, no account needed."""

from __future__ import annotations

import asyncio
import shutil
from typing import Final

import click

from tui.cli.launch import require_terminal, run, to_click_error
from tui.cli.param_types import SecondsParam
from tui.cli.sandbox_process import SandboxProcess
from tui.engine.accounts.account import TOKENS_IN_FILE, XeroAccount
from tui.model.errors import ReshelveError, SettingsError
from tui.settings import ReLeasedSettings, Settings, XeroSettings, load, save
from tui.system.log import log_to
from tui.system.paths import Paths

_SHOWN_BY: Final = "`reshelve settings --demo` shows the demo's settings, and sets them."


@click.command()
@click.option(
    "--contacts",
    type=click.IntRange(1, 1_000_000),
    default=1600,
    show_default=True,
    help="Contacts of the practice organisation, when it is first made.",
)
@click.option(
    "--cycle",
    type=SecondsParam(1, 86_400),
    default=45,
    show_default=True,
    help="Seconds between two syncs of the practice Re-Leased.",
)
@click.option("--organisation", help="Open the organisation whose name contains this.")
@click.option("--fresh", is_flag=True, help="Forget everything done in the demo before.")
@click.option("--read-only", is_flag=True, help="Read-only mode: change and disconnect nothing.")
def demo(contacts: int, cycle: float, organisation: str | None, *, fresh: bool, read_only: bool) -> None:
    """Try Reshelve on a practice Xero and Re-Leased on this machine.

    It remembers what was done until it is started with --fresh.
    """
    paths = Paths.find().demo
    try:
        # Before anything is started or erased.
        load(paths.settings_file)
        require_terminal()
        click.echo("Starting the practice Xero and Re-Leased …", err=True)
        # The sandbox guards the folder: it refuses while another demo is running.
        with SandboxProcess(paths.sandbox, contacts=contacts, cycle=cycle, fresh=fresh) as sandbox:
            if fresh:
                shutil.rmtree(paths.organisations, ignore_errors=True)
            log_to(paths.logs)
            settings = demo_settings(sandbox, paths)
            account = XeroAccount(settings, paths, is_read_only=read_only)
            asyncio.run(account.import_refresh_token(sandbox.refresh_token, sandbox.client_id))
            run(settings, paths, account, organisation)
    except SettingsError as error:
        raise to_click_error(
            SettingsError(error.message, f"{error.next_step} {_SHOWN_BY}".strip())
        ) from error
    except ReshelveError as error:
        raise to_click_error(error) from error


def demo_settings(sandbox: SandboxProcess, paths: Paths) -> Settings:
    """Point the settings at the practice systems: from here on nothing knows that this is a demo."""
    stored = load(paths.settings_file)
    settings = Settings(
        xero=XeroSettings(
            login_url=sandbox.urls["login"],
            identity_url=sandbox.urls["identity"],
            api_url=sandbox.urls["api"],
            pages_url=sandbox.urls["pages"],
            client_id=sandbox.client_id,
            # What it opens is invented: nobody has to be asked, and no keychain to be filled with it.
            token_store=TOKENS_IN_FILE,
        ),
        re_leased=ReLeasedSettings(feed_url=sandbox.urls["released"]),
        sync=stored.sync,
        screen=stored.screen,
        keys=stored.keys,
    )
    save(settings, paths.settings_file, ("xero", "re_leased"))
    return settings
