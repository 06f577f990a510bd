"""Reads Re-Leased's own contacts from a source, compares them with Xero's, and records what they show.

A read is all or nothing: one that ends early is discarded. The results of a complete read are dated by its
start, as a contact on the first page may have changed while the last page was read.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from tui.engine.pacing import Throttle, free_gradually
from tui.model import timestamps
from tui.model.change import ReadResult, last_confirmed
from tui.model.comparison import FileComparison, compare, id_key, is_xero_id, sync_record_of
from tui.model.contact import ContactStatus
from tui.model.contact_file import FileContact, FileSource
from tui.model.errors import ContactSourceError
from tui.model.evidence import was_sync_due
from tui.model.re_leased import ConnectionTest, ContactRead, ContactReading, ReadCounts, is_deleted_name
from tui.model.reasons import ContactSourceReason
from tui.net import lenient_json
from tui.store.sync_state import FULL_SYNC_ENDED_AT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.comparison import XeroContact
    from tui.model.evidence import SyncKnowledge, SyncRecord
    from tui.model.query import TabCounts
    from tui.model.re_leased import ReLeasedContact
    from tui.re_leased.source import ContactSource, OpenSource
    from tui.store import Store

_LAST_READ: Final = "re_leased.last_read"
_LAST_BEGAN: Final = "re_leased.last_began_at"
_MATCHES: Final = "re_leased.matches"
_SOURCE_NAME: Final = "Re-Leased"
_FULL_EVERY: Final = timedelta(days=1)
# If the source can't return only what has changed, every read is a full one.
_FULL_EVERY_UNFILTERED: Final = timedelta(hours=1)
# Changes are requested from a little before the last read, as Re-Leased's clock may be behind Xero's.
_OVERLAP: Final = timedelta(minutes=15)
_EXAMPLES: Final = 5
_RETRY_SECONDS: Final = 60.0
# A retry would read everything again and fail in the same way until the settings are changed.
_WRONG_COMPANY: Final = frozenset({ContactSourceReason.WRONG_COMPANY, ContactSourceReason.SEVERAL_COMPANIES})
_WRONG_COMPANY_SECONDS: Final = 3600.0
_READY_CHECK_SECONDS: Final = 1.0
# How often a page is requested again, and the seconds to wait: without a limit by the source, 1, 2, 4.
# A read that takes longer than all pauses together is repeated later, as its contacts are no longer current.
_MOST_TRIES: Final = 3
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 120.0
_LONGEST_PAUSES: Final = 600.0
# With fewer contacts, or with more than one match in ten, it could be the right company. If no contact at all
# is even similar, a few are enough: a company has its tenants and suppliers on both sides.
_FEWEST_TO_JUDGE: Final = 20
_FEWEST_WITHOUT_ANY: Final = 3
_MATCHES_OF_ANOTHER: Final = 0.1
_UNCLEAR_OF_ANOTHER: Final = 0.5


class ContactList(Struct, frozen=True):
    """A complete list of Re-Leased's contacts, as lines of a comparison. `examples` are the first few."""

    lines: tuple[FileContact, ...]
    counts: ReadCounts
    examples: tuple[ReLeasedContact, ...] = ()
    #: Whether contacts were returned that hadn't changed since the requested time.
    is_unfiltered: bool = False
    #: The companies in Re-Leased that they belong to. If several, some are another Xero organisation's.
    company_ids: frozenset[str] = frozenset()

    @property
    def has_several_companies(self) -> bool:
        """Whether the contacts belong to more than one company."""
        return len(self.company_ids) > 1


