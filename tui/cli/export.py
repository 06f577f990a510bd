"""`reshelve export`: save contacts, changes or everything of an organisation to a file."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from zipfile import ZIP_DEFLATED, ZipFile

import click
import msgspec

from tui import __version__
from tui.cli import output, session
from tui.cli.launch import command_error
from tui.messages.change_export import COLUMNS, ENTRY_COLUMNS, change_cells, entry_cells
from tui.messages.contact_export import contact_export
from tui.messages.formats import pluralize
from tui.model.change_list import ChangeQuery
from tui.model.query import Query
from tui.model.tables import TableFormat
from tui.settings import OrganisationSettings, load
from tui.system.paths import Paths
from tui.system.saved_searches import SavedSearches
from tui.system.table_files import write_table
from tui.system.user_files import expand_path, user_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from tui.cli.output import Progress
    from tui.engine.saved_data import SavedData
    from tui.model.contact import Organisation
    from tui.model.tables import Cell, TableColumn

    Table = tuple[Sequence[TableColumn], Iterable[Sequence[Cell]], int | None]

_CONTACTS, _CHANGES, _EVERYTHING = "contacts", "changes", "everything"
_ENDINGS: Final = {each.value: each for each in TableFormat}
_ZIP: Final = "zip"
_ROWS_BETWEEN_REPORTS: Final = 500


@click.command()
@click.argument("what", type=click.Choice([_CONTACTS, _CHANGES, _EVERYTHING]))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--organisation", metavar="NAME", help="Export the organisation whose name contains NAME.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def export(what: str, file: Path, organisation: str | None, *, force: bool) -> None:
    """Save contacts, changes or everything of an organisation to FILE.

    The ending of FILE chooses the format: .csv, .xlsx, .json or .jsonl for contacts and changes. Everything
    goes into a .zip: contacts.csv, changes.csv, change-log.csv with every step of every change, and
    reshelve.json with the organisation's settings, tenant groups, saved searches, and what you recorded about
    Re-Leased. Exports what is saved on this computer; `reshelve refresh` updates that first.

    \b
    Examples:
      $ reshelve export contacts contacts.xlsx
      $ reshelve export changes changes.csv --force
      $ reshelve export everything backup.zip
    """  # noqa: D301 - click keeps the lines of what follows
    file = expand_path(str(file))
    ending = file.suffix.removeprefix(".").casefold()
    allowed = (_ZIP,) if what == _EVERYTHING else tuple(_ENDINGS)
    if ending not in allowed:
        *others, last = (f".{each}" for each in allowed)
        endings = f"{', '.join(others)} or {last}" if others else last
        raise click.UsageError(f"To export {what}, the name of FILE must end in {endings}.")
    account = session.open_account()
    chosen = session.choose_one(account, organisation)
    if not force and (file.exists() or file.is_symlink()):
        raise command_error(f"{file} already exists. Nothing was saved. To replace it, use --force.")
    with account.saved_data(chosen) as saved:
        if what == _EVERYTHING:
            with user_file(file) as stream:
                text = _write_everything(stream, chosen, saved)
        else:
            table = session.run(_contacts(saved, chosen)) if what == _CONTACTS else _changes(saved)
            with user_file(file) as stream:
                count = _write(stream, _ENDINGS[ending], table, what)
            text = pluralize(count, what.removesuffix("s"))
    output.note(f"Exported {text} to {file}.")


async def _contacts(saved: SavedData, organisation: Organisation) -> Table:
    """Return all contacts with every column, in the order of their names."""
    wanted = contact_export(Query(), TableFormat.CSV, currency=organisation.base_currency)
    rowids = await saved.store.search.rowids(wanted.query)

    def rows() -> Iterator[Sequence[Cell]]:
        with closing(saved.store.search.stream(rowids, wanted.reads)) as found:
            yield from map(wanted.cells, found)

    return wanted.columns, rows(), len(rowids)


def _changes(saved: SavedData) -> Table:
    """Return all changes, newest first."""
    found = saved.store.changes.iter_all(ChangeQuery())
    total = sum(saved.store.changes.totals().values())
    return COLUMNS, map(change_cells, map(saved.view, found)), total


def _entries(saved: SavedData) -> Table:
    """Return every step of every change, oldest first."""
    return ENTRY_COLUMNS, map(entry_cells, saved.store.changes.iter_entries()), None


def _write(stream: BinaryIO, table_format: TableFormat, table: Table, what: str) -> int:
    """Write a table with progress; returns how many rows it has."""
    columns, rows, total = table
    with output.progress(f"Exporting {what}") as shown:
        return write_table(stream, table_format, columns, _reported(rows, total, shown), what.capitalize())


def _reported(rows: Iterable[Sequence[Cell]], total: int | None, shown: Progress) -> Iterator[Sequence[Cell]]:
    for number, row in enumerate(rows):
        if not number % _ROWS_BETWEEN_REPORTS:
            shown.update(number, total)
        yield row


def _write_everything(stream: BinaryIO, organisation: Organisation, saved: SavedData) -> str:
    """Write the archive; returns what it has."""
    tables = {
        _CONTACTS: session.run(_contacts(saved, organisation)),
        _CHANGES: _changes(saved),
        "change-log": _entries(saved),
    }
    counts = {}
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, table in tables.items():
            # The size isn't known before.
            with archive.open(f"{name}.csv", "w", force_zip64=True) as member:
                counts[name] = _write(cast("BinaryIO", member), TableFormat.CSV, table, name)
        content = msgspec.json.encode(_other_data(organisation, saved))
        archive.writestr("reshelve.json", msgspec.json.format(content, indent=2))
    return f"{pluralize(counts[_CONTACTS], 'contact')}, {pluralize(counts[_CHANGES], 'change')}"


def _other_data(organisation: Organisation, saved: SavedData) -> dict[str, Any]:
    """Return what was set or recorded in Reshelve. No keys, tokens or client ids."""
    paths = Paths.find()
    own = load(paths.settings_file).organisations.get(organisation.tenant_id, OrganisationSettings())
    return {
        "version": __version__,
        "exported_at": saved.now(),
        "organisation": {
            "name": organisation.name,
            "tenant_id": organisation.tenant_id,
            "short_code": organisation.short_code,
            "timezone": organisation.timezone,
            "base_currency": organisation.base_currency,
            "is_read_only": organisation.is_read_only,
        },
        "refreshed_at": saved.refreshed_at,
        "settings": dataclasses.asdict(own),
        "tenant_groups": sorted(saved.store.tenancy.tenant_groups()),
        "saved_searches": SavedSearches(paths.saved_searches(organisation.tenant_id)).searches,
        "reports": saved.store.evidence.reports(),
    }
