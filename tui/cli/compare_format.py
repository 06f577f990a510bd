"""What `reshelve reconcile` says of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from tui.widgets.file_format import REASONS, STATUSES, moment
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tui.model.comparison import Agreement, Ambiguous, Difference, FileComparison, XeroContact
    from tui.model.contact_file import FileContact

T = TypeVar("T")

_SHOWN: Final = 10
_LONGEST: Final = 80


def heading(found: FileComparison, organisation: str) -> Iterator[str]:
    """Say which file it is, what was assumed, and what looks odd."""
    source = found.source
    yield f"{short(source.name)} against {short(organisation)}, as exported on {moment(found.source.dated)}."
    yield from map(safe, (*source.notes, *found.notes))


def kinds(found: FileComparison) -> Iterator[str]:
    """Count each kind, with its first lines."""
    yield from _kind("agree", found.agrees, _agreement)
    yield from _kind("differ", found.differs, _difference)
    yield from _kind("only in the file", found.only_in_file, _told)
    yield from _kind("only in Xero", found.only_in_xero, contact)
    yield from _kind("for you to tell", found.ambiguous, ambiguous)
    if found.repeated:
        yield f"{found.repeated:,} lines repeat what an earlier one says."


def contact(one: XeroContact) -> str:
    """Name a contact in Xero, with what tells it from others."""
    email = f", {short(one.email)}" if one.email else ""
    return f"{short(one.name) or 'no name'}{email} ({STATUSES[one.status]} in Xero)"


def ambiguous(one: Ambiguous) -> str:
    """Name a line and say how many contacts it could mean."""
    count = len(one.candidates)
    could = "this contact" if count == 1 else f"one of {count:,} contacts"
    return f"{_told(one.listed)}: could be {could}"


def short(text: str) -> str:
    """Return the harmless beginning of text from outside."""
    return safe(text, _LONGEST)


def _kind(words: str, found: Sequence[T], line: Callable[[T], str]) -> Iterator[str]:
    yield f"{len(found):>9,} {words}"
    for one in found[:_SHOWN]:
        yield f"            {line(one)}"
    if len(found) > _SHOWN:
        yield f"            and {len(found) - _SHOWN:,} more"


def _told(told: FileContact) -> str:
    name = short(told.name) or short(told.email) or short(told.xero_id) or "no name"
    return f"line {told.line:,}: {name}, {STATUSES[told.status]} there"


def _agreement(one: Agreement) -> str:
    return f"line {one.listed.line:,}: {contact(one.contact)}"


def _difference(one: Difference) -> str:
    return f"{_told(one.listed)}, {STATUSES[one.contact.status]} in Xero: {REASONS[one.why]}"
