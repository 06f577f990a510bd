"""`reshelve contacts`: list contacts, with the query language of the search box."""

from __future__ import annotations

from contextlib import AsyncExitStack, closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from msgspec import Struct

from tui.cli import output, session
from tui.cli.exit_codes import ExitCode
from tui.messages.activity import unknown_reason
from tui.messages.contact_export import contact_export
from tui.messages.contacts import COLUMN_TITLES
from tui.messages.settings import did_you_mean
from tui.model.columns import ColumnKey, Sort
from tui.model.query import IssueKind, Tab
from tui.model.query_parser import parse_query
from tui.model.tables import TableColumn, TableFormat
from tui.settings.schema import closest
from tui.system.table_files import write_table
from tui.system.user_files import user_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.engine.account import XeroAccount
    from tui.engine.engine import Engine
    from tui.model.contact import Organisation
    from tui.model.tables import Cell, ContactExport

_ID: Final = "contact_id"
_ORGANISATION: Final = TableColumn("organisation", "Organisation")
#: What people are shown, without --columns; other programs get every column.
_USUAL: Final = tuple(
    key.value
    for key in (ColumnKey.NAME, ColumnKey.STATUS, ColumnKey.EMAIL, ColumnKey.OWES, ColumnKey.SYNC_STATUS)
)
_NAMES: Final = (*(key.value for key in COLUMN_TITLES), _ID)
_LONGEST_HINT: Final = 200


