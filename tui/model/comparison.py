"""Compares Re-Leased's contacts, from a file or a connection, with Xero's, and determines what they prove.

A line of a file means the Xero contact with its ID, or else the one with its name and e-mail address.
Matching lines become evidence; nothing else is recorded.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from tui.model.change import Action, last_confirmed
from tui.model.contact import ContactStatus
from tui.model.evidence import SyncRecord, proves
from tui.model.query import fold
from tui.model.reasons import FileNote, Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.contact_file import FileContact, FileSource


_XERO_ID: Final = re.compile(r"[0-9a-f]{32}")
# No user could choose from more, and the list for each line mustn't grow with the number of contacts.
_MAX_CANDIDATES: Final = 50


class XeroContact(Struct, frozen=True, gc=False):
    """The fields of a Xero contact that the comparison needs."""

    contact_id: str
    name: str
    email: str
    status: ContactStatus


class Candidates(Struct, frozen=True, gc=False):
    """The contacts that a line can mean; only one if it is certain, none if Xero has none."""

    contacts: tuple[XeroContact, ...] = ()
    is_certain: bool = False


class _Index:
    """Contacts by a key that several can have.

    A key of one contact has the contact itself: a list for each of 100,000 would wake the garbage collector
    again and again, which holds up all threads.
    """

    def __init__(self) -> None:
        self._single: dict[str, XeroContact] = {}
        self._several: dict[str, list[XeroContact]] = {}
        self._found: dict[str, tuple[XeroContact, ...]] = {}

    def add(self, key: str, contact: XeroContact) -> None:
        """Add a contact under a key that wasn't looked up yet."""
        first = self._single.setdefault(key, contact)
        if first is not contact:
            self._several.setdefault(key, [first]).append(contact)

    def get(self, key: str) -> tuple[XeroContact, ...]:
        """Return the contacts with this key; of several, always the same object."""
        if key in self._several:
            if key not in self._found:
                self._found[key] = tuple(self._several[key])
            return self._found[key]
        contact = self._single.get(key)
        return () if contact is None else (contact,)

    def clear(self) -> None:
        """Free the contacts."""
        self._single.clear()
        self._several.clear()
        self._found.clear()


class Matcher:
    """An index of Xero's contacts; each lookup takes the same time, however many there are."""

    def __init__(self, contacts: Iterable[XeroContact]) -> None:
        self._by_id: dict[str, XeroContact] = {}
        self._by_name, self._by_email, self._by_both = _Index(), _Index(), _Index()
        for contact in contacts:
            name, email = text_key(contact.name), text_key(contact.email)
            self._by_id[id_key(contact.contact_id)] = contact
            self._by_name.add(name, contact)
            if email:
                self._by_email.add(email, contact)
                self._by_both.add(_both(name, email), contact)

    def clear(self) -> None:
        """Free the index part by part: all of it at once would hold up all threads."""
        for part in (self._by_id, self._by_name, self._by_email, self._by_both):
            part.clear()

    def candidates(self, line: FileContact) -> Candidates:
        """Return the contacts that the line can mean.

        A valid Xero id is decisive, even if Xero has no such contact (any more): a contact of the same name
        is a different one. A match of both name and e-mail address is decisive, or of one if the other is
        missing on either side. Anything else is for the user to decide.
        """
        key = id_key(line.xero_id)
        if key in self._by_id:
            return Candidates((self._by_id[key],), is_certain=True)
        if is_xero_id(line.xero_id):
            return Candidates()
        name, email = text_key(line.name), text_key(line.email)
        if both := self._by_both.get(_both(name, email)):
            return _candidates(both)
        named = self._by_name.get(name) if name else ()
        mailed = self._by_email.get(email) if email else ()
        if named and mailed:
            return Candidates(_combined(named, mailed))
        if named:
            return Candidates(named) if email and named[0].email.strip() else _candidates(named)
        return Candidates(mailed) if name else _candidates(mailed)


def id_key(contact_id: str) -> str:
    """Return the key to compare ids by: braces, hyphens, case and invisible characters don't matter."""
    return fold(contact_id).strip().strip("{}").replace("-", "")


def is_xero_id(text: str) -> bool:
    """Return whether the text has the format of Xero's ids."""
    return _XERO_ID.fullmatch(id_key(text)) is not None


def text_key(text: str) -> str:
    """Return the key by which names and e-mail addresses are compared: folded, with spaces normalised."""
    return " ".join(fold(text).split())


def _both(name: str, email: str) -> str:
    # No key has a line end.
    return f"{name}\n{email}"


def _candidates(contacts: tuple[XeroContact, ...]) -> Candidates:
    return Candidates(contacts, is_certain=len(contacts) == 1)


