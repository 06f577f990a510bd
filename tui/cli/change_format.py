"""What the commands that change contacts print: the plan, the result of each contact, and a summary."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui import messages
from tui.cli import output
from tui.cli.shared_options import is_accessible
from tui.messages.formats import format_number, money, pluralize
from tui.model.change import Action, NoteState, State
from tui.model.reasons import ContactReason, Notice
from tui.model.tables import TableColumn
from tui.widgets.status_badge import refusal_advice, refusal_reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tui.model.change import Change, Precheck, PrecheckLine
    from tui.model.contact import Contact
    from tui.model.tables import Cell, TableFormat

#: What people are shown of a plan before they are asked; --dry-run lists all.
_MOST_SHOWN: Final = 100
_MOST_NAMED: Final = 10
_PLAN_WIDTH: Final = 110
_LEAST_WIDTH: Final = 20
# Results of a contact: codes for programs, which never change.
PLANNED: Final = "planned"
ALREADY: Final = "already"
LEFT_OUT: Final = "left_out"
#: Left out because of its warnings, as the user wanted.
SKIPPED: Final = "skipped"
UNCHANGED: Final = "unchanged"
TO_FINISH: Final = "to_finish"
REFUSED: Final = "refused"
QUEUED: Final = "queued"
_DONE: Final = {Action.ARCHIVE: "archived", Action.RESTORE: "restored"}
_STATES: Final = {
    State.QUEUED: QUEUED,
    State.SENDING: "sending",
    State.UNKNOWN: "sending",
    State.AWAITING_USER: TO_FINISH,
    State.REFUSED: REFUSED,
    State.CANCELLED: "cancelled",
    State.DISMISSED: "dismissed",
}
_WORDS: Final = {
    "archived": "Archived",
    "restored": "Restored",
    QUEUED: "Queued",
    "sending": "Sending",
    TO_FINISH: "Restore in Xero",
    REFUSED: "Refused by Xero",
    "cancelled": "Cancelled",
    "dismissed": "Stopped waiting",
    ALREADY: "No change needed",
    UNCHANGED: "No change needed",
    LEFT_OUT: "Left out",
    SKIPPED: "Skipped",
}
_PLANNED_WORDS: Final = {Action.ARCHIVE: "To archive", Action.RESTORE: "To restore"}
_SUMMARY: Final = {
    "archived": "archived",
    "restored": "restored",
    TO_FINISH: "to finish in Xero",
    REFUSED: "refused by Xero",
    QUEUED: "queued",
    "sending": "not confirmed by Xero yet",
    "cancelled": "cancelled",
    "dismissed": "no longer waiting",
    ALREADY: "needed no change",
    UNCHANGED: "needed no change",
    LEFT_OUT: "left out",
    SKIPPED: "skipped for their warnings",
    PLANNED: "would change",
}
_NAME: Final = TableColumn("name", "Contact")
_RESULT: Final = TableColumn("result", "Result")
_MESSAGE: Final = TableColumn("message", "Message")
_COLUMNS: Final = (
    TableColumn("contact_id", "ContactID"),
    _NAME,
    TableColumn("action", "Action"),
    _RESULT,
    _MESSAGE,
    TableColumn("link", "Link"),
)
_NOTE_REFUSED: Final = "Xero didn't accept the note for the contact's history."
_ALREADY_SO: Final = frozenset({ContactReason.ALREADY_ARCHIVED, ContactReason.ALREADY_ACTIVE})


class ContactOutcome(Struct, frozen=True):
    """What became of one contact: `result` is a code, `link` where the user finishes a restore."""

    contact_id: str
    name: str
    action: Action
    result: str
    message: str = ""
    advice: str = ""
    link: str = ""


def outcome_of(change: Change, url: Callable[[str], str]) -> ContactOutcome:
    """Return what has become of a change so far; `url` returns a contact's page in Xero."""
    is_done = change.state is State.CONFIRMED
    is_refused = change.state is State.REFUSED
    # A restore to finish has Xero's refusal to do it through its API, which is no news.
    is_note_refused = change.note_in_xero is NoteState.REFUSED
    has_message = change.state not in {State.CONFIRMED, State.AWAITING_USER, State.DISMISSED}
    return ContactOutcome(
        change.contact_id,
        change.name,
        change.action,
        _DONE[change.action] if is_done else _STATES[change.state],
        # Raw, as Xero wrote it: every printer makes it safe.
        messages.why(change) if has_message else _NOTE_REFUSED if is_note_refused else "",
        f"{refusal_reason(change)} {refusal_advice(change, key=lambda _: '')}" if is_refused else "",
        url(change.contact_id) if change.state is State.AWAITING_USER else "",
    )


def left_out(action: Action, line: PrecheckLine) -> ContactOutcome:
    """Return why a contact isn't changed."""
    reason = line.blocked_reason or ContactReason.NOT_LOADED
    contact = line.contact
    if reason is ContactReason.HAS_WARNINGS:
        result, message = SKIPPED, " ".join(_warnings(line))
    else:
        result, message = ALREADY if reason in _ALREADY_SO else LEFT_OUT, messages.message(Notice(reason))
    return ContactOutcome(contact.contact_id, contact.name, action, result, message)


def planned(action: Action, line: PrecheckLine) -> ContactOutcome:
    """Return what would be done to a contact, with its warnings as the message."""
    contact = line.contact
    message = " ".join(_warnings(line))
    return ContactOutcome(contact.contact_id, contact.name, action, PLANNED, message)


def _warnings(line: PrecheckLine) -> Iterator[str]:
    from tui.screens.tenancy.formatting import warning

    if line.tenant_groups:
        yield warning(line.tenant_groups)
    yield from map(messages.in_full, line.warnings)


