"""A file of contacts out of Re-Leased, held against what is known of them in Xero.

What it proves is in `model.file_evidence`: agreeing lines become evidence, and nothing else is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from tui.model.change import Action
from tui.model.contact import ContactStatus
from tui.model.file_evidence import MismatchReason, evidence, proved, why
from tui.model.matching import Matcher, XeroContact, is_xero_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui.model.change import Change
    from tui.model.contact_file import FileContact, FileSource
    from tui.model.evidence import PickUp
    from tui.model.matching import Candidates

__all__ = ["MismatchReason", "XeroContact"]

_COMPARABLE: Final = frozenset({ContactStatus.ACTIVE, ContactStatus.ARCHIVED})


class Agreement(Struct, frozen=True):
    """A contact that is in the same tab on both sides."""

    listed: FileContact
    contact: XeroContact


class Difference(Struct, frozen=True):
    """A contact that is active on one side and archived on the other."""

    listed: FileContact
    contact: XeroContact
    why: MismatchReason = MismatchReason.UNKNOWN

    @property
    def action(self) -> Action:
        """What to ask of Xero for it to be there as it is in Re-Leased."""
        return Action.ARCHIVE if self.listed.status is ContactStatus.ARCHIVED else Action.RESTORE


class Ambiguous(Struct, frozen=True):
    """A line that could mean any of these contacts, or none: only a person can tell.

    A single candidate has another e-mail or name, or other lines say the opposite of it.
    """

    listed: FileContact
    candidates: tuple[XeroContact, ...]


class FileComparison(Struct, frozen=True):
    """A file and Xero, contact by contact, each in the order of the file (or of the store).

    `repeated` counts lines that said again what an earlier one had said. `only_in_file` includes contacts
    that Xero no longer has, or keeps for a GDPR request. `only_in_xero` are those with a status that the
    file speaks of, and that no line could mean. `proved` are the changes for which agreeing lines are
    evidence that is new. `notes` are sentences on what looks odd.
    """

    source: FileSource
    agrees: tuple[Agreement, ...] = ()
    differs: tuple[Difference, ...] = ()
    only_in_file: tuple[FileContact, ...] = ()
    only_in_xero: tuple[XeroContact, ...] = ()
    ambiguous: tuple[Ambiguous, ...] = ()
    repeated: int = 0
    notes: tuple[str, ...] = ()
    proved: tuple[Change, ...] = ()
    changes: Mapping[str, Sequence[Change]] = field(default_factory=dict)

    @property
    def evidence(self) -> tuple[PickUp, ...]:
        """What the file proves, to be recorded."""
        return tuple(evidence(change, self.source) for change in self.proved)


class RecordedMatches(Struct, frozen=True):
    """The comparison as it was accepted, and how many changes are now read that weren't before."""

    comparison: FileComparison
    settled: int


def compare(
    source: FileSource,
    lines: Iterable[FileContact],
    contacts: Sequence[XeroContact],
    changes: Mapping[str, Sequence[Change]],
) -> FileComparison:
    """Hold a file's lines against Xero's contacts.

    `changes` are the open and the confirmed ones of each contact, by its id, in any order.
    """
    matcher = Matcher(contacts)
    sorter = _Sorter(source, changes)
    # Many lines can have the same candidates: by identity, so that each set of them counts once.
    mentioned: dict[int, tuple[XeroContact, ...]] = {}
    statuses: set[ContactStatus] = set()
    ids = _Ids()
    for line in lines:
        statuses.add(line.status)
        found = matcher.candidates(line)
        ids.count(line, found)
        mentioned[id(found.contacts)] = found.contacts
        if not found.contacts:
            sorter.only_in_file.append(line)
        elif found.is_certain:
            sorter.told(line, found.contacts[0])
        else:
            sorter.ambiguous.append(Ambiguous(line, found.contacts))
    names = {contact.contact_id for group in mentioned.values() for contact in group}
    statuses &= _COMPARABLE
    sorter.only_in_xero += (
        contact for contact in contacts if contact.status in statuses and contact.contact_id not in names
    )
    return replace(sorter.result(), notes=ids.notes)


