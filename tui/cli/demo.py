"""`reshelve demo`: the app with a sandbox of Xero and Re-Leased; no account needed."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click
import msgspec

from tui.cli.launch import format_error, require_terminal, run, to_click_error
from tui.cli.sandbox import SandboxProcess, SecondsParam
from tui.engine.account import TOKENS_IN_FILE, XeroAccount
from tui.model.errors import ReshelveError, SettingsError
from tui.settings import (
    OrganisationSettings,
    ReLeasedSettings,
    Settings,
    XeroSettings,
    load,
    save,
)
from tui.settings.schema import UNIFIED_KEY_VARIABLE
from tui.system.log import log_to
from tui.system.paths import Paths, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Of a new demo: contacts of its first organisation, and seconds between two syncs.
CONTACTS, CYCLE = 1600, 45
_POLL_SECONDS: Final = 3.0
_SHOWN_BY: Final = "Use `reshelve settings --demo` to see and change the demo's settings."


@click.command()
@click.option(
    "--contacts",
    type=click.IntRange(1, 1_000_000),
    default=CONTACTS,
    show_default=True,
    help="Number of contacts in a new practice organisation.",
)
@click.option(
    "--cycle",
    type=SecondsParam(1, 86_400),
    default=CYCLE,
    show_default=True,
    help="Seconds between syncs of the practice Re-Leased.",
)
@click.option("--organisation", help="Open the organisation whose name contains this.")
@click.option("--fresh", is_flag=True, help="Reset the demo and start over.")
@click.option("--read-only", is_flag=True, help="Read-only mode: no changes, no disconnecting.")
@click.option("--join", is_flag=True, hidden=True, help="Use what `reshelve serve --demo` has started.")
def demo(
    contacts: int, cycle: float, organisation: str | None, *, fresh: bool, read_only: bool, join: bool
) -> None:
    """Try Reshelve with a practice Xero and Re-Leased on this computer.

    The demo keeps its data until you start it with --fresh.

    \b
    Examples:
      $ reshelve demo
      $ reshelve demo --fresh --contacts 100000
      $ reshelve demo --read-only
    """  # noqa: D301 - click keeps the lines of what follows
    paths = Paths.find().demo
    try:
        # Before anything is started or erased.
        load(paths.settings_file)
        require_terminal()
        if not join:
            click.echo("Starting the practice Xero and Re-Leased …", err=True)
        with (
            _joined_practice(paths) if join else practice(paths, contacts=contacts, cycle=cycle, fresh=fresh)
        ) as settings:
            account = XeroAccount(settings, paths, is_read_only=read_only)
            run(settings, paths, account, organisation)
    except SettingsError as error:
        raise click.ClickException(f"{format_error(error)} {_SHOWN_BY}") from error
    except ReshelveError as error:
        raise to_click_error(error) from error


@contextmanager
def practice(paths: Paths, *, contacts: int, cycle: float, fresh: bool) -> Iterator[Settings]:
    """Run the practice Xero and Re-Leased, and sign in to them; yields the settings that use them."""
    # The sandbox locks the folder: it refuses to start while another demo is running.
    with SandboxProcess(paths.sandbox, contacts=contacts, cycle=cycle, fresh=fresh) as sandbox:
        if fresh:
            shutil.rmtree(paths.organisations, ignore_errors=True)
        log_to(paths.logs)
        settings = demo_settings(sandbox, paths, cycle)
        account = XeroAccount(settings, paths)
        asyncio.run(account.import_refresh_token(sandbox.refresh_token, sandbox.client_id))
        os.environ[UNIFIED_KEY_VARIABLE] = sandbox.unified["api_key"]
        yield settings


@contextmanager
def shared_practice(paths: Paths) -> Iterator[None]:
    """Run the practice systems for other processes, which join them with `--join`."""
    file = _key_file(paths)
    with practice(paths, contacts=CONTACTS, cycle=CYCLE, fresh=False):
        # Neither the arguments nor the variables of a process are a place for a key.
        write_atomically(file, msgspec.json.encode(os.environ.pop(UNIFIED_KEY_VARIABLE)))
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


@contextmanager
def _joined_practice(paths: Paths) -> Iterator[Settings]:
    """Yield the settings that use the practice systems which another process runs."""
    try:
        os.environ[UNIFIED_KEY_VARIABLE] = msgspec.json.decode(_key_file(paths).read_bytes(), type=str)
    except FileNotFoundError:
        raise click.ClickException("No practice Xero and Re-Leased is running.") from None
    log_to(paths.logs)
    # Variables must not lead to another Xero.
    yield load(paths.settings_file, {})


def _key_file(paths: Paths) -> Path:
    return paths.data / "tokens" / "practice-re-leased.json"


def demo_settings(sandbox: SandboxProcess, paths: Paths, cycle: float) -> Settings:
    """Point the settings at the sandbox; the rest of the program runs as usual."""
    stored = load(paths.settings_file)
    settings = Settings(
        xero=XeroSettings(
            login_url=sandbox.urls["login"],
            identity_url=sandbox.urls["identity"],
            api_url=sandbox.urls["api"],
            pages_url=sandbox.urls["pages"],
            client_id=sandbox.client_id,
            # The data is invented, so tokens need neither consent nor a keychain.
            token_store=TOKENS_IN_FILE,
        ),
        re_leased=ReLeasedSettings(
            unified_url=sandbox.unified["url"],
            archived_field="raw.isArchived",
            xero_id_field="raw.xeroContactId",
            # The practice Re-Leased is on this computer, and syncs around the clock.
            poll_seconds=_POLL_SECONDS,
            sync_seconds=cycle,
        ),
        organisations={
            tenant_id: replace(
                stored.organisations.get(tenant_id, OrganisationSettings()),
                unified_connection_id=sandbox.unified["connection_id"],
                re_leased_company_id=company_id,
            )
            for tenant_id, company_id in sandbox.company_ids.items()
        },
        sync=stored.sync,
        screen=stored.screen,
        keys=stored.keys,
    )
    save(settings, paths.settings_file, ("xero", "re_leased", "organisations"))
    return settings