def print_plan(precheck: Precheck, currency: str) -> None:
    """Print what is about to happen, as the app's confirmation shows it."""
    from tui.screens.dialogs.confirm import explanation_lines, freshness, heading
    from tui.screens.dialogs.contact_lines import tenants_summary, totals

    output.note(heading(precheck.action, len(precheck.possible), len(precheck.lines)).rstrip("?") + ":")
    for line in _accessible_lines(precheck) if is_accessible() else _contact_lines(precheck):
        output.note(line)
    for text in (
        tenants_summary(precheck),
        totals(precheck, currency),
        *(text for _, text in explanation_lines(precheck, "")),
        freshness(precheck)[0],
    ):
        print_text(text)


def print_text(text: str) -> None:
    """Print a text beside the result, its lines no longer than the terminal's."""
    for line in textwrap.wrap(text, _width(len(text) or 1)) if sys.stderr.isatty() else [text]:
        if line:
            output.note(line)


def _width(most: int) -> int:
    return min(most, max(_LEAST_WIDTH, shutil.get_terminal_size().columns)) if sys.stderr.isatty() else most


def _contact_lines(precheck: Precheck) -> Iterator[str]:
    from tui.screens.dialogs.contact_lines import Columns, contact_lines

    contacts = [line.contact for line in precheck.lines]
    width = _width(_PLAN_WIDTH)
    columns = Columns.of(contacts, width)
    if columns.heading:
        yield columns.heading
    lines = contact_lines(precheck, frozenset(), columns, width)
    shown = 0
    for place, line in enumerate(lines):
        if shown == _MOST_SHOWN and line.kind in {"name", "heading"}:
            more = sum(1 for other in lines[place:] if other.kind == "name")
            yield f"and {format_number(more)} more: --dry-run lists all."
            return
        shown += line.kind == "name"
        yield columns.row(line).plain.rstrip()


def _accessible_lines(precheck: Precheck) -> Iterator[str]:
    for line in precheck.lines[:_MOST_SHOWN]:
        contact = line.contact
        parts = [f"Contact: {contact.name}", *_labelled(contact)]
        if line.blocked_reason is not None:
            parts.append(f"Left out: {messages.message(Notice(line.blocked_reason))}")
        parts += (f"Warning: {text}" for text in _warnings(line))
        yield ". ".join(part.rstrip(".") for part in parts) + "."
    if len(precheck.lines) > _MOST_SHOWN:
        yield f"and {format_number(len(precheck.lines) - _MOST_SHOWN)} more: --dry-run lists all."


def _labelled(contact: Contact) -> Iterator[str]:
    if number := contact.contact_number or contact.account_number or contact.email:
        yield f"Number or e-mail: {number}"
    if contact.balances is not None and contact.balances.receivable:
        yield f"They owe: {money(contact.balances.receivable)}"
    if contact.groups:
        yield f"Groups: {', '.join(contact.groups)}"


def print_outcomes(outcomes: Sequence[ContactOutcome], table_format: TableFormat | None) -> None:
    """Print the result of each contact, and for people what to do about those that aren't done."""
    is_for_people = table_format is None and (sys.stdout.isatty() or is_accessible())
    is_narrow = is_for_people and not is_accessible()
    has_messages = any(outcome.message for outcome in outcomes)

    def cells(outcome: ContactOutcome) -> Sequence[Cell]:
        result = outcome.result
        if is_for_people:
            result = _PLANNED_WORDS[outcome.action] if result == PLANNED else _WORDS[result]
        if is_narrow:
            return (outcome.name, result, outcome.message)[: 2 + has_messages]
        action, message = outcome.action.value, outcome.message
        return (outcome.contact_id, outcome.name, action, result, message, outcome.link)

    # In a terminal, ids and links would be cut off.
    columns = (_NAME, _RESULT, _MESSAGE)[: 2 + has_messages] if is_narrow else _COLUMNS
    output.print_rows(columns, map(cells, outcomes), table_format)
    if is_narrow and any(outcome.link for outcome in outcomes):
        output.print_line("")
        for line in _links(outcomes):
            output.print_line(line)


def print_links(outcomes: Sequence[ContactOutcome]) -> None:
    """Print, before the result, where the user finishes restores."""
    for line in _links(outcomes):
        output.note(line)


def _links(outcomes: Sequence[ContactOutcome]) -> Iterator[str]:
    yield "Open each in Xero and click Restore:"
    for outcome in outcomes:
        if outcome.link:
            yield f"  {outcome.name}"
            yield f"  {outcome.link}"


def print_summary(outcomes: Sequence[ContactOutcome]) -> None:
    """Print how many contacts came to what, and the first refusals with what to do."""
    counts = Counter(_SUMMARY[outcome.result] for outcome in outcomes)
    order = dict.fromkeys(_SUMMARY.values())
    parts = [f"{format_number(counts[words])} {words}" for words in order if counts[words]]
    output.note(f"{', '.join(parts)}.")
    refused = [outcome for outcome in outcomes if outcome.advice]
    for outcome in refused[:_MOST_NAMED]:
        print_text(f"{outcome.name}: {outcome.advice}")
    if len(refused) > _MOST_NAMED:
        output.note(f"and {format_number(len(refused) - _MOST_NAMED)} more.")


def ambiguous_lines(text: str, contacts: Sequence[Contact]) -> Iterator[str]:
    """List the contacts that a name could mean."""
    yield f"{pluralize(len(contacts), 'contact')} named “{text}”:"
    for contact in contacts:
        number = contact.contact_number or contact.account_number or contact.email
        owed = 0 if contact.balances is None else contact.balances.receivable
        parts = (contact.contact_id, contact.status.value.lower(), number, owed and f"owes {money(owed)}")
        yield f"  {'  '.join(part for part in parts if part)}"
