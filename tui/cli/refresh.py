"""`reshelve refresh`: read what has changed in Xero and Re-Leased once, and send what is queued."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import click
from msgspec import Struct

from tui.cli import output, session
from tui.cli.exit_codes import ExitCode
from tui.cli.launch import command_error, to_click_error
from tui.messages.formats import pluralize
from tui.model.errors import ReshelveError, StoreError
from tui.model.tables import TableColumn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tui.cli.session import RunningOrganisation
    from tui.engine.account import XeroAccount
    from tui.model.contact import Organisation
    from tui.model.snapshot import Snapshot
    from tui.model.tables import Cell, TableFormat

_COLUMNS: Final = (
    TableColumn("organisation", "Organisation"),
    TableColumn("result", "Result"),
    TableColumn("contacts", "Contacts"),
    TableColumn("refreshed_at", "Last refreshed (UTC)"),
    TableColumn("message", "Message"),
)
#: The results in machine-readable output; they never change.
_RESULTS: Final = {
    ExitCode.DONE: "refreshed",
    ExitCode.FAILED: "failed",
    ExitCode.NOT_SIGNED_IN: "not_signed_in",
    ExitCode.UNREACHABLE: "unreachable",
    ExitCode.LOCKED: "other_copy",
}
_OTHER_COPY: Final = (
    "Another copy of Reshelve has this organisation open, and refreshes it at least every 10 minutes, unless"
    " Xero's calls for today are nearly used up."
)
_WAIT: Final = "To wait for its next refresh, use --wait."
_NOT_ENDED: Final = "Xero's contacts are up to date. Sending changes or reading Re-Leased took too long."
_WAITED_IN_VAIN: Final = "It hasn't refreshed since this command started, 20 minutes ago."
_MOST_WAITED: Final = 1_200.0
_LOOK_SECONDS: Final = 1.0


class RefreshOutcome(Struct, frozen=True):
    """How the refresh of one organisation ended; `message` is why it failed, or what else to know."""

    organisation: str
    code: ExitCode
    contacts: int | None = None
    refreshed_at: datetime | None = None
    message: str = ""


@click.command()
@click.option("--organisation", metavar="NAME", help="Refresh the organisation whose name contains NAME.")
@click.option("--all-organisations", is_flag=True, help="Refresh every connected organisation.")
@click.option(
    "--wait", is_flag=True, help="If another copy of Reshelve has it open, wait until that refreshes."
)
@output.format_options
def refresh(
    organisation: str | None,
    *,
    all_organisations: bool,
    wait: bool,
    table_format: TableFormat | None,
) -> None:
    """Read what has changed in Xero and Re-Leased, once.

    The first refresh reads all contacts; later ones only what has changed, and all contacts once a week.
    Changes that aren't in Xero yet are sent, as they are when the app runs.

    \b
    Exit codes:
      0  refreshed
      1  failed
      3  not signed in to Xero
      4  Xero can't be reached, or the keychain is locked
      5  another copy of Reshelve has it open, which refreshes it

    \b
    Examples:
      $ reshelve refresh
      $ reshelve refresh --all-organisations
      $ reshelve refresh --wait --json
    """  # noqa: D301 - click keeps the lines of what follows
    if organisation is not None and all_organisations:
        raise click.UsageError("Use either --organisation or --all-organisations.")
    account = session.open_account()
    chosen = session.connected(account) if all_organisations else [session.choose_one(account, organisation)]
    outcomes = []
    for one in chosen:
        outcome = session.run(refresh_one(account, one, is_patient=wait))
        outcomes.append(outcome)
        if outcome.code is not ExitCode.DONE:
            output.note(f"{outcome.organisation}: {outcome.message}")
        elif table_format is None:
            output.print_line(_sentence(outcome))
    if table_format is not None:
        output.print_rows(_COLUMNS, map(_cells, outcomes), table_format)
    click.get_current_context().exit(max(outcome.code for outcome in outcomes))


async def refresh_one(
    account: XeroAccount, organisation: Organisation, *, is_patient: bool = False
) -> RefreshOutcome:
    """Refresh an organisation, and send what is queued. If `is_patient`, waits for another copy's refresh."""
    name = organisation.name
    try:
        refreshed_at = _refreshed_at(account, organisation)
        async with session.running(account, organisation) as running:
            # Before the engine has started: when Re-Leased was read last.
            reading = running.engine.snapshot.re_leased.contacts
            problem = await session.refresh(running)
            if problem is None and running.engine.snapshot.last_refresh_at is None:
                if not is_patient:
                    return RefreshOutcome(name, ExitCode.LOCKED, message=f"{_OTHER_COPY} {_WAIT}")
                problem = await _wait_for_other_copy(running, account, organisation, refreshed_at)
            if problem is None and running.engine.snapshot.last_refresh_at is not None:
                problem = await _finish(running, None if reading is None else reading.last_began_at)
            count = running.engine.snapshot.counts.all
    except ReshelveError as error:
        problem, count = to_click_error(error), None
    if problem is not None:
        return RefreshOutcome(name, ExitCode(problem.exit_code), message=problem.message)
    return RefreshOutcome(name, ExitCode.DONE, count, _refreshed_at(account, organisation))


