"""The output of `reshelve compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from tui import messages
from tui.messages import formats
from tui.messages.formats import format_number, pluralize
from tui.widgets.file_format import REASONS, STATUSES
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tui.model.comparison import AmbiguousLine, FileComparison, Match, Mismatch, XeroContact
    from tui.model.contact_file import FileContact

T = TypeVar("T")

_SHOWN: Final = 10
_LONGEST: Final = 80


def heading(found: FileComparison, organisation: str) -> Iterator[str]:
    """Yield the file, the organisation, and notes about assumptions and oddities."""
    source = found.source
    exported = formats.date_and_time(source.exported_at)
    yield f"{short(source.name)} compared with {short(organisation)}, exported on {exported}."
    yield from (safe(messages.in_full(note)) for note in (*source.notes, *found.notes))


def summary(found: FileComparison) -> Iterator[str]:
    """Yield the count of each group, with its first lines."""
    yield from _section("match", found.matches, _agreement)
    yield from _section("different", found.mismatches, _difference)
    yield from _section("only in the file", found.only_in_file, _file_row)
    yield from _section("only in Xero", found.only_in_xero, contact)
    yield from _section("need review", found.ambiguous, ambiguous)
    if found.repeated:
        yield f"{pluralize(found.repeated, 'duplicate line')} ignored."


def contact(one: XeroContact) -> str:
    """Format a contact in Xero, with its e-mail address and status."""
    email = f", {short(one.email)}" if one.email else ""
    return f"{short(one.name) or 'no name'}{email} ({STATUSES[one.status]} in Xero)"


def ambiguous(one: AmbiguousLine) -> str:
    """Format a line with the number of contacts it could match."""
    matches = pluralize(len(one.candidates), "possible match", "possible matches")
    return f"{_file_row(one.listed)}: {matches}"


def short(text: str) -> str:
    """Return external text made safe for the terminal and shortened."""
    return safe(text, _LONGEST)


def _section(label: str, found: Sequence[T], line: Callable[[T], str]) -> Iterator[str]:
    yield f"{format_number(len(found)):>9} {label}"
    for one in found[:_SHOWN]:
        yield f"            {line(one)}"
    if len(found) > _SHOWN:
        yield f"            and {format_number(len(found) - _SHOWN)} more"


def _file_row(row: FileContact) -> str:
    name = short(row.name) or short(row.email) or short(row.xero_id) or "no name"
    return f"line {format_number(row.line)}: {name}, {STATUSES[row.status]} in the file"


def _agreement(one: Match) -> str:
    return f"line {format_number(one.listed.line)}: {contact(one.contact)}"


def _difference(one: Mismatch) -> str:
    return f"{_file_row(one.listed)}, {STATUSES[one.contact.status]} in Xero: {REASONS[one.reason]}"
