"""Compare a contact file from Re-Leased with saved contacts and record the matches."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tui.engine.clock import XeroClock, utc_now
from tui.model import timestamps
from tui.model.comparison import RecordedMatches, compare, resolve_ambiguous
from tui.model.errors import ReshelveError, StoreError
from tui.model.reasons import ComparisonReason, FileNote, Notice
from tui.re_leased.contact_file import open_contact_file
from tui.store import Store
from tui.store.database import FILE_NAME
from tui.store.sync_state import FULL_SYNC_ENDED_AT, REFRESHED_UNTIL
from tui.system.paths import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.change import Change
    from tui.model.comparison import FileComparison, XeroContact
    from tui.model.contact import Organisation
    from tui.model.contact_file import FileContact, FileOptions
    from tui.system.paths import Paths

#: The sync state key of the last recorded file.
LAST_FILE: Final = "comparison.last_file"
# Small batches let other writers in, such as another copy of Reshelve.
_BATCH_SIZE: Final = 200


def open_store(paths: Paths, organisation: Organisation) -> Store:
    """Open the local database of an organisation, shared with other processes. Raises `StoreError`."""
    folder = paths.organisation(organisation.tenant_id)
    if not (folder / FILE_NAME).exists():
        raise StoreError(ComparisonReason.NOTHING_LOADED)
    return Store.open(private_folder(folder))


def require_all_contacts(store: Store) -> None:
    """Raise `ReshelveError` until all contacts were loaded once: a comparison needs them."""
    if store.sync_state(FULL_SYNC_ENDED_AT) is None:
        raise ReshelveError(ComparisonReason.PARTLY_LOADED)


async def compare_file(
    store: Store,
    file: Path,
    options: FileOptions,
    clock: XeroClock | None = None,
    pause: Callable[[], object] = lambda: None,
) -> FileComparison:
    """Compare a file with saved contacts; nothing is recorded. Raises `ReshelveError`.

    Without a clock, the clock offset of an earlier run is used. `pause` is called often. When cancelled, it
    soon stops reading the file.
    """
    require_all_contacts(store)
    contacts, changes = await store.read_for_comparison()
    clock = clock or XeroClock(utc_now, store)
    stop = threading.Event()
    try:
        found = await asyncio.to_thread(
            _read_and_compare, file, options, clock, contacts, changes, stop=stop, pause=pause
        )
    finally:
        stop.set()
    return replace(found, notes=(*found.notes, *_staleness_notes(store, found.source.exported_at)))


async def record_matches(
    store: Store, file_comparison: FileComparison, choices: Mapping[int, str | None]
) -> RecordedMatches:
    """Record the changes that the file confirms, given the choices for ambiguous lines. Raises `StoreError`.

    Idempotent. If interrupted, the lines recorded so far are valid.
    """
    # In a thread: a million lines would block the screen.
    found = await asyncio.to_thread(resolve_ambiguous, file_comparison, choices)
    evidence = await asyncio.to_thread(lambda: found.evidence)
    cursor = LAST_FILE, f"{found.source.exported_at.isoformat()} {found.source.run_id}"
    synced_count = 0
    for start in range(0, len(evidence), _BATCH_SIZE):
        synced_count += await store.evidence.record_synced(evidence[start : start + _BATCH_SIZE], cursor)
    return RecordedMatches(found, synced_count)


def _read_and_compare(
    file: Path,
    options: FileOptions,
    clock: XeroClock,
    contacts: Sequence[XeroContact],
    changes: Mapping[str, Sequence[Change]],
    *,
    stop: threading.Event,
    pause: Callable[[], object],
) -> FileComparison:
    # The file's date, and the one the user gives, are assumed to be by this computer's clock.
    with open_contact_file(file, options, clock.system_now()) as opened:
        source = replace(opened.source, exported_at=clock.to_xero_time(opened.source.exported_at))
        found = compare(source, _until_stopped(stop, opened.contacts), contacts, changes, pause)
        return replace(found, notes=(*opened.notes, *found.notes))


def _until_stopped(stop: threading.Event, lines: Iterator[FileContact]) -> Iterator[FileContact]:
    """Yield lines until stopped; the error raised then is never shown."""
    for line in lines:
        if stop.is_set():
            raise ReshelveError(ComparisonReason.STOPPED)
        yield line


def _staleness_notes(store: Store, dated: datetime) -> tuple[Notice, ...]:
    """Return a note if saved contacts are older than the file, which can explain differences."""
    read_at = timestamps.from_iso_text(store.sync_state(REFRESHED_UNTIL))
    if read_at is None or read_at >= dated:
        return ()
    return (Notice(FileNote.NEWER_THAN_CONTACTS),)
