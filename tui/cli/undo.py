"""`reshelve undo`: undo the last archive or restore, after showing what that does."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from tui.cli import change_format, output, session
from tui.cli.change_contacts import Followed, ask, ask_about_protected, finish, require_answer
from tui.cli.change_format import ContactOutcome
from tui.cli.exit_codes import ExitCode
from tui.cli.launch import command_error
from tui.model.change import Action
from tui.model.change_list import BatchKind
from tui.model.errors import ReadOnlyError
from tui.model.reasons import ReadOnlyReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.model.change import Precheck
    from tui.model.change_list import UndoPlan
    from tui.model.contact import Organisation
    from tui.model.tables import TableFormat

_LABEL: Final = "Undoing"
_ASKS_FOR_PROTECTED: Final = (
    "This archives contacts that you protected. Reshelve asks a second question for these, also with --yes,"
    " so it needs a terminal. Nothing changed."
)


@click.command()
@click.option("--organisation", metavar="NAME", help="The organisation whose name contains NAME.")
@click.option("--dry-run", is_flag=True, help="Print what would be done; change nothing.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
@output.format_options
def undo(organisation: str | None, *, dry_run: bool, yes: bool, table_format: TableFormat | None) -> None:
    """Undo the last archive or restore, whether it was made here or in the app.

    Shows what that does, then asks, and asks again before it archives protected contacts. Changes that
    haven't been sent are cancelled. Contacts that Xero has archived are restored: you click Restore in Xero
    for each. The exit codes are those of `reshelve archive`.

    \b
    Examples:
      $ reshelve undo --dry-run
      $ reshelve undo --yes
    """  # noqa: D301 - click keeps the lines of what follows
    if not (yes or dry_run):
        require_answer("undo")
    chosen = session.choose_one(session.open_account(), organisation)
    if chosen.is_read_only and not dry_run:
        raise ReadOnlyError(ReadOnlyReason.CONNECTION)
    plan, protected = session.run(_plan(chosen))
    from tui.screens.changes import formatting

    if plan is None or not plan.steps:
        output.note(formatting.nothing_to_do(BatchKind.UNDO, plan))
        return
    question = formatting.question(plan)
    output.note(f"{question.rstrip('?')}:")
    for line in formatting.explanation(plan, datetime.now(UTC)):
        change_format.print_text(line)
    if dry_run:
        finish([*_planned(plan)], table_format, is_dry_run=True)
        return
    if not yes:
        ask(question, len(plan.steps))
    elif protected.protected and not sys.stdin.isatty():
        raise command_error(_ASKS_FOR_PROTECTED, ExitCode.USAGE)
    ask_about_protected(protected)
    outcomes, left = session.run(_apply(chosen, plan))
    finish(outcomes, table_format, left)


async def _plan(organisation: Organisation) -> tuple[UndoPlan | None, Precheck]:
    """Return the plan, and what is known of the contacts that it archives."""
    async with session.opened(session.open_account(), organisation) as engine:
        plan = await engine.undo.plan_undo()
        archived = () if plan is None else plan.archived_ids
        return plan, await engine.changes.check_saved_data(Action.ARCHIVE, archived)


def _planned(plan: UndoPlan) -> Iterator[ContactOutcome]:
    """Return what would become of each contact."""
    from tui.screens.changes import formatting

    for line in plan.lines:
        change = line.target.change
        result = change_format.PLANNED if line.outcome.has_effect else change_format.UNCHANGED
        message = formatting.format_outcome(line, plan.tenancy_warnings.tenant_groups)
        yield ContactOutcome(change.contact_id, change.name, line.target.wanted_action, result, message)


async def _apply(
    organisation: Organisation, plan: UndoPlan
) -> tuple[Sequence[ContactOutcome], click.ClickException | None]:
    """Undo as planned, as far as that still applies, and wait; returns the results and why some are left."""
    async with session.running(session.open_account(), organisation) as running:
        done = await running.engine.undo.apply(plan)
        followed = await Followed.of(running.engine, [line.target.change.contact_id for line in done.steps])
        left = await followed.wait(running, _LABEL)
        return followed.outcomes(), left
