"""A search by sync status follows the engine's clock, although nothing is written when a night passes."""

from __future__ import annotations

import asyncio
from datetime import UTC, time, timedelta
from typing import TYPE_CHECKING

import pytest
from engine.model_xero import START, Clock, contact
from msgspec.structs import replace
from store.store_samples import search

from tui.engine import snapshot_publisher
from tui.engine.clock import XeroClock
from tui.engine.connectivity import ConnectionState, StorageHealth
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.engine.snapshot_publisher import SnapshotPublisher
from tui.model.contact import ContactStatus, Organisation
from tui.model.evidence import NightlyWindow
from tui.model.snapshot import SyncProgress

if TYPE_CHECKING:
    from tui.model.snapshot import Snapshot
    from tui.store import Store


@pytest.fixture
async def archived(store: Store) -> Store:
    """A store with a contact that was archived in Xero at the start."""
    await store.save_contacts([contact("a")], START - timedelta(hours=1))
    await store.save_contacts([replace(contact("a"), status=ContactStatus.ARCHIVED, updated_at=START)], START)
    await store.search.load()
    return store


def publishing(store: Store, clock: Clock, *, has_feed: bool) -> tuple[SnapshotPublisher, ReLeasedMonitor]:
    clock.at = START + timedelta(minutes=5)
    released = ReLeasedMonitor(store, NightlyWindow(time(0), time(6), UTC), clock, has_feed=has_feed)
    connection, disk = ConnectionState(clock, lambda: None), StorageHealth(lambda: None)
    return SnapshotPublisher(
        Organisation("t1", "Demo", "!demo"),
        store,
        connection,
        released,
        storage=disk,
        clock=XeroClock(clock, store),
    ), released


async def found(store: Store, text: str) -> int:
    return len((await search(store, text)).rows)


async def test_a_night_that_passes_turns_pending_into_expected(archived: Store) -> None:
    clock = Clock()
    publisher, released = publishing(archived, clock, has_feed=False)
    assert (await found(archived, "sync:pending"), await found(archived, "sync:expected")) == (1, 0)
    assert await found(archived, "changed:<1d") == 1
    clock.at = START + timedelta(days=2)
    assert released.tick()
    publisher.rows_changed()
    assert (await found(archived, "sync:pending"), await found(archived, "sync:expected")) == (0, 1)
    assert await found(archived, "changed:<1d") == 0
    publisher.stop()


async def test_sync_statuses_that_moved_with_time_are_graded_again_within_a_minute(archived: Store) -> None:
    publisher, released = publishing(archived, Clock(), has_feed=True)
    assert await found(archived, "sync:pending") == 1
    released.knowledge = replace(released.knowledge, stalled_since=START)
    publisher.rows_changed()
    assert (await found(archived, "sync:pending"), await found(archived, "sync:stalled")) == (0, 1)
    publisher.stop()


async def test_while_contacts_load_only_what_is_urgent_is_published_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_publisher, "_COALESCE", 0)
    monkeypatch.setattr(snapshot_publisher, "_COALESCE_LOADING", 1_000_000)
    publisher, _ = publishing(store, Clock(), has_feed=False)
    done: list[int | None] = []

    def note(snapshot: Snapshot) -> None:
        done.append(snapshot.progress.done if snapshot.progress else None)

    async def loaded(pages: int | None, *, is_paused: bool = False) -> None:
        progress = None if pages is None else SyncProgress(pages, 9, is_paused=is_paused)
        publisher.record_write(await store.save_contacts([contact(f"c{pages}")], START))
        publisher.update_progress(progress)
        for _ in range(3):
            await asyncio.sleep(0.001)

    publisher.subscribe(note)
    await loaded(1)
    assert done == [1]
    await loaded(2)
    await loaded(3)
    assert done == [1]
    # Something that the user did.
    publisher.rows_changed()
    await asyncio.sleep(0.001)
    assert done[1:] == [3]
    await loaded(4)
    assert done[2:] == []
    await loaded(4, is_paused=True)
    assert done[2:] == [4]
    await loaded(5)
    await loaded(6)
    assert done[3:] == [5]
    await loaded(None)
    assert done[4:] == [None]
