"""Files with the names of versions 1 to 6: migrated without loss, and read without being migrated."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from store import version_six
from store.damage import spoil
from store.store_samples import NOON, contact, minutes
from store.version_six import VERSION, create, damage, fill, insert, rows_of

from tui.model.change import Action, Origin, State, Transition
from tui.model.change_list import BatchKind
from tui.model.contact import ContactStatus
from tui.model.evidence import CompanyState, ReportKind
from tui.store import Store
from tui.store.database import FILE_NAME, Database
from tui.store.maintenance.file_ops import (
    BACKUP_FOLDER,
    back_up,
    copy_change_log,
    is_contained,
    newest_good_backup,
)
from tui.store.maintenance.repair import Diagnosis, diagnose, rebuild_contacts, repair
from tui.store.read_only_summary import read_summary
from tui.store.schema import MIGRATIONS, migrate, old_names
from tui.store.schema.fragments import PENDING
from tui.store.schema.old_files import use_current_names

if TYPE_CHECKING:
    from pathlib import Path

    from tui.model.evidence import CompanyStatus

pytestmark = pytest.mark.slow

# Hashes of the SQL with which versions 1 to 6 wrote files.
OLD_SQL = "4c5c7d2f673f42402a21624b587ddac5290ad26cedde3fda6f0a3bbecd3ee94a"
TABLES = {
    "contacts": "contacts", "contact_documents": "contact_documents", "changes": "changes",
    "change_events": "transitions", "pick_ups": "sync_records", "batches": "batches",
    "batch_wishes": "batch_targets", "tellings": "user_reports", "group_marks": "tenant_group_marks",
    "cursors": "sync_state", "told": "full_sync_seen", "absences": "missing_contacts",
}  # fmt: skip
COLUMNS = {
    "changes": {
        "words": "message", "picked_up_ms": "synced_ms", "told_ms": "checked_ms",
        "wish_id": "reverses_change_id", "retries": "retry_of_id", "base_ms": "sent_when_updated_ms",
    },
    "change_events": {"event_id": "transition_id", "event": "transition"},
    "pick_ups": {"pick_up_id": "sync_record_id", "picked_up_ms": "synced_ms", "run": "run_id"},
    "batches": {"of_batch": "target_batch_id"},
    "batch_wishes": {"action": "wanted_action"},
    "tellings": {"told_ms": "reported_ms"},
    "group_marks": {"told_ms": "reported_ms"},
}  # fmt: skip
STATES = {"unclear": State.UNKNOWN, "handoff": State.AWAITING_USER}
VALUES: dict[tuple[str, str], dict[str, str]] = {
    ("changes", "state"): {**STATES},
    ("changes", "origin"): {"here": "reshelve"},
    ("change_events", "state"): {**STATES},
    ("change_events", "event"): {
        "lose": "reply_lost", "hand_off": "await_user", "request": "requested", "seen": "detected",
        "picked_up": "synced", "told": "checked", "noted": "note",
    },
    ("tellings", "kind"): {"seen": "checked"},
    **{(table, "status"): {"GONE": "DELETED"} for table in ("contacts", "pick_ups", "tellings", "absences")},
    ("cursors", "name"): {
        "pull.since": "contacts.refreshed_until", "pull.full_done_at": "contacts.full_sync_ended_at",
        "pull.full_since": "contacts.full_sync_started_at", "pull.full_page": "contacts.full_sync_page",
        "pull.full_count": "contacts.full_sync_count", "pull.unreadable": "contacts.unreadable",
        "pull.fold": "contacts.fold_version", "push.paused_at": "outbox.paused_at",
        "budget.peak": "quota.high_water_mark", "feed.clean_sync_told": "feed.clean_sync_reported",
        "feed.shown": "feed.shared_status", "released.last_file": "comparison.last_file",
    },
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store that version 6 wrote, with every value it could write."""
    folder = tmp_path / "organisation"
    folder.mkdir(mode=0o700)
    create(folder / FILE_NAME)
    fill(folder / FILE_NAME)
    return folder / FILE_NAME


