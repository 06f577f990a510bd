"""Backups of the change log: the newest five are kept, and a damaged file never replaces a good one."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from store.damage import spoil
from store.store_samples import ACTIVE, NOON, contact, minutes

from tui.model.change import Action, State, Transition
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store import Store, TransitionRequest
from tui.store.maintenance.file_ops import backups, made_at, newest_good_backup

if TYPE_CHECKING:
    from pathlib import Path


async def ask(store: Store, *numbers: int) -> None:
    await store.save_contacts([contact(each, ACTIVE) for each in numbers], NOON)
    await store.changes.add(Action.ARCHIVE, store.contacts([f"id-{each}" for each in numbers]), NOON)


def rows(file: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()  # noqa: S608 - our own tables


async def test_a_backup_has_the_change_log_and_no_contacts(store: Store) -> None:
    await ask(store, 1, 2)
    [change, _] = store.changes.in_states(State.QUEUED)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.SEND)], minutes(1))
    await store.set_sync_state("outbox.paused_at", "now")
    await store.set_sync_state("contacts.refreshed_until", "then")
    file = store._database.file
    made = await store.maintenance.back_up(NOON)
    assert made == file.parent / "backups" / "change-log-20260301T120000Z.db"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    for table in ("changes", "transitions", "batches", "batch_targets", "sync_records"):
        assert rows(made, table) == rows(file, table)
    assert rows(made, "sync_state") == [("outbox.paused_at", "now")]
    assert rows(made, "contacts") == []
    assert ("changes:queued", 1) in rows(made, "row_counts")
    assert [path.name for path in made.parent.iterdir()] == [made.name]


async def test_unchanged_store_gets_no_new_backup(store: Store) -> None:
    await ask(store, 1)
    assert await store.maintenance.back_up(NOON) is not None
    await store.save_contacts([contact(2)], NOON)
    await store.set_sync_state("contacts.refreshed_until", "later")
    assert await store.maintenance.back_up(minutes(1)) is None
    [change] = store.changes.in_states(State.QUEUED)
    await store.record_transitions([TransitionRequest(change.change_id, Transition.CANCEL)], minutes(2))
    assert await store.maintenance.back_up(minutes(3)) is not None


async def test_the_newest_five_are_kept_even_if_the_clock_is_set_back(store: Store) -> None:
    made = []
    for number, at in enumerate((0, 1, 2, 3, 4, -600, -600), start=1):
        await ask(store, number)
        made.append(await store.maintenance.back_up(minutes(at)))
    file = store._database.file
    assert backups(file) == made[:1:-1]
    newest = backups(file)[0]
    assert made_at(newest) == minutes(4) + timedelta(seconds=2)
    assert len(rows(newest, "changes")) == 7


async def test_backups_named_by_earlier_versions_count_in_order_with_the_new_ones(store: Store) -> None:
    made = []
    for number in range(1, 5):
        await ask(store, number)
        backup = await store.maintenance.back_up(minutes(number))
        assert backup is not None
        made.append(backup)
    file = store._database.file
    # The oldest, one between two others, and the newest but one.
    for number in (0, 2):
        made[number] = made[number].rename(
            made[number].with_name(made[number].name.replace("change-log", "journal"))
        )
    # Other files of the user are no backups, and are left alone.
    others = [
        made[0].with_name(name) for name in ("journal-old.db", "change-log-20261301T000000Z.db", "my.db")
    ]
    for other in others:
        other.write_bytes(made[0].read_bytes())
    assert backups(file) == made[::-1]
    assert [made_at(backup) for backup in backups(file)] == [minutes(number) for number in (4, 3, 2, 1)]
    made[3].write_bytes(b"damaged")
    assert newest_good_backup(file) == made[2]
    # Two more leave five: the oldest is deleted, whatever its name.
    for number in (5, 6):
        await ask(store, number)
        made.append(await store.maintenance.back_up(minutes(number)))  # type: ignore[arg-type]
    assert backups(file) == made[:0:-1]
    assert all(other.exists() for other in others)
    assert not made[0].exists()


async def test_a_damaged_change_log_never_replaces_good_backups(store: Store) -> None:
    for number in range(1, 400):
        await ask(store, number)
    good = await store.maintenance.back_up(NOON)
    await ask(store, 400)
    file = store._database.file
    store.close()
    spoil(file, "transitions")
    again = Store.open(file.parent)
    try:
        with pytest.raises(StoreError, match=StoreReason.DAMAGED_NOT_BACKED_UP):
            await again.maintenance.back_up(minutes(5))
        assert backups(file) == [good]
        assert newest_good_backup(file) == good
    finally:
        again.close()


async def test_damaged_backup_is_skipped(store: Store) -> None:
    await ask(store, 1)
    first = await store.maintenance.back_up(NOON)
    await ask(store, 2)
    second = await store.maintenance.back_up(minutes(1))
    assert second is not None
    second.write_bytes(second.read_bytes()[:5000])
    assert newest_good_backup(store._database.file) == first


async def test_full_disk_keeps_existing_backups_and_leaves_no_temporary_file(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(store, 1)
    good = await store.maintenance.back_up(NOON)
    await ask(store, 2)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            await store.maintenance.back_up(minutes(1))
    folder = store._database.file.parent / "backups"
    assert list(folder.iterdir()) == [good]


async def test_unfinished_backup_of_a_crash_is_deleted(store: Store) -> None:
    folder = store._database.file.parent / "backups"
    folder.mkdir()
    for name in (".change-log-x.abc.tmp", ".journal-x.abc.tmp"):
        (folder / name).write_bytes(b"half")
    await ask(store, 1)
    made = await store.maintenance.back_up(NOON)
    assert list(folder.iterdir()) == [made]
