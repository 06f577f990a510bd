"""`reshelve archive` and `reshelve restore`: change contacts, and wait until Xero has confirmed it."""

from __future__ import annotations

import asyncio
import sys
import time
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from msgspec import Struct

from tui.cli import change_format, output, session
from tui.cli.exit_codes import ExitCode
from tui.cli.launch import command_error, confirm
from tui.messages.formats import format_number, pluralize
from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.model.errors import ReadOnlyError
from tui.model.query import Tab
from tui.model.reasons import ContactReason, ReadOnlyReason, XeroReason
from tui.model.snapshot import ConnectionStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from tui.cli.change_format import ContactOutcome
    from tui.cli.session import RunningOrganisation
    from tui.engine.engine import Engine
    from tui.model.change import Change, Precheck
    from tui.model.contact import Contact, Organisation
    from tui.model.snapshot import Snapshot
    from tui.model.tables import TableFormat

_F = TypeVar("_F", bound="Callable[..., Any]")

#: What Xero keeps of a note in a contact's history.
MOST_NOTE: Final = 250
_MOST_LISTED: Final = 20
# Seconds.
_POLL: Final = 0.2
_UNREACHABLE_FOR: Final = 30.0
_NO_PROGRESS_FOR: Final = 120.0
_NOT_READY_FOR: Final = 10.0
# Longer than Xero's limit of calls a minute needs.
_LONGEST_LIMIT: Final = 120.0
_DOING: Final = {Action.ARCHIVE: "Archiving", Action.RESTORE: "Restoring"}
_TABS: Final = {Action.ARCHIVE: Tab.ACTIVE, Action.RESTORE: Tab.ARCHIVED}
_LONGEST_HINT: Final = 200
_SENT_LATER: Final = (
    "Queued changes are sent the next time Reshelve runs; a copy that is open sends them now."
)
_FINISHED_LATER: Final = "Reshelve notices when you click Restore in Xero."
_PROTECTED: Final = "{contacts} left out. To archive protected contacts, add --protected-too."
_ASKS_FOR_PROTECTED: Final = (
    "--protected-too asks for confirmation, also with --yes, so it needs a terminal. Nothing changed."
)
_PAUSED: Final = "Sending to Xero is paused: resume it in the app."
_OTHER_COPY: Final = "The copy of Reshelve that has this organisation open hasn't sent all changes yet."
_NOT_CONFIRMED: Final = "Xero hasn't confirmed all changes yet."
_IN_PROGRESS: Final = frozenset({State.QUEUED, State.SENDING, State.UNKNOWN})


def _note(context: click.Context, option: click.Parameter, value: str) -> str:
    """Make one line of what the user wrote."""
    text = " ".join("".join(" " if unicodedata.category(char) == "Cc" else char for char in value).split())
    if len(text) > MOST_NOTE:
        raise click.BadParameter(f"It can have at most {MOST_NOTE} characters.", ctx=context, param=option)
    return text


def _decorate(command: _F, options: Sequence[Callable[[_F], _F]]) -> _F:
    for option in options[::-1]:
        command = option(command)
    return command


def _contact_options(command: _F) -> _F:
    """Add what names the contacts."""
    return _decorate(
        command,
        (
            click.argument("contacts", nargs=-1, metavar="[CONTACT]..."),
            click.option("--query", metavar="QUERY", help="Also those that the search box finds for QUERY."),
            click.option(
                "--from",
                "file",
                type=click.Path(path_type=Path, allow_dash=True),
                metavar="FILE",
                help="Also those that FILE lists: CSV, Excel, or one per line. - is standard input.",
            ),
        ),
    )


def change_options(command: _F) -> _F:
    """Add what the commands that change contacts have in common."""
    return _decorate(
        command,
        (
            click.option(
                "--reason", default="", metavar="TEXT", callback=_note, help="A note for the change log."
            ),
            click.option("--organisation", metavar="NAME", help="The organisation whose name contains NAME."),
            click.option("--dry-run", is_flag=True, help="Print what would be done; change nothing."),
            click.option("--yes", is_flag=True, help="Don't ask for confirmation."),
            click.option("--skip-warnings", is_flag=True, help="Leave out contacts that have a warning."),
            click.option("--no-wait", is_flag=True, help="Queue the changes, and don't wait for Xero."),
            click.option(
                "--timeout",
                type=click.FloatRange(min=0),
                metavar="SECONDS",
                help="Stop waiting after SECONDS without progress. Default: 30 if Xero can't be reached, or"
                " 120.",
            ),
            output.format_options,
        ),
    )


