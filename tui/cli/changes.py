"""`reshelve changes`: the change log, newest first."""

from __future__ import annotations

import shutil
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click
from msgspec import Struct

from tui import messages
from tui.cli import output, session
from tui.cli.shared_options import is_accessible
from tui.messages.change_export import COLUMNS, change_cells, change_status
from tui.messages.formats import short_day_and_time
from tui.model.change import Action, Origin, State
from tui.model.change_list import ChangeQuery
from tui.model.contact_file import parse_datetime
from tui.model.query import SyncFilter, fold, sync_filter_of
from tui.model.tables import TableColumn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tui.engine.saved_data import SavedData
    from tui.model.change import Change
    from tui.model.snapshot import ChangeView
    from tui.model.tables import Cell, TableFormat

_SHOWN: Final = (
    TableColumn("requested_at", "Requested"),
    TableColumn("contact", "Contact"),
    TableColumn("action", "Change"),
    TableColumn("status", "Status"),
    TableColumn("by", "By"),
    TableColumn("reason", "Reason"),
)
# The columns of a terminal from which the last ones are shown.
_ROOM_FOR_BY, _ROOM_FOR_REASON = 64, 100
_ACTIONS: Final = {Action.ARCHIVE: "Archive", Action.RESTORE: "Restore"}
_ORIGINS: Final = {Origin.RESHELVE: "Reshelve", Origin.XERO: "Xero"}
# Besides those that `sync:` has in a search.
_RETRIED: Final = "retried"
_ENDED: Final = {State.CANCELLED: "cancelled", State.DISMISSED: "stopped-waiting"}
_STATES: Final = (
    *(each.value for each in SyncFilter if each is not SyncFilter.NONE),
    _RETRIED,
    *_ENDED.values(),
)
_A_DAY: Final = timedelta(days=1)
_DATE_LENGTH: Final = len("2026-03-31")


def _moment(context: click.Context, option: click.Parameter, value: str | None) -> datetime | None:
    """Parse a date or time; a date for --until means the end of that day."""
    if value is None:
        return None
    try:
        moment = parse_datetime(value)
        is_day = len(value.strip()) <= _DATE_LENGTH
        return moment + _A_DAY if is_day and option.name == "until" else moment
    except (ValueError, OverflowError):
        raise click.BadParameter(
            "Use a format such as 2026-03-31 or 2026-03-31T14:05.", ctx=context, param=option
        ) from None


@click.command()
@click.option("--organisation", metavar="NAME", help="The organisation whose name contains NAME.")
@click.option(
    "--contact", metavar="NAME|ID", help="Only contacts with this ContactID or, in their name, this text."
)
@click.option("--since", metavar="DATE", callback=_moment, help="Only changes from this date or time on.")
@click.option("--until", metavar="DATE", callback=_moment, help="Only changes up to this date or time.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(_STATES),
    metavar="STATE",
    help=f"Only changes with this status; can be repeated. One of {', '.join(_STATES)}.",
)
@click.option("--summary", is_flag=True, help="Add up a year by month instead, with waiting times.")
@click.option("--year", type=click.IntRange(1990, 2999), help="The year of --summary; this year without it.")
@output.format_options
def changes(
    organisation: str | None,
    contact: str | None,
    since: datetime | None,
    until: datetime | None,
    states: tuple[str, ...],
    *,
    summary: bool,
    year: int | None,
    table_format: TableFormat | None,
) -> None:
    """List archives and restores, newest first: when, which contact, by whom, and what became of them.

    Reads what is saved on this computer, which includes what was archived or restored in Xero. A terminal
    with 100 columns also shows reasons. Output to a pipe, --json, --jsonl and --csv have every column, with
    Xero's own message.

    \b
    Examples:
      $ reshelve changes
      $ reshelve changes --state missed --state refused
      $ reshelve changes --since 2026-03-01 --until 2026-03-31 --csv
      $ reshelve changes --contact bayside --json
      $ reshelve changes --summary --year 2026 --csv
    """  # noqa: D301 - click keeps the lines of what follows
    if summary and (contact is not None or since is not None or until is not None or states):
        raise click.UsageError("Use --summary only with --organisation, --year and a format.")
    if year is not None and not summary:
        raise click.UsageError("Use --year with --summary.")
    account = session.open_account()
    wanted = _Wanted("" if contact is None else contact.strip(), since, until, frozenset(states))
    with account.saved_data(session.choose_one(account, organisation)) as saved:
        if summary:
            _print_year(saved, year or saved.now().astimezone().year, table_format)
            return
        views = filter(wanted.includes, map(saved.view, wanted.candidates(saved)))
        if output.is_for_people(table_format):
            shown = _SHOWN[: _shown_count()]
            now = saved.now().astimezone()
            if not output.print_rows(shown, (_shown_cells(view, now)[: len(shown)] for view in views)):
                output.note("No changes match." if wanted.is_filter else "No changes yet.")
        else:
            output.print_rows(COLUMNS, map(change_cells, views), table_format)