def migrated(file: Path) -> Path:
    """Migrate a copy."""
    copy = file.with_name("migrated.db")
    shutil.copyfile(file, copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        migrate(connection)
    return copy


def expected(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Translate a row of version 6 by this test's own table of names."""
    found: dict[str, Any] = {}
    for column, value in row.items():
        name = COLUMNS.get(table, {}).get(column, column)
        if isinstance(value, tuple):
            text = value[1]
            new = VALUES.get((table, column), {}).get(text.decode("utf-8", "replace"))
            value = ("text", text if new is None else new.encode())  # noqa: PLW2901 - the same value
            if (table, column) == ("change_events", "detail"):
                value = ("text", expected_detail(text))  # noqa: PLW2901 - as above
        found[name] = value
    # Later versions have added these, so older files don't have them.
    added = (
        "reason",
        "reason_params",
        "read_ms",
        "read_result",
        "foreign_currency_ms",
        "note",
        "note_in_xero",
    )
    return found | (dict.fromkeys(added) if table == "changes" else {})


def expected_detail(text: bytes) -> bytes:
    try:
        fields = json.loads(text)
    except ValueError:
        return text
    if not isinstance(fields, dict) or "words" not in fields:
        return text
    if text.startswith(b'{"words": '):
        return b'{"message": ' + text.removeprefix(b'{"words": ')
    words = fields.pop("words")
    return json.dumps(fields | {"message": words}, ensure_ascii=False, separators=(",", ":")).encode()


def schema_of(file: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        sql = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
        return connection.execute(sql).fetchall()


# --- the schema ---


def test_sql_of_older_versions_is_unchanged() -> None:
    sql = "\1".join("\0".join(step) for step in MIGRATIONS[:VERSION])
    assert hashlib.sha256(sql.encode()).hexdigest() == OLD_SQL


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_the_schema_is_the_same_whichever_version_created_the_file(tmp_path: Path, version: int) -> None:
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    create(old, version)
    for file in (new, old):
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            migrate(connection)
    assert schema_of(new) == schema_of(old)
    create(all_steps := tmp_path / "steps.db", len(MIGRATIONS))
    assert schema_of(new) == schema_of(all_steps)


def test_no_old_name_is_left_in_the_schema(tmp_path: Path) -> None:
    create(tmp_path / "new.db", len(MIGRATIONS))
    names = {name for _, name, *_ in schema_of(tmp_path / "new.db")}
    old = set(old_names.TABLES)
    assert not {name for name in names if set(name.split("_")) & old or name in old}
    for table, columns in old_names.COLUMNS.items():
        new = set(rows_names(tmp_path / "new.db", table))
        assert set(columns.values()) <= new
        assert not set(columns) & new


def rows_names(file: Path, table: str) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def test_no_stored_value_is_both_old_and_new() -> None:
    for columns in old_names.VALUES.values():
        for values in columns.values():
            assert not values.keys() & set(values.values())
            assert len(set(values.values())) == len(values)


# --- migration ---


@pytest.mark.parametrize("is_damaged", [False, True])
def test_every_row_is_kept_under_its_new_name(file: Path, *, is_damaged: bool) -> None:
    if is_damaged:
        damage(file)
    copy = migrated(file)
    for old, new in TABLES.items():
        before = [expected(old, row) for row in rows_of(file, old)]
        assert before
        if old == "cursors":
            assert Counter(map(str, rows_of(copy, new))) == Counter(map(str, before))
        else:
            assert rows_of(copy, new) == before
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.text_factory = bytes
        counted = connection.execute("SELECT name, total FROM row_counts").fetchall()
        there = [
            *connection.execute("SELECT 'contacts:' || status, count(*) FROM contacts GROUP BY 1"),
            *connection.execute("SELECT 'changes:' || state, count(*) FROM changes GROUP BY 1"),
            *connection.execute(f"SELECT 'pending_changes', count(*) FROM changes WHERE {PENDING}"),  # noqa: S608 - our own words
        ]
    assert sorted(counted) == sorted(there)


def test_counters_continue_after_the_migration(file: Path) -> None:
    def tallied(table: str) -> dict[str, int]:
        with closing(sqlite3.connect(file)) as connection:
            return dict(connection.execute(f"SELECT name, total FROM {table} WHERE total <> 0").fetchall())  # noqa: S608 - our own names

    new = {"waiting": "pending_changes", "contacts:GONE": "contacts:DELETED"} | {
        f"waiting:{state}": f"changes:{STATES.get(state, state)}" for state in version_six.STATES
    }
    before = {new.get(name, name): total for name, total in tallied("tallies").items()}
    Database.open(file.parent).close()
    assert tallied("row_counts") == before
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE changes SET state = 'unknown' WHERE state = 'queued'")
    assert "changes:queued" not in tallied("row_counts")


def test_row_numbers_are_not_reused_after_the_migration(file: Path) -> None:
    def sequences(file: Path) -> dict[str, int]:
        with closing(sqlite3.connect(file)) as connection:
            return dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())

    copy = migrated(file)
    assert sequences(copy) == {TABLES[name]: number for name, number in sequences(file).items()}


def test_a_row_in_the_way_of_a_new_value_does_not_stop_the_migration(file: Path) -> None:
    same = {"contact_id": "x", "run": "x"}
    insert(file, "pick_ups", ({**same, "status": status} for status in ("GONE", "DELETED")))
    insert(file, "cursors", [{"name": "contacts.refreshed_until", "value": "new"}])
    copy = migrated(file)
    assert len(rows_of(copy, "sync_records")) == len(rows_of(file, "pick_ups"))
    assert len(rows_of(copy, "sync_state")) == len(rows_of(file, "cursors"))


def test_null_where_it_may_not_be_does_not_stop_the_migration(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        names = ("changes", "change_events", "contacts", "pick_ups", "tellings")
        kept = {
            name: connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
            for name in names
        }
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE type = 'table'")
        connection.execute("PRAGMA writable_schema = RESET")
        for trigger in ("contacts_tally_insert", "changes_tally_insert"):
            sql = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (trigger,)).fetchone()[0]
            connection.execute(f"DROP TRIGGER {trigger}")
            kept[trigger] = sql
    for table, column in (
        ("changes", "state"), ("changes", "origin"), ("change_events", "event"), ("change_events", "detail"),
        ("contacts", "status"), ("pick_ups", "status"), ("tellings", "kind"),
    ):  # fmt: skip
        insert(file, table, [{column: None}])
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for name in ("contacts_tally_insert", "changes_tally_insert"):
            connection.execute(kept.pop(name))
        connection.execute("PRAGMA writable_schema = ON")
        for name, sql in kept.items():
            connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, name))
        connection.execute("PRAGMA writable_schema = RESET")
    before = len(rows_of(file, "changes"))
    Database.open(file.parent).close()
    assert len(rows_of(file, "changes")) == before