@click.command()
@_contact_options
@change_options
@click.option("--note-in-xero", is_flag=True, help="Also write the reason to each contact's history in Xero.")
@click.option(
    "--protected-too", is_flag=True, help="Also archive protected contacts; asks for them even with --yes."
)
def archive(**options: Any) -> None:
    """Archive contacts in Xero, and wait until Xero has confirmed it.

    CONTACT is a ContactID or an exact name. Shows the plan with all warnings, then asks. If a name fits two
    contacts, or none, nothing is changed and they are listed. Contacts that are archived already are skipped.
    A FILE with a header needs a column ContactID or Name. Without a terminal, use --yes. Contacts that you
    protected in the app are left out, unless you use --protected-too in a terminal and answer yes.

    Prints the result of each contact. Exit codes: 0 all done, 1 some refused, 2 nothing changed, as the
    request isn't clear, 3 not signed in, 4 Xero can't be reached: queued, and sent later.

    \b
    Examples:
      $ reshelve archive "Ngāti Wharenui Housing Trust"
      $ reshelve archive --query "group:trades" --dry-run
      $ reshelve archive --from left.csv --reason "Left in March" --yes
      $ reshelve archive --from left.csv --yes --no-wait --json
    """  # noqa: D301 - click keeps the lines of what follows
    if options["note_in_xero"] and not options["reason"]:
        raise click.UsageError("Use --note-in-xero with --reason.")
    start(ChangeRequest(Action.ARCHIVE, **options))


@click.command()
@_contact_options
@change_options
@click.option("--wait", is_flag=True, help="Wait until you have clicked Restore in Xero for each.")
def restore(**options: Any) -> None:
    """Restore archived contacts: prints the links where you click Restore in Xero.

    Xero's API doesn't restore contacts, so you finish each in Xero; Reshelve detects it. Otherwise as
    `reshelve archive`, with the same exit codes: restores that are left to finish count as done.

    \b
    Examples:
      $ reshelve restore --query "group:tenants" --dry-run
      $ reshelve restore "Ngāti Wharenui Housing Trust" --wait
      $ reshelve restore --from left.csv --yes --csv
    """  # noqa: D301 - click keeps the lines of what follows
    start(ChangeRequest(Action.RESTORE, **options))


class ChangeRequest(Struct, frozen=True):
    """What was asked for on the command line.

    With `idle_months`, that is whatever Tidy up suggests, in place of contacts that are named.
    """

    action: Action
    reason: str
    organisation: str | None
    dry_run: bool
    yes: bool
    no_wait: bool
    timeout: float | None
    table_format: TableFormat | None
    contacts: tuple[str, ...] = ()
    query: str | None = None
    file: Path | None = None
    idle_months: int | None = None
    wait: bool = False
    note_in_xero: bool = False
    skip_warnings: bool = False
    protected_too: bool = False

    async def record(self, engine: Engine, contact_ids: Sequence[str]) -> None:
        """Record the changes in the change log."""
        await engine.changes.request(
            self.action, contact_ids, self.reason, is_note_for_xero=self.note_in_xero
        )


def require_answer(verb: str, *, has_input: bool = True) -> None:
    """Raise `ClickException` if there is no terminal to ask in."""
    if not (has_input and sys.stdin.isatty()):
        raise command_error(
            f"Can't ask for confirmation without a terminal. Add --yes to {verb}, or --dry-run to see"
            " what would be done. Nothing changed.",
            ExitCode.USAGE,
        )


def ask(question: str, count: int) -> None:
    """Ask for confirmation, of many contacts by their number. Exits if the answer is no."""
    from tui.screens.dialogs.confirm import TYPE_COUNT_FROM

    if count < TYPE_COUNT_FROM:
        is_agreed = confirm(question)
    else:
        prompt = f"{question} Type {format_number(count)} to confirm"
        answer = click.prompt(prompt, default="", show_default=False, err=True)
        is_agreed = str(answer).replace(",", "").strip() == str(count)
    if not is_agreed:
        output.note("Nothing changed.")
        click.get_current_context().exit(ExitCode.FAILED)


