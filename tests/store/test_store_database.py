from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from typing import TYPE_CHECKING

import pytest
from store.store_samples import NOON, contact, minutes, names, search

from tui import messages
from tui.model.change import Action, State, Transition
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store import Store, TransitionRequest
from tui.store.database import Database
from tui.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path)
    yield opened
    opened.close()


def set_cursor(connection: sqlite3.Connection, value: str = "here") -> None:
    connection.execute("INSERT OR REPLACE INTO sync_state VALUES ('place', ?)", (value,))


def cursor(database: Database) -> list[tuple[str]]:
    return database.rows("SELECT value FROM sync_state WHERE name = 'place'")


async def test_files_belong_to_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "organisation"
    store = Store.open(folder)
    await store.save_contacts([contact()], NOON)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    store.close()
    assert modes == {"contacts.db": 0o600, "contacts.db-wal": 0o600, "contacts.db-shm": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_exception_during_a_write_rolls_it_back(database: Database) -> None:
    def half(connection: sqlite3.Connection) -> None:
        set_cursor(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(half)
    assert cursor(database) == []
    await database.write(set_cursor)
    assert cursor(database) == [("here",)]


async def test_a_cancelled_writer_neither_breaks_nor_loses_its_transaction(database: Database) -> None:
    has_begun, may_end = threading.Event(), threading.Event()
    told: list[str] = []

    def slow(connection: sqlite3.Connection) -> str:
        has_begun.set()
        assert may_end.wait(timeout=30)
        set_cursor(connection)
        return "done"

    task = asyncio.create_task(database.write(slow, after=told.append))
    await asyncio.to_thread(has_begun.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    may_end.set()
    await database.write(lambda _: None)
    assert cursor(database) == [("here",)]
    assert told == ["done"]


async def test_a_failed_write_is_not_reported_as_done(database: Database) -> None:
    told: list[None] = []
    with pytest.raises(StoreError):
        await database.write(
            lambda connection: connection.execute("nonsense"), after=lambda _: told.append(None)
        )
    assert told == []


async def test_change_log_writes_wait_for_the_disk_and_pages_of_contacts_do_not(database: Database) -> None:
    def synchronous(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA synchronous").fetchone()[0])

    normal, full = 1, 2
    assert await database.write(synchronous) == full
    assert await database.write(synchronous, durable=False) == normal
    assert await database.write(synchronous) == full


async def test_event_loops_connection_is_read_only(database: Database) -> None:
    with pytest.raises(StoreError, match=StoreReason.READ_ONLY):
        database.rows("INSERT INTO sync_state VALUES ('a', 'b')")


async def test_closing_twice_is_harmless_and_waits_for_the_writer(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    write = asyncio.create_task(database.write(set_cursor))
    await asyncio.sleep(0)
    database.close()
    database.close()
    await write
    with pytest.raises(StoreError, match=StoreReason.CLOSED):
        await database.write(set_cursor)
    again = Database.open(tmp_path)
    assert cursor(again) == [("here",)]
    again.close()


async def test_a_full_disk_is_reported_and_loses_nothing(store: Store) -> None:
    await store.save_contacts([contact(1)], NOON)
    database = store._database
    pages = await database.write(lambda c: int(c.execute("PRAGMA page_count").fetchone()[0]))
    await asyncio.to_thread(database._writer.execute, f"PRAGMA max_page_count = {pages}")
    many = [contact(number, raw=b"x" * 5_000) for number in range(1, 100)]
    with pytest.raises(StoreError, match=StoreReason.DISK_FULL) as caught:
        await store.save_contacts(many, NOON)
    assert caught.value.retryable
    assert "try again" in messages.next_step(caught.value)
    assert store.counts().all == 1
    await asyncio.to_thread(database._writer.execute, "PRAGMA max_page_count = 100000")
    await store.save_contacts(many, NOON)
    assert store.counts().all == 99


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    Database.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "contacts.db")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(StoreError, match=StoreReason.NEWER_VERSION) as caught:
        Database.open(tmp_path)
    assert "Update" in messages.next_step(caught.value)


def test_invalid_database_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "contacts.db"
    file.write_bytes(b"a letter to my aunt, " * 100)
    with pytest.raises(StoreError, match=StoreReason.NOT_A_DATABASE):
        Database.open(tmp_path)
    assert file.read_bytes() == b"a letter to my aunt, " * 100


def test_an_impossible_folder_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=StoreReason.CANNOT_OPEN):
        Database.open(tmp_path / "file" / "organisation")


async def test_opening_again_finds_everything(tmp_path: Path) -> None:
    first = Store.open(tmp_path)
    await first.save_contacts([contact(1), contact(2)], NOON)
    (change,) = await first.changes.add(Action.ARCHIVE, first.contacts(["id-1"]), NOON)
    first.close()
    second = Store.open(tmp_path)
    assert second.contact("id-2") == contact(2)
    assert second.changes.in_states(State.QUEUED) == [change]
    second.close()


async def test_two_stores_on_one_file_see_each_other(tmp_path: Path) -> None:
    ours, theirs = Store.open(tmp_path), Store.open(tmp_path)
    try:
        await ours.save_contacts([contact(1)], NOON)
        await ours.search.load()
        assert not ours.changed_elsewhere()
        assert theirs.changed_elsewhere()
        assert not theirs.changed_elsewhere()

        await theirs.save_contacts([contact(2)], NOON)
        (change,) = await theirs.changes.add(Action.ARCHIVE, [contact(2)], NOON)
        assert ours.changed_elsewhere()
        assert names(await search(ours, "")) == ["Contact 1", "Contact 2"]
        await ours.record_transitions([TransitionRequest(change.change_id, Transition.CANCEL)], minutes(1))
        assert not ours.changed_elsewhere()
        assert theirs.changes.of_contact("id-2")[0].state is State.CANCELLED
    finally:
        ours.close()
        theirs.close()


async def test_write_of_another_copy_between_two_writes_is_noticed(tmp_path: Path) -> None:
    ours, theirs = Database.open(tmp_path), Database.open(tmp_path)
    await ours.write(lambda connection: set_cursor(connection, "1"))
    await theirs.write(lambda connection: set_cursor(connection, "2"))
    await ours.write(lambda connection: set_cursor(connection, "3"))
    assert ours.changed_elsewhere()
    assert not ours.changed_elsewhere()
    ours.close()
    theirs.close()