async def test_every_value_is_valid_after_the_migration(file: Path) -> None:
    store = Store.open(file.parent)
    try:
        changes = store.changes.in_states(*State)
        assert {change.state for change in changes} == set(State)
        assert {change.origin for change in changes} == set(Origin)
        entries = {change.change_id: store.changes.entries_of_change(change.change_id) for change in changes}
        assert {entry.transition for entry in entries[1]} >= {each.value for each in Transition}
        assert [entry.message for entry in entries[1]][-len(version_six.DETAILS) :] == [
            "",
            'Xero’s "own" words\x00, all of them',
            'It said "words": no., timed out',
            'the "words" of somebody',
            "é, in another order",
            "",
            "both",
        ]
        assert store.changes.is_paused
        assert store.sync_state("contacts.refreshed_until") == "PULL.SINCE"
        assert store.sync_state("of nobody") == "OF NOBODY"
        assert store.evidence.company_status().state == CompanyState.HAS_ERRORS
        assert store.tenancy.tenant_groups() == {"Tenants"}
        assert store.contacts([f"contact_id-{n}" for n in range(1, 5)])[-1].status is ContactStatus.DELETED
        assert store.changes.totals() == Counter(change.state for change in changes)
        assert store.evidence.pending_total() == len(store.evidence.pending())
        assert store.evidence.synced_total() == len(store.evidence.synced(99))
        assert await store.changes.plan_undo() is not None
        [new] = await store.changes.add(Action.ARCHIVE, store.contacts(["contact_id-1"]), NOON)
        assert store.changes.entries_of_change(new.change_id)[0].transition == "requested"
        await store.maintenance.check_change_log()
        await store.maintenance.check_file()
    finally:
        store.close()