def _combined(named: tuple[XeroContact, ...], mailed: tuple[XeroContact, ...]) -> tuple[XeroContact, ...]:
    # A shared e-mail address adds little to a name.
    return named if len(named) + len(mailed) > _MAX_CANDIDATES else (*named, *mailed)


__all__ = ["XeroContact"]

_Item = TypeVar("_Item")
_COMPARABLE: Final = frozenset({ContactStatus.ACTIVE, ContactStatus.ARCHIVED})


class MismatchReason(StrEnum):
    """The reason for a mismatch, as far as it is known."""

    #: Xero hasn't confirmed a change yet that was requested in Reshelve.
    IN_PROGRESS = "under way"
    #: Xero has confirmed a change since the export: a newer file may match.
    CHANGED_SINCE = "changed since"
    #: Xero had confirmed the last change before, and nothing shows that Re-Leased has synced it.
    PENDING = "waiting"
    #: The user reported the contact as unlinked: Re-Leased's syncs leave it out.
    NOT_LINKED = "unlinked"
    #: The contact isn't in the organisation's currency: Re-Leased's syncs leave it out.
    FOREIGN_CURRENCY = "foreign currency"
    #: No known reason.
    UNKNOWN = "unknown"


class Finding(StrEnum):
    """What a comparison found about a contact, most important first. The values are part of exports."""

    DIFFERENT = "different"
    NEEDS_REVIEW = "needs_review"
    MATCH = "match"
    ONLY_IN_RE_LEASED = "only_in_re_leased"
    ONLY_IN_XERO = "only_in_xero"
    WITHOUT_STATUS = "without_status"


def sync_record_of(change: Change, source: FileSource) -> SyncRecord:
    """Return the evidence of a file that shows this change's result."""
    return SyncRecord(
        change.contact_id, change.action.target_status, source.exported_at, source.exported_at, source.run_id
    )


def mismatch_reason(changes: Iterable[Change], exported_at: datetime) -> MismatchReason:
    """Return why a contact differs from a file of that date."""
    changes = tuple(changes)
    if any(change.state.is_open for change in changes):
        return MismatchReason.IN_PROGRESS
    last = last_confirmed(changes)
    if last is None or last.confirmed_at is None:
        return MismatchReason.UNKNOWN
    if last.confirmed_at > exported_at:
        return MismatchReason.CHANGED_SINCE
    if last.unlinked_at is not None:
        return MismatchReason.NOT_LINKED
    if last.foreign_currency_at is not None:
        return MismatchReason.FOREIGN_CURRENCY
    has_arrived = last.synced_at is not None or last.checked_at is not None
    return MismatchReason.UNKNOWN if has_arrived or last.superseded else MismatchReason.PENDING


def newly_synced_change(
    changes: Iterable[Change], status: ContactStatus, source: FileSource
) -> Change | None:
    """Return the change that is newly proved by a contact with this status on both sides; None if none is."""
    last = last_confirmed(changes, by=source.exported_at)
    if last is None or last.synced_at is not None or last.action.target_status is not status:
        return None
    return last if proves(sync_record_of(last, source), last) else None


class Match(Struct, frozen=True, gc=False):
    """A contact that is on the same tab in the file and in Xero."""

    listed: FileContact
    contact: XeroContact


class Mismatch(Struct, frozen=True, gc=False):
    """A contact that is active on one side and archived on the other."""

    listed: FileContact
    contact: XeroContact
    reason: MismatchReason = MismatchReason.UNKNOWN

    @property
    def action(self) -> Action:
        """The action in Xero that makes it match Re-Leased."""
        return Action.ARCHIVE if self.listed.status is ContactStatus.ARCHIVED else Action.RESTORE


class AmbiguousLine(Struct, frozen=True, gc=False):
    """A line that could mean any of these contacts, or none: only the user can decide.

    A single candidate has another e-mail address or name, or other lines contradict this one.
    """

    listed: FileContact
    candidates: tuple[XeroContact, ...]


class WithoutStatus(Struct, frozen=True, gc=False):
    """A contact that Re-Leased returned without a status; `contact` is its only match in Xero, or None."""

    listed: FileContact
    contact: XeroContact | None = None


class ComparisonRow(Struct, frozen=True, gc=False):
    """One row of the whole result. A side that doesn't have the contact is None.

    `reason` is why a contact differs, None for other findings. `candidates` are the contacts that a line to
    review could mean. `is_newly_synced` is whether the row is new evidence that Re-Leased has a change.
    """

    finding: Finding
    listed: FileContact | None = None
    contact: XeroContact | None = None
    reason: MismatchReason | None = None
    candidates: tuple[XeroContact, ...] = ()
    is_newly_synced: bool = False


