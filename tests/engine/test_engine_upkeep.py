"""Maintenance runs once per start, by the copy that holds the lock."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest
from engine.model_xero import START, contact
from store.damage import spoil

from tui import messages
from tui.engine import maintenance
from tui.engine.connectivity import StorageHealth
from tui.engine.maintenance import maintain
from tui.model.change import Action
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store import Store
from tui.store.maintenance.file_ops import backups

if TYPE_CHECKING:
    from pathlib import Path


async def fill(store: Store) -> Path:
    contacts = [contact(f"{number:03}") for number in range(300)]
    await store.save_contacts(contacts, START)
    await store.changes.add(Action.ARCHIVE, contacts[:3], START)
    return store._database.file


async def held() -> None:
    return


async def test_nothing_is_backed_up_before_the_lock_is_held(store: Store) -> None:
    file = await fill(store)
    has_lease = asyncio.Event()

    async def hold() -> None:
        await has_lease.wait()

    looking = asyncio.create_task(maintain(store, hold, lambda: START, StorageHealth(lambda: None)))
    await store.set_sync_state("any", "thing")
    assert backups(file) == []
    has_lease.set()
    await looking
    assert [backup.name for backup in backups(file)] == ["change-log-20260303T120000Z.db"]


async def test_a_failed_backup_is_shown_and_made_once_it_can_be(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "_PAUSE", 0.001)
    file = await fill(store)
    in_the_way = file.with_name("backups")
    in_the_way.write_text("in the way")
    told = asyncio.Event()
    disk = StorageHealth(told.set)
    with caplog.at_level("ERROR"):
        looking = asyncio.create_task(maintain(store, held, lambda: START, disk))
        await told.wait()
        # A successful write doesn't clear a backup problem.
        disk.record(None)
        assert str(disk.problem).startswith(StoreReason.BACKUP_FAILED)
        assert f"folder={in_the_way}" in str(disk.problem)
        assert not looking.done()
        in_the_way.unlink()
        await looking
    assert caplog.text.count(StoreReason.BACKUP_FAILED) == 1
    assert disk.problem is None
    assert len(backups(file)) == 1


async def test_full_disk_for_backups_is_not_a_change_log_problem(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(store)

    def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr("tui.store.maintenance.file_ops.copy_change_log", full)
    with pytest.raises(StoreError, match="database or disk is full") as raised:
        await store.maintenance.back_up(START)
    assert "change log itself is fine" in messages.message(raised.value)
    assert str(store._database.file.parent / "backups") in messages.next_step(raised.value)


async def test_damage_is_reported_after_the_change_log_is_saved(store: Store) -> None:
    file = await fill(store)
    store.close()
    spoil(file, "contacts")
    again = Store.open(file.parent)
    try:
        with pytest.raises(StoreError, match=StoreReason.CONTACTS_DAMAGED):
            await maintain(again, held, lambda: START, StorageHealth(lambda: None))
        assert len(backups(file)) == 1
    finally:
        again.close()


@pytest.mark.parametrize("step", ["back_up", "check_file"])
async def test_files_are_backed_up_and_checked_when_they_return(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = await fill(store)
    away = file.with_name("away")
    begun, tried_again = asyncio.Event(), asyncio.Event()

    async def wait(seconds: float) -> None:
        assert seconds == maintenance._PAUSE_WHILE_DISPLACED
        away.rename(file)
        tried_again.set()

    monkeypatch.setattr(asyncio, "sleep", wait)
    work = getattr(store.maintenance, step)

    async def taken_away(*arguments: object) -> object:
        if not begun.is_set():
            begun.set()
            file.rename(away)
        return await work(*arguments)

    monkeypatch.setattr(store.maintenance, step, taken_away)
    storage = StorageHealth(lambda: None)
    await maintain(store, held, lambda: START, storage)
    assert tried_again.is_set()
    assert storage.problem is None
    assert len(backups(file)) == 1
