"""The lines of a comparison: one kind of line for whatever a file and Xero have of a contact."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.contact_file import FileContact
from tui.model.matching import XeroContact
from tui.model.query import fold
from tui.model.reconcile import Agreement, Ambiguous, Difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui.model.reconcile import Reconciliation

    Raw = Agreement | Difference | Ambiguous | FileContact | XeroContact


class Kind(StrEnum):
    """What came of the comparison for a contact, the most pressing first."""

    DIFFER = "differ"
    UNCLEAR = "unclear"
    AGREE = "agree"
    FILE = "file"
    XERO = "xero"


class Entry(Struct, frozen=True):
    """One contact: what the file tells of it, and which it is in Xero; None where a side hasn't got it.

    `candidates` are those that an unclear line could mean; `difference` says more of one that differs.
    """

    told: FileContact | None = None
    contact: XeroContact | None = None
    candidates: tuple[XeroContact, ...] = ()
    difference: Difference | None = None

    @property
    def name(self) -> str:
        """What to call it; Xero's name goes before the file's."""
        told = self.told
        name = self.contact.name if self.contact is not None else ""
        return name or (told and (told.name or told.email or told.xero_id)) or "no name"

    @property
    def email(self) -> str:
        """Its e-mail address, Xero's before the file's."""
        email = self.contact.email if self.contact is not None else ""
        return email or (self.told.email if self.told is not None else "")


def lines_of(found: Reconciliation, kind: Kind) -> Sequence[Raw]:
    """Return the lines of one kind, in the comparison's order."""
    lines: Mapping[Kind, Sequence[Raw]] = {
        Kind.DIFFER: found.differs,
        Kind.UNCLEAR: found.ambiguous,
        Kind.AGREE: found.agrees,
        Kind.FILE: found.only_in_file,
        Kind.XERO: found.only_in_xero,
    }
    return lines[kind]


def counts(found: Reconciliation) -> Mapping[Kind, int]:
    """Count the lines of each kind."""
    return {kind: len(lines_of(found, kind)) for kind in Kind}


def entry(raw: Raw) -> Entry:
    """Return a line as it is shown; made for those alone that are."""
    if isinstance(raw, XeroContact):
        return Entry(contact=raw)
    if isinstance(raw, FileContact):
        return Entry(told=raw)
    if isinstance(raw, Ambiguous):
        return Entry(told=raw.told, candidates=raw.candidates)
    difference = raw if isinstance(raw, Difference) else None
    return Entry(raw.told, raw.contact, difference=difference)


def searchable(lines: Iterable[Raw]) -> list[str]:
    """Return the folded text of each line in which words are looked for: names and e-mail addresses."""
    return [fold(_text(entry(line))) for line in lines]


def _text(one: Entry) -> str:
    told, contacts = one.told, one.candidates
    if one.contact is not None:
        contacts = (one.contact,)
    parts = [part for each in contacts for part in (each.name, each.email)]
    if told is not None:
        parts += (told.name, told.email)
    return "\n".join(parts)