class FileComparison(Struct, frozen=True):
    """The comparison of a file with Xero, each part in the order of the file (or of the store).

    `repeated` counts lines that repeat an earlier one. `only_in_file` includes contacts that Xero no longer
    has, or keeps for a GDPR request. `only_in_xero` are the contacts with a status that occurs in the file
    and that no line could mean. `newly_synced` are the changes for which matching lines are new evidence.
    `without_status` are contacts that prove nothing, as their status is unknown. `notes` describe oddities.
    """

    source: FileSource
    matches: tuple[Match, ...] = ()
    mismatches: tuple[Mismatch, ...] = ()
    only_in_file: tuple[FileContact, ...] = ()
    only_in_xero: tuple[XeroContact, ...] = ()
    ambiguous: tuple[AmbiguousLine, ...] = ()
    repeated: int = 0
    without_status: tuple[WithoutStatus, ...] = ()
    notes: tuple[Notice, ...] = ()
    newly_synced: tuple[Change, ...] = ()
    changes: Mapping[str, Sequence[Change]] = field(default_factory=dict)

    @property
    def evidence(self) -> tuple[SyncRecord, ...]:
        """The evidence to record."""
        return tuple(sync_record_of(change, self.source) for change in self.newly_synced)


def comparison_rows(comparison: FileComparison) -> Iterator[ComparisonRow]:
    """Yield the whole result, one finding after the other. Repeated lines are left out."""
    synced_ids = {change.contact_id for change in comparison.newly_synced}
    for mismatch in comparison.mismatches:
        yield ComparisonRow(Finding.DIFFERENT, mismatch.listed, mismatch.contact, mismatch.reason)
    for line in comparison.ambiguous:
        yield ComparisonRow(Finding.NEEDS_REVIEW, line.listed, candidates=line.candidates)
    for match in comparison.matches:
        is_synced = match.contact.contact_id in synced_ids
        yield ComparisonRow(Finding.MATCH, match.listed, match.contact, is_newly_synced=is_synced)
    for listed in comparison.only_in_file:
        yield ComparisonRow(Finding.ONLY_IN_RE_LEASED, listed)
    for contact in comparison.only_in_xero:
        yield ComparisonRow(Finding.ONLY_IN_XERO, contact=contact)
    for unknown in comparison.without_status:
        yield ComparisonRow(Finding.WITHOUT_STATUS, unknown.listed, unknown.contact)


class RecordedMatches(Struct, frozen=True):
    """The comparison as it was accepted, and how many changes are newly synced because of it."""

    comparison: FileComparison
    newly_synced_total: int


def compare(
    source: FileSource,
    lines: Iterable[FileContact],
    contacts: Sequence[XeroContact],
    changes: Mapping[str, Sequence[Change]],
    pause: Callable[[], object] = lambda: None,
) -> FileComparison:
    """Compare a file's lines with Xero's contacts.

    `changes` are the open and confirmed changes of each contact, by its id, in any order. `pause` is called
    again and again, so that a thread that shares the interpreter can let others run.
    """
    matcher = Matcher(_pausing(contacts, pause))
    builder = _ComparisonBuilder(source, changes)
    # Many lines can have the same candidates: by identity, so that each set of them counts once.
    mentioned: dict[int, tuple[XeroContact, ...]] = {}
    mentioned_ids: set[str] = set()
    statuses: set[ContactStatus] = set()
    ids = _IdCounts()
    for line in _pausing(lines, pause):
        comparison = matcher.candidates(line)
        ids.count(line, comparison)
        if len(comparison.contacts) > 1:
            mentioned[id(comparison.contacts)] = comparison.contacts
        elif comparison.contacts:
            mentioned_ids.add(comparison.contacts[0].contact_id)
        if line.status is None:
            contact = comparison.contacts[0] if comparison.is_certain else None
            builder.without_status.append(WithoutStatus(line, contact))
            continue
        statuses.add(line.status)
        if not comparison.contacts:
            builder.only_in_file.append(line)
        elif comparison.is_certain:
            builder.add_line(line, comparison.contacts[0])
        else:
            builder.ambiguous.append(AmbiguousLine(line, comparison.contacts))
    matcher.clear()
    mentioned_ids.update(contact.contact_id for group in mentioned.values() for contact in group)
    statuses &= _COMPARABLE
    builder.only_in_xero += (
        contact
        for contact in _pausing(contacts, pause)
        if contact.status in statuses and contact.contact_id not in mentioned_ids
    )
    return replace(builder.result(pause), notes=ids.notes)


def _pausing(items: Iterable[_Item], pause: Callable[[], object]) -> Iterator[_Item]:
    """Yield the items, with a call of `pause` after each."""
    for item in items:
        yield item
        pause()