async def _wait_for_other_copy(
    running: RunningOrganisation,
    account: XeroAccount,
    organisation: Organisation,
    refreshed_at: datetime | None,
) -> click.ClickException | None:
    """Wait until the copy that has the organisation open refreshes it, or ends: then this one does."""
    output.note(f"{organisation.name}: {_OTHER_COPY} Waiting for its next refresh. Ctrl-C ends the wait.")
    ends_at = time.monotonic() + _MOST_WAITED
    while time.monotonic() < ends_at:
        ended = await running.until(
            lambda snapshot: (
                snapshot.last_refresh_at is not None or session.xero_problem(snapshot) is not None
            ),
            seconds=_LOOK_SECONDS,
        )
        if ended is not None:
            return session.xero_problem(ended)
        if _refreshed_at(account, organisation) != refreshed_at:
            return None
    return command_error(_WAITED_IN_VAIN, ExitCode.LOCKED)


async def _finish(running: RunningOrganisation, began_at: datetime | None) -> click.ClickException | None:
    """Wait until what was queued is sent, and Re-Leased is read; returns why that isn't possible, or None.

    `began_at` is when the last read of Re-Leased's contacts began.
    """
    is_sending = not running.engine.is_read_only
    with output.progress("Reading Re-Leased's contacts") as shown:

        def has_ended(snapshot: Snapshot) -> bool:
            reading = snapshot.re_leased.contacts
            if reading is not None and reading.received is not None:
                shown.update(reading.received, None)
            is_read = reading is None or reading.last_began_at != began_at or reading.problem is not None
            in_progress = 0 if snapshot.summary is None else snapshot.summary.in_progress_total
            is_sent = not in_progress or snapshot.is_paused or not is_sending
            return (is_read and is_sent and snapshot.re_leased.is_polled) or (
                session.xero_problem(snapshot) is not None
            )

        ended = await running.until(has_ended, seconds=_MOST_WAITED)
    if ended is None:
        return command_error(_NOT_ENDED)
    reading = ended.re_leased.contacts
    notice = ended.re_leased.problem if reading is None else reading.problem
    if notice is None:
        return session.xero_problem(ended)
    why = session.without_retry(notice)
    return command_error(f"Xero's contacts are up to date, Re-Leased's aren't. {why}")


def _refreshed_at(account: XeroAccount, organisation: Organisation) -> datetime | None:
    """Return when an organisation was refreshed last, in any copy of Reshelve."""
    try:
        with account.saved_data(organisation) as saved:
            return saved.refreshed_at
    except StoreError:
        return None


def _sentence(outcome: RefreshOutcome) -> str:
    count = "" if outcome.contacts is None else f", {pluralize(outcome.contacts, 'contact')}"
    return f"{outcome.organisation}: refreshed{count}."


def _cells(outcome: RefreshOutcome) -> Sequence[Cell]:
    count = None if outcome.contacts is None else Decimal(outcome.contacts)
    return outcome.organisation, _RESULTS[outcome.code], count, outcome.refreshed_at, outcome.message