def resolve(found: FileComparison, choices: Mapping[int, str | None]) -> FileComparison:
    """Sort what was ambiguous as a person says: by line, the chosen candidate's id, or None for nobody.

    Lines without a choice stay ambiguous, and so do those that are now said to be one contact with two
    statuses. Raises `ValueError` for a contact that wasn't a candidate.
    """
    sorter = _Sorter(found.source, found.changes, repeated=found.repeated)
    sorter.only_in_file += found.only_in_file
    sorter.only_in_xero += found.only_in_xero
    for agreement in found.agrees:
        sorter.told(agreement.listed, agreement.contact)
    for difference in found.differs:
        sorter.told(difference.listed, difference.contact)
    for one in found.ambiguous:
        if one.listed.line not in choices:
            sorter.ambiguous.append(one)
            continue
        chosen = choices[one.listed.line]
        if chosen is None:
            sorter.only_in_file.append(one.listed)
            continue
        contact = next((each for each in one.candidates if each.contact_id == chosen), None)
        if contact is None:
            raise ValueError(f"line {one.listed.line} has no such candidate")
        sorter.told(one.listed, contact)
    return replace(sorter.result(), notes=found.notes)


class _Ids(Struct):
    """Counts what became of the file's ids."""

    known: int = 0
    foreign: int = 0
    senseless: int = 0

    def count(self, line: FileContact, found: Candidates) -> None:
        if is_xero_id(line.xero_id):
            self.known += bool(found.contacts)
            self.foreign += not found.contacts
        elif line.xero_id:
            self.senseless += 1

    @property
    def notes(self) -> tuple[str, ...]:
        notes = []
        if self.foreign and not self.known:
            notes.append(
                "None of the file's Xero ids is one of this organisation's: it may be another one's file."
            )
        if self.senseless:
            notes.append(
                f"{self.senseless:,} of the file's ids aren't Xero's: they were found by name and e-mail."
            )
        return tuple(notes)


class _Sorter(Struct):
    """Gathers what is told of each contact, then sorts it."""

    source: FileSource
    changes: Mapping[str, Sequence[Change]]
    repeated: int = 0
    only_in_file: list[FileContact] = field(default_factory=list)
    only_in_xero: list[XeroContact] = field(default_factory=list)
    ambiguous: list[Ambiguous] = field(default_factory=list)
    _told: dict[str, tuple[XeroContact, list[FileContact]]] = field(default_factory=dict)
    _agrees: list[Agreement] = field(default_factory=list)
    _differs: list[Difference] = field(default_factory=list)

    def told(self, line: FileContact, contact: XeroContact) -> None:
        """Note that a line is about a contact."""
        self._told.setdefault(contact.contact_id, (contact, []))[1].append(line)

    def result(self) -> FileComparison:
        """Sort what was told, and put all in the order of the file."""
        for contact, lines in self._told.values():
            self._sort(contact, lines)
        changes = (
            proved(self.changes.get(one.contact.contact_id, ()), one.contact.status, self.source)
            for one in self._agrees
        )
        return FileComparison(
            source=self.source,
            agrees=tuple(sorted(self._agrees, key=lambda one: one.listed.line)),
            differs=tuple(sorted(self._differs, key=lambda one: one.listed.line)),
            only_in_file=tuple(sorted(self.only_in_file, key=lambda one: one.line)),
            only_in_xero=tuple(self.only_in_xero),
            ambiguous=tuple(sorted(self.ambiguous, key=lambda one: one.listed.line)),
            repeated=self.repeated,
            proved=tuple(change for change in changes if change is not None),
            changes=self.changes,
        )

    def _sort(self, contact: XeroContact, lines: Sequence[FileContact]) -> None:
        told = lines[0]
        if any(line.status is not told.status for line in lines):
            # Only a person can tell which of them is meant, if it is one contact at all.
            self.ambiguous += (Ambiguous(line, (contact,)) for line in lines)
            return
        self.repeated += len(lines) - 1
        if contact.status not in _COMPARABLE:
            self.only_in_file.append(told)
        elif contact.status is told.status:
            self._agrees.append(Agreement(told, contact))
        else:
            reason = why(self.changes.get(contact.contact_id, ()), self.source.dated)
            self._differs.append(Difference(told, contact, reason))