def _columns(context: click.Context, option: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Parse the names of columns."""
    if value is None:
        return None
    names = tuple(name.strip().replace("-", "_").casefold() for name in value.split(","))
    for name in names:
        if name not in _NAMES:
            advice = did_you_mean(closest(name, _NAMES)) or f"Choose from {', '.join(_NAMES)}."
            raise click.BadParameter(f"There is no column {name}. {advice}", ctx=context, param=option)
    return tuple(dict.fromkeys(names))


def _sort(context: click.Context, option: click.Parameter, value: str) -> Sort:
    """Parse a column to sort by; a minus reverses the order."""
    is_reversed = value.startswith("-")
    [name] = _columns(context, option, value.removeprefix("-")) or ()
    if name == _ID:
        raise click.BadParameter("Contacts can't be sorted by their ids.", ctx=context, param=option)
    return Sort(ColumnKey(name), is_reversed)


@click.command()
@click.argument("query", nargs=-1)
@click.option(
    "--all", "tab", flag_value=Tab.ALL, default=True, help="List all contacts. This is the default."
)
@click.option("--active", "tab", flag_value=Tab.ACTIVE, help="List active contacts.")
@click.option("--archived", "tab", flag_value=Tab.ARCHIVED, help="List archived contacts.")
@click.option(
    "--sort",
    default="name",
    metavar="COLUMN",
    callback=_sort,
    help="Sort by this column; -COLUMN reverses the order.",
)
@click.option("--columns", metavar="NAMES", callback=_columns, help=f"Columns: {', '.join(_NAMES)}.")
@click.option("--organisation", metavar="NAME", help="List the organisation whose name contains NAME.")
@click.option("--all-organisations", is_flag=True, help="List the contacts of every connected organisation.")
@click.option("--offline", is_flag=True, help="List saved contacts, without asking Xero for changes first.")
@output.format_options
@click.option(
    "--xlsx", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Save an Excel workbook."
)
def contacts(
    query: tuple[str, ...],
    tab: str,
    sort: Sort,
    columns: tuple[str, ...] | None,
    organisation: str | None,
    *,
    all_organisations: bool,
    offline: bool,
    table_format: TableFormat | None,
    xlsx: Path | None,
) -> None:
    """List contacts. QUERY is what you would type into the search box.

    Reads changes from Xero first. In a pipe, prints one line per contact, separated by tabs, without titles.

    \b
    Examples:
      $ reshelve contacts
      $ reshelve contacts --archived bayside
      $ reshelve contacts "owes:>100 is:customer" --sort -they_owe
      $ reshelve contacts --active --columns contact_id,name
      $ reshelve contacts --offline --json
    """  # noqa: D301 - click keeps the lines of what follows
    if organisation is not None and all_organisations:
        raise click.UsageError("Use either --organisation or --all-organisations.")
    if xlsx is not None and table_format is not None:
        raise click.UsageError("Use either --xlsx or a format for standard output.")
    account = session.open_account()
    chosen = session.connected(account) if all_organisations else [session.choose_one(account, organisation)]
    is_for_people = table_format is None and xlsx is None
    wanted = _Wanted(" ".join(query), Tab(tab), sort, columns or (_USUAL if is_for_people else None))
    code = session.run(
        _list(account, chosen, wanted, table_format, xlsx, is_offline=offline, is_named=all_organisations)
    )
    click.get_current_context().exit(code)


class _Wanted(Struct, frozen=True):
    """What to list: the text of the query, and the names of the columns, None for all."""

    text: str
    tab: Tab
    sort: Sort
    columns: tuple[str, ...] | None

    @property
    def needs_activity(self) -> bool:
        """Whether it is about when contacts were last used."""
        is_shown = self.columns is not None and ColumnKey.LAST_ACTIVITY in self.columns
        return is_shown or parse_query(self.tab, self.text, is_complete=True).needs_activity

    def export(self, organisation: Organisation, groups: Sequence[str]) -> ContactExport:
        """Describe the table of one organisation. Raises `UsageError` for an invalid query."""
        query = parse_query(self.tab, self.text, groups, is_complete=True)
        if any(issue.is_problem for issue in query.issues):
            from tui.widgets.search_box import hint_text

            hint = hint_text(query.issues, _LONGEST_HINT).text
            # Anything else finds nothing, which a script would take for an answer.
            if any(
                issue.is_problem and issue.kind is not IssueKind.TREATED_AS_TEXT for issue in query.issues
            ):
                raise click.UsageError(hint)
            output.note(hint)
        keys = None if self.columns is None else [ColumnKey(name) for name in self.columns if name != _ID]
        return contact_export(
            replace(query, sort=self.sort),
            TableFormat.CSV,
            currency=organisation.base_currency,
            columns=keys,
            with_id=self.columns is None or _ID in self.columns,
        )


async def _list(
    account: XeroAccount,
    organisations: Sequence[Organisation],
    wanted: _Wanted,
    table_format: TableFormat | None,
    xlsx: Path | None,
    *,
    is_offline: bool,
    is_named: bool,
) -> ExitCode:
    """Print the contacts of all these organisations; `is_named` adds a column with their names."""
    code = ExitCode.DONE
    async with AsyncExitStack() as stack:
        tables = []
        for organisation in organisations:
            engine, outcome = await stack.enter_async_context(
                session.up_to_date(account, organisation, is_offline=is_offline)
            )
            code = max(code, outcome)
            if wanted.needs_activity and (reason := unknown_reason(engine.snapshot.activity)):
                output.note(f"{organisation.name}: {reason}")
            tables.append(await _read(engine, organisation, wanted, is_named=is_named))
        columns, rows = tables[0][0], chain.from_iterable(rows for _, rows in tables)
        if xlsx is None:
            count = output.print_rows(columns, rows, table_format)
        else:
            with user_file(xlsx) as stream:
                count = write_table(stream, TableFormat.EXCEL, columns, rows)
        if not count:
            output.note("No contacts match.")
    return code


async def _read(
    engine: Engine, organisation: Organisation, wanted: _Wanted, *, is_named: bool
) -> tuple[Sequence[TableColumn], Iterator[Sequence[Cell]]]:
    """Return the columns and the rows of one organisation; the rows are read while they are printed."""
    groups = [group.name for group in await engine.tenancy.groups()] if wanted.text else []
    export = wanted.export(organisation, groups)
    _, found = await engine.contacts.stream(export)
    columns = list(export.columns)
    order = _order(columns, wanted.columns)

    def chosen(cells: Sequence[Cell]) -> Sequence[Cell]:
        return [cells[place] for place in order]

    def rows() -> Iterator[Sequence[Cell]]:
        with closing(found):
            for row in found:
                cells = chosen(export.cells(row))
                yield (organisation.name, *cells) if is_named else cells

    shown = [columns[place] for place in order]
    return ([_ORGANISATION, *shown] if is_named else shown), rows()


def _order(columns: Sequence[TableColumn], wanted: Sequence[str] | None) -> Sequence[int]:
    """Return the places of the columns to show: those asked for, in that order, or else all."""
    if wanted is None:
        return range(len(columns))
    places = {column.key: place for place, column in enumerate(columns)}
    return [places[name] for name in wanted]