def _print_year(saved: SavedData, year: int, table_format: TableFormat | None) -> None:
    from tui.messages import year as texts

    summary = session.run(saved.store.changes.summarize_year(year))
    rows = (texts.month_cells(summary, month) for month in summary.months)
    if not output.is_for_people(table_format):
        output.print_rows(texts.COLUMNS, rows, table_format)
        return
    if is_accessible():
        shown = ([str(cell) if isinstance(cell, Decimal) else cell for cell in row] for row in rows)
        output.print_rows(texts.COLUMNS, shown)
    elif summary.total:
        from tui.screens.changes.year import year_lines

        for line in year_lines(summary, shutil.get_terminal_size().columns):
            output.print_line(line.plain.rstrip())
        return
    for text in texts.totals(summary):
        output.print_line(text)


class _Wanted(Struct, frozen=True):
    """Which changes to list. `until` isn't included."""

    contact: str
    since: datetime | None
    until: datetime | None
    states: frozenset[str]

    @property
    def is_filter(self) -> bool:
        """Whether any change could be left out."""
        return bool(self.contact or self.since or self.until or self.states)

    def candidates(self, saved: SavedData) -> Iterator[Change]:
        """Yield the changes of the contact, newest first; by the name that it had at the time."""
        contact_id = _contact_id(self.contact)
        if contact_id:
            yield from saved.store.changes.of_contact(contact_id)
            return
        name = fold(self.contact)
        for change in saved.store.changes.iter_all(ChangeQuery()):
            if not name or name in fold(change.name):
                yield change

    def includes(self, view: ChangeView) -> bool:
        """Return whether to list a change."""
        at = view.change.requested_at
        is_in_time = (self.since is None or at >= self.since) and (self.until is None or at < self.until)
        return is_in_time and (not self.states or _state(view) in self.states)


def _contact_id(text: str) -> str:
    """Return a ContactID as it is stored; empty for anything else."""
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def _state(view: ChangeView) -> str:
    change = view.change
    if change.state is State.REFUSED and change.superseded:
        return _RETRIED
    return _ENDED.get(change.state) or sync_filter_of(view).value


def _shown_count() -> int:
    """Return how many columns of `_SHOWN` the terminal has room for; a screen reader gets all."""
    width = shutil.get_terminal_size().columns
    if is_accessible() or width >= _ROOM_FOR_REASON:
        return len(_SHOWN)
    return len(_SHOWN) - (1 if width >= _ROOM_FOR_BY else 2)


def _shown_cells(view: ChangeView, now: datetime) -> Sequence[Cell]:
    change = view.change
    return (
        short_day_and_time(change.requested_at, now),
        change.name,
        _ACTIONS[change.action],
        change_status(view),
        _ORIGINS[change.origin],
        messages.why(change),
    )
