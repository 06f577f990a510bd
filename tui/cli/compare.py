"""`reshelve compare FILE`: compare contacts exported from Re-Leased with Xero."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli import compare_format
from tui.cli.launch import confirm, to_click_error
from tui.cli.session import choose_one
from tui.engine import comparison
from tui.engine.account import account as account_of
from tui.engine.comparison import open_store
from tui.messages.formats import pluralize
from tui.model.comparison import resolve_ambiguous
from tui.model.contact import ContactStatus
from tui.model.contact_file import FileOptions, parse_datetime
from tui.model.errors import ReadOnlyError, ReshelveError
from tui.model.reasons import ReadOnlyReason
from tui.settings import load
from tui.system.paths import Paths

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.comparison import AmbiguousLine, FileComparison
    from tui.store import Store

_SKIP = "-"
_NO_MATCH = "0"
_SKIP_REST = "q"


def _moment(context: click.Context, option: click.Parameter, value: str | None) -> datetime | None:
    """Parse a date or time; for a time that occurs twice when clocks go back, the earlier one."""
    if value is None:
        return None
    try:
        return parse_datetime(value)
    except ValueError:
        raise click.BadParameter(
            "Use a format such as 2026-03-31 or 2026-03-31T14:05.", ctx=context, param=option
        ) from None


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--organisation", help="Compare with the organisation whose name contains this.")
@click.option("--archived", "is_archived", is_flag=True, help="All contacts in FILE are archived.")
@click.option("--active", "is_active", is_flag=True, help="All contacts in FILE are active.")
@click.option("--delimiter", default="", help="Column delimiter: comma, semicolon, tab, pipe …")
@click.option("--encoding", default="", help="Encoding of FILE, such as utf-8 or cp1252.")
@click.option("--sheet", default="", help="Sheet of an Excel workbook, by name.")
@click.option(
    "--header-row", type=click.IntRange(1, 1_000), metavar="LINE", help="Line that has the column names."
)
@click.option("--id-column", default="", help="Column with Xero's ContactID (Re-Leased: External ID).")
@click.option("--name-column", default="", help="Column with contact names.")
@click.option("--email-column", default="", help="Column with e-mail addresses.")
@click.option("--status-column", default="", help="Column that shows which contacts are archived.")
@click.option(
    "--dated",
    callback=_moment,
    metavar="TIME",
    help="When FILE was exported. Default: when it was last modified.",
)
@click.option("--dry-run", is_flag=True, help="Compare only; record nothing.")
@click.option("--csv", "is_csv", is_flag=True, help="Print the whole result as CSV; record nothing.")
@click.option("--json", "is_json", is_flag=True, help="Print the whole result as JSON; record nothing.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation; skip lines that need review.")
def compare(
    file: Path,
    organisation: str | None,
    *,
    is_archived: bool,
    is_active: bool,
    dated: datetime | None,
    header_row: int | None,
    dry_run: bool,
    is_csv: bool,
    is_json: bool,
    yes: bool,
    **options: str,
) -> None:
    """Compare a CSV or Excel file of contacts exported from Re-Leased with Xero.

    Matches can be marked as synced: they show that Re-Leased has those changes. Nothing is changed in Xero.

    \b
    Examples:
      $ reshelve compare contacts.csv
      $ reshelve compare contacts.xlsx --sheet Contacts --dated 2026-03-31 --dry-run
      $ reshelve compare archived.csv --archived --yes
      $ reshelve compare contacts.csv --csv > result.csv
    """  # noqa: D301 - click keeps the lines of what follows
    if is_archived and is_active:
        raise click.UsageError("Use either --archived or --active.")
    if is_csv and is_json:
        raise click.UsageError("Use either --csv or --json.")
    if yes and (is_csv or is_json):
        raise click.UsageError("--csv and --json record nothing: use them without --yes.")
    status = ContactStatus.ARCHIVED if is_archived else ContactStatus.ACTIVE if is_active else None
    paths = Paths.find()
    try:
        account = account_of(load(paths.settings_file), paths)
        chosen = choose_one(account, organisation)
        store = open_store(paths, chosen)
        file_options = FileOptions(status=status, exported_at=dated, header_row=header_row, **options)
        try:
            if is_csv or is_json:
                _print_result(store, file, file_options, chosen.name, is_json=is_json)
                return
            _compare(
                store,
                file,
                file_options,
                chosen.name,
                is_interactive=not yes,
                is_recording=not dry_run,
                is_read_only=chosen.is_read_only,
            )
        finally:
            store.close()
    except (KeyboardInterrupt, click.Abort):
        raise click.ClickException("Cancelled. Only what is listed as recorded was recorded.") from None
    except ReshelveError as error:
        raise to_click_error(error) from error


def _print_result(
    store: Store, file: Path, options: FileOptions, organisation: str, *, is_json: bool
) -> None:
    """Print the whole result on standard output, and nothing else there."""
    found = asyncio.run(comparison.compare_file(store, file, options))
    for line in compare_format.heading(found, organisation):
        click.echo(line, err=True)
    format_result = compare_format.as_json if is_json else compare_format.as_csv
    # As bytes: a pipe's encoding may lack characters that names have.
    click.echo(format_result(found, organisation).encode(), nl=False)


def _compare(
    store: Store,
    file: Path,
    options: FileOptions,
    organisation: str,
    *,
    is_interactive: bool,
    is_recording: bool,
    is_read_only: bool,
) -> None:
    found = asyncio.run(comparison.compare_file(store, file, options))
    for line in (*compare_format.heading(found, organisation), *compare_format.summary(found)):
        click.echo(line)
    if not is_recording:
        click.echo("Nothing was recorded.")
        return
    if is_read_only:
        raise ReadOnlyError(ReadOnlyReason.CONNECTION)
    choices = _ask_choices(found) if is_interactive and found.ambiguous else {}
    count = len(resolve_ambiguous(found, choices).newly_synced)
    if not count:
        click.echo("The file confirms no further changes. There is nothing to record.")
        return
    click.echo(f"{pluralize(count, 'change')} confirmed by the file.")
    if is_interactive and not confirm("Mark as synced?"):
        raise click.Abort
    accepted = asyncio.run(comparison.record_matches(store, found, choices))
    click.echo(f"Recorded: {pluralize(accepted.newly_synced_total, 'change')} marked as synced.")


def _ask_choices(found: FileComparison) -> dict[int, str | None]:
    """Ask which contact each ambiguous line means; skipped lines are left out."""
    lines = pluralize(len(found.ambiguous), "line needs", "lines need")
    if not click.confirm(f"{lines} review. Review now?", default=False):
        return {}
    choices: dict[int, str | None] = {}
    for line in found.ambiguous:
        answer = _ask_choice(line)
        if answer == _SKIP_REST:
            break
        if answer == _SKIP:
            continue
        choices[line.listed.line] = (
            None if answer == _NO_MATCH else line.candidates[int(answer) - 1].contact_id
        )
    return choices


def _ask_choice(line: AmbiguousLine) -> str:
    click.echo(compare_format.ambiguous(line))
    for number, candidate in enumerate(line.candidates, 1):
        click.echo(f"  {number}  {compare_format.contact(candidate)}")
    click.echo(
        f"  {_NO_MATCH}  none of them\n  {_SKIP}  skip this line\n  {_SKIP_REST}  skip all remaining lines"
    )
    numbers = [str(number) for number in range(1, len(line.candidates) + 1)]
    kinds = click.Choice([*numbers, _NO_MATCH, _SKIP, _SKIP_REST])
    answer: str = click.prompt("Which one?", type=kinds, show_choices=False, default=_SKIP)
    return answer
