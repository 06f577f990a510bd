"""What `reshelve compare` says of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from tui.widgets.file_format import REASONS, STATUSES, format_export_time
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tui.model.comparison import AmbiguousLine, FileComparison, Match, Mismatch, XeroContact
    from tui.model.contact_file import FileContact

T = TypeVar("T")

_SHOWN: Final = 10
_LONGEST: Final = 80


def heading(found: FileComparison, organisation: str) -> Iterator[str]:
    """Say which file it is, what was assumed, and what looks odd."""
    source = found.source
    exported = format_export_time(source.exported_at)
    yield f"{short(source.name)} against {short(organisation)}, as exported on {exported}."
    yield from map(safe, (*source.notes, *found.notes))


def summary(found: FileComparison) -> Iterator[str]:
    """Count each kind, with its first lines."""
    yield from _section("agree", found.matches, _agreement)
    yield from _section("differ", found.mismatches, _difference)
    yield from _section("only in the file", found.only_in_file, _file_row)
    yield from _section("only in Xero", found.only_in_xero, contact)
    yield from _section("for you to tell", found.ambiguous, ambiguous)
    if found.repeated:
        yield f"{found.repeated:,} lines repeat what an earlier one says."


def contact(one: XeroContact) -> str:
    """Name a contact in Xero, with what tells it from others."""
    email = f", {short(one.email)}" if one.email else ""
    return f"{short(one.name) or 'no name'}{email} ({STATUSES[one.status]} in Xero)"


def ambiguous(one: AmbiguousLine) -> str:
    """Name a line and say how many contacts it could mean."""
    count = len(one.candidates)
    could = "this contact" if count == 1 else f"one of {count:,} contacts"
    return f"{_file_row(one.listed)}: could be {could}"


def short(text: str) -> str:
    """Return the harmless beginning of text from outside."""
    return safe(text, _LONGEST)


def _section(label: str, found: Sequence[T], line: Callable[[T], str]) -> Iterator[str]:
    yield f"{len(found):>9,} {label}"
    for one in found[:_SHOWN]:
        yield f"            {line(one)}"
    if len(found) > _SHOWN:
        yield f"            and {len(found) - _SHOWN:,} more"


def _file_row(row: FileContact) -> str:
    name = short(row.name) or short(row.email) or short(row.xero_id) or "no name"
    return f"line {row.line:,}: {name}, {STATUSES[row.status]} there"


def _agreement(one: Match) -> str:
    return f"line {one.listed.line:,}: {contact(one.contact)}"


def _difference(one: Mismatch) -> str:
    return f"{_file_row(one.listed)}, {STATUSES[one.contact.status]} in Xero: {REASONS[one.reason]}"
