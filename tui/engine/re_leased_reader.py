"""Reads Re-Leased's own contacts from a source, compares them with Xero's, and records what they show.

A read is all or nothing: if it ends early, it shows nothing. What a complete one shows is dated by its start,
as a contact on the first page may have changed while the last page was read.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tui.model import timestamps
from tui.model.change import ReadResult, last_confirmed
from tui.model.contact import ContactStatus
from tui.model.contact_file import FileContact, FileSource
from tui.model.errors import ContactSourceError
from tui.model.evidence import was_sync_due
from tui.model.re_leased import ContactRead, ContactReading, ReadCounts
from tui.model.reasons import ContactSourceReason
from tui.net import lenient_json
from tui.store.sync_state import FULL_SYNC_ENDED_AT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.comparison import FileComparison
    from tui.model.evidence import SyncKnowledge
    from tui.model.matching import XeroContact
    from tui.model.re_leased import ReLeasedContact
    from tui.re_leased.source import ContactSource
    from tui.store import Store

#: The name that contacts have in Re-Leased after they were deleted there (its help centre).
DELETED_NAME: Final = "Deleted Contact"
_LAST_READ: Final = "re_leased.last_read"
_LAST_BEGAN: Final = "re_leased.last_began_at"
_MATCHES: Final = "re_leased.matches"
_SOURCE_NAME: Final = "Re-Leased"
_FULL_EVERY: Final = timedelta(days=1)
# If the source can't return only what has changed, every read is a full one.
_FULL_EVERY_UNFILTERED: Final = timedelta(hours=1)
# Changes are asked for from earlier than the last read: Re-Leased's clock may be behind Xero's.
_OVERLAP: Final = timedelta(minutes=15)
_RETRY_SECONDS: Final = 60.0
_READY_CHECK_SECONDS: Final = 1.0
# Fewer contacts don't show that the company is the wrong one; nor do more than one match in ten.
_FEWEST_TO_JUDGE: Final = 20
_MATCHES_OF_ANOTHER: Final = 0.1
_UNCLEAR_OF_ANOTHER: Final = 0.5


class ContactList(Struct, frozen=True):
    """A complete list of Re-Leased's contacts, as lines of a comparison. `examples` are the first few."""

    lines: tuple[FileContact, ...]
    counts: ReadCounts
    examples: tuple[ReLeasedContact, ...] = ()
    #: Whether contacts came that hadn't changed since the time asked for.
    is_unfiltered: bool = False


async def list_contacts(
    source: ContactSource,
    updated_since: datetime | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
    *,
    example_count: int = 0,
) -> ContactList:
    """Read all pages of a list. Raises `ContactSourceError`; `on_progress` gets the number of contacts."""
    collected = _Collected(example_count, updated_since)
    cursor: str | None = None
    while True:
        page = await source.list_contacts(updated_since, cursor)
        collected.unreadable += page.unreadable
        collected.other_company += page.other_company
        for contact in page.contacts:
            collected.add(contact)
        on_progress(len(collected.lines))
        cursor = page.next_cursor
        if cursor is None:
            return collected.result()


async def compare_contacts(
    store: Store, listed: ContactList, began_at: datetime
) -> tuple[FileComparison, ReadCounts]:
    """Compare a list with the saved contacts; nothing is recorded. Raises `StoreError`.

    Matches that the user chose before are used.
    """
    contacts, changes = await store.read_for_comparison()
    known = _known_matches(store)
    source = FileSource(_SOURCE_NAME, "", began_at)
    found = await asyncio.to_thread(_compare, source, listed.lines, contacts, changes, known)
    matched = len(found.matches) + len(found.mismatches) + found.repeated
    matched += sum(item.contact is not None for item in found.without_status)
    unclear = len(found.ambiguous)
    total = listed.counts.total
    counts = replace(listed.counts, matched=matched, unclear=unclear, unmatched=total - matched - unclear)
    return found, counts


async def remember_matches(store: Store, choices: Mapping[str, str | None]) -> None:
    """Remember which Xero contact a Re-Leased contact is, by their ids; None for no contact."""
    await store.set_sync_state(_MATCHES, json.dumps({**_known_matches(store), **choices}))


