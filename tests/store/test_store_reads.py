"""What a read of Re-Leased's contacts showed, stored with the changes. A later read replaces it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from store.damage import spoil
from store.store_samples import ACTIVE, ARCHIVED, NOON, contact, minutes

from tui.model.change import ReadResult
from tui.model.errors import StoreError
from tui.model.evidence import ReportKind, SyncKnowledge, SyncRecord, SyncStatus, UserReport, grade_change
from tui.model.timestamps import LATEST_MS
from tui.store import Store
from tui.store.database import FILE_NAME
from tui.store.maintenance.file_ops import back_up
from tui.store.maintenance.integrity import invalid_values_in_change_log
from tui.store.maintenance.repair import Diagnosis, diagnose, repair
from tui.store.read_only_summary import read_summary
from tui.store.schema import MIGRATIONS, READ_RESULTS, migrate

if TYPE_CHECKING:
    from pathlib import Path

    from tui.model.change import Change

READ_AT = minutes(100)


async def archived(store: Store, *numbers: int, at: float = 10) -> list[Change]:
    """Archive contacts in Xero, confirmed at that time."""
    await store.save_contacts([contact(number, ACTIVE) for number in numbers], minutes(0))
    await store.save_contacts([contact(number, ARCHIVED, at=at) for number in numbers], minutes(at))
    return [last(store, number) for number in numbers]


def last(store: Store, number: int) -> Change:
    return max(store.changes.of_contact(f"id-{number}"), key=lambda one: one.change_id)


async def report(store: Store, kind: ReportKind, number: int, at: float) -> None:
    status = ARCHIVED if kind is ReportKind.CHECKED else None
    await store.evidence.record_reports([UserReport(kind, minutes(at), f"id-{number}", status)], minutes(at))


def result_of(store: Store, number: int) -> tuple[ReadResult | None, Any]:
    change = last(store, number)
    return change.read_result, change.read_at


def grade(store: Store, number: int) -> SyncStatus:
    return grade_change(last(store, number), SyncKnowledge(), minutes(10_000)).status


async def test_a_read_is_stored_with_its_cursors(store: Store) -> None:
    one, other = await archived(store, 1, 2)
    seen = SyncRecord("id-1", ARCHIVED, READ_AT, READ_AT, "read Re-Leased")
    results = {other.change_id: ReadResult.MISSED}
    synced = await store.evidence.record_read([seen], results, READ_AT, ("last", "1"), ("began", "2"))
    assert synced == 1
    assert (store.sync_state("last"), store.sync_state("began")) == ("1", "2")
    assert last(store, 1).synced_at == READ_AT
    assert result_of(store, 2) == (ReadResult.MISSED, READ_AT)
    assert (grade(store, 1), grade(store, 2)) == (SyncStatus.SYNCED, SyncStatus.MISSED)
    assert one.change_id != other.change_id


async def test_a_read_is_stored_completely_or_not_at_all(store: Store) -> None:
    one, other = await archived(store, 1, 2)
    seen = SyncRecord("id-1", ARCHIVED, READ_AT, READ_AT, "read Re-Leased")
    results = {one.change_id: ReadResult.NO_STATUS, other.change_id: ReadResult.MISSED}
    with pytest.raises((StoreError, sqlite3.Error)):
        await store.evidence.record_read([seen], results, READ_AT, ("last", "1"), ("began", object()))  # type: ignore[arg-type]
    assert store.sync_state("last") is None
    assert last(store, 1) == one
    assert last(store, 2) == other


async def test_only_changes_without_better_evidence_get_a_result(store: Store) -> None:
    await archived(store, 1, 2, 3, 4, 5)
    await report(store, ReportKind.CHECKED, 2, 11)
    await report(store, ReportKind.UNLINKED, 3, 11)
    seen = SyncRecord("id-4", ARCHIVED, minutes(11), minutes(12), "run")
    await store.evidence.record_synced([seen], ("feed", "1"))
    superseded = last(store, 5)
    await store.save_contacts([contact(5, ACTIVE, at=20)], minutes(20))
    results = {last(store, number).change_id: ReadResult.OTHER_STATUS for number in (1, 2, 3, 4)}
    await store.evidence.record_read([], {**results, superseded.change_id: ReadResult.MISSED}, READ_AT)
    found = store.changes.get(superseded.change_id)
    assert found is not None
    assert found.read_result is None
    kept = {number: result_of(store, number)[0] for number in (1, 2, 3, 4)}
    # An unlinked one too: its absence outweighs an earlier report.
    other = ReadResult.OTHER_STATUS
    assert kept == {1: other, 2: None, 3: other, 4: None}


@pytest.mark.parametrize("weaker", [ReadResult.NO_STATUS, ReadResult.NOT_FOUND, ReadResult.AMBIGUOUS])
async def test_missed_stays_until_a_read_shows_the_status(store: Store, weaker: ReadResult) -> None:
    [change] = await archived(store, 1)
    for at, result in ((50, weaker), (100, ReadResult.MISSED), (150, weaker)):
        await store.evidence.record_read([], {change.change_id: result}, minutes(at))
    assert result_of(store, 1) == (ReadResult.MISSED, READ_AT)
    await store.evidence.record_read([], {change.change_id: ReadResult.OTHER_STATUS}, minutes(200))
    assert result_of(store, 1) == (ReadResult.OTHER_STATUS, minutes(200))


async def test_missed_by_a_clock_that_was_ahead_does_not_stay(store: Store) -> None:
    [change] = await archived(store, 1)
    for at, result in ((9_000, ReadResult.MISSED), (100, ReadResult.NOT_FOUND)):
        await store.evidence.record_read([], {change.change_id: result}, minutes(at))
    assert result_of(store, 1) == (ReadResult.NOT_FOUND, READ_AT)


async def test_missed_before_it_was_linked_again_does_not_count(store: Store) -> None:
    [change] = await archived(store, 1)
    await store.evidence.record_read([], {change.change_id: ReadResult.MISSED}, minutes(50))
    assert store.evidence.seen_missed_total(None) == 1
    await report(store, ReportKind.UNLINKED, 1, 60)
    assert (store.evidence.seen_missed_total(None), grade(store, 1)) == (0, SyncStatus.NOT_LINKED)
    await report(store, ReportKind.LINKED, 1, 70)
    assert (store.evidence.seen_missed_total(None), grade(store, 1)) == (0, SyncStatus.PENDING)
    await store.evidence.record_read([], {change.change_id: ReadResult.NOT_FOUND}, READ_AT)
    assert result_of(store, 1) == (ReadResult.NOT_FOUND, READ_AT)


async def test_missed_changes_are_counted_and_listed_by_when_they_were_read(store: Store) -> None:
    changes = await archived(store, 1, 2, 3)
    for change, at in zip(changes, (50, 100, 150), strict=True):
        await store.evidence.record_read([], {change.change_id: ReadResult.MISSED}, minutes(at))
    evidence = store.evidence
    assert [evidence.seen_missed_total(moment) for moment in (None, minutes(50), minutes(150))] == [3, 2, 0]
    assert [one.contact_id for one in evidence.seen_missed(minutes(50), 9)] == ["id-3", "id-2"]
    assert [one.contact_id for one in evidence.seen_missed(None, 1)] == ["id-3"]
    # A night that began after the first was read should have synced that one.
    presumed = evidence.presumed_synced(None, minutes(60), 9)
    assert [one.contact_id for one in presumed] == ["id-1"]


async def test_unseen_changes_are_listed_with_those_that_no_read_has_covered(store: Store) -> None:
    first, second, third, fourth = await archived(store, 1, 2, 3, 4)
    await report(store, ReportKind.CHECKED, 2, 11)
    await store.evidence.record_read([], {third.change_id: ReadResult.NOT_FOUND}, READ_AT)
    seen = SyncRecord("id-4", ARCHIVED, READ_AT, READ_AT, "run")
    await store.evidence.record_synced([seen], ("feed", "1"))
    assert await store.evidence.unseen() == {
        first.change_id: minutes(10),
        second.change_id: None,
        third.change_id: None,
    }
    assert fourth.change_id not in await store.evidence.unseen()


# --- damage and older files ---

ODD: list[Any] = [-1, LATEST_MS, 1 << 62, 1.5, "x", "", b"\xff", "MISSED", 0]


@pytest.mark.parametrize("column", ["read_ms", "read_result"])
@pytest.mark.parametrize("odd", ODD, ids=repr)
async def test_odd_values_show_nothing_and_are_repaired(tmp_path: Path, column: str, odd: Any) -> None:
    with closing(Store.open(tmp_path)) as store:
        [change] = await archived(store, 1)
        await store.evidence.record_read([], {change.change_id: ReadResult.MISSED}, READ_AT)
    file = tmp_path / FILE_NAME
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"UPDATE changes SET {column} = ?", (odd,))  # noqa: S608 - our own names
    with closing(Store.open(tmp_path)) as store:
        assert grade(store, 1) is SyncStatus.PENDING
        store.evidence.seen_missed(None, 9)
        assert await store.evidence.unseen()
    # SQLite converts a number to text there: one that a newer Reshelve may know.
    is_valid = not isinstance(odd, bytes) if column == "read_result" else odd == 0
    assert (invalid_values_in_change_log(file) == "") is is_valid
    repair(file, NOON)
    assert diagnose(file) == Diagnosis("", "")
    with closing(Store.open(tmp_path)) as store:
        assert grade(store, 1) is SyncStatus.PENDING
        await store.evidence.record_read([], {change.change_id: ReadResult.MISSED}, READ_AT)
        assert grade(store, 1) is SyncStatus.MISSED


@pytest.mark.parametrize("is_backed_up", [True, False])
async def test_a_repair_keeps_what_it_can_and_the_next_read_writes_the_rest(
    tmp_path: Path, *, is_backed_up: bool
) -> None:
    numbers = range(1, 400)
    with closing(Store.open(tmp_path)) as store:
        changes = await archived(store, *numbers)
        if is_backed_up:
            assert back_up(tmp_path / FILE_NAME, NOON) is not None
        results = {change.change_id: ReadResult.MISSED for change in changes}
        await store.evidence.record_read([], results, READ_AT, ("re_leased.last_began_at", "x"))
    spoil(tmp_path / FILE_NAME, "changes")
    repair(tmp_path / FILE_NAME, minutes(200))
    with closing(Store.open(tmp_path)) as store:
        found = [one for number in numbers for one in store.changes.of_contact(f"id-{number}")]
        kept = [one for one in found if one.read_result is ReadResult.MISSED]
        assert 0 < len(kept) < len(changes)
        assert {one.read_at for one in kept} == {READ_AT}
        assert len(found) == len(changes) if is_backed_up else len(found) < len(changes)
        assert store.evidence.seen_missed_total(None) == len(kept)
        await store.evidence.record_read(
            [], {one.change_id: ReadResult.MISSED for one in found}, minutes(300)
        )
        assert store.evidence.seen_missed_total(minutes(200)) == len(found)


@pytest.mark.parametrize("version", range(7, MIGRATIONS.index(READ_RESULTS) + 1))
async def test_a_file_without_results_is_counted_and_migrated(tmp_path: Path, version: int) -> None:
    file = tmp_path / FILE_NAME
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        migrate(connection, version)
        for number in (1, 2):
            connection.execute(
                "INSERT INTO changes (batch_id, contact_id, name, action, origin, state, requested_ms,"
                " updated_ms, confirmed_ms, idempotency_key, message, superseded)"
                " VALUES ('b', ?, 'n', 'archive', 'xero', 'confirmed', 1, 1, ?, '', '', 0)",
                (f"id-{number}", number * 1_000),
            )
    before = read_summary(tmp_path, lambda _: None)
    assert before is not None
    assert before.pending == 2
    with closing(Store.open(tmp_path)) as store:
        assert result_of(store, 1) == (None, None)
        assert store.evidence.seen_missed_total(None) == 0
        await store.evidence.record_read([], {last(store, 1).change_id: ReadResult.MISSED}, READ_AT)
    after = read_summary(tmp_path, lambda _: minutes(50))
    assert after is not None
    assert after.pending == 1
