"""`reshelve forget`: remove an organisation's saved data from this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui.cli import output, session
from tui.cli.exit_codes import ExitCode
from tui.cli.launch import choose_organisation, command_error, confirm, join_names, to_click_error
from tui.engine.maintenance import lock_organisation, saved_organisations
from tui.messages.formats import pluralize
from tui.model.errors import ReshelveError, StoreError
from tui.model.query import fold
from tui.model.reasons import StoreReason
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.model.contact import Organisation
    from tui.store.maintenance.forget import SavedFiles

_STILL_CONNECTED = (
    "It stays connected: opening it downloads its contacts again.",
    "`reshelve disconnect` ends the connection.",
)


@click.command()
@click.option(
    "--organisation",
    metavar="NAME",
    help="Forget the organisation whose name contains NAME, or the disconnected one with this tenant ID.",
)
@click.option("--with-change-log", is_flag=True, help="Remove the change log and its backups as well.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
def forget(organisation: str | None, *, with_change_log: bool, yes: bool) -> None:
    """Remove an organisation's saved data from this computer.

    Removes its contacts and searches. Keeps its change log unless you add --with-change-log: Xero has no
    copy of it. Nothing changes in Xero, and the organisation stays connected. If changes aren't in Xero yet,
    cancel them first.

    \b
    Examples:
      $ reshelve forget
      $ reshelve forget --organisation "Harbour & Vine" --yes
      $ reshelve forget --with-change-log
    """  # noqa: D301 - click keeps the lines of what follows
    paths = Paths.find()
    try:
        connected = session.open_account().connected
        tenant_id, name = _choose(connected, saved_organisations(paths), organisation)
        with lock_organisation(paths, tenant_id) as saved:
            _require_removable(saved.data)
            for line in _plan(name, saved.data, with_change_log=with_change_log):
                output.print_line(line)
            if not yes and not confirm("Remove it?"):
                raise command_error("Cancelled. Nothing changed.")
            saved.forget(with_change_log=with_change_log)
    except ReshelveError as error:
        raise to_click_error(error) from error
    output.print_line(f"Removed the saved data of {name}.")
    if any(listed.tenant_id == tenant_id for listed in connected):
        for line in _STILL_CONNECTED:
            output.print_line(line)


def _choose(connected: Sequence[Organisation], saved: Sequence[str], wanted: str | None) -> tuple[str, str]:
    """Return the tenant ID and name of one organisation, by name or tenant ID, or the only one there is.

    Data that can't be restored is removed: part of a name has to fit one organisation only.
    """
    disconnected = [each for each in saved if all(each != listed.tenant_id for listed in connected)]
    if wanted is None:
        if len(connected) + len(disconnected) != 1:
            raise _several(connected, disconnected)
        [(tenant_id, name)] = [(each.tenant_id, each.name) for each in connected] or [
            (each, each) for each in disconnected
        ]
        return tenant_id, name
    if wanted in disconnected:
        return wanted, wanted
    found = [each for each in connected if fold(wanted) in fold(each.name)]
    exact = [each for each in found if fold(wanted) == fold(each.name)]
    if len(exact or found) > 1:
        raise _several(exact or found, ())
    chosen = choose_organisation(exact or found or connected, wanted)
    assert chosen is not None  # noqa: S101 - a name without a match raises
    return chosen.tenant_id, chosen.name


def _several(connected: Sequence[Organisation], disconnected: Sequence[str]) -> click.ClickException:
    """Return the error for a choice to be made, or for nothing to choose from."""
    if not connected and not disconnected:
        return command_error("No organisation has saved data on this computer. There is nothing to remove.")
    names = [each.name for each in connected]
    ids = f" Disconnected, by tenant ID: {join_names(disconnected)}." if disconnected else ""
    listed = f" {join_names(names)}." if names else ""
    return command_error(f"Choose one organisation with --organisation:{listed}{ids}", ExitCode.USAGE)


def _require_removable(data: SavedFiles) -> None:
    """Raise `StoreError` before asking, if nothing can be removed."""
    if data.is_empty:
        raise StoreError(StoreReason.NOTHING_SAVED)
    if data.health is not None and data.health.open_changes:
        raise StoreError(StoreReason.UNSENT_CHANGES, count=data.health.open_changes)


def _plan(name: str, data: SavedFiles, *, with_change_log: bool) -> Iterator[str]:
    """Describe what goes and what stays."""
    yield f"{name}: removed from this computer"
    if data.health is not None:
        yield f"  {pluralize(data.health.contacts, 'contact')}"
    yield "  recent and saved searches"
    if data.copies:
        yield f"  {pluralize(data.copies, 'copy of an earlier database', 'copies of earlier databases')}"
    if with_change_log:
        yield f"  {_change_log(data)}, of which Xero has no copy"
    yield "Kept"
    if not with_change_log:
        yield f"  {_change_log(data)}"
        yield "  with the names of contacts that were archived or restored"
    yield "  the connection to Xero, the settings, and files that you exported"


def _change_log(data: SavedFiles) -> str:
    changes = "" if data.health is None else f" with {pluralize(data.health.changes, 'change')}"
    backups = f" and its {pluralize(data.backups, 'backup')}" if data.backups else ""
    return f"the change log{changes}{backups}"
