"""`reshelve status`: what needs you in each organisation, and what is pending sync."""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import click
from msgspec import Struct

from tui import messages
from tui.cli import output, session
from tui.cli.exit_codes import ExitCode
from tui.cli.shared_options import is_accessible
from tui.messages import formats
from tui.messages.formats import format_number
from tui.model.errors import StoreError
from tui.model.reasons import ComparisonReason
from tui.model.snapshot import ChangeSummary
from tui.model.tables import TableColumn, TableFormat
from tui.widgets.sync_format import next_sync, totals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.engine.account import XeroAccount
    from tui.engine.saved_data import SavedData
    from tui.model.contact import Organisation
    from tui.model.tables import Cell

_COLUMNS: Final = (
    TableColumn("organisation", "Organisation"),
    TableColumn("state", "State"),
    TableColumn("missed", "Missed last sync"),
    TableColumn("not_syncing", "Sync not running"),
    TableColumn("refused", "Refused by Xero"),
    TableColumn("restores_to_finish", "Restores to finish"),
    TableColumn("pending_sync", "Pending sync"),
    TableColumn("not_in_xero", "Not in Xero yet"),
    TableColumn("sending", "Sending"),
    TableColumn("sync", "Re-Leased's sync"),
    TableColumn("next_sync_at", "Next sync (UTC)"),
    TableColumn("refreshed_at", "Last refreshed (UTC)"),
    TableColumn("calls_left_today", "Xero calls left today"),
    TableColumn("problem", "Problem"),
)
# The states in machine-readable output; they never change.
_OK, _NEEDS_YOU, _NOT_LOADED, _REMOVED, _UNREADABLE = (
    "ok",
    "needs_you",
    "not_loaded",
    "removed",
    "unreadable",
)
_LOAD_FIRST: Final = "Not loaded yet. Run `reshelve refresh` to load them."
_RECONNECT: Final = "Xero no longer lists this organisation. Run `reshelve connect` to sign in again."
_LIST_THEM: Final = "to list them: reshelve changes --state {}"
_DAY: Final = timedelta(days=1)
_LOOK_SECONDS: Final = 2.0
_CLEAR: Final = "\x1b[H\x1b[2J"
_WIDTH: Final = 18
_LEAST_WIDTH: Final = 16


class _Status(Struct, frozen=True):
    """What saved data shows of one organisation. Without `saved` data, the state or the problem says why."""

    organisation: str
    state: str
    problem: str = ""
    summary: ChangeSummary = ChangeSummary()
    is_paused: bool = False
    is_stalled: bool = False
    next_sync: str = ""
    next_sync_at: datetime | None = None
    refreshed_at: datetime | None = None
    calls_left: int | None = None
    calls_left_at: datetime | None = None

    @property
    def needs_you(self) -> bool:
        """Whether the user has to do something."""
        return self.state in {_NEEDS_YOU, _REMOVED, _UNREADABLE}


@click.command()
@click.option("--organisation", metavar="NAME", help="Only the organisation whose name contains NAME.")
@click.option("--refresh", "is_refresh", is_flag=True, help="Read what has changed in Xero first.")
@click.option("--watch", is_flag=True, help="Show changes as they happen, until Ctrl-C.")
@output.format_options
def status(
    organisation: str | None, *, is_refresh: bool, watch: bool, table_format: TableFormat | None
) -> None:
    """Show what needs you in each organisation, and what is pending sync.

    Shows what is saved on this computer, also while Reshelve is open; nothing is requested from Xero without
    --refresh. With --watch and --json, each change is one line with one JSON object.

    \b
    Exit codes, for monitoring:
      0  nothing needs you
      1  something does: changes that Xero refused or a sync missed, restores
         to finish, a sync that isn't running, data that can't be read
      3  not signed in to Xero
      4  with --refresh: Xero can't be reached

    \b
    Examples:
      $ reshelve status
      $ reshelve status --json
      $ reshelve status --refresh
      $ reshelve status --watch
    """  # noqa: D301 - click keeps the lines of what follows
    if watch and table_format is TableFormat.CSV:
        raise click.UsageError("Use --watch without --csv.")
    account = session.open_account()
    chosen = (
        session.connected(account) if organisation is None else [session.choose_one(account, organisation)]
    )
    code = _refresh(account, chosen) if is_refresh else ExitCode.DONE
    if watch:
        _watch(account, chosen, table_format)
    found = _read_all(account, chosen)
    if table_format is not None:
        output.print_rows(_COLUMNS, map(_cells, found), table_format)
    else:
        for line in _lines(found):
            output.print_line(line)
    if code is ExitCode.DONE and any(one.needs_you for one in found):
        code = ExitCode.FAILED
    click.get_current_context().exit(code)


def _refresh(account: XeroAccount, organisations: Sequence[Organisation]) -> ExitCode:
    """Refresh all of them; failures are noted. Another copy that refreshes one isn't a failure here."""
    from tui.cli.refresh import refresh_one

    code = ExitCode.DONE
    for organisation in organisations:
        outcome = session.run(refresh_one(account, organisation))
        if outcome.code not in {ExitCode.DONE, ExitCode.LOCKED}:
            output.note(f"{organisation.name}: {outcome.message} Showing saved data.")
            code = max(code, outcome.code)
    return code


def _watch(
    account: XeroAccount, organisations: Sequence[Organisation], table_format: TableFormat | None
) -> None:
    """Print the status of each organisation whenever it changes; ends by Ctrl-C only."""
    is_repainted = table_format is None and sys.stdout.isatty() and not is_accessible()
    before: list[object] = [None] * len(organisations)
    while True:
        found = _read_all(account, organisations)
        if is_repainted:
            text = "\n".join(_lines(found))
            if text != before[0]:
                before[0] = text
                click.echo(_CLEAR, nl=False)
                for line in text.splitlines():
                    output.print_line(line)
        else:
            for place, one in enumerate(found):
                shown = _cells(one)
                if shown != before[place]:
                    before[place] = shown
                    _print_change(one, table_format)
        time.sleep(_LOOK_SECONDS)


