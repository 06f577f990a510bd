"""`reshelve find`: why an invoice fails, from its error message or the contact's name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from tui.cli import output, session
from tui.messages.formats import format_number, pluralize
from tui.model.organisation_search import SearchState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tui.model.invoice_check import ContactFinding, OrganisationFindings
    from tui.model.tables import TableFormat

#: The contacts that are explained of each organisation.
MOST_SHOWN: Final = 20
_LONGEST_TEXT: Final = 100_000
_UNSEARCHED: Final = {
    SearchState.LOADING: "not all contacts are loaded yet. Run reshelve refresh.",
    SearchState.NOT_LOADED: "no contacts are loaded yet. Run reshelve refresh.",
    SearchState.OUTDATED: "saved by another version of Reshelve. Run reshelve refresh.",
    SearchState.UNREADABLE: "its saved contacts can't be read. Run reshelve repair.",
}


@click.command()
@click.argument("text", nargs=-1)
@output.format_options
def find(text: tuple[str, ...], *, table_format: TableFormat | None) -> None:
    """Explain why an invoice fails in Re-Leased.

    TEXT is the contact's name or the error message; without it, the message is read from standard input.
    Prints the contact in every connected organisation: its status, since when and by whom as far as that is
    known, what would block a restore, and what to do. Reads saved contacts only.

    \b
    Examples:
      $ reshelve find bayside plumbing
      $ reshelve find --json < message.txt
    """  # noqa: D301 - click keeps the lines of what follows
    wanted = " ".join(text) or ("" if sys.stdin.isatty() else sys.stdin.read(_LONGEST_TEXT))
    if not wanted.strip():
        raise click.UsageError("Give a contact's name or an error message.")
    account = session.open_account()
    session.connected(account)
    found = session.run(account.check_invoice(wanted, MOST_SHOWN))
    for each in found:
        if each.state in _UNSEARCHED:
            output.note(f"{each.organisation.name}: {_UNSEARCHED[each.state]}")
    if not any(each.contacts for each in found):
        output.note("No contacts match in any organisation.")
    if output.is_for_people(table_format):
        _print_for_people(found)
        return
    from tui.messages.invoice_check import COLUMNS, finding_cells

    rows = (finding_cells(each, finding) for each in found for finding in each.contacts)
    output.print_rows(COLUMNS, rows, table_format)


def _print_for_people(found: Sequence[OrganisationFindings]) -> None:
    from tui.engine.clock import utc_now

    now = utc_now().astimezone()
    is_first = True
    for each in found:
        for finding in each.contacts:
            if not is_first:
                output.print_line("")
            is_first = False
            output.print_line(f"{finding.name} ({each.organisation.name})")
            for line in _lines(finding, now):
                output.print_line(f"  {line}")
        if (more := each.total - len(each.contacts)) > 0:
            output.note(
                f"{each.organisation.name}: {format_number(more)} more of {pluralize(each.total, 'contact')}."
            )


def _lines(finding: ContactFinding, now: datetime) -> Iterator[str]:
    from tui.messages.invoice_check import problems, status_sentence, steps

    yield status_sentence(finding, now)
    yield from problems(finding)
    for number, step in enumerate(steps(finding, now), 1):
        note = f" ({step.note})" if step.note else ""
        yield f"{step.mark} {number}. {step.text}{note}"
    if finding.can_be_restored:
        yield f"To restore it: reshelve restore {finding.contact_id}"
