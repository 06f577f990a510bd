"""A damaged store: contacts are downloaded again, the change log comes from its backup and readable rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest
from store.damage import spoil, spoil_header, spoil_schema
from store.store_samples import ACTIVE, NOON, contact, minutes

from tui import messages
from tui.model.change import Action, Change, State, Transition
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.store import Store, TransitionRequest
from tui.store.maintenance.file_ops import newest_good_backup, replacement_path
from tui.store.maintenance.integrity import damage_anywhere
from tui.store.maintenance.repair import Diagnosis, diagnose, open_or_rebuild, rebuild_contacts, repair
from tui.store.read_only_summary import read_summary
from tui.store.schema import MIGRATIONS, migrate

if TYPE_CHECKING:
    from pathlib import Path

MANY = 400


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Make a store of 400 contacts, each with a change; the first half confirmed before a backup."""
    folder = tmp_path / "organisation"
    store = Store.open(folder)
    try:
        numbers = range(1, MANY + 1)
        await store.save_contacts([contact(each, ACTIVE) for each in numbers], NOON)
        await store.set_sync_state("contacts.refreshed_until", NOON.isoformat())
        changes = await store.changes.add(
            Action.ARCHIVE, store.contacts([f"id-{each}" for each in numbers]), minutes(1)
        )
        await confirm(store, changes[: MANY // 2])
        await store.maintenance.back_up(minutes(2))
    finally:
        store.close()
    return folder


async def confirm(store: Store, changes: list[Change]) -> None:
    for event in (Transition.SEND, Transition.CONFIRM):
        await store.record_transitions(
            [TransitionRequest(each.change_id, event) for each in changes], minutes(2)
        )


def stands(folder: Path) -> dict[int, State]:
    store = Store.open(folder)
    try:
        return {change.change_id: change.state for change in store.changes.in_states(*State)}
    finally:
        store.close()


def kept_in(folder: Path) -> list[Path]:
    return list(folder.glob("damaged-*.db"))


def last_logged(file: Path) -> dict[int, str]:
    """Return the state after each change's last transition."""
    with closing(sqlite3.connect(file)) as connection:
        sql = "SELECT change_id, state FROM transitions ORDER BY transition_id"
        return dict(connection.execute(sql).fetchall())


async def test_damaged_contacts_are_found_and_downloaded_again_at_the_next_start(folder: Path) -> None:
    file = folder / "contacts.db"
    before = stands(folder)
    spoil(file, "contacts")
    store = Store.open(folder)
    await store.maintenance.check_change_log()
    with pytest.raises(StoreError, match=StoreReason.CONTACTS_DAMAGED) as caught:
        await store.maintenance.check_file()
    assert "nothing is lost" in messages.message(caught.value)
    assert "start again" in messages.next_step(caught.value)
    with pytest.raises(StoreError, match=StoreReason.CONTACTS_DAMAGED):
        await store.set_sync_state("any", "thing")
    store.close()
    assert stands(folder) == before
    store = Store.open(folder)
    assert store.counts().all == 0
    assert store.sync_state("contacts.refreshed_until") is None
    await store.maintenance.check_file()
    store.close()
    [kept] = kept_in(folder)
    assert damage_anywhere(kept)
    assert stands(folder) == before


async def test_a_rebuild_waits_until_the_file_is_closed_everywhere(folder: Path) -> None:
    spoil(folder / "contacts.db", "contacts")
    store, other = Store.open(folder), Store.open(folder)
    with pytest.raises(StoreError, match=StoreReason.CONTACTS_DAMAGED):
        await store.maintenance.check_file()
    store.close()
    with pytest.raises(StoreError, match=StoreReason.OPEN_ELSEWHERE):
        Store.open(folder)
    await other.set_sync_state("kept", "yes")
    other.close()
    store = Store.open(folder)
    assert store.sync_state("kept") == "yes"
    store.close()


async def test_interrupted_repair_is_finished_at_the_next_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "contacts.db"
    before = stands(folder)
    spoil(file, "contacts")
    with monkeypatch.context() as patch:
        patch.setattr("tui.store.maintenance.repair.install_replacement", lambda _: None)
        repair(file, minutes(3))
    assert replacement_path(file).exists()
    assert stands(folder) == before
    assert not replacement_path(file).exists()
    assert damage_anywhere(file) == ""


async def test_a_damaged_change_log_names_its_backup_and_writes_nothing_more(folder: Path) -> None:
    spoil(folder / "contacts.db", "transitions")
    store = Store.open(folder)
    with pytest.raises(StoreError, match=StoreReason.CHANGE_LOG_DAMAGED) as caught:
        await store.maintenance.check_change_log()
    words = messages.message(caught.value)
    assert str(folder / "backups" / "change-log-20260301T120200Z.db") in words
    assert "Nothing more is written" in words
    assert "reshelve repair" in messages.next_step(caught.value)
    with pytest.raises(StoreError, match=StoreReason.CHANGE_LOG_DAMAGED):
        await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    store.close()


@pytest.mark.parametrize("tables", [("changes",), ("transitions",), ("changes", "transitions")])
async def test_repair_keeps_readable_rows_and_marks_the_rest_unknown(
    folder: Path, tables: tuple[str, ...]
) -> None:
    file = folder / "contacts.db"
    store = Store.open(folder)
    await confirm(store, store.changes.in_states(State.QUEUED, limit=150))
    later = await store.changes.add(Action.RESTORE, store.contacts(["id-1", "id-2"]), minutes(3))
    store.close()
    truth = stands(folder)
    for table in tables:
        spoil(file, table, pages=4 if len(tables) == 1 else 1_000)
    done = repair(file, minutes(4))
    assert done.backup == folder / "backups" / "change-log-20260301T120200Z.db"
    assert not done.is_complete
    assert done.recovered > 0
    after = stands(folder)
    assert damage_anywhere(file) == ""
    assert after.keys() == truth.keys()
    assert {after[change.change_id] for change in later} == {State.QUEUED}
    differs = {one for one in truth if after[one] is not truth[one]}
    # States that are lost become unknown, never anything more.
    assert {after[one] for one in differs} <= {State.UNKNOWN}
    assert done.unknown == len([one for one in after.values() if one is State.UNKNOWN])
    # The state is recovered from the log alone, and from the change alone.
    assert (done.unknown > 0) == (len(tables) > 1)
    assert last_logged(file) == after
    assert done.damaged_copy is not None
    assert done.damaged_copy.exists()


async def test_unreadable_change_log_is_replaced_by_its_backup(folder: Path) -> None:
    file = folder / "contacts.db"
    spoil_header(file)
    with pytest.raises(StoreError, match=StoreReason.CHANGE_LOG_DAMAGED):
        Store.open(folder)
    done = repair(file, minutes(4))
    assert (done.recovered, done.is_complete) == (0, False)
    after = stands(folder)
    assert sorted(after.values()) == [State.CONFIRMED] * (MANY // 2) + [State.UNKNOWN] * (MANY // 2)
    assert done.unknown == MANY // 2


async def test_readable_rows_are_kept_without_a_backup(folder: Path) -> None:
    file = folder / "contacts.db"
    for backup in (folder / "backups").iterdir():
        backup.unlink()
    spoil(file, "transitions")
    done = repair(file, minutes(4))
    assert done.backup is None
    assert len(stands(folder)) == MANY
    assert last_logged(file) == stands(folder)


@pytest.mark.parametrize(
    ("word", "by"),
    [
        ("requested_ms INTEGER", b"re\xffuested_ms INTEGER"),
        ("requested_ms INTEGER", b"rezuested_ms INTEGER"),
        ("INTEGER NOT NULL", b"INTEG\xe2\x82 NOT NULL"),
        ("CREATE TABLE changes", b"CREATE TABLE ch\xa5nges"),
        ("CREATE TABLE changes", b"CREATE TABLE chxnges"),
        ("contacts_in_order", b"contacts_\xff\xff_order"),
        ("contacts_in_order", b"contacts_xx_order"),
        ("sort_key TEXT", b"sort_kex TEXT"),
        ("transitions_no_update", b"transitions_no_updat\x80"),
        ("AFTER UPDATE", b"AFT\xffR UPDATE"),
    ],
)
def test_damaged_table_definitions_are_repaired(folder: Path, word: str, by: bytes) -> None:
    file = folder / "contacts.db"
    spoil_schema(file, word, by)
    read_summary(folder, lambda _: None)
    with suppress(StoreError):
        open_or_rebuild(folder).close()
    found = diagnose(file)
    if found.change_log:
        repair(file, minutes(9))
    elif found.whole_file:
        rebuild_contacts(file, minutes(9))
    assert diagnose(file) == Diagnosis("", "")
    assert len(stands(folder)) == MANY


@pytest.mark.parametrize("place", [16, 19, 21, 47])
def test_damaged_file_header_is_repaired(folder: Path, place: int) -> None:
    file = folder / "contacts.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(file.read_bytes())
    content[place] ^= 0x55
    file.write_bytes(content)
    with pytest.raises(StoreError) as refused:
        Store.open(folder).close()
    assert "reshelve repair" in messages.next_step(refused.value)
    assert diagnose(file).change_log
    repair(file, minutes(9))
    assert diagnose(file) == Diagnosis("", "")
    assert len(stands(folder)) == MANY


async def test_a_repair_of_an_open_store_is_refused(folder: Path) -> None:
    store = Store.open(folder)
    with pytest.raises(StoreError, match=StoreReason.OPEN_ELSEWHERE):
        repair(folder / "contacts.db", NOON)
    store.close()
    assert kept_in(folder) == []


async def test_a_sound_store_has_an_empty_diagnosis(folder: Path) -> None:
    assert diagnose(folder / "contacts.db") == Diagnosis("", "")


async def test_invalid_state_counts_as_damage(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "contacts.db")) as connection:
        connection.execute("UPDATE changes SET state = 'cönfirmed' WHERE change_id = 7")
        connection.commit()
    assert "invalid" in diagnose(folder / "contacts.db").change_log
    done = repair(folder / "contacts.db", minutes(4))
    assert not done.is_complete
    assert stands(folder)[7] is State.CONFIRMED


def written_before(file: Path, version: int) -> Path:
    """Make a store as a Reshelve of that version wrote it, with one change that was asked for."""
    message, origin, log, event = (
        ("words", "here", "change_events", "request")
        if version < 7
        else ("message", "reshelve", "transitions", "requested")
    )
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        migrate(connection, version)
        connection.execute(
            f"""
            INSERT INTO changes (batch_id, contact_id, name, action, origin, state, requested_ms, updated_ms,
                idempotency_key, {message}, superseded)
            VALUES ('b', 'id-1', 'A', 'archive', '{origin}', 'queued', 1, 1, '', '', 0)
            """  # noqa: S608 - names of our own
        )
        connection.execute(f"INSERT INTO {log} VALUES (1, 1, 1, '{event}', 'queued', '{{}}')")  # noqa: S608 - as above
    return file


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
async def test_store_of_an_older_version_is_sound(tmp_path: Path, version: int) -> None:
    file = written_before(tmp_path / "contacts.db", version)
    assert diagnose(file) == Diagnosis("", "")
    rebuild_contacts(file, NOON)
    assert stands(tmp_path) == {1: State.QUEUED}
    if version < 3:
        store = Store.open(tmp_path)
        assert await store.changes.plan_undo() is not None
        store.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_backup_of_an_older_version_is_good(folder: Path, version: int) -> None:
    [backup] = (folder / "backups").glob("*.db")
    backup.unlink()
    assert newest_good_backup(folder / "contacts.db") is None
    written_before(backup, version)
    assert newest_good_backup(folder / "contacts.db") == backup


@pytest.mark.parametrize("table", ["batches", "batch_targets", "user_reports", "changes"])
def test_missing_table_counts_as_damage(folder: Path, table: str) -> None:
    file = folder / "contacts.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"DROP TABLE {table}")
        connection.commit()
    assert table in diagnose(file).change_log


def test_store_of_a_newer_version_is_not_rebuilt(folder: Path) -> None:
    file = folder / "contacts.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = file.read_bytes()
    with pytest.raises(StoreError, match=StoreReason.NEWER_VERSION):
        diagnose(file)
    with pytest.raises(StoreError, match=StoreReason.NEWER_VERSION):
        rebuild_contacts(file, NOON)
    assert file.read_bytes() == before


@pytest.mark.parametrize("newer", ["contacts.db", "backups/change-log-*.db"])
def test_change_log_of_a_newer_version_is_not_repaired(folder: Path, newer: str) -> None:
    file = folder / "contacts.db"
    spoil(file, "transitions")
    [other] = folder.glob(newer)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = file.read_bytes()
    with pytest.raises(StoreError, match=StoreReason.NEWER_VERSION):
        repair(file, NOON)
    assert file.read_bytes() == before
    assert kept_in(folder) == []
    if other == file:
        with pytest.raises(StoreError, match=StoreReason.NEWER_VERSION):
            diagnose(file)


def test_repeatedly_failing_repair_keeps_the_damaged_file_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "contacts.db"
    spoil(file, "transitions")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tui.store.maintenance.merge_change_log.merge", full)
        for attempt in range(4):
            with pytest.raises(StoreError, match="No space left"):
                repair(file, minutes(attempt))
    [kept] = kept_in(folder)
    assert kept.read_bytes() == file.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert repair(file, minutes(9)).damaged_copy == kept
    spoil(file, "changes")
    assert repair(file, minutes(10)).damaged_copy != kept


def test_damaged_file_is_never_kept_partially(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "contacts.db"
    spoil(file, "transitions")

    def full(_: Path, copy: Path) -> None:
        copy.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui.store.maintenance.file_ops.shutil.copyfile", full)
    with pytest.raises(StoreError, match="No space left"):
        repair(file, NOON)
    assert kept_in(folder) == []


@pytest.mark.parametrize("is_empty", [False, True])
def test_a_missing_change_log_is_restored_and_not_started_over(folder: Path, *, is_empty: bool) -> None:
    file = folder / "contacts.db"
    before = stands(folder)
    file.unlink()
    if is_empty:
        file.touch()
    for _ in range(2):
        with pytest.raises(StoreError, match=StoreReason.MISSING) as caught:
            Store.open(folder)
        assert "newest good backup" in messages.message(caught.value)
        assert "reshelve repair" in messages.next_step(caught.value)
    assert is_empty or not file.exists()
    assert diagnose(file).change_log
    done = repair(file, minutes(5))
    assert (done.backup is not None, done.recovered, done.is_complete) == (True, 0, False)
    after = stands(folder)
    assert after.keys() == before.keys()
    # Queued changes may have been sent since the backup.
    assert {after[one] for one, state in before.items() if state is State.QUEUED} == {State.UNKNOWN}


def test_without_a_backup_a_store_begins_empty(tmp_path: Path) -> None:
    assert stands(tmp_path) == {}