def resolve_ambiguous(comparison: FileComparison, choices: Mapping[int, str | None]) -> FileComparison:
    """Resolve ambiguous lines: by line, the id of the candidate that the user chose, or None for no contact.

    Lines without a choice stay ambiguous, and so do those that now give one contact two statuses. Raises
    `ValueError` for a contact that wasn't a candidate.
    """
    builder = _ComparisonBuilder(comparison.source, comparison.changes, repeated=comparison.repeated)
    builder.only_in_file += comparison.only_in_file
    builder.only_in_xero += comparison.only_in_xero
    builder.without_status += comparison.without_status
    for agreement in comparison.matches:
        builder.add_line(agreement.listed, agreement.contact)
    for difference in comparison.mismatches:
        builder.add_line(difference.listed, difference.contact)
    for item in comparison.ambiguous:
        if item.listed.line not in choices:
            builder.ambiguous.append(item)
            continue
        chosen = choices[item.listed.line]
        if chosen is None:
            builder.only_in_file.append(item.listed)
            continue
        contact = next((candidate for candidate in item.candidates if candidate.contact_id == chosen), None)
        if contact is None:
            raise ValueError(f"line {item.listed.line} has no such candidate")
        builder.add_line(item.listed, contact)
    return replace(builder.result(), notes=comparison.notes)


class _IdCounts(Struct):
    """Counts the file's ids: known, unknown and invalid."""

    known: int = 0
    unknown: int = 0
    invalid: int = 0

    def count(self, line: FileContact, comparison: Candidates) -> None:
        if is_xero_id(line.xero_id):
            self.known += bool(comparison.contacts)
            self.unknown += not comparison.contacts
        elif line.xero_id:
            self.invalid += 1

    @property
    def notes(self) -> tuple[Notice, ...]:
        notes = []
        if self.unknown and not self.known:
            notes.append(Notice(FileNote.OTHER_ORGANISATION))
        if self.invalid:
            notes.append(Notice(FileNote.INVALID_IDS, {"count": self.invalid}))
        return tuple(notes)


class _ComparisonBuilder(Struct):
    """Collects the lines about each contact, then classifies them."""

    source: FileSource
    changes: Mapping[str, Sequence[Change]]
    repeated: int = 0
    only_in_file: list[FileContact] = field(default_factory=list)
    only_in_xero: list[XeroContact] = field(default_factory=list)
    ambiguous: list[AmbiguousLine] = field(default_factory=list)
    without_status: list[WithoutStatus] = field(default_factory=list)
    # Most contacts have one line: a list for each of 100,000 would wake the garbage collector too often.
    _contacts: dict[str, XeroContact] = field(default_factory=dict)
    _first_lines: dict[str, FileContact] = field(default_factory=dict)
    _more_lines: dict[str, list[FileContact]] = field(default_factory=dict)
    _matches: list[Match] = field(default_factory=list)
    _mismatches: list[Mismatch] = field(default_factory=list)

    def add_line(self, line: FileContact, contact: XeroContact) -> None:
        """Add a line that is about a contact."""
        self._contacts.setdefault(contact.contact_id, contact)
        if self._first_lines.setdefault(contact.contact_id, line) is not line:
            self._more_lines.setdefault(contact.contact_id, []).append(line)

    def result(self, pause: Callable[[], object] = lambda: None) -> FileComparison:
        """Classify all contacts, and sort everything in the order of the file."""
        for contact_id, contact in _pausing(self._contacts.items(), pause):
            self._classify(contact, (self._first_lines[contact_id], *self._more_lines.get(contact_id, ())))
        changes = (
            newly_synced_change(
                self.changes.get(item.contact.contact_id, ()), item.contact.status, self.source
            )
            for item in _pausing(self._matches, pause)
        )
        return FileComparison(
            source=self.source,
            matches=tuple(sorted(self._matches, key=lambda item: item.listed.line)),
            mismatches=tuple(sorted(self._mismatches, key=lambda item: item.listed.line)),
            only_in_file=tuple(sorted(self.only_in_file, key=lambda item: item.line)),
            only_in_xero=tuple(self.only_in_xero),
            ambiguous=tuple(sorted(self.ambiguous, key=lambda item: item.listed.line)),
            repeated=self.repeated,
            without_status=tuple(self.without_status),
            newly_synced=tuple(change for change in changes if change is not None),
            changes=self.changes,
        )

    def _classify(self, contact: XeroContact, lines: Sequence[FileContact]) -> None:
        first = lines[0]
        if any(line.status is not first.status for line in lines):
            # Only the user can decide which line is right, or whether they are about one contact at all.
            self.ambiguous += (AmbiguousLine(line, (contact,)) for line in lines)
            return
        self.repeated += len(lines) - 1
        if contact.status not in _COMPARABLE:
            self.only_in_file.append(first)
        elif contact.status is first.status:
            self._matches.append(Match(first, contact))
        else:
            reason = mismatch_reason(self.changes.get(contact.contact_id, ()), self.source.exported_at)
            self._mismatches.append(Mismatch(first, contact, reason))