def test_every_stored_enum_is_in_the_file_of_version_six(file: Path) -> None:
    def stored(table: str, column: str) -> set[str]:
        with closing(sqlite3.connect(migrated(file))) as connection:
            return {value for (value,) in connection.execute(f"SELECT {column} FROM {table}")}  # noqa: S608 - our own names

    assert stored("changes", "state") == stored("transitions", "state") == set(State)
    assert stored("changes", "origin") == set(Origin)
    assert stored("changes", "action") == stored("batch_targets", "wanted_action") == set(Action)
    assert stored("transitions", "transition") >= set(Transition)
    assert stored("contacts", "status") == stored("sync_records", "status") == set(ContactStatus)
    assert stored("user_reports", "kind") == set(ReportKind)
    assert stored("user_reports", "status") == {"", *ContactStatus}
    assert stored("batches", "kind") == set(BatchKind)


# --- interrupted migrations ---


class FailingConnection(sqlite3.Connection):
    """Fails at one of the statements."""

    left = 0

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """Run a statement, unless it is the one to fail at."""
        if arguments[0] != "ROLLBACK":
            self.left -= 1
            if not self.left:
                raise sqlite3.OperationalError("disk I/O error")
        return super().execute(*arguments)


def test_a_migration_that_fails_anywhere_leaves_version_six(file: Path) -> None:
    before = {table: rows_of(file, table) for table in TABLES}, schema_of(file)
    # The version is asked for twice, then the transaction begins; at the end come the version and the commit.
    last = len(MIGRATIONS[-1]) + 5
    for statement in range(1, last + 1):
        with closing(sqlite3.connect(file, isolation_level=None, factory=FailingConnection)) as connection:
            connection.left = statement
            with pytest.raises(sqlite3.OperationalError):
                migrate(connection)
            assert not connection.in_transaction
    assert ({table: rows_of(file, table) for table in TABLES}, schema_of(file)) == before
    assert diagnose(file) == Diagnosis("", "")
    Database.open(file.parent).close()
    assert diagnose(file) == Diagnosis("", "")


KILLED = """
import os, signal, sqlite3, sys
from tui.store.schema import migrate
left = int(sys.argv[2])
def count(sql):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA cache_size = 1")
connection.set_trace_callback(count)
migrate(connection)
"""


@pytest.mark.parametrize("statement", [30, 45, 70])
def test_a_program_killed_while_it_migrates_leaves_version_six(file: Path, statement: int) -> None:
    before = {table: rows_of(file, table) for table in TABLES}, schema_of(file)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(file), str(statement)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert ({table: rows_of(file, table) for table in TABLES}, schema_of(file)) == before
    assert diagnose(file) == Diagnosis("", "")
    with closing(Store.open(file.parent)) as store:
        assert {change.state for change in store.changes.in_states(*State)} == set(State)


@pytest.mark.parametrize(
    ("damage", "is_rebuilt"),
    [
        ("DROP TRIGGER tellings_no_update", True),
        ("DROP TRIGGER changes_tally_update", True),
        ("DROP INDEX changes_waiting", True),
        ("DROP INDEX contacts_active", False),
    ],
)
def test_a_file_of_version_six_that_lacks_a_part_is_rebuilt(
    file: Path, damage: str, *, is_rebuilt: bool
) -> None:
    changes = len(rows_of(file, "changes"))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(damage)
    with closing(Store.open(file.parent)) as store:
        assert len(store.changes.in_states(*State)) == changes
        assert (store.counts().all == 0) is is_rebuilt


# --- files that aren't migrated ---


def test_a_file_of_version_six_is_sound(file: Path) -> None:
    assert diagnose(file) == Diagnosis("", "")
    assert diagnose(migrated(file)) == Diagnosis("", "")


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("changes", {"state": "odd"}), ("changes", {"told_ms": "odd"}), ("change_events", {"state": "odd"}),
        ("change_events", {"detail": '{"words'}), ("pick_ups", {"status": "odd"}),
        ("tellings", {"kind": "odd"}), ("tellings", {"told_ms": -1}), ("batch_wishes", {"action": "odd"}),
        ("group_marks", {"is_tenants": 7}), ("cursors", {"value": b"odd"}),
    ],
)  # fmt: skip
def test_invalid_values_in_a_file_of_version_six_are_found(
    file: Path, table: str, row: dict[str, Any]
) -> None:
    insert(file, table, [row])
    found = diagnose(file).change_log
    assert "invalid" in found
    assert TABLES[table] in found
    assert diagnose(migrated(file)).change_log == found