def start(request: ChangeRequest) -> None:
    """Show the plan, ask, request the changes and wait for them; exits with the code for the result."""
    action = request.action
    if request.wait and request.no_wait:
        raise click.UsageError("Use either --wait or --no-wait.")
    is_named = request.contacts or request.file is not None or (request.query or "").strip()
    if request.idle_months is None and not is_named:
        raise click.UsageError(f"Which contacts? Name them, or use --query or --from to {action.value} many.")
    if not (request.yes or request.dry_run):
        require_answer(action.value, has_input=str(request.file) != "-")
    elif request.protected_too and not request.dry_run and not sys.stdin.isatty():
        raise command_error(_ASKS_FOR_PROTECTED, ExitCode.USAGE)
    account = session.open_account()
    organisation = session.choose_one(account, request.organisation)
    if organisation.is_read_only and not request.dry_run:
        raise ReadOnlyError(ReadOnlyReason.CONNECTION)
    from tui.cli.contact_list import read_contact_list

    listed = () if request.file is None else read_contact_list(request.file)
    texts = tuple(dict.fromkeys([*(text.strip() for text in request.contacts), *listed]))
    plan = _allowed(request, session.run(_plan(request, organisation, texts)))
    outcomes: Sequence[ContactOutcome] = ()
    left: click.ClickException | None = None
    if plan.possible:
        change_format.print_plan(plan, organisation.base_currency)
        if request.dry_run:
            outcomes = [change_format.planned(action, line) for line in plan.possible]
        else:
            count = len(plan.possible)
            if not request.yes:
                ask(f"{action.value.capitalize()} {pluralize(count, 'contact')}?", count)
            ask_about_protected(plan)
            outcomes, left = session.run(_change(request, organisation, plan))
    skipped = (change_format.left_out(action, line) for line in plan.lines if line.blocked_reason)
    finish([*outcomes, *skipped], request.table_format, left, is_dry_run=request.dry_run)


def _allowed(request: ChangeRequest, plan: Precheck) -> Precheck:
    """Leave out what the options don't allow."""
    if not request.protected_too and plan.protected:
        output.note(_PROTECTED.format(contacts=pluralize(len(plan.protected), "protected contact")))
        plan = plan.without(plan.protected, ContactReason.PROTECTED)
    if request.skip_warnings:
        plan = plan.without(plan.with_warnings, ContactReason.HAS_WARNINGS)
    return plan


def ask_about_protected(plan: Precheck) -> None:
    """Ask the second question, about protected contacts. Exits if the answer is no."""
    if plan.protected:
        from tui.screens.dialogs.ask import protected_lines, protected_question

        for text in protected_lines([line.contact.name for line in plan.protected], len(plan.possible)):
            change_format.print_text(text)
        ask(protected_question(len(plan.protected)), len(plan.protected))


def finish(
    outcomes: Sequence[ContactOutcome],
    table_format: TableFormat | None,
    left: click.ClickException | None = None,
    *,
    is_dry_run: bool = False,
) -> None:
    """Print what became of the contacts, and exit with the code for it; `left` is why some are left."""
    change_format.print_outcomes(outcomes, table_format)
    if outcomes:
        change_format.print_summary(outcomes)
    if is_dry_run:
        output.note("Nothing changed.")
        return
    if left is not None:
        output.note(left.message)
    results = {outcome.result for outcome in outcomes}
    code = ExitCode.DONE if left is None else left.exit_code
    if results & {change_format.REFUSED, change_format.LEFT_OUT}:
        code = ExitCode.FAILED
    click.get_current_context().exit(code)


async def _plan(request: ChangeRequest, organisation: Organisation, texts: Sequence[str]) -> Precheck:
    """Read what has changed in Xero, and return what would be done."""
    async with session.running(session.open_account(), organisation) as running:
        problem = await session.refresh(running)
        if problem is not None:
            if problem.exit_code == ExitCode.NOT_SIGNED_IN or not running.engine.snapshot.counts.all:
                raise problem
            output.note(problem.message)
        ids = await _chosen(request, running.engine, texts)
        ends_at = time.monotonic() + _NOT_READY_FOR
        while True:
            plan = await running.engine.changes.precheck(request.action, ids)
            reason = plan.stale_reason
            if reason is None or reason.reason is not XeroReason.NOT_READY or time.monotonic() > ends_at:
                return plan
            # Beside another copy of Reshelve, there was no refresh that waited for the connection.
            await running.until(_never, seconds=_POLL)