async def list_contacts(
    source: ContactSource,
    updated_since: datetime | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
    *,
    example_count: int = 0,
    on_wait: Callable[[ContactSourceError, float], None] = lambda *_: None,
) -> ContactList:
    """Read all pages of a list. Raises `ContactSourceError`.

    `on_progress` gets the number of contacts so far. A page that fails for a passing reason is requested
    again after a pause; `on_wait` gets the reason and the seconds.
    """
    collected = _Collected(example_count, updated_since)
    cursor: str | None = None
    pauses = _Pauses(on_wait)
    while True:
        try:
            page = await source.list_contacts(updated_since, cursor)
        except ContactSourceError as error:
            # A first page that fails costs nothing: the whole read is repeated later.
            if cursor is None:
                raise
            await pauses.wait_after(error)
            continue
        pauses.page_read()
        collected.unreadable += page.unreadable
        collected.other_company += page.other_company
        for contact in page.contacts:
            collected.add(contact)
        on_progress(len(collected.lines))
        # Responses leave cycles behind: those of 1,000 pages, collected at once, would hold up all threads.
        gc.collect(0)
        cursor = page.next_cursor
        if cursor is None:
            return collected.result()


class _Pauses:
    """Waits after pages that fail for a passing reason, as long as waiting can help the read."""

    def __init__(self, on_wait: Callable[[ContactSourceError, float], None]) -> None:
        self._on_wait = on_wait
        self._failures = 0
        self._waited = 0.0

    def page_read(self) -> None:
        """Count the failures of the next page anew."""
        self._failures = 0

    async def wait_after(self, error: ContactSourceError) -> None:
        """Wait until the page can be requested again. Raises the error if that isn't worth it."""
        self._failures += 1
        seconds = error.retry_after
        if seconds is None:
            seconds = _FIRST_PAUSE * 2 ** (self._failures - 1) if error.is_passing else math.inf
        self._waited += seconds
        if self._failures > _MOST_TRIES or seconds > _LONGEST_PAUSE or self._waited > _LONGEST_PAUSES:
            raise error
        self._on_wait(error, seconds)
        await asyncio.sleep(seconds)


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


async def compare_own_contacts(store: Store, source: ContactSource, began_at: datetime) -> FileComparison:
    """Read all contacts and compare them; nothing is recorded. Raises `ContactSourceError` and `StoreError`.

    Also if they aren't only those of the organisation's own company.
    """
    listed = await list_contacts(source)
    _check_single_company(listed)
    found, counts = await compare_contacts(store, listed, began_at)
    check_company(counts, store.counts())
    return found


