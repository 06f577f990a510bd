"""Removing an organisation's data: the change log only goes if asked, and unsent changes prevent it."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from store.damage import spoil, spoil_header
from store.store_samples import NOON, contact, minutes

from tui.model.change import Action, State, Transition
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store import Store, TransitionRequest
from tui.store.database import FILE_NAME
from tui.store.maintenance.file_ops import backups
from tui.store.maintenance.forget import find_saved_data, forget
from tui.store.maintenance.health import CURRENT_VERSION, read_health

if TYPE_CHECKING:
    from pathlib import Path

    from tui.model.change import Change

LOCK = "lease"
NAME = "Kererū Property 7"
CONTACTS, CHANGES = 400, 200


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Return the folder of a store with 400 contacts, 200 of them archived, and what can lie beside it."""
    with closing(Store.open(tmp_path)) as store:
        await store.save_contacts(
            [contact(number, name=f"Kererū Property {number}") for number in range(CONTACTS)], NOON
        )
        await store.set_sync_state("read_until", "x")
        archived = store.contacts([f"id-{number}" for number in range(CHANGES)])
        await store.changes.add(Action.ARCHIVE, archived, NOON)
        ids = [change.change_id for change in store.changes.in_states(State.QUEUED)]
        for transition in (Transition.SEND, Transition.CONFIRM):
            await store.record_transitions([TransitionRequest(each, transition) for each in ids], minutes(1))
        await store.maintenance.back_up(NOON)
    shutil.copy(tmp_path / FILE_NAME, tmp_path / "damaged-20260301T120000Z.db")
    shutil.copy(tmp_path / FILE_NAME, tmp_path / "rescued-20260301T120000Z.db")
    for name in ("searches.json", "saved-searches.json", LOCK):
        (tmp_path / name).write_text(f"{NAME}", encoding="utf-8")
    return tmp_path


def changes(folder: Path) -> list[Change]:
    with closing(Store.open(folder)) as store:
        return store.changes.in_states(*State)


def test_saved_data_is_counted(folder: Path) -> None:
    found = find_saved_data(folder)
    assert found.health is not None
    assert (found.copies, found.backups, found.is_empty) == (2, 1, False)
    health = found.health
    assert (health.contacts, health.changes, health.open_changes) == (CONTACTS, CHANGES, 0)
    assert (health.damage, health.problem, health.version) == ("", "", CURRENT_VERSION)
    assert health.last_backup == NOON
    assert health.size > 4096


def test_contacts_are_removed_and_the_change_log_can_still_be_read(folder: Path) -> None:
    before = changes(folder)
    forget(folder, lock_name=LOCK, with_change_log=False)
    assert {path.name for path in folder.iterdir()} == {FILE_NAME, "backups", LOCK}
    assert b"Property 333" not in (folder / FILE_NAME).read_bytes()
    assert len(backups(folder / FILE_NAME)) == 1
    assert changes(folder) == before
    with closing(Store.open(folder)) as store:
        assert store.counts().all == 0
        assert store.sync_state("full_sync_ended_at") is None


async def test_contacts_that_are_downloaded_again_join_the_kept_change_log(folder: Path) -> None:
    forget(folder, lock_name=LOCK, with_change_log=False)
    with closing(Store.open(folder)) as store:
        await store.save_contacts([contact(7, name=NAME), contact(300)], minutes(9))
        change = next(each for each in store.changes.in_states(*State) if each.contact_id == "id-7")
        assert (change.name, change.state, change.confirmed_at) == (NAME, State.CONFIRMED, minutes(1))
        await store.changes.add(Action.ARCHIVE, store.contacts(["id-300"]), minutes(10))
        [added] = store.changes.in_states(State.QUEUED)
        # A new change never takes the number of an old one.
        assert added.change_id > CHANGES


def test_everything_is_removed_if_asked(folder: Path) -> None:
    forget(folder, lock_name=LOCK, with_change_log=True)
    assert [path.name for path in folder.iterdir()] == [LOCK]


@pytest.mark.parametrize("with_change_log", [False, True])
async def test_changes_that_are_not_in_xero_yet_prevent_it(folder: Path, *, with_change_log: bool) -> None:
    with closing(Store.open(folder)) as store:
        await store.changes.add(Action.ARCHIVE, store.contacts(["id-301", "id-302"]), NOON)
    with pytest.raises(StoreError) as caught:
        forget(folder, lock_name=LOCK, with_change_log=with_change_log)
    assert caught.value.reason is StoreReason.UNSENT_CHANGES
    assert caught.value.notice.params["count"] == 2
    assert find_saved_data(folder).copies == 2
    assert len(changes(folder)) == CHANGES + 2


def test_an_open_store_is_left_alone(folder: Path) -> None:
    with closing(Store.open(folder)) as store:
        with pytest.raises(StoreError) as caught:
            forget(folder, lock_name=LOCK, with_change_log=True)
        assert caught.value.reason is StoreReason.OPEN_ELSEWHERE
        assert store.counts().all == CONTACTS


def test_a_damaged_change_log_is_only_removed_if_asked(folder: Path) -> None:
    spoil(folder / FILE_NAME, "changes")
    with pytest.raises(StoreError) as caught:
        forget(folder, lock_name=LOCK, with_change_log=False)
    assert caught.value.reason is StoreReason.CHANGE_LOG_DAMAGED
    assert (folder / "searches.json").exists()
    forget(folder, lock_name=LOCK, with_change_log=True)
    assert [path.name for path in folder.iterdir()] == [LOCK]


def test_damaged_contacts_are_removed(folder: Path) -> None:
    spoil(folder / FILE_NAME, "contacts")
    forget(folder, lock_name=LOCK, with_change_log=False)
    assert len(changes(folder)) == CHANGES


def test_a_crash_before_the_database_is_removed_leaves_a_store_that_opens(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", fail)
        with pytest.raises(StoreError) as caught:
            forget(folder, lock_name=LOCK, with_change_log=True)
    assert caught.value.reason is StoreReason.NOT_FORGOTTEN
    assert not (folder / "backups").exists()
    assert len(changes(folder)) == CHANGES
    forget(folder, lock_name=LOCK, with_change_log=True)
    assert [path.name for path in folder.iterdir()] == [LOCK]


def test_nothing_saved_is_empty(tmp_path: Path) -> None:
    assert find_saved_data(tmp_path).is_empty
    assert read_health(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("harm", [spoil_header, lambda file: spoil(file, "changes")])
def test_damage_is_described_and_nothing_is_changed(folder: Path, harm: object) -> None:
    harm(folder / FILE_NAME)  # type: ignore[operator]
    before = (folder / FILE_NAME).read_bytes()
    health = read_health(folder)
    assert health is not None
    assert health.damage
    assert NAME not in health.damage
    assert (folder / FILE_NAME).read_bytes() == before
