"""The lines of a comparison: one kind of line for whatever a file and Xero have of a contact."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.comparison import AmbiguousLine, Match, Mismatch
from tui.model.contact_file import FileContact
from tui.model.matching import XeroContact
from tui.model.query import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui.model.comparison import FileComparison

    Raw = Match | Mismatch | AmbiguousLine | FileContact | XeroContact


class LineKind(StrEnum):
    """What came of the comparison for a contact, the most pressing first."""

    DIFFER = "differ"
    UNCLEAR = "unclear"
    AGREE = "agree"
    FILE = "file"
    XERO = "xero"


class ComparisonEntry(Struct, frozen=True):
    """One contact: what the file tells of it, and which it is in Xero; None where a side hasn't got it.

    `candidates` are those that an unclear line could mean; `difference` says more of one that differs.
    """

    listed: FileContact | None = None
    contact: XeroContact | None = None
    candidates: tuple[XeroContact, ...] = ()
    difference: Mismatch | None = None

    @property
    def name(self) -> str:
        """What to call it; Xero's name goes before the file's."""
        listed = self.listed
        name = self.contact.name if self.contact is not None else ""
        return name or (listed and (listed.name or listed.email or listed.xero_id)) or "no name"

    @property
    def email(self) -> str:
        """Its e-mail address, Xero's before the file's."""
        email = self.contact.email if self.contact is not None else ""
        return email or (self.listed.email if self.listed is not None else "")


def lines_of(comparison: FileComparison, kind: LineKind) -> Sequence[Raw]:
    """Return the lines of one kind, in the comparison's order."""
    lines: Mapping[LineKind, Sequence[Raw]] = {
        LineKind.DIFFER: comparison.mismatches,
        LineKind.UNCLEAR: comparison.ambiguous,
        LineKind.AGREE: comparison.matches,
        LineKind.FILE: comparison.only_in_file,
        LineKind.XERO: comparison.only_in_xero,
    }
    return lines[kind]


def counts(comparison: FileComparison) -> Mapping[LineKind, int]:
    """Count the lines of each kind."""
    return {kind: len(lines_of(comparison, kind)) for kind in LineKind}


def to_entry(item: Raw) -> ComparisonEntry:
    """Return a line as it is shown; made for those alone that are."""
    if isinstance(item, XeroContact):
        return ComparisonEntry(contact=item)
    if isinstance(item, FileContact):
        return ComparisonEntry(listed=item)
    if isinstance(item, AmbiguousLine):
        return ComparisonEntry(listed=item.listed, candidates=item.candidates)
    difference = item if isinstance(item, Mismatch) else None
    return ComparisonEntry(item.listed, item.contact, difference=difference)


def searchable(lines: Iterable[Raw]) -> list[str]:
    """Return the folded text of each line in which words are looked for: names and e-mail addresses."""
    return [fold(_text(to_entry(line))) for line in lines]


def _text(entry: ComparisonEntry) -> str:
    listed, contacts = entry.listed, entry.candidates
    if entry.contact is not None:
        contacts = (entry.contact,)
    parts = [part for each in contacts for part in (each.name, each.email)]
    if listed is not None:
        parts += (listed.name, listed.email)
    return "\n".join(parts)