async def try_connection(
    store: Store,
    source: OpenSource,
    organisation: str,
    began_at: datetime,
    on_progress: Callable[[int], None],
    *,
    on_wait: Callable[[ContactSourceError, float], None] = lambda *_: None,
) -> ConnectionTest:
    """Read and compare all contacts, recording nothing. Raises `ContactSourceError` and `StoreError`."""
    listed = await list_contacts(source, on_progress=on_progress, example_count=_EXAMPLES, on_wait=on_wait)
    found, counts = await compare_contacts(store, listed, began_at)
    is_other_company = False
    try:
        check_company(counts, store.counts())
    except ContactSourceError:
        is_other_company = True
    return ConnectionTest(
        organisation,
        began_at,
        counts,
        confirmable=len(found.matches) + len(found.mismatches) + found.repeated,
        is_other_company=is_other_company,
        has_several_companies=listed.has_several_companies,
        examples=listed.examples,
        mapping=source.mapping,
    )


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
        """While `is_time_certain` returns False, nothing is read: the date of a read could be too late."""
        self._store = store
        self._now = now
        self._knowledge = knowledge
        self._poll_seconds = poll_seconds
        self._on_update = on_update
        self._is_time_certain = is_time_certain
        # The last attempt came before anything could be read.
        self._was_early = False
        self._retry_seconds: float | None = None
        self._no_read_before = -math.inf
        self._is_unfiltered = False
        self._is_full_wanted = False
        # The changes that the last complete read could show.
        self._shown_ids: frozenset[int] = frozenset()
        self.reading = ContactReading()
        self.reload()

    @property
    def seconds_to_next_read(self) -> float:
        """Seconds from the end of one read to the next."""
        if self._was_early:
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
        self._was_early = not self.can_read
        if self._was_early or monotonic() < self._no_read_before:
            return False
        began_at = self._now()
        # Only these: a change that Xero confirms from now on can't be in the responses, whatever its date.
        unseen = await self._store.evidence.unseen()
        is_full = self._is_full_due(began_at, unseen)
        if not is_full and self._is_unfiltered:
            return False
        # Another full read may be requested in the meantime.
        self._is_full_wanted = False
        is_recorded = False
        try:
            source = await open_source()
            is_changed = await self._read(source, began_at, unseen, is_full=is_full)
            is_recorded = is_changed is not None
        except ContactSourceError as error:
            self._record_failure(error)
            return False
        finally:
            self._is_full_wanted |= is_full and not is_recorded
            if self.reading.received is not None:
                self._update(received=None)
        return bool(is_changed)

    async def _read(
        self,
        source: ContactSource,
        began_at: datetime,
        unseen: Mapping[int, datetime | None],
        *,
        is_full: bool,
    ) -> bool | None:
        """Read, and record what it shows. Returns whether anything was shown; None if it wasn't recorded."""
        since, knowledge = None if is_full else self._since, self._knowledge()
        listed = await list_contacts(source, since, self._update_progress)
        if not self._is_time_certain() or self._now() < began_at:
            # The clock was changed during the read, so its start isn't known.
            self._was_early = True
            return None
        _check_single_company(listed)
        if listed.is_unfiltered:
            # Everything was returned, or changed contacts can't be distinguished from unchanged ones.
            self._is_unfiltered, self._is_full_wanted = True, True
        shown, last = _Shown(), self.reading.last
        evidence: list[SyncRecord] = []
        cursors = [(_LAST_BEGAN, began_at.isoformat())]
        if is_full or listed.lines:
            found, counts = await compare_contacts(self._store, listed, began_at)
            if is_full:
                check_company(counts, self._store.counts())
                zone = await _company_zone(source, listed.company_ids)
                if zone is None:
                    zone = "" if last is None else last.company_zone
                last = ContactRead(began_at, counts, zone)
                cursors.append((_LAST_READ, msgspec.json.encode(last).decode()))
            evaluate = _evaluate_all if is_full else _evaluate_changed
            shown = await asyncio.to_thread(evaluate, found, knowledge, unseen.keys())
            evidence = [sync_record_of(change, found.source) for change in shown.synced]
            compared = [*found.matches, *found.mismatches, *found.without_status, *listed.lines]
            del found, listed
            await free_gradually(compared)
        synced = await self._store.evidence.record_read(evidence, shown.results, began_at, *cursors)
        if is_full:
            self._shown_ids = frozenset(unseen)
        self._is_full_wanted |= shown.is_full_wanted
        self._retry_seconds = 0.0 if shown.is_full_wanted else None
        self._update(last=last, last_began_at=began_at, problem=None)
        return bool(synced or shown.results)

    @property
    def _since(self) -> datetime | None:
        last_began_at = self.reading.last_began_at
        # Sources get whole seconds.
        return None if last_began_at is None else last_began_at.replace(microsecond=0) - _OVERLAP

    def _is_full_due(self, now: datetime, unseen: Mapping[int, datetime | None]) -> bool:
        last, since = self.reading.last, self._since
        if last is None or since is None or self._is_full_wanted:
            return True
        if now < last.began_at or now < since:
            # The clock was set back.
            return True
        if now - last.began_at >= (_FULL_EVERY_UNFILTERED if self._is_unfiltered else _FULL_EVERY):
            return True
        window = self._knowledge().window
        if window is not None and window.last_before(now)[1] > last.began_at:
            return True
        # One that was detected late may have been synced before the time from which changes are requested.
        return any(
            confirmed_at is not None and confirmed_at < since and change_id not in self._shown_ids
            for change_id, confirmed_at in unseen.items()
        )

    def _record_failure(self, error: ContactSourceError) -> None:
        is_final = error.reason in _WRONG_COMPANY
        self._retry_seconds = _WRONG_COMPANY_SECONDS if is_final else _RETRY_SECONDS
        if error.retry_after is not None:
            self._retry_seconds = max(self._retry_seconds, error.retry_after)
            # Not even if the user refreshes: each attempt can prolong the limit.
            self._no_read_before = monotonic() + error.retry_after
        self._update(problem=error.notice)

    def _update_progress(self, count: int) -> None:
        # Later reads show nothing new until they end.
        if self.reading.last is None:
            self._update(received=count)

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
        self._companies: set[str] = set()
        self._archived = self._with_xero_id = self._with_status = self._deleted = 0
        self.lines: list[FileContact] = []
        self.unreadable = self.other_company = 0

    def add(self, contact: ReLeasedContact) -> None:
        since = self._updated_since
        if since is not None and (contact.updated_at is None or contact.updated_at < since):
            self._is_unfiltered = True
        if len(self._examples) < self._example_count:
            self._examples.append(contact)
        if contact.company_id is not None:
            self._companies.add(contact.company_id)
        if is_deleted_name(contact.name):
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
        return ContactList(
            tuple(self.lines),
            counts,
            tuple(self._examples),
            is_unfiltered=self._is_unfiltered,
            company_ids=frozenset(self._companies),
        )


