"""Invalid values in columns count as unknown, raise nothing, and are found and repaired."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.style import Style
from store.store_samples import ACTIVE, NOON, contact, minutes, search

from tui.engine.clock import XeroClock
from tui.engine.connectivity import ConnectionState, StorageHealth
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.engine.snapshot_publisher import SnapshotPublisher
from tui.model.change import Action, ReadResult, State, Transition
from tui.model.change_list import BatchKind, ChangeGroup, ChangeQuery
from tui.model.columns import ListLayout
from tui.model.contact import Balances, ContactStatus, Organisation
from tui.model.errors import StoreError
from tui.model.evidence import NightlyWindow, ReportKind, SyncRecord, UserReport
from tui.model.marks import MarkKind
from tui.model.query import Tab
from tui.model.query_parser import parse_query
from tui.store import Store, TransitionRequest
from tui.store.maintenance.repair import diagnose, rebuild_contacts, repair
from tui.store.read_only_summary import read_summary
from tui.widgets.table_view import RowPalette, RowStyle, layout_columns, paint_row

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Style.null()
LAST = 2**63 - 1
NOT_UTF_8 = object()
ODD: list[Any] = [
    -1, -(2**63), LAST, 2**62, 10**15, 253_402_300_799_999, -62_135_596_800_000, 7_258_118_400_000, 0, 2,
    1.5, -1e300, float("inf"), "", "x", "ACTIVE", "-", "[", "{", "[null, 7]", "7", "\x00", "é" * 5_000, b"",
    b"\xff\xfe", b"ACTIVE", sqlite3.Binary(b"\x00" * 9), None, NOT_UTF_8,
]  # fmt: skip
MANY = len(ODD)
CHANGE_LOG = (
    "changes",
    "transitions",
    "sync_records",
    "batches",
    "batch_targets",
    "user_reports",
    "tenant_group_marks",
    "duplicate_marks",
    "marks",
    "sync_state",
)
TABLES = (*CHANGE_LOG, "contacts", "contact_documents", "row_counts", "full_sync_seen", "missing_contacts")
QUERIES = [
    "contact", "-nobody", "is:active", "is:customer", "group:tenants", "owes:>1", "owed:>1", "changed:<9999d",
    "changed:>1d", "is:unlinked", "sync:pending", "sync:none", "sync:read", "sync:overdue", "sync:expected",
    "-sync:none", "is:kept", "is:protected",
]  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Make one store with rows in every table, and return its file."""
    import asyncio  # noqa: PLC0415 - a fixture for all tests has no loop of its own

    folder = tmp_path_factory.mktemp("whole")
    asyncio.run(_fill(folder))
    return (folder / "contacts.db").read_bytes()


async def _fill(folder: Path) -> None:
    store = Store.open(folder)
    ids = [f"id-{number}" for number in range(1, MANY + 1)]
    contacts = [
        contact(number, ACTIVE, groups=("Tenants",), balances=Balances(100, 0, 200, 0), is_customer=True)
        for number in range(1, MANY + 1)
    ]
    await store.save_contacts(contacts, NOON, is_full_sync=True)
    # Each in a batch of its own, so that every table has as many rows.
    for number, one in enumerate(store.contacts(ids)):
        [change] = await store.changes.add(Action.ARCHIVE, [one], minutes(number))
        await store.record_transitions(
            [TransitionRequest(change.change_id, Transition.SEND)], minutes(number)
        )
        await store.record_transitions(
            [TransitionRequest(change.change_id, Transition.CONFIRM)], minutes(number + 1)
        )
        await store.tenancy.mark_tenants(f"Group {number}", minutes(number), on=True)
        await store.duplicates.mark([("id-0", f"id-{number}")], minutes(number), is_dismissed=True)
        await store.marks.mark_contacts(MarkKind.KEPT, [one.contact_id], minutes(number), on=True)
        await store.marks.protect_group(f"Group {number}", minutes(number), on=True)
        await store.set_sync_state(f"cursor {number}", NOON.isoformat())
        seen_at = minutes(number + 2)
        pick_up = SyncRecord(one.contact_id, ContactStatus.ARCHIVED, seen_at, seen_at, "1")
        await store.evidence.record_synced([pick_up] if number % 2 else [], ("feed.cursor", "1"))
        results = {change.change_id: ReadResult.MISSED}
        await store.evidence.record_read([], results, seen_at, ("re_leased.last_began_at", "1"))
        await store.evidence.record_reports(
            [
                UserReport(ReportKind.UNLINKED, seen_at, one.contact_id),
                UserReport(ReportKind.SYNC_CLEAN, seen_at),
            ],
            seen_at,
        )
    for number, one in enumerate(store.contacts(ids)[::2]):
        [change] = await store.changes.add(Action.RESTORE, [one], minutes(number + MANY))
        if number % 2:
            plan = await store.changes.plan_undo()
            assert plan is not None
            await store.changes.undo(plan, minutes(number + MANY))
    for number in range(MANY):
        await store.evidence.record_synced(
            [SyncRecord(f"id-{number}", ContactStatus.ARCHIVED, NOON, NOON, "2")], ("feed.cursor", "1")
        )
    await store.save_contacts([], NOON, missing=ids)
    await store.save_contacts([], minutes(30), deleted=ids[::7])
    store.close()