@pytest.mark.parametrize(
    ("table", "row"), [("contacts", {"status": "odd"}), ("absences", {"since_ms": "odd"})]
)
def test_invalid_values_in_contacts_of_version_six_are_found(
    file: Path, table: str, row: dict[str, Any]
) -> None:
    insert(file, table, [row])
    assert not diagnose(file).change_log
    assert TABLES[table] in diagnose(file).whole_file


def test_a_summary_is_the_same_before_and_after_the_migration(file: Path) -> None:
    seen: list[CompanyStatus] = []

    def summary() -> tuple[Any, ...]:
        found = read_summary(file.parent, seen.append)
        assert found is not None
        return found.pending, found.not_in_xero

    before = summary()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    with closing(Store.open(file.parent)) as store:
        assert before == (
            store.evidence.pending_total(),
            len(store.changes.in_states(*(state for state in State if state.is_open))),
        )
    assert summary() == before
    assert before[0] > 0
    assert seen[0] == seen[1]
    assert seen[0].state == CompanyState.HAS_ERRORS


def test_a_file_can_be_read_under_the_new_names_without_being_changed(file: Path) -> None:
    damage(file)
    content = file.read_bytes()
    copy = migrated(file)
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        use_current_names(connection)
        connection.text_factory = bytes
        with closing(sqlite3.connect(copy)) as other:
            other.text_factory = bytes
            for table in TABLES.values():
                columns = ", ".join(rows_names(copy, table))
                sql = f"SELECT {columns} FROM {table}"  # noqa: S608 - our own names
                assert Counter(connection.execute(sql).fetchall()) == Counter(other.execute(sql).fetchall())
    assert file.read_bytes() == content


def test_a_backup_of_version_six_is_good_and_needs_no_other(file: Path) -> None:
    folder = file.parent / BACKUP_FOLDER
    folder.mkdir(mode=0o700)
    backup = folder / "journal-20260101T000000Z.db"
    create(backup)
    with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS source", (str(file),))
        for table in ("changes", "change_events", "pick_ups", "batches", "batch_wishes", "tellings",
                      "group_marks"):  # fmt: skip
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM source.{table}")  # noqa: S608 - our own names
    assert newest_good_backup(file) == backup
    assert back_up(file, NOON) is None
    Database.open(file.parent).close()
    assert back_up(file, NOON) is None
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO transitions (at_ms, change_id, transition, state, detail)"
            " VALUES (1700000000000, 1, 'note', 'queued', '{}')"
        )
    made = back_up(file, NOON)
    assert made is not None
    assert newest_good_backup(file) == made