class ReLeasedReader:
    """Keeps what is known from Re-Leased's own contacts up to date for one organisation."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        knowledge: Callable[[], SyncKnowledge],
        *,
        poll_seconds: float,
        on_update: Callable[[], None],
        is_time_certain: Callable[[], bool] = lambda: True,
    ) -> None:
        """While `is_time_certain` returns False, a read would be dated too late and show too much."""
        self._store = store
        self._now = now
        self._knowledge = knowledge
        self._poll_seconds = poll_seconds
        self._on_update = on_update
        self._is_time_certain = is_time_certain
        self._retry_seconds: float | None = None
        self._is_unfiltered = False
        self._is_full_wanted = False
        self.reading = ContactReading()
        self.reload()

    @property
    def seconds_to_next_read(self) -> float:
        """Seconds from the end of one read to the next."""
        if not self.can_read:
            return _READY_CHECK_SECONDS
        return self._poll_seconds if self._retry_seconds is None else self._retry_seconds

    @property
    def can_read(self) -> bool:
        """Whether a read can be compared with all of Xero's contacts, and dated."""
        return self._store.sync_state(FULL_SYNC_ENDED_AT) is not None and self._is_time_certain()

    def reload(self) -> None:
        """Load the last read, also that of another copy of Reshelve."""
        self.reading = replace(
            self.reading,
            last=_decode_read(self._store.sync_state(_LAST_READ)),
            last_began_at=timestamps.from_iso_text(self._store.sync_state(_LAST_BEGAN)),
        )

    def want_all(self) -> None:
        """Make the next read a full one: a sync that has just ended leaves missed contacts unchanged."""
        self._is_full_wanted = True

    async def read(self, open_source: Callable[[], Awaitable[ContactSource]]) -> bool:
        """Read what is due. Returns whether any change may look different. Raises `StoreError`."""
        if not self.can_read:
            return False
        began_at = self._now()
        is_full = self._is_full_due(began_at)
        if not is_full and self._is_unfiltered:
            return False
        self._is_full_wanted = False
        try:
            return await self._read(await open_source(), began_at, is_full=is_full)
        except ContactSourceError as error:
            self._is_full_wanted |= is_full
            self._retry_seconds = max(error.retry_after or 0.0, _RETRY_SECONDS)
            self._update(problem=error.notice)
            return False
        finally:
            if self.reading.received is not None:
                self._update(received=None)

    async def _read(self, source: ContactSource, began_at: datetime, *, is_full: bool) -> bool:
        last_began_at = self.reading.last_began_at
        since = None if is_full or last_began_at is None else last_began_at - _OVERLAP
        # Whatever the clocks say, a change that Xero confirms from now on can't be in the answers.
        known_ids = self._store.evidence.unseen_ids()
        listed = await list_contacts(source, since, lambda count: self._update(received=count))
        if listed.is_unfiltered:
            # Everything was returned, or what has changed can't be told from what hasn't.
            self._is_unfiltered, self._is_full_wanted = True, True
        from tui.model.comparison import sync_record_of

        found, counts = await compare_contacts(self._store, listed, began_at)
        if is_full:
            check_company(found, counts)
        results = _results(found, self._knowledge(), known_ids, began_at, is_full=is_full)
        last = ContactRead(began_at, counts) if is_full else self.reading.last
        cursors = [(_LAST_BEGAN, began_at.isoformat())]
        if is_full:
            cursors.append((_LAST_READ, msgspec.json.encode(last).decode()))
        newly_synced = [change for change in found.newly_synced if change.change_id in known_ids]
        evidence = [sync_record_of(change, found.source) for change in newly_synced]
        synced = await self._store.evidence.record_read(evidence, results, began_at, *cursors)
        self._retry_seconds = None
        self._update(last=last, last_began_at=began_at, problem=None)
        return bool(synced or results)

    def _is_full_due(self, now: datetime) -> bool:
        last = self.reading.last
        if last is None or self._is_full_wanted or now < last.began_at:
            return True
        if now - last.began_at >= (_FULL_EVERY_UNFILTERED if self._is_unfiltered else _FULL_EVERY):
            return True
        window = self._knowledge().window
        return window is not None and window.last_before(now)[1] > last.began_at

    def _update(self, **changes: object) -> None:
        self.reading = replace(self.reading, **changes)
        self._on_update()