def columns() -> list[tuple[str, str]]:
    from tui.store.schema import migrate  # noqa: PLC0415 - for the collection of tests alone

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        return [
            (table, name)
            for table in TABLES
            for name in [
                *(row[1] for row in connection.execute(f"PRAGMA table_info({table})")),
                *(["rowid"] if table == "contacts" else []),
            ]
        ]


def inject(file: Path, places: dict[tuple[str, str], int]) -> int:
    """Put odd values into these columns, another into each row from the offset on; returns how many."""
    taken = 0
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.text_factory = bytes
        triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND sql LIKE '%append-only%'"
        for (name,) in connection.execute(triggers).fetchall():
            connection.execute(f"DROP TRIGGER {name.decode()}")
        connection.execute("BEGIN")
        for (table, column), offset in places.items():
            key = {"sync_state": "name", "row_counts": "name", "missing_contacts": "contact_id"}.get(
                table, "rowid"
            )
            sql = f"SELECT {key} FROM {table} ORDER BY {key}"  # noqa: S608 - our own names
            rows = connection.execute(sql).fetchall()
            assert rows, table
            for number, (row,) in enumerate(rows[:MANY]):
                odd = ODD[(number + offset) % MANY]
                update = f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {key} = ?"  # noqa: S608 - our own names
                if odd is NOT_UTF_8:
                    update, odd = update.replace("?", "CAST(? AS TEXT)", 1), b"\xc3\x28\xff"
                where = row.decode("utf-8", "replace") if isinstance(row, bytes) else row
                with suppress(sqlite3.IntegrityError, OverflowError):
                    taken += connection.execute(update, (odd, where)).rowcount
        connection.execute("COMMIT")
    return taken


async def use(folder: Path) -> None:
    """Open the store, and use its data in every way that screens and engine do."""
    store = Store.open(folder)
    try:
        now = minutes(10_000)
        released = ReLeasedMonitor(
            store, NightlyWindow(NOON.time(), NOON.time(), NOON.tzinfo), lambda: now, has_feed=False
        )
        clock = XeroClock(lambda: now, store)
        organisation = Organisation("t", "Demo", "!demo")
        publisher = SnapshotPublisher(
            organisation,
            store,
            ConnectionState(clock, lambda: None),
            released,
            storage=StorageHealth(lambda: None),
            clock=clock,
        )
        assert publisher.snapshot.summary is not None
        for tab in Tab:
            _paint(store.search.first(parse_query(tab, "")).rows.window(0, 2 * MANY), tab)
        await store.search.load()
        for text in QUERIES:
            found = await search(store, text)
            found.rows.window(0, 2 * MANY)
            assert len(found.rows.ids(0, 2 * MANY)) == len(found.rows)
        _read(store)
        for group in ChangeGroup:
            await store.changes.page(ChangeQuery(group, ("contact",)), 0, 100)
            list(store.changes.iter_all(ChangeQuery(group)))
        for kind in BatchKind.UNDO, BatchKind.REDO:
            await store.changes.plan_undo(kind)
        await store.read_for_comparison()
        await store.tenancy.groups()
        await store.unseen_contacts(100)
        # A row with the highest number of SQLite leaves none for the next, which is reported.
        with suppress(StoreError):
            await _write(store)
        assert read_summary(folder, lambda _: None) is not None
    finally:
        store.close()