def test_a_backup_is_made_of_a_file_of_version_six(file: Path) -> None:
    made = back_up(file, NOON)
    assert made is not None
    check_change_log(made, file)
    with closing(sqlite3.connect(made)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sync_state")}
    assert not {name for name in names if name.startswith(("contacts.", "pull."))}
    assert {"outbox.paused_at", "feed.cursor", "comparison.last_file"} <= names


def test_a_copy_of_version_six_has_all_of_the_change_log(file: Path, tmp_path: Path) -> None:
    count = copy_change_log(file, tmp_path / "copy.db")
    assert count == len(rows_of(file, "change_events"))
    check_change_log(tmp_path / "copy.db", file)


def check_change_log(new: Path, old: Path, *, but: tuple[str, ...] = ()) -> None:
    for table in ("changes", "change_events", "pick_ups", "batches", "batch_wishes", "tellings",
                  "group_marks"):  # fmt: skip
        if table not in but:
            assert rows_of(new, TABLES[table]) == [expected(table, row) for row in rows_of(old, table)]


def test_contacts_of_version_six_are_rebuilt_with_the_change_log_kept(file: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.db"
    shutil.copyfile(file, before)
    rebuild_contacts(file, NOON)
    assert diagnose(file) == Diagnosis("", "")
    check_change_log(file, before)


@pytest.mark.parametrize("backup_version", [None, VERSION, len(MIGRATIONS)])
@pytest.mark.parametrize("table", ["changes", "change_events"])
def test_a_damaged_file_of_version_six_is_repaired(
    file: Path, tmp_path: Path, table: str, backup_version: int | None
) -> None:
    if backup_version is not None:
        folder = file.parent / BACKUP_FOLDER
        folder.mkdir(mode=0o700)
        backup = folder / "journal-20260101T000000Z.db"
        shutil.copyfile(file, backup)
        if backup_version > VERSION:
            with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
                migrate(connection)
    many = [{"state": "unclear", "words": "w" * 100} for _ in range(500)]
    insert(file, "changes", many)
    notes = ({"change_id": number, "state": "unclear", "event": "lose"} for number in range(1, 500))
    insert(file, "change_events", notes)
    before = tmp_path / "before.db"
    shutil.copyfile(file, before)
    spoil(file, table)
    done = repair(file, minutes(9))
    assert not done.is_complete
    assert (done.backup is not None) is (backup_version is not None)
    assert done.recovered > 0
    assert diagnose(file) == Diagnosis("", "")
    # The repair adds notes where a change and its log differ, as most of these do.
    check_change_log(file, before, but=("changes", "change_events"))
    kept = {row["change_id"]: row for row in rows_of(file, "changes")}
    expected_rows = [expected("changes", row) for row in rows_of(before, "changes")]
    if table == "change_events":
        assert [kept[row["change_id"]] for row in expected_rows] == expected_rows
    else:
        assert 400 < sum(kept.get(row["change_id"]) == row for row in expected_rows) < len(expected_rows)
    assert {row["state"] for row in kept.values()} == {("text", state.encode()) for state in State}


def test_sync_state_of_a_damaged_file_of_version_six_is_recovered(file: Path) -> None:
    insert(file, "change_events", ({} for _ in range(500)))
    spoil(file, "change_events")
    repair(file, NOON)
    with closing(Store.open(file.parent)) as store:
        assert store.changes.is_paused
        assert store.sync_state("feed.shared_status") == "FEED.SHOWN"
        assert store.sync_state("contacts.refreshed_until") is None


def test_files_of_both_versions_are_compared_by_content(file: Path) -> None:
    new = migrated(file)
    assert is_contained(file, new)
    assert is_contained(new, file)
    for table, row in (
        ("changes", {}), ("change_events", {}), ("tellings", {}), ("batch_wishes", {}), ("group_marks", {}),
        ("change_events", {"detail": '{"words": "more"}'}), ("pick_ups", {"run": "more"}),
    ):  # fmt: skip
        more = file.with_name("more.db")
        shutil.copyfile(file, more)
        insert(more, table, [row])
        assert not is_contained(more, new)
        assert is_contained(new, more)
        assert not is_contained(migrated(more), file)
        new = migrated(file)


async def test_complete_version_six_file_in_place_of_an_open_one_is_used(file: Path) -> None:
    old = file.with_name("old.db")
    shutil.copyfile(file, old)
    store = Store.open(file.parent)
    try:
        for part in file.parent.glob(f"{FILE_NAME}*"):
            part.unlink()
        shutil.copyfile(old, file)
        store.maintenance.restore_files(NOON, lambda: True)
        assert not list(file.parent.glob("rescued-*"))
        await store.save_contacts([contact(99)], NOON)
        assert {change.state for change in store.changes.in_states(*State)} == set(State)
    finally:
        store.close()


async def test_version_six_file_without_the_last_entries_is_replaced(file: Path) -> None:
    old = file.with_name("old.db")
    shutil.copyfile(file, old)
    store = Store.open(file.parent)
    try:
        [change] = await store.changes.add(Action.ARCHIVE, store.contacts(["contact_id-1"]), NOON)
        for part in file.parent.glob(f"{FILE_NAME}*"):
            part.unlink()
        shutil.copyfile(old, file)
        store.maintenance.restore_files(NOON, lambda: True)
        assert store.changes.get(change.change_id) == change
    finally:
        store.close()