def _print_change(one: _Status, table_format: TableFormat | None) -> None:
    if table_format is None:
        output.print_line(f"{formats.time_of_day(datetime.now(UTC))} {one.organisation}: {_brief(one)}")
    else:
        output.print_rows(_COLUMNS, [_cells(one)], TableFormat.JSON_LINES)


def _read_all(account: XeroAccount, organisations: Sequence[Organisation]) -> list[_Status]:
    removed = {one.organisation.tenant_id for one in account.organisations() if one.is_removed}
    return [_read(account, one, is_removed=one.tenant_id in removed) for one in organisations]


def _read(account: XeroAccount, organisation: Organisation, *, is_removed: bool) -> _Status:
    try:
        with account.saved_data(organisation) as saved:
            return _status_of(account, organisation, saved, is_removed=is_removed)
    except StoreError as error:
        problem = messages.in_full(error)
        if error.reason is ComparisonReason.NOTHING_LOADED:
            return _Status(organisation.name, _NOT_LOADED, _LOAD_FIRST)
        return _Status(organisation.name, _UNREADABLE, problem)


def _status_of(
    account: XeroAccount, organisation: Organisation, saved: SavedData, *, is_removed: bool
) -> _Status:
    snapshot = saved.snapshot
    summary, re_leased = snapshot.summary or ChangeSummary(), snapshot.re_leased
    sync = next_sync(re_leased, saved.now(), is_practice=account.is_sandbox, key=lambda _: "")
    needs_you = (
        summary.missed_total
        or summary.stalled_total
        or summary.refused_total
        or summary.manual_restore_total
        or re_leased.is_stalled
    )
    state = _REMOVED if is_removed else _NEEDS_YOU if needs_you else _OK
    problem = _RECONNECT if is_removed else ""
    if state == _OK and not saved.has_all_contacts:
        state, problem = _NOT_LOADED, _LOAD_FIRST
    left = saved.calls_left
    if left is not None and saved.now() - left.at > _DAY:
        left = None
    return _Status(
        organisation.name,
        state,
        problem,
        summary,
        snapshot.is_paused,
        re_leased.is_stalled,
        sync.text,
        re_leased.next_sync_at,
        saved.refreshed_at,
        None if left is None else left.calls,
        None if left is None else left.at,
    )


def _lines(found: Sequence[_Status]) -> Iterator[str]:
    """Yield the status for people: labelled lines for each organisation."""
    for place, one in enumerate(found):
        if place:
            yield ""
        yield one.organisation
        for label, text in _details(one):
            if is_accessible():
                yield f"{label}: {text}"
            else:
                yield from _wrapped(f"  {label.ljust(_WIDTH)}  ", text)


def _wrapped(label: str, text: str) -> Iterator[str]:
    """Yield the lines of a text beside its label; in a pipe it is one line."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    room = max(width - len(label), _LEAST_WIDTH)
    for place, line in enumerate(textwrap.wrap(text, room)):
        yield f"{' ' * len(label) if place else label}{line}"


def _details(one: _Status) -> Iterator[tuple[str, str]]:
    """Yield what needs the user first; of that, what there is none of is left out."""
    if one.problem:
        yield "Contacts" if one.state == _NOT_LOADED else "Problem", one.problem
    if one.state in {_NOT_LOADED, _UNREADABLE}:
        return
    summary = one.summary
    for count, label, state in (
        (summary.missed_total, "Missed last sync", "missed"),
        (summary.stalled_total, "Sync not running", "not-running"),
        (summary.refused_total, "Refused by Xero", "refused"),
        (summary.manual_restore_total, "Restores to finish", "restore"),
    ):
        if count:
            yield label, f"{format_number(count)} ({_LIST_THEM.format(state)})"
    if not one.needs_you:
        yield "Needs you", "nothing"
    yield "Pending sync", format_number(summary.pending_total - summary.missed_total - summary.stalled_total)
    paused = " (sending is paused)" if one.is_paused else ""
    yield "Not in Xero yet", f"{format_number(summary.in_progress_total)}{paused}"
    yield "Next sync", messages.as_sentence(one.next_sync)
    yield "Last refreshed", _when(one.refreshed_at)
    if one.calls_left is not None:
        yield (
            "Xero calls left",
            f"{format_number(one.calls_left)} for today, as of {_when(one.calls_left_at)}",
        )


def _when(moment: datetime | None) -> str:
    return "never" if moment is None else formats.date_and_time(moment)


def _brief(one: _Status) -> str:
    """Describe the counts on one line."""
    return one.problem or ", ".join(text for text, _ in totals(one.summary))


def _cells(one: _Status) -> Sequence[Cell]:
    summary = one.summary
    is_known = one.state not in {_NOT_LOADED, _UNREADABLE}
    counts = (
        summary.missed_total,
        summary.stalled_total,
        summary.refused_total,
        summary.manual_restore_total,
        summary.pending_total - summary.missed_total - summary.stalled_total,
        summary.in_progress_total,
    )
    return (
        one.organisation,
        one.state,
        *(Decimal(count) if is_known else None for count in counts),
        "paused" if one.is_paused else "on",
        "not_running" if one.is_stalled else "running",
        one.next_sync_at,
        one.refreshed_at,
        None if one.calls_left is None else Decimal(one.calls_left),
        one.problem,
    )
