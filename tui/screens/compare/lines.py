"""The lines of a comparison: one kind of line for whatever a file and Xero have of a contact."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.comparison import Agreement, Ambiguous, Difference
from tui.model.contact_file import FileContact
from tui.model.matching import XeroContact
from tui.model.query import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui.model.comparison import FileComparison

    Raw = Agreement | Difference | Ambiguous | FileContact | XeroContact


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
    difference: Difference | None = None

    @property
    def name(self) -> str:
        """What to call it; Xero's name goes before the file's."""
        told = self.listed
        name = self.contact.name if self.contact is not None else ""
        return name or (told and (told.name or told.email or told.xero_id)) or "no name"

    @property
    def email(self) -> str:
        """Its e-mail address, Xero's before the file's."""
        email = self.contact.email if self.contact is not None else ""
        return email or (self.listed.email if self.listed is not None else "")


def lines_of(found: FileComparison, kind: LineKind) -> Sequence[Raw]:
    """Return the lines of one kind, in the comparison's order."""
    lines: Mapping[LineKind, Sequence[Raw]] = {
        LineKind.DIFFER: found.differs,
        LineKind.UNCLEAR: found.ambiguous,
        LineKind.AGREE: found.agrees,
        LineKind.FILE: found.only_in_file,
        LineKind.XERO: found.only_in_xero,
    }
    return lines[kind]


def counts(found: FileComparison) -> Mapping[LineKind, int]:
    """Count the lines of each kind."""
    return {kind: len(lines_of(found, kind)) for kind in LineKind}


def entry(raw: Raw) -> ComparisonEntry:
    """Return a line as it is shown; made for those alone that are."""
    if isinstance(raw, XeroContact):
        return ComparisonEntry(contact=raw)
    if isinstance(raw, FileContact):
        return ComparisonEntry(listed=raw)
    if isinstance(raw, Ambiguous):
        return ComparisonEntry(listed=raw.listed, candidates=raw.candidates)
    difference = raw if isinstance(raw, Difference) else None
    return ComparisonEntry(raw.listed, raw.contact, difference=difference)


def searchable(lines: Iterable[Raw]) -> list[str]:
    """Return the folded text of each line in which words are looked for: names and e-mail addresses."""
    return [fold(_text(entry(line))) for line in lines]


def _text(one: ComparisonEntry) -> str:
    told, contacts = one.listed, one.candidates
    if one.contact is not None:
        contacts = (one.contact,)
    parts = [part for each in contacts for part in (each.name, each.email)]
    if told is not None:
        parts += (told.name, told.email)
    return "\n".join(parts)