async def _chosen(request: ChangeRequest, engine: Engine, texts: Sequence[str]) -> Sequence[str]:
    """Return the ids of the contacts that were named. Raises `ClickException` if that isn't clear."""
    if request.idle_months is not None:
        return await _idle(engine, request.idle_months)
    found = await engine.contacts.named(texts)
    unknown = [text for text in texts if not found[text]]
    meant = {text: _meant(request.action, found[text]) for text in texts}
    unclear = [text for text in texts if len(meant[text]) > 1]
    if unknown:
        _list(unknown, lambda text: (f"No contact is named “{text}” or has that ContactID.",))
    if unclear:
        _list(unclear, lambda text: change_format.ambiguous_lines(text, meant[text]))
    if unknown or unclear:
        advice = "Name these by their ContactIDs. " if unclear else ""
        raise command_error(f"{advice}Nothing changed.", ExitCode.USAGE)
    ids = [contact.contact_id for text in texts for contact in meant[text]]
    if request.query is not None:
        ids += await _query_ids(request, engine, request.query)
    if not ids:
        raise command_error("No contacts match. Nothing changed.", ExitCode.USAGE)
    return tuple(dict.fromkeys(ids))


async def _idle(engine: Engine, months: int) -> Sequence[str]:
    """Return the ids of the contacts that Tidy up suggests; says what that is based on."""
    from tui.screens.tidy import formatting

    survey, now = await engine.contacts.tidy_survey(), engine.now()
    found = survey.idle(months, now)
    for text in (
        formatting.review_summary(survey, months, len(found), 0) + ".",
        formatting.left_out_text(survey, months, now),
        formatting.basis(survey),
    ):
        change_format.print_text(text)
    return [candidate.contact_id for candidate in found]


def _meant(action: Action, named: Sequence[Contact]) -> Sequence[Contact]:
    """Return the contacts that can be meant by a name: those that can be changed, if there are any.

    An archived contact often has an active namesake.
    """
    before = ContactStatus.ACTIVE if action is Action.ARCHIVE else ContactStatus.ARCHIVED
    changeable = [contact for contact in named if contact.status is before]
    already = [contact for contact in named if contact.status is action.target_status]
    return changeable or already[:1] or named[:1]


def _list(texts: Sequence[str], lines: Callable[[str], Iterable[str]]) -> None:
    for text in texts[:_MOST_LISTED]:
        for line in lines(text):
            output.note(line)
    if len(texts) > _MOST_LISTED:
        output.note(f"and {format_number(len(texts) - _MOST_LISTED)} more.")


async def _query_ids(request: ChangeRequest, engine: Engine, text: str) -> Sequence[str]:
    from tui.messages.contact_export import contact_export
    from tui.model.columns import ColumnKey
    from tui.model.query_parser import parse_query
    from tui.model.tables import TableFormat

    groups = [group.name for group in await engine.tenancy.groups()]
    query = parse_query(_TABS[request.action], text, groups, is_complete=True)
    if any(issue.is_problem for issue in query.issues):
        from tui.widgets.search_box import hint_text

        raise command_error(f"{hint_text(query.issues, _LONGEST_HINT).text} Nothing changed.", ExitCode.USAGE)
    export = contact_export(query, TableFormat.CSV, currency="", columns=[ColumnKey.NAME], with_id=True)
    _, rows = await engine.contacts.stream(export)
    return [row.contact_id for row in rows]


def _never(_: Snapshot) -> bool:
    return False


async def _change(
    request: ChangeRequest, organisation: Organisation, plan: Precheck
) -> tuple[Sequence[ContactOutcome], click.ClickException | None]:
    """Record the changes and wait for them; returns what became of each, and why some are left."""
    account = session.open_account()
    ids = [line.contact.contact_id for line in plan.possible]
    if request.no_wait:
        # No engine runs: it would start to send, and be stopped at once.
        async with session.opened(account, organisation) as engine:
            await request.record(engine, ids)
            output.note(_SENT_LATER)
            return (await Followed.of(engine, ids)).outcomes(), None
    async with session.running(account, organisation) as running:
        await request.record(running.engine, ids)
        followed = await Followed.of(running.engine, ids)
        label = _DOING[request.action]
        left = await followed.wait(running, label, patience=request.timeout, with_restores=request.wait)
        return followed.outcomes(), left


