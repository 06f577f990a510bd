from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING

import pytest
from store.store_samples import ACTIVE, ARCHIVED, NOON, contact, minutes, names, search

from tui.model.errors import StoreClosedError, StoreError
from tui.model.query import Tab
from tui.model.query_parser import parse_query
from tui.model.reasons import StoreReason
from tui.store.search import contact_index
from tui.store.search.contact_index import load

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from tui.store import Store
    from tui.store.search.contact_index import ContactIndex


class Gate:
    """Replaces the loading of the index: counts loads, and blocks them until released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reads = 0
        self.has_read = threading.Event()
        self.is_open = threading.Event()
        self.is_open.set()
        self._load = load
        monkeypatch.setattr(contact_index, "load", self._read)

    def _read(self, connection: sqlite3.Connection, *, is_stopped: Callable[[], bool]) -> ContactIndex:
        index = self._load(connection, is_stopped=is_stopped)
        self.reads += 1
        self.has_read.set()
        assert self.is_open.wait(timeout=30)
        return index


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


@pytest.fixture(autouse=True)
def _however_slow_this_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every search wait for a load, as it does where loading is fast."""
    monkeypatch.setattr(contact_index, "_CHEAP_SECONDS", math.inf)
    monkeypatch.setattr(contact_index, "_REST_SECONDS", 0)


async def test_index_is_loaded_only_on_request(store: Store, gate: Gate) -> None:
    await store.save_contacts([contact(1)], NOON)
    assert names(await search(store, "contact")) == ["Contact 1"]
    assert gate.reads == 0


async def test_loading_an_up_to_date_index_reads_nothing(store: Store, gate: Gate) -> None:
    await asyncio.gather(store.search.load(), store.search.load())
    await store.search.load()
    assert gate.reads == 1


async def test_a_status_change_while_the_index_loads_is_not_lost(store: Store, gate: Gate) -> None:
    await store.save_contacts([contact(1, ACTIVE)], NOON)
    gate.is_open.clear()
    loading = asyncio.create_task(store.search.load())
    await asyncio.to_thread(gate.has_read.wait, 30)
    await store.save_contacts([contact(1, ARCHIVED, at=1)], minutes(1))
    gate.is_open.set()
    await loading
    assert names(await search(store, "contact", Tab.ARCHIVED)) == ["Contact 1"]
    assert gate.reads == 1


async def test_a_contact_added_while_the_index_loads_is_found_after_the_next_load(
    store: Store, gate: Gate
) -> None:
    await store.search.load()
    await store.save_contacts([contact(1)], NOON)
    gate.is_open.clear()
    gate.has_read.clear()
    loading = asyncio.create_task(store.search.load())
    await asyncio.to_thread(gate.has_read.wait, 30)
    await store.save_contacts([contact(2)], NOON)
    gate.is_open.set()
    await loading
    await store.search.load()
    assert names(await search(store, "contact")) == ["Contact 1", "Contact 2"]


async def test_store_of_ordinary_size_is_searched_up_to_date(store: Store) -> None:
    await store.search.load()
    for number in range(1, 5):
        await store.save_contacts([contact(number)], NOON)
        assert len((await search(store, "contact")).rows) == number


async def test_search_waits_for_a_short_load_in_progress(store: Store, gate: Gate) -> None:
    await store.search.load()
    gate.is_open.clear()
    gate.has_read.clear()
    await store.save_contacts([contact(1)], NOON)
    await asyncio.to_thread(gate.has_read.wait, 30)
    searching = asyncio.create_task(search(store, "contact"))
    await asyncio.sleep(0)
    gate.is_open.set()
    assert names(await searching) == ["Contact 1"]
    assert gate.reads == 2


async def test_a_long_sync_does_not_reload_the_index_after_every_page(
    store: Store, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_index, "_PAUSE_FACTOR", 1_000_000)
    await store.search.load()
    for number in range(20):
        await store.save_contacts([contact(number)], NOON)
    assert gate.reads == 1
    assert len((await search(store, "contact")).rows) == 20
    assert gate.reads == 2


@pytest.mark.parametrize(
    ("tab", "found"), [(Tab.ALL, [0, 1, 2, 3]), (Tab.ACTIVE, [0, 2]), (Tab.ARCHIVED, [1, 3])]
)
async def test_the_whole_list_grows_during_a_sync_without_another_load(
    store: Store, gate: Gate, monkeypatch: pytest.MonkeyPatch, tab: Tab, found: list[int]
) -> None:
    monkeypatch.setattr(contact_index, "_REST_SECONDS", 1_000_000)
    await store.search.load()
    for number in range(4):
        await store.save_contacts([contact(number, ARCHIVED if number % 2 else ACTIVE)], NOON)
    shown = await search(store, "", tab)
    assert names(shown) == [f"Contact {number}" for number in found]
    await store.save_contacts([contact(9, name="Added later")], NOON)
    assert names(shown) == [f"Contact {number}" for number in found]
    assert gate.reads == 1


async def test_a_search_during_a_sync_has_the_index_loaded(
    store: Store, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_index, "_REST_SECONDS", 1_000_000)
    monkeypatch.setattr(contact_index, "_PAUSE_FACTOR", 0)
    monkeypatch.setattr(contact_index, "_CHEAP_SECONDS", -1)
    loaded = asyncio.Event()
    store.search.on_loaded = loaded.set
    await store.search.load()
    loaded.clear()
    await store.save_contacts([contact(1)], NOON)
    await search(store, "contact")
    async with asyncio.timeout(30):
        await loaded.wait()
    assert names(await search(store, "contact")) == ["Contact 1"]
    assert gate.reads == 2


async def test_what_is_exported_is_never_from_an_outdated_index(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_index, "_REST_SECONDS", 1_000_000)
    monkeypatch.setattr(contact_index, "_CHEAP_SECONDS", -1)
    await store.search.load()
    await store.save_contacts([contact(1)], NOON)
    assert names(await search(store, "contact")) == []
    assert len(await store.search.rowids(parse_query(Tab.ALL, "contact"))) == 1


async def test_listeners_are_told_of_each_load(store: Store) -> None:
    heard: list[int] = []
    store.search.on_loaded = lambda: heard.append(1)
    await store.search.load()
    await store.save_contacts([contact(1)], NOON)
    await search(store, "contact")
    assert len(heard) == 2


async def test_failed_load_is_reported_and_searches_use_sql(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object, **__: object) -> ContactIndex:
        raise StoreError(StoreReason.DISK_ERROR)

    await store.save_contacts([contact(1)], NOON)
    with monkeypatch.context() as patch:
        patch.setattr(contact_index, "load", fail)
        with pytest.raises(StoreError, match=StoreReason.DISK_ERROR):
            await store.search.load()
    assert names(await search(store, "contact")) == ["Contact 1"]
    await store.search.load()
    assert names(await search(store, "contact")) == ["Contact 1"]


async def test_closing_ends_a_load_and_its_waiters(store: Store, gate: Gate) -> None:
    gate.is_open.clear()
    loading = asyncio.create_task(store.search.load())
    await asyncio.to_thread(gate.has_read.wait, 30)
    store.close()
    gate.is_open.set()
    with pytest.raises(StoreError, match=StoreReason.CLOSED):
        await loading


async def test_a_closed_store_raises_for_reads_and_writes(store: Store) -> None:
    store.close()
    with pytest.raises(StoreClosedError):
        store.counts()
    with pytest.raises(StoreClosedError):
        await store.save_contacts([contact(1)], NOON)
