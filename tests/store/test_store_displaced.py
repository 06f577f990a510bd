"""Files that are deleted, moved or replaced while the store is open: writes are refused, nothing is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from store.store_samples import NOON, contact

from tui import messages
from tui.model.change import Action, State
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store import Store
from tui.store.maintenance.file_ops import BACKUP_FOLDER, back_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

NUMBERS = range(1, 6)


def holder() -> bool:
    return True


def follower() -> bool:
    return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "organisation"


@pytest.fixture
async def opened(folder: Path) -> AsyncIterator[Store]:
    """A store with one request only in its write-ahead log, beside an earlier copy."""
    store = Store.open(folder)
    await store.save_contacts([contact(number) for number in NUMBERS], NOON)
    with closing(sqlite3.connect(folder / "contacts.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(folder.parent / "old.db"),))
    await ask(store, 1)
    yield store
    store.close()


async def ask(store: Store, number: int) -> None:
    await store.changes.add(Action.ARCHIVE, store.contacts([f"id-{number}"]), NOON)


def asked_in(folder: Path) -> int:
    with closing(Store.open(folder)) as store:
        return len(store.changes.in_states(State.QUEUED))


def names(folder: Path, pattern: str) -> list[str]:
    return [str(file) for file in folder.glob(pattern)]


def move(folder: Path, name: str) -> Path:
    return folder.rename(folder.with_name(name))


def delete_all(folder: Path) -> None:
    for part in folder.glob("contacts.db*"):
        part.unlink()


def delete(suffix: str) -> Callable[[Path], None]:
    return lambda folder: (folder / f"contacts.db{suffix}").unlink()


def delete_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def empty_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def replace_by_old(folder: Path) -> None:
    delete_all(folder)
    shutil.copyfile(folder.parent / "old.db", folder / "contacts.db")


def replace_file_alone(folder: Path) -> None:
    shutil.copyfile(folder.parent / "old.db", folder / "new")
    (folder / "new").replace(folder / "contacts.db")


def replace_by_copy(folder: Path) -> None:
    """Replace the files by copies with the same bytes, like a file-sync program."""
    for part in folder.glob("contacts.db*"):
        shutil.copyfile(part, folder / "copy")
        (folder / "copy").replace(part)


def replace_by_link(folder: Path) -> None:
    delete_all(folder)
    (folder / "contacts.db").symlink_to(folder.parent / "old.db")


def move_and_link(folder: Path) -> None:
    (folder / "contacts.db").rename(folder.parent / "moved.db")
    (folder / "contacts.db").symlink_to(folder.parent / "moved.db")


def replace_by_rubbish(folder: Path) -> None:
    delete_all(folder)
    (folder / "contacts.db").write_bytes(b"not a database" * 100)


def replace_log(folder: Path) -> None:
    shutil.copyfile(folder / "contacts.db-wal", folder / "copy")
    (folder / "copy").replace(folder / "contacts.db-wal")


TAKEN = {
    "all deleted": delete_all,
    "file deleted": delete(""),
    "log deleted": delete("-wal"),
    "index deleted": delete("-shm"),
    "folder deleted": delete_folder,
    "folder made again": empty_folder,
    "replaced by an older one": replace_by_old,
    "file alone replaced": replace_file_alone,
    "replaced by a copy": replace_by_copy,
    "replaced by a link": replace_by_link,
    "moved, and a link in its place": move_and_link,
    "replaced by rubbish": replace_by_rubbish,
    "log replaced": replace_log,
}


@pytest.mark.parametrize("how", TAKEN)
async def test_displaced_store_refuses_writes_and_its_entries_are_put_back(
    folder: Path, opened: Store, how: str
) -> None:
    TAKEN[how](folder)
    for writing in (ask(opened, 2), opened.set_sync_state("any", "value")):
        with pytest.raises(StoreError) as raised:
            await writing
        assert raised.value.reason is StoreReason.DISPLACED
        assert "Nothing was recorded" in messages.message(raised.value)
    opened.maintenance.restore_files(NOON, holder)
    assert not opened.maintenance.is_displaced
    assert len(opened.changes.in_states(State.QUEUED)) == 1
    await ask(opened, 3)
    opened.close()
    assert asked_in(folder) == 2
    assert not names(folder, "rescued-*")


@pytest.mark.parametrize("how", TAKEN)
async def test_second_copy_continues_once_the_first_has_put_the_file_back(
    folder: Path, opened: Store, how: str
) -> None:
    with closing(Store.open(folder)) as second:
        TAKEN[how](folder)
        for store, may_replace in ((opened, holder), (second, follower)):
            store.maintenance.restore_files(NOON, may_replace)
        await ask(second, 2)
        await ask(opened, 3)
        assert len(second.changes.in_states(State.QUEUED)) == 3
    opened.close()
    assert asked_in(folder) == 3


async def test_a_copy_without_the_lock_leaves_the_files_alone(folder: Path, opened: Store) -> None:
    delete_all(folder)
    with pytest.raises(StoreError, match=StoreReason.DISPLACED_STANDBY):
        opened.maintenance.restore_files(NOON, follower)
    assert not names(folder, "*.db")
    opened.maintenance.restore_files(NOON, holder)
    assert not opened.maintenance.is_displaced


@pytest.mark.skipif(os.stat not in os.supports_dir_fd, reason="an open folder can't be found again")
async def test_moved_folder_is_left_alone_and_not_created_again(folder: Path, opened: Store) -> None:
    moved = move(folder, "elsewhere")
    with pytest.raises(StoreError, match=StoreReason.DISPLACED):
        await ask(opened, 2)
    with pytest.raises(StoreError, match=StoreReason.FOLDER_MOVED) as raised:
        opened.maintenance.restore_files(NOON, holder)
    assert str(folder) in messages.next_step(raised.value)
    assert not names(folder.parent, folder.name)
    move(moved, folder.name)
    await ask(opened, 2)
    opened.close()
    assert asked_in(folder) == 2


async def test_replacement_with_its_own_entries_is_kept_and_ours_saved_beside_it(
    folder: Path, opened: Store
) -> None:
    other = folder.parent / "other"
    other.mkdir()
    shutil.copyfile(folder.parent / "old.db", other / "contacts.db")
    with closing(Store.open(other)) as store:
        await ask(store, 4)
        await ask(store, 5)
    delete_all(folder)
    shutil.copyfile(other / "contacts.db", folder / "contacts.db")
    for _ in range(2):
        with pytest.raises(StoreError, match=StoreReason.REPLACED):
            opened.maintenance.restore_files(NOON, holder)
    with pytest.raises(StoreError, match=StoreReason.REPLACED) as raised:
        await ask(opened, 2)
    rescued, *others = names(folder, "rescued-*.db")
    assert not others
    assert f"saved in {rescued}" in messages.message(raised.value)
    opened.close()
    assert asked_in(folder) == 2
    with closing(sqlite3.connect(rescued)) as connection:
        assert connection.execute("SELECT contact_id FROM changes").fetchall() == [("id-1",)]


async def test_putting_back_is_retried_after_a_disk_error(
    folder: Path, opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete_all(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tui.store.maintenance.file_ops.install_replacement", full)
        with pytest.raises(StoreError, match="No space left"):
            opened.maintenance.restore_files(NOON, holder)
    opened.maintenance.restore_files(NOON, holder)
    await ask(opened, 2)
    opened.close()
    assert asked_in(folder) == 2


async def test_replaced_file_is_not_backed_up(folder: Path, opened: Store) -> None:
    replace_by_old(folder)
    with pytest.raises(StoreError):
        await opened.maintenance.back_up(NOON)
    assert not (folder / BACKUP_FOLDER).exists()


async def test_deleted_backups_are_made_again(folder: Path, opened: Store) -> None:
    assert await opened.maintenance.back_up(NOON)
    shutil.rmtree(folder / BACKUP_FOLDER)
    assert back_up(folder / "contacts.db", NOON)
