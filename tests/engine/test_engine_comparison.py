"""A file from Re-Leased is compared with the store: only what it proves is recorded, once."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import pytest
from engine.model_xero import START, Clock, contact, tell_time

from tui.engine import comparison
from tui.engine.clock import XeroClock
from tui.engine.comparison import LAST_FILE, open_store
from tui.engine.services import WriteAccess
from tui.engine.services.evidence import ComparisonService
from tui.model.change import Action, State, Transition
from tui.model.comparison import MismatchReason
from tui.model.contact import ContactStatus, Organisation
from tui.model.contact_file import FileContact, FileOptions, FileSource
from tui.model.errors import ReshelveError, StoreError
from tui.model.evidence import SyncKnowledge, SyncStatus, grade_change
from tui.model.reasons import ComparisonReason, FileNote, FileReason, Notice
from tui.re_leased.contact_file import ContactFile
from tui.store import Store, TransitionRequest
from tui.store.sync_state import FULL_SYNC_ENDED_AT, REFRESHED_UNTIL
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui.engine.engine_factory import ClientFactory
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.comparison import FileComparison

ACTIVE, ARCHIVED = ContactStatus.ACTIVE, ContactStatus.ARCHIVED
DATED = START + timedelta(hours=1)


def xero_id(number: int) -> str:
    return str(UUID(int=number))


class Bench(ComparisonService):
    """The service over a store whose contacts were all read; `news` counts what was published."""

    def __init__(self, store: Store, file: Path) -> None:
        self.news = 0
        self.file = file
        self.clock = Clock()
        self.clock.forward(hours=2)
        super().__init__(
            store,
            cast("SnapshotPublisher", self),
            XeroClock(self.clock, store),
            WriteAccess(is_read_only=False, is_read_only_connection=lambda: False),
            cast("ClientFactory", None),
        )

    def rows_changed(self) -> None:
        self.news += 1

    async def have(self, *contacts: int) -> None:
        await self._store.save_contacts(
            [contact(xero_id(each), name=f"Contact {each}") for each in contacts], START
        )
        await self._store.set_sync_state(FULL_SYNC_ENDED_AT, START.isoformat())

    async def archive(self, number: int, at: datetime) -> None:
        """Archive a contact in Xero, and let a refresh see it."""
        seen = contact(xero_id(number), ARCHIVED, name=f"Contact {number}", updated_at=at)
        await self._store.save_contacts([seen], at)

    async def look(self, *lines: tuple[int, str], **options: Any) -> FileComparison:
        rows = (f"{xero_id(number)},{status}\n" for number, status in lines)
        self.file.write_text("External ID,Status\n" + "".join(rows), encoding="utf-8")
        os.utime(self.file, (DATED.timestamp(), DATED.timestamp()))
        if self._store.sync_state(REFRESHED_UNTIL) is None:
            await self._store.set_sync_state(REFRESHED_UNTIL, (DATED + timedelta(minutes=1)).isoformat())
        return await self.compare_file(self.file, FileOptions(**options))

    def grades(self) -> dict[str, SyncStatus]:
        changes = self._store.changes.in_states(State.CONFIRMED)
        return {each.contact_id: grade_change(each, SyncKnowledge(), self.clock()).status for each in changes}


@pytest.fixture
def bench(store: Store, tmp_path: Path) -> Bench:
    return Bench(store, tmp_path / "contacts.csv")


async def test_matching_changes_are_synced_as_of_the_file(bench: Bench, store: Store) -> None:
    await bench.have(1, 2, 3)
    await bench.archive(1, START + timedelta(minutes=1))
    await bench.archive(2, DATED + timedelta(seconds=1))
    found = await bench.look((1, "Archived"), (2, "Archived"), (3, "Active"))
    assert len(found.matches) == 3
    assert bench.grades() == {xero_id(1): SyncStatus.PENDING, xero_id(2): SyncStatus.PENDING}
    accepted = await bench.record_matches(found, {})
    assert (accepted.newly_synced_total, bench.news) == (1, 1)
    assert bench.grades() == {xero_id(1): SyncStatus.SYNCED, xero_id(2): SyncStatus.PENDING}
    [settled] = store.evidence.synced(5)
    assert settled.synced_at == DATED
    assert store.sync_state(LAST_FILE) == f"{DATED.isoformat()} file contacts.csv {found.source.digest[:12]}"


@pytest.mark.parametrize(
    ("minutes", "grade"), [(10, SyncStatus.PENDING), (0, SyncStatus.SYNCED), (-10, SyncStatus.SYNCED)]
)
async def test_file_from_a_computer_whose_clock_is_ahead_proves_no_later_change(
    bench: Bench, minutes: int, grade: SyncStatus
) -> None:
    await bench.have(1)
    await bench.archive(1, DATED - timedelta(minutes=5))
    tell_time(bench._clock, bench.clock() - timedelta(minutes=minutes))
    found = await bench.look((1, "Archived"))
    # A clock that is behind is left alone: a date that is too early claims too little.
    assert found.source.exported_at == DATED - timedelta(minutes=max(minutes, 0))
    await bench.record_matches(found, {})
    assert bench.grades() == {xero_id(1): grade}
    told = await bench.look((1, "Archived"), exported_at=DATED - timedelta(minutes=1))
    assert told.source.exported_at == DATED - timedelta(minutes=1 + max(minutes, 0))


async def test_file_just_exported_on_a_computer_whose_clock_is_ahead_is_accepted(
    bench: Bench,
) -> None:
    await bench.have(1)
    bench.clock.at = DATED
    tell_time(bench._clock, DATED - timedelta(minutes=10))
    assert (await bench.look((1, "Active"))).source.exported_at == DATED - timedelta(minutes=10)


async def test_the_same_file_again_changes_nothing(bench: Bench, store: Store) -> None:
    await bench.have(1)
    await bench.archive(1, START + timedelta(minutes=1))
    first = await bench.look((1, "Archived"))
    assert (await bench.record_matches(first, {})).newly_synced_total == 1
    # The comparison that was shown before, and a new one.
    assert (await bench.record_matches(first, {})).newly_synced_total == 0
    again = await bench.look((1, "Archived"))
    assert (again.source, again.newly_synced) == (first.source, ())
    assert (await bench.record_matches(again, {})).newly_synced_total == 0
    events = [event.transition for event in store.changes.entries_of_contact(xero_id(1))]
    assert events.count("synced") == 1
    assert store._database.rows("SELECT count(*) FROM sync_records") == [(1,)]


async def test_differences_are_not_recorded_and_can_be_fixed(bench: Bench, store: Store) -> None:
    await bench.have(1, 2, 3)
    await bench.archive(1, START + timedelta(minutes=1))
    await bench.archive(2, DATED + timedelta(minutes=1))
    [queued] = await store.changes.add(Action.ARCHIVE, store.contacts([xero_id(3)]), START)
    found = await bench.look((1, "Active"), (2, "Active"), (3, "Archived"))
    assert [(one.contact.contact_id, one.reason, one.action) for one in found.mismatches] == [
        (xero_id(1), MismatchReason.PENDING, Action.RESTORE),
        (xero_id(2), MismatchReason.CHANGED_SINCE, Action.RESTORE),
        (xero_id(3), MismatchReason.IN_PROGRESS, Action.ARCHIVE),
    ]
    assert (await bench.record_matches(found, {})).newly_synced_total == 0
    assert store._database.rows("SELECT count(*) FROM sync_records") == [(0,)]
    await store.record_transitions([TransitionRequest(queued.change_id, Transition.CANCEL)], START)


async def test_an_earlier_date_proves_less(bench: Bench) -> None:
    await bench.have(1, 2)
    await bench.archive(1, START + timedelta(minutes=1))
    await bench.archive(2, START + timedelta(minutes=9))
    lines = (1, "Archived"), (2, "Archived")
    found = await bench.look(*lines, exported_at=START + timedelta(minutes=5))
    assert [one.contact_id for one in found.newly_synced] == [xero_id(1)]
    assert len((await bench.look(*lines)).newly_synced) == 2


async def test_local_data_older_than_the_file_is_reported(bench: Bench, store: Store) -> None:
    await bench.have(1)
    assert (await bench.look((1, "Active"))).notes == ()
    await store.set_sync_state(REFRESHED_UNTIL, (DATED - timedelta(minutes=1)).isoformat())
    assert (await bench.look((1, "Active"))).notes == (Notice(FileNote.NEWER_THAN_CONTACTS),)


async def test_contacts_are_compared_only_after_a_full_sync(bench: Bench, store: Store) -> None:
    await store.save_contacts([contact(xero_id(1))], START)
    with pytest.raises(ReshelveError) as refused:
        await bench.look((1, "Active"))
    assert refused.value.reason is ComparisonReason.PARTLY_LOADED


async def test_a_wrong_last_line_changes_nothing(bench: Bench, store: Store) -> None:
    await bench.have(1)
    await bench.archive(1, START + timedelta(minutes=1))
    with pytest.raises(ReshelveError) as refused:
        await bench.look((1, "Archived"), (1, "Lost"))
    assert refused.value.notice == Notice(FileReason.UNKNOWN_STATUS, {"line": 3, "word": "Lost"})
    assert store._database.rows("SELECT count(*) FROM sync_records") == [(0,)]


async def test_many_matches_are_recorded_in_batches(bench: Bench, store: Store) -> None:
    numbers = range(1, 1_202)
    await bench.have(*numbers)
    at = START + timedelta(minutes=1)
    await store.save_contacts([contact(xero_id(each), ARCHIVED, updated_at=at) for each in numbers], at)
    found = await bench.look(*((each, "Archived") for each in numbers))
    assert (await bench.record_matches(found, {})).newly_synced_total == len(numbers)
    assert set(bench.grades().values()) == {SyncStatus.SYNCED}


def test_an_organisation_that_was_never_opened_has_nothing_to_compare(tmp_path: Path) -> None:
    paths, organisation = Paths.under(tmp_path), Organisation(xero_id(1), "Demo", "!d")
    with pytest.raises(StoreError) as refused:
        open_store(paths, organisation)
    assert refused.value.reason is ComparisonReason.NOTHING_LOADED
    assert not paths.organisation(organisation.tenant_id).exists()


async def test_a_cancelled_comparison_stops_reading(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.have(1)
    began, ended = threading.Event(), threading.Event()

    def endless() -> Iterator[FileContact]:
        while True:
            began.set()
            yield FileContact(2, ACTIVE, xero_id(1))

    @contextmanager
    def opened(*_: object) -> Iterator[ContactFile]:
        try:
            yield ContactFile(FileSource("endless.csv", "0" * 64, DATED), endless())
        finally:
            ended.set()

    monkeypatch.setattr(comparison, "open_contact_file", opened)
    comparing = asyncio.create_task(bench.compare_file(bench.file, FileOptions()))
    assert await asyncio.to_thread(began.wait, 30)
    comparing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await comparing
    assert await asyncio.to_thread(ended.wait, 30)


async def test_contacts_are_read_as_they_are_now(bench: Bench, store: Store) -> None:
    await bench.have(1, 2)
    await bench.archive(2, START + timedelta(minutes=1))
    rows = store.search.rows([xero_id(2), xero_id(9), xero_id(1)])
    assert [(row.name, row.status) for row in rows] == [("Contact 2", ARCHIVED), ("Contact 1", ACTIVE)]
    assert rows[0].last_change is not None
    assert rows[0].last_change.change.state is State.CONFIRMED
    assert store.search.rows([]) == []