def _compare(
    source: FileSource,
    lines: Sequence[FileContact],
    contacts: Sequence[XeroContact],
    changes: Mapping[str, Sequence[Change]],
    known: Mapping[str, str | None],
) -> FileComparison:
    known_lines = _with_choices(lines, contacts, known) if known else lines
    return compare(source, known_lines, contacts, changes, Throttle().pause)


def _with_choices(
    lines: Iterable[FileContact], contacts: Iterable[XeroContact], known: Mapping[str, str | None]
) -> Iterator[FileContact]:
    """Yield the lines with the Xero contacts that the user chose for them, without those that are none.

    A choice also overrides a match that looks certain in a part of the list. A choice is ignored if Xero no
    longer has the contact.
    """
    ids = {contact.contact_id for contact in contacts}
    for line in lines:
        chosen = known.get(line.re_leased_id, "")
        if chosen in ids and not is_xero_id(line.xero_id):
            yield replace(line, xero_id=chosen)
        elif chosen is not None:
            yield line


def _check_single_company(listed: ContactList) -> None:
    """Raise `ContactSourceError` if the contacts belong to several companies."""
    if listed.has_several_companies:
        raise ContactSourceError(ContactSourceReason.SEVERAL_COMPANIES)


def check_company(counts: ReadCounts, in_xero: TabCounts) -> None:
    """Raise `ContactSourceError` if hardly any contact is one of this organisation's."""
    expected = min(counts.total, in_xero.active + in_xero.archived)
    # Two companies can have some names in common; most of those are unclear.
    is_another = (
        counts.matched < expected * _MATCHES_OF_ANOTHER and counts.unclear < expected * _UNCLEAR_OF_ANOTHER
    )
    has_any = counts.matched + counts.unclear > 0
    if expected >= (_FEWEST_TO_JUDGE if has_any else _FEWEST_WITHOUT_ANY) and is_another:
        raise ContactSourceError(
            ContactSourceReason.WRONG_COMPANY, matched=counts.matched, total=counts.total
        )


class _Shown(Struct, frozen=True):
    """What a read shows: the changes that are newly synced, and the results of others by their ids.

    `is_full_wanted` means that only a complete read can show whether a change is synced.
    """

    synced: tuple[Change, ...] = ()
    results: Mapping[int, ReadResult] = field(default_factory=dict)
    is_full_wanted: bool = False