class _Collected:
    """The contacts of a list so far."""

    def __init__(self, example_count: int, updated_since: datetime | None) -> None:
        self._example_count = example_count
        self._updated_since = updated_since
        self._examples: list[ReLeasedContact] = []
        self._is_unfiltered = False
        self._archived = self._with_xero_id = self._with_status = self._deleted = 0
        self.lines: list[FileContact] = []
        self.unreadable = self.other_company = 0

    def add(self, contact: ReLeasedContact) -> None:
        since = self._updated_since
        if since is not None and (contact.updated_at is None or contact.updated_at < since):
            self._is_unfiltered = True
        if len(self._examples) < self._example_count:
            self._examples.append(contact)
        if contact.name == DELETED_NAME:
            self._deleted += 1
            return
        status = None
        if contact.archived is not None:
            status = ContactStatus.ARCHIVED if contact.archived else ContactStatus.ACTIVE
        self._with_status += status is not None
        self._archived += status is ContactStatus.ARCHIVED
        self._with_xero_id += contact.xero_id is not None
        self.lines.append(
            FileContact(
                line=len(self.lines) + 1,
                status=status,
                xero_id=contact.xero_id or "",
                name=contact.name,
                email=contact.emails[0] if contact.emails else "",
                re_leased_id=contact.id,
            )
        )

    def result(self) -> ContactList:
        counts = ReadCounts(
            total=len(self.lines),
            with_status=self._with_status,
            archived=self._archived,
            with_xero_id=self._with_xero_id,
            unreadable=self.unreadable,
            other_company=self.other_company,
            deleted=self._deleted,
        )
        return ContactList(tuple(self.lines), counts, tuple(self._examples), self._is_unfiltered)


def _compare(
    source: FileSource,
    lines: Sequence[FileContact],
    contacts: Sequence[XeroContact],
    changes: Mapping[str, Sequence[Change]],
    known: Mapping[str, str | None],
) -> FileComparison:
    # Imported here because nothing is compared before the first paint.
    from tui.model.comparison import compare, resolve_ambiguous

    found = compare(source, lines, contacts, changes)
    choices = {}
    for item in found.ambiguous:
        chosen = known.get(item.listed.re_leased_id, "")
        if chosen is None or chosen in {candidate.contact_id for candidate in item.candidates}:
            choices[item.listed.line] = chosen
    return resolve_ambiguous(found, choices) if choices else found


def check_company(found: FileComparison, counts: ReadCounts) -> None:
    """Raise `ContactSourceError` if hardly any contact is one of this organisation's."""
    matched, unclear = counts.matched, counts.unclear
    expected = min(counts.total, matched + unclear + len(found.only_in_xero))
    # Two companies can have some common names, most of which are unclear.
    is_another = matched < expected * _MATCHES_OF_ANOTHER and unclear < expected * _UNCLEAR_OF_ANOTHER
    if expected >= _FEWEST_TO_JUDGE and is_another:
        raise ContactSourceError(ContactSourceReason.WRONG_COMPANY, matched=matched, total=counts.total)


def _results(
    found: FileComparison,
    knowledge: SyncKnowledge,
    known_ids: Collection[int],
    began_at: datetime,
    *,
    is_full: bool,
) -> dict[int, ReadResult]:
    """Return what the read shows about each change that it doesn't show as synced, by the change's id."""
    by_contact: dict[str, ReadResult] = {}
    for item in found.ambiguous:
        by_contact |= {contact.contact_id: ReadResult.AMBIGUOUS for contact in item.candidates}
    for untold in found.without_status:
        if untold.contact is not None:
            by_contact[untold.contact.contact_id] = ReadResult.NO_STATUS
    differing = {item.contact.contact_id for item in found.mismatches}
    matching = {item.contact.contact_id for item in found.matches}
    results: dict[int, ReadResult] = {}
    for contact_id, changes in found.changes.items():
        last = last_confirmed(changes)
        if last is None or last.change_id not in known_ids or contact_id in matching:
            continue
        if contact_id in differing:
            is_due = was_sync_due(last, knowledge, began_at)
            results[last.change_id] = ReadResult.MISSED if is_due else ReadResult.OTHER_STATUS
        elif contact_id in by_contact:
            results[last.change_id] = by_contact[contact_id]
        elif is_full:
            results[last.change_id] = ReadResult.NOT_FOUND
    return results


def _known_matches(store: Store) -> dict[str, str | None]:
    try:
        known = json.loads(store.sync_state(_MATCHES) or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: value for key, value in known.items() if value is None or isinstance(value, str)}


def _decode_read(stored: str | None) -> ContactRead | None:
    try:
        return lenient_json.decode((stored or "").encode("utf-8", "replace"), ContactRead)
    except lenient_json.UndecodableError:
        return None
