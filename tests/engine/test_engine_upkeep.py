"""The store is looked after once a start, by the copy that holds the lease."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from engine.model_xero import START, contact
from store.damage import spoil

from tui.engine.care.upkeep import look_after
from tui.model.change import Action
from tui.model.errors import StoreError
from tui.store import Store
from tui.store.care.backup import backups

if TYPE_CHECKING:
    from pathlib import Path


async def fill(store: Store) -> Path:
    contacts = [contact(f"{number:03}") for number in range(300)]
    await store.apply(contacts, START)
    await store.add(Action.ARCHIVE, contacts[:3], START)
    return store._database.file


async def held() -> None:
    return


async def test_nothing_is_backed_up_before_the_lease_is_held(store: Store) -> None:
    file = await fill(store)
    has_lease = asyncio.Event()

    async def hold() -> None:
        await has_lease.wait()

    looking = asyncio.create_task(look_after(store, hold, lambda: START))
    await store.set_cursor("any", "thing")
    assert backups(file) == []
    has_lease.set()
    await looking
    assert [backup.name for backup in backups(file)] == ["journal-20260303T120000Z.db"]


async def test_a_backup_that_cannot_be_written_stops_nothing(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    file = await fill(store)
    file.with_name("backups").write_text("in the way")
    with caplog.at_level("ERROR"):
        await look_after(store, held, lambda: START)
    assert "couldn't be backed up" in caplog.text


async def test_damage_is_raised_after_the_journal_is_safe(store: Store) -> None:
    file = await fill(store)
    store.close()
    spoil(file, "contacts")
    again = Store.open(file.parent)
    try:
        with pytest.raises(StoreError, match="contacts is damaged"):
            await look_after(again, held, lambda: START)
        assert len(backups(file)) == 1
    finally:
        again.close()