def _paint(rows: Any, tab: Tab) -> None:
    palette = RowPalette(PLAIN, PLAIN, PLAIN, PLAIN, AnyStyle(), AnyStyle())
    for row in rows:
        for width in 40, 120:
            paint_row(
                row,
                layout_columns(width, tab, ListLayout()),
                RowStyle(width, tab, ("contact",), NOON),
                palette,
            )


class AnyStyle(dict[str, Style]):
    """Has a style for every name."""

    def __missing__(self, name: str) -> Style:
        return PLAIN


def _read(store: Store) -> None:
    ids = [f"id-{number}" for number in range(MANY)]
    store.contacts(ids)
    for contact_id in ids:
        store.find_active_by_name(f"Contact {contact_id}", except_id="")
        store.changes.of_contact(contact_id)
        store.changes.entries_of_contact(contact_id)
    for change in store.changes.in_states(*State):
        store.changes.entries_of_change(change.change_id)
        assert store.changes.get(change.change_id) is not None
    (
        store.changes.recent(*State, limit=9),
        store.changes.refused(9),
        store.changes.refused_total(),
        store.changes.totals(),
    )
    (
        store.evidence.pending(),
        store.evidence.pending_total(),
        store.evidence.synced(99),
        store.evidence.seen_missed(None, 99),
        store.evidence.seen_missed_total(NOON, after=NOON, until=minutes(9_000)),
        store.evidence.presumed_synced(None, minutes(9_000), 99),
        store.evidence.company_status(),
        store.tenancy.warnings(),
    )
    store.evidence.pending_after(NOON), store.tenancy.tenant_groups(), store.counts(), store.changes.is_paused
    for number in range(MANY):
        store.sync_state(f"cursor {number}")


async def _write(store: Store) -> None:
    """Let Xero, Re-Leased and the user report something about every contact."""
    later = minutes(9_000)
    told = [contact(number, ContactStatus.ARCHIVED, at=8_000) for number in range(1, MANY + 1)]
    # Only a row number without a next one prevents a contact from being stored.
    await store.save_contacts(told, later, is_full_sync=True)
    await store.save_contacts(
        [contact(number, at=8_001) for number in range(1, MANY + 1)], later, deleted=["id-2"]
    )
    await store.save_contacts([], later, missing=[one.contact_id for one in told])
    ups = [SyncRecord(one.contact_id, ContactStatus.ARCHIVED, later, later, "9") for one in told]
    await store.evidence.record_synced(ups, ("feed.cursor", "2"))
    await store.evidence.record_clean_sync(
        later + timedelta(minutes=1), later, ("feed.clean_sync_started_at", later.isoformat())
    )
    results = dict.fromkeys(await store.evidence.unseen(), ReadResult.NOT_FOUND)
    await store.evidence.record_read([], results, later)
    await store.evidence.record_reports([UserReport(ReportKind.SYNC_CLEAN, later)], later)
    await store.tenancy.mark_tenants("Tenants", later, on=True)
    await store.changes.add(Action.ARCHIVE, store.contacts([f"id-{number}" for number in range(1, 9)]), later)
    cancelled = [
        TransitionRequest(change.change_id, Transition.CANCEL)
        for change in store.changes.in_states(State.QUEUED)
    ]
    await store.record_transitions(cancelled, later)
    await store.changes.retry(store.changes.refused(9), later)


PLACES = columns()
WIDEST = max(len([name for each, name in PLACES if each == table]) for table in TABLES)


