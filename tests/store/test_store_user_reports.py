"""Users' reports about Re-Leased are kept for ever, and applied to the change log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from store.store_samples import ACTIVE, ARCHIVED, NOON, contact, minutes

from tui.model.change import Origin
from tui.model.evidence import ReportKind, SyncRecord, UserReport
from tui.store import Store
from tui.store.database import FILE_NAME
from tui.store.read_only_summary import read_summary
from tui.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tui.model.contact import ContactStatus
    from tui.model.evidence import CompanyStatus


async def flip(store: Store, number: int, status: ContactStatus, at: float) -> None:
    await store.save_contacts([contact(number, status, at=at)], minutes(at))


@pytest.fixture
async def archived(store: Store) -> None:
    """Archive contact 1 in Xero at ten minutes past."""
    await flip(store, 1, ACTIVE, 0)
    await flip(store, 1, ARCHIVED, 10)


def seen(at: float, status: ContactStatus = ARCHIVED, number: int = 1) -> UserReport:
    return UserReport(ReportKind.CHECKED, minutes(at), f"id-{number}", status)


def link(kind: ReportKind, at: float) -> UserReport:
    return UserReport(kind, minutes(at), "id-1")


@pytest.mark.usefixtures("archived")
async def test_a_checked_contact_counts_for_a_change_made_in_xero_too(store: Store) -> None:
    assert await store.evidence.record_reports([seen(12)], minutes(12)) == 1
    [change] = store.evidence.synced(5)
    assert (change.origin, change.checked_at, change.synced_at) == (Origin.XERO, minutes(12), None)
    assert (store.evidence.pending(), store.evidence.pending_total()) == ([], 0)
    assert [event.transition for event in store.changes.entries_of_contact("id-1")] == ["checked", "detected"]
    assert await store.evidence.record_reports([seen(13)], minutes(13)) == 0
    assert store.evidence.synced(5)[0].checked_at == minutes(12)


@pytest.mark.usefixtures("archived")
@pytest.mark.parametrize("telling", [seen(9), seen(12, ACTIVE), seen(12, number=2)])
async def test_a_report_that_cannot_be_about_the_change_changes_nothing(
    store: Store, telling: UserReport
) -> None:
    assert await store.evidence.record_reports([telling], minutes(12)) == 0
    assert store.evidence.pending_total() == 1


@pytest.mark.usefixtures("archived")
async def test_evidence_is_kept_beside_user_reports(store: Store) -> None:
    await store.evidence.record_reports([seen(12)], minutes(12))
    assert await store.evidence.record_synced(
        [SyncRecord("id-1", ARCHIVED, minutes(20), minutes(21), "7")], ("c", "1")
    )
    [change] = store.evidence.synced(5)
    assert (change.checked_at, change.synced_at) == (minutes(12), minutes(21))


@pytest.mark.usefixtures("archived")
async def test_unlinked_contact_is_not_pending_until_linked_again(store: Store) -> None:
    await store.evidence.record_reports([link(ReportKind.UNLINKED, 12)], minutes(12))
    assert store.evidence.pending_total() == 0
    assert store.evidence.synced(5)[0].unlinked_at == minutes(12)
    # Its changes in the meantime are left out as well.
    await flip(store, 1, ACTIVE, 20)
    restored, reversed_ = store.changes.of_contact("id-1")
    assert (restored.unlinked_at, reversed_.superseded) == (minutes(12), True)
    assert store.evidence.pending_total() == 0
    await store.evidence.record_reports([link(ReportKind.LINKED, 30)], minutes(30))
    [waiting] = store.evidence.pending()
    assert (waiting.change_id, waiting.unlinked_at, waiting.relinked_at) == (
        restored.change_id,
        None,
        minutes(30),
    )
    assert [store.evidence.pending_between(None, minutes(at)) for at in (20, 29, 30)] == [0, 0, 1]


async def test_company_reports_are_kept_after_a_restart_and_never_rewritten(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "organisation"
    store = Store.open(folder)
    tellings = [
        UserReport(ReportKind.SYNC_STARTED, minutes(1)),
        UserReport(ReportKind.SYNC_CLEAN, minutes(5)),
    ]
    await store.evidence.record_reports(tellings, minutes(5))
    store.close()
    again = Store.open(folder)
    [sync] = again.evidence.company_status().reported_syncs
    assert (sync.started_at, sync.ended_at) == (minutes(1), minutes(5))
    again.close()
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        for sql in ("DELETE FROM user_reports", "UPDATE user_reports SET at_ms = 0"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(sql)


async def test_evidence_of_one_organisation_does_not_apply_to_another(store: Store, tmp_path: Path) -> None:
    other = Store.open(tmp_path / "other")
    for one in (store, other):
        await flip(one, 1, ACTIVE, 0)
        await flip(one, 1, ARCHIVED, 10)
    tellings = [
        UserReport(ReportKind.SYNC_STARTED, minutes(11)),
        UserReport(ReportKind.SYNC_CLEAN, minutes(12)),
    ]
    await store.evidence.record_reports([*tellings, seen(13)], minutes(13))
    assert (store.evidence.pending_total(), other.evidence.pending_total()) == (0, 1)
    assert other.evidence.company_status().reported_syncs == ()
    other.close()


# --- what a feed never contains ---


async def test_archive_reversed_between_two_syncs_is_not_pending(store: Store) -> None:
    await flip(store, 1, ACTIVE, 0)
    await flip(store, 1, ARCHIVED, 10)
    await flip(store, 1, ACTIVE, 11)
    assert await store.evidence.record_clean_sync(minutes(10.5), minutes(12), ("clean", "1")) == 0
    assert store.evidence.pending_total() == 1
    assert await store.evidence.record_clean_sync(minutes(20), minutes(21), ("clean", "2")) == 1
    assert (store.evidence.pending_total(), store.sync_state("clean")) == (0, "2")
    assert [change.superseded for change in store.changes.of_contact("id-1")] == [True, True]
    # Re-Leased doesn't have the next archive.
    await flip(store, 1, ARCHIVED, 30)
    assert await store.evidence.record_clean_sync(minutes(40), minutes(41), ("clean", "3")) == 0
    assert store.evidence.pending_total() == 1


async def test_restore_of_a_synced_archive_is_pending(store: Store) -> None:
    await flip(store, 1, ACTIVE, 0)
    await flip(store, 1, ARCHIVED, 10)
    await store.evidence.record_synced(
        [SyncRecord("id-1", ARCHIVED, minutes(11), minutes(12), "1")], ("c", "1")
    )
    await flip(store, 1, ACTIVE, 15)
    assert await store.evidence.record_clean_sync(minutes(20), minutes(21), ("clean", "1")) == 0
    assert store.evidence.pending_total() == 1


# --- files of earlier versions ---


def old_file(folder: Path, version: int) -> None:
    folder.mkdir(mode=0o700)
    names = ("words", "picked_up_ms", "here") if version < 7 else ("message", "synced_ms", "reshelve")
    message, synced, origin = names
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        for statement in (part for step in MIGRATIONS[:version] for part in step):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")
        for number, picked_up in enumerate((None, "20", None), start=1):
            columns = f"idempotency_key, {message}, {synced}, superseded"
            connection.execute(
                "INSERT INTO changes (batch_id, contact_id, name, action, origin, state, requested_ms,"  # noqa: S608 - our own names
                f" updated_ms, confirmed_ms, {columns})"
                " VALUES ('b', ?, 'C', 'archive', ?, 'confirmed', 1, 1, ?, '', '', ?, ?)",
                (f"id-{number}", origin, number, picked_up, number == 3),
            )
        connection.commit()


async def test_a_file_of_version_three_keeps_its_totals_and_accepts_user_reports(tmp_path: Path) -> None:
    old_file(tmp_path / "organisation", 3)
    store = Store.open(tmp_path / "organisation")
    assert (store.evidence.pending_total(), len(store.evidence.synced(9))) == (1, 1)
    [waiting] = store.evidence.pending()
    assert waiting.contact_id == "id-1"
    assert await store.evidence.record_reports([seen(1)], NOON) == 1
    assert (store.evidence.pending_total(), len(store.evidence.synced(9))) == (0, 2)
    store.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_summary_counts_pending_changes_in_files_of_every_older_version(
    tmp_path: Path, version: int
) -> None:
    folder = tmp_path / "organisation"
    old_file(folder, version)
    asked: list[CompanyStatus] = []

    def nothing_settled(company: CompanyStatus) -> datetime | None:
        asked.append(company)
        return None

    glance = read_summary(folder, nothing_settled)
    assert glance is not None
    assert (glance.pending, glance.not_in_xero, len(asked)) == (1, 0, 1)
    later = read_summary(folder, lambda _: NOON)
    assert later is not None
    assert later.pending == 0