def _evaluate_all(found: FileComparison, knowledge: SyncKnowledge, known_ids: Container[int]) -> _Shown:
    """Return what a complete list shows about each contact's last change, of those known when it began."""
    by_contact: dict[str, ReadResult] = {}
    for item in found.ambiguous:
        by_contact |= dict.fromkeys((one.contact_id for one in item.candidates), ReadResult.AMBIGUOUS)
    for unknown in found.without_status:
        if unknown.contact is not None:
            by_contact[unknown.contact.contact_id] = ReadResult.NO_STATUS
    differing = {item.contact.contact_id for item in found.mismatches}
    matching = {item.contact.contact_id for item in found.matches}
    newly_synced = {change.change_id for change in found.newly_synced}
    synced: list[Change] = []
    results: dict[int, ReadResult] = {}
    for contact_id, changes in found.changes.items():
        last = last_confirmed(changes)
        if last is None or last.change_id not in known_ids:
            # If one was confirmed during the read, it isn't known which of them the read shows.
            continue
        if contact_id in matching:
            if last.change_id in newly_synced:
                synced.append(last)
        elif contact_id in differing:
            is_due = was_sync_due(last, knowledge, found.source.exported_at)
            results[last.change_id] = ReadResult.MISSED if is_due else ReadResult.OTHER_STATUS
        else:
            results[last.change_id] = by_contact.get(contact_id, ReadResult.NOT_FOUND)
    return _Shown(tuple(synced), results)


def _evaluate_changed(found: FileComparison, knowledge: SyncKnowledge, known_ids: Container[int]) -> _Shown:
    """Return what a list of changed contacts shows, as `_evaluate_all` does.

    Only a complete list shows that a contact is the only one of its name. Of a part, only contacts with
    Xero's ID count; if others seem to be synced, a complete list is needed.
    """
    whole = _evaluate_all(found, knowledge, known_ids)
    identified = {
        contact.contact_id
        for listed, contact in (
            *((item.listed, item.contact) for item in found.matches),
            *((item.listed, item.contact) for item in found.mismatches),
            *((item.listed, item.contact) for item in found.without_status),
        )
        if contact is not None and id_key(listed.xero_id) == id_key(contact.contact_id)
    }
    ids = {
        last.change_id
        for contact_id in identified
        if (last := last_confirmed(found.changes.get(contact_id, ()))) is not None
    }
    return _Shown(
        tuple(change for change in whole.synced if change.change_id in ids),
        {change_id: result for change_id, result in whole.results.items() if change_id in ids},
        # Not for one that a complete list has already left ambiguous.
        is_full_wanted=any(
            change.change_id not in ids and change.read_result is not ReadResult.AMBIGUOUS
            for change in whole.synced
        ),
    )


def _known_matches(store: Store) -> dict[str, str | None]:
    try:
        known = json.loads(store.sync_state(_MATCHES) or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: value for key, value in known.items() if value is None or isinstance(value, str)}


async def _company_zone(source: ContactSource, company_ids: frozenset[str]) -> str | None:
    """Return the time zone of the contacts' company by its IANA name, empty if unknown; None after a failure.

    The contacts are known by now: without the zone, nothing is lost but a suggestion.
    """
    try:
        companies = await source.companies()
    except ContactSourceError:
        return None
    own = [company for company in companies if company.id in company_ids or len(companies) == 1]
    return await asyncio.to_thread(_valid_zone, own[0].timezone) if len(own) == 1 else ""


def _valid_zone(name: str) -> str:
    """Return the name of a time zone that this computer knows, else empty text. Blocks."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    # Names come from outside: `ValueError` for a path, `KeyError` if unknown, `OSError` for a folder.
    except (ValueError, KeyError, OSError):
        return ""
    return name


def _decode_read(stored: str | None) -> ContactRead | None:
    try:
        found = lenient_json.decode((stored or "").encode("utf-8", "replace"), ContactRead)
    except lenient_json.UndecodableError:
        return None
    began_at = timestamps.valid_timestamp(found.began_at)
    return None if began_at is None else replace(found, began_at=began_at)