@pytest.mark.parametrize("turn", range(WIDEST))
async def test_odd_values_raise_nothing(whole: bytes, tmp_path: Path, turn: int) -> None:
    (tmp_path / "contacts.db").write_bytes(whole)
    by_table = {table: [name for each, name in PLACES if each == table] for table in TABLES}
    places = {(table, names[turn % len(names)]): turn // len(names) for table, names in by_table.items()}
    assert inject(tmp_path / "contacts.db", places) > 100
    await use(tmp_path)


@pytest.mark.parametrize(("table", "column"), PLACES)
def test_odd_values_are_found_and_repaired(whole: bytes, tmp_path: Path, table: str, column: str) -> None:
    file = tmp_path / "contacts.db"
    file.write_bytes(whole)
    if not inject(file, {(table, column): 0}):
        return
    rows = _rows(file, table)
    found = diagnose(file)
    # Any message and any change number are valid.
    is_free = (table, column) in {("sync_state", "name"), ("transitions", "change_id")} or rows < MANY
    assert found.whole_file or is_free or table == "full_sync_seen"
    if found.change_log:
        repair(file, minutes(20_000))
    elif found.whole_file:
        rebuild_contacts(file, minutes(20_000))
    assert not diagnose(file).whole_file
    # Only unidentifiable rows of the change log are lost.
    if table == "changes" and column not in {"change_id", "action", "origin", "state"}:
        assert _rows(file, table) == rows


def _rows(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        sql = f"SELECT count(*) FROM {table}"  # noqa: S608 - our own names
        return int(connection.execute(sql).fetchone()[0])


async def test_contacts_are_read_again_and_their_odd_values_are_gone(whole: bytes, tmp_path: Path) -> None:
    file = tmp_path / "contacts.db"
    file.write_bytes(whole)
    inject(file, {("contacts", "updated_ms"): 0, ("contact_documents", "balances_ms"): 0})
    assert diagnose(file).whole_file
    store = Store.open(tmp_path)
    await store.save_contacts([contact(number, at=5_000) for number in range(1, MANY + 1)], minutes(5_001))
    assert all(one.updated_at == minutes(5_000) for one in store.contacts(["id-1", "id-9", "id-20"]))
    store.close()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM contact_documents",
        "UPDATE contact_documents SET contact_rowid = contact_rowid + 1000000",
        "UPDATE contacts SET rowid = rowid + 1000000",
    ],
)
async def test_a_contact_without_its_document_can_be_read_and_stored_again(
    whole: bytes, tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "contacts.db"
    file.write_bytes(whole)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(damage)
    store = Store.open(tmp_path)
    assert len(store.contacts(["id-1", "id-9"])) == 2
    news = [contact(number, ContactStatus.ARCHIVED, at=8_000) for number in range(1, MANY + 10)]
    await store.save_contacts(news, minutes(9_000), is_full_sync=True)
    assert [one.raw for one in store.contacts(["id-1", "id-9", f"id-{MANY + 9}"])] == [news[0].raw] * 3
    store.close()


async def test_unseen_contact_ids_are_always_text(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "contacts.db").write_bytes(whole)
    inject(tmp_path / "contacts.db", {("contacts", "contact_id"): 0})
    store = Store.open(tmp_path)
    await store.begin_full_sync()
    assert all(isinstance(one, str) for one in await store.unseen_contacts(1_000))
    store.close()


@pytest.mark.parametrize("column", ["action", "origin", "contact_id"])
async def test_damaged_open_change_does_not_block_saving_contacts(tmp_path: Path, column: str) -> None:
    store = Store.open(tmp_path)
    await store.save_contacts([contact(1), contact(2)], NOON)
    await store.changes.add(Action.ARCHIVE, store.contacts(["id-1"]), NOON)
    with closing(sqlite3.connect(tmp_path / "contacts.db", isolation_level=None)) as connection:
        connection.execute(f"UPDATE changes SET {column} = 'odd'")  # noqa: S608 - our own names
    await store.save_contacts([contact(number, name="Edited", at=1) for number in (1, 2)], minutes(2))
    assert [one.name for one in store.contacts(["id-1", "id-2"])] == ["Edited"] * 2
    store.close()


@pytest.mark.parametrize("table", ["changes", "transitions", "sync_records", "batches", "user_reports"])
@pytest.mark.parametrize("number", [(1 << 48) - 1, 1 << 48, (1 << 48) + 1])
def test_row_number_near_the_maximum_is_repaired(
    whole: bytes, tmp_path: Path, table: str, number: int
) -> None:
    file = tmp_path / "contacts.db"
    file.write_bytes(whole)
    inject(file, {})
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # One row has the highest number, and later rows get the next.
        for odd in (1 << 60, number):
            last = f"SELECT max(rowid) FROM {table} WHERE rowid < ?"  # noqa: S608 - our own names
            update = f"UPDATE {table} SET rowid = ? WHERE rowid = ({last})"  # noqa: S608 - our own names
            connection.execute(update, (odd, 1 << 59))
    repair(file, minutes(20_000))
    assert not diagnose(file).whole_file