class Followed:
    """Changes whose results are waited for."""

    def __init__(self, engine: Engine, changes: Iterable[Change]) -> None:
        self._engine = engine
        self._changes = {change.change_id: change for change in changes}

    @classmethod
    async def of(cls, engine: Engine, contact_ids: Sequence[str]) -> Followed:
        """Follow the newest change of each contact: just requested, or under way already.

        Where a request cancelled the opposite, which hadn't been sent, that is the newest.
        """
        newest = await engine.change_log.newest(contact_ids)
        return cls(engine, (newest[contact_id] for contact_id in contact_ids if contact_id in newest))

    def outcomes(self) -> list[ContactOutcome]:
        """Return what has become of each change so far."""
        return [
            change_format.outcome_of(change, self._engine.contacts.url) for change in self._changes.values()
        ]

    async def wait(
        self,
        running: RunningOrganisation,
        label: str,
        *,
        patience: float | None = None,
        with_restores: bool = False,
    ) -> click.ClickException | None:
        """Wait, with progress, until Xero has confirmed or refused each.

        Returns why some are left, None if none are. `patience` are the seconds to wait without any progress;
        by default it depends on whether Xero can be reached. `with_restores` also waits, as long as it takes,
        for those that the user finishes in Xero.
        """
        try:
            with output.progress(label) as shown:
                left = await self._until_sent(running, shown, patience)
            if left is None and with_restores and self._among({State.AWAITING_USER}):
                await self._until_restored(running)
        except asyncio.CancelledError:
            self._note_interrupted()
            raise
        return left

    def _note_interrupted(self) -> None:
        output.note("Stopped waiting.")
        if queued := len(self._among(_IN_PROGRESS)):
            output.note(f"{pluralize(queued, 'change is', 'changes are')} kept. {_SENT_LATER}")
        if restores := len(self._among({State.AWAITING_USER})):
            output.note(f"{pluralize(restores, 'restore is', 'restores are')} kept. {_FINISHED_LATER}")

    async def _until_sent(
        self, running: RunningOrganisation, shown: output.Progress, patience: float | None
    ) -> click.ClickException | None:
        total, progress_at = len(self._changes), time.monotonic()
        while True:
            before = self._changes
            left = await self._reload(_IN_PROGRESS)
            if self._changes != before:
                progress_at = time.monotonic()
            shown.update(total - left, total)
            if not left:
                return None
            stopped = self._why_stopped(left, time.monotonic() - progress_at, patience)
            if stopped is not None:
                return stopped
            await running.until(_never, seconds=_POLL)

    async def _until_restored(self, running: RunningOrganisation) -> None:
        change_format.print_links(self.outcomes())
        self._engine.manual_restores.set_fast_polling(on=True)
        with output.progress("Restored in Xero") as shown:
            total = len(self._among({State.AWAITING_USER}))
            while left := await self._reload({State.AWAITING_USER}):
                shown.update(total - left, total)
                await running.until(_never, seconds=_POLL)

    def _among(self, states: Collection[State]) -> list[int]:
        return [change.change_id for change in self._changes.values() if change.state in states]

    async def _reload(self, states: Collection[State]) -> int:
        """Read the changes that were in these states; returns how many still are."""
        current = await self._engine.change_log.changes(self._among(states))
        self._changes = {**self._changes, **{change.change_id: change for change in current}}
        return len(self._among(states))

    def _why_stopped(self, left: int, idle: float, patience: float | None) -> click.ClickException | None:
        """Return why it is no use to wait any longer, None if it may be. `idle` are seconds."""
        snapshot = self._engine.snapshot
        problem = session.xero_problem(snapshot)
        xero = snapshot.xero
        queued = f"{pluralize(left, 'change is', 'changes are')} queued. {_SENT_LATER}"
        if snapshot.is_paused:
            return command_error(f"{_PAUSED} {queued}", ExitCode.UNREACHABLE)
        if problem is not None and problem.exit_code == ExitCode.NOT_SIGNED_IN:
            return command_error(f"{problem.message} {queued}", ExitCode.NOT_SIGNED_IN)
        is_limited = xero.status is ConnectionStatus.LIMITED
        if is_limited and xero.retry_at is not None:
            is_long = (xero.retry_at - self._engine.now()).total_seconds() > _LONGEST_LIMIT
        else:
            is_long = False
        if patience is None:
            patience = _NO_PROGRESS_FOR if problem is None or is_limited else _UNREACHABLE_FOR
        if not is_long and idle < patience:
            return None
        why = _OTHER_COPY if xero.status is ConnectionStatus.STANDBY else _NOT_CONFIRMED
        return command_error(f"{why if problem is None else problem.message} {queued}", ExitCode.UNREACHABLE)
