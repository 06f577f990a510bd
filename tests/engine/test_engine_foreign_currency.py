"""Contacts in a foreign currency, in random histories and on the practice Xero: none is ever expected."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

import pytest
from engine.model_xero import Clock
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace as replace_fields
from support.consent import decide
from support.effort import examples
from support.house import settings_for
from support.practice import running_sandbox

from tui.engine.account import XeroAccount
from tui.engine.clock import XeroClock
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.engine.snapshot_publisher import SnapshotPublisher
from tui.model.account import ConnectRequest
from tui.model.change import Action
from tui.model.contact import Contact, ContactStatus, Organisation
from tui.model.evidence import (
    NightlyWindow,
    ReportKind,
    SyncRecord,
    SyncStatus,
    UserReport,
    grade_change,
    presumed_synced_until,
)
from tui.store import Store
from tui.store.read_only_summary import read_summary
from tui.store.sync_state import FULL_SYNC_ENDED_AT
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from support.practice import PracticeXero

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BASE = "NZD"
_IDS = ("id-1", "id-2")
_WAITS = {SyncStatus.PENDING, SyncStatus.MISSED, SyncStatus.STALLED}
_ENDED = {SyncStatus.SYNCED, SyncStatus.CHECKED, SyncStatus.SUPERSEDED}
# Writes wait for the disk, which would take most of the time: use memory instead.
_MEMORY = next((str(one) for one in (Path("/dev/shm"),) if one.exists()), None)  # noqa: S108 - a folder of its own is made in it


@dataclass(frozen=True)
class Deed:
    """An event some hours after the one before."""

    kind: str
    later: int
    contact_id: str
    currency: str | None


DEEDS = st.builds(
    Deed,
    st.sampled_from(
        ["flip", "flip", "flip", "currency", "currency", "base", "sync", "seen", "read", "link", "unlink"]
    ),
    st.integers(1, 20),
    st.sampled_from(_IDS),
    st.sampled_from([None, BASE, "USD", "AUD"]),
)


class Life:
    """An organisation with two contacts. `left_out` are the changes that Re-Leased has to have left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store.open(folder)
        self.clock = Clock(NOON)
        self.monitor = ReLeasedMonitor(
            self.store, NightlyWindow(time(0), time(6), UTC), self.clock, has_feed=False
        )
        anything = cast("Any", Anything())
        self.publisher = SnapshotPublisher(
            Organisation("t1", "Books", "!a"),
            self.store,
            anything,
            self.monitor,
            storage=anything,
            clock=XeroClock(self.clock, self.store),
        )
        self.statuses = dict.fromkeys(_IDS, ContactStatus.ACTIVE)
        self.currencies: dict[str, str | None] = dict.fromkeys(_IDS)
        self.is_base_known = False
        self.left_out: set[int] = set()

    async def save(self, contact_id: str) -> None:
        currency = self.currencies[contact_id]
        raw = json.dumps({} if currency is None else {"DefaultCurrency": currency}).encode()
        contact = Contact(contact_id, contact_id, self.statuses[contact_id], self.clock.at, raw=raw)
        await self.store.save_contacts([contact], self.clock.at)

    async def happen(self, deed: Deed) -> None:
        self.clock.at += timedelta(hours=deed.later)
        now, contact_id = self.clock.at, deed.contact_id
        if deed.kind == "flip":
            archived = self.statuses[contact_id] is ContactStatus.ARCHIVED
            self.statuses[contact_id] = ContactStatus.ACTIVE if archived else ContactStatus.ARCHIVED
            await self.save(contact_id)
        elif deed.kind == "currency":
            self.currencies[contact_id] = deed.currency
            await self.save(contact_id)
        elif deed.kind == "base":
            self.is_base_known = True
            await self.store.set_base_currency(BASE)
        elif deed.kind == "sync":
            # A clean sync that began before whatever happened last.
            reports = [
                UserReport(ReportKind.SYNC_STARTED, now - timedelta(minutes=30)),
                UserReport(ReportKind.SYNC_CLEAN, now),
            ]
            await self.store.evidence.record_reports(reports, now)
        elif deed.kind == "read":
            seen = SyncRecord(contact_id, self.statuses[contact_id], now, now, "run")
            await self.store.evidence.record_synced([seen], ("c", "1"))
        else:
            kind = {
                "seen": ReportKind.CHECKED,
                "link": ReportKind.LINKED,
                "unlink": ReportKind.UNLINKED,
            }[deed.kind]
            status = self.statuses[contact_id] if kind is ReportKind.CHECKED else None
            await self.store.evidence.record_reports([UserReport(kind, now, contact_id, status)], now)
        self.monitor.reload()

    def check(self) -> None:
        shown: Counter[SyncStatus] = Counter()
        for contact_id in _IDS:
            is_foreign = self.is_base_known and self.currencies[contact_id] not in {None, BASE}
            for change in self.store.changes.of_contact(contact_id):
                standing = self.publisher.grade(change)
                assert standing is not None
                status = standing.status
                shown[status] += 1
                if is_foreign and status not in _ENDED:
                    self.left_out.add(change.change_id)
                is_left_out = change.change_id in self.left_out and status not in _ENDED
                assert (status is SyncStatus.FOREIGN_CURRENCY) == is_left_out
        summary = self.publisher._summary()
        assert summary.pending_total == sum(shown[status] for status in _WAITS)
        assert summary.pending_total + summary.synced_total == (shown.total() - shown[SyncStatus.SUPERSEDED])
        views = [view.sync.status for view in (*summary.pending, *summary.synced) if view.sync]
        assert Counter(views) == Counter({k: v for k, v in shown.items() if k is not SyncStatus.SUPERSEDED})
        # The list of organisations reads the same from the file.
        unopened = read_summary(self.folder, lambda _: self._settled_until())
        assert unopened is not None
        assert unopened.pending == summary.pending_total

    def _settled_until(self) -> datetime | None:
        return presumed_synced_until(self.monitor.knowledge, self.clock.at)


class Anything:
    """Stands in for the connection's state and the storage's health."""

    problem = ""
    display_status = None


@hypothesis_settings(max_examples=examples(120))
@given(st.lists(DEEDS, min_size=4, max_size=16))
def test_a_change_that_re_leased_leaves_out_is_never_expected(history: list[Deed]) -> None:
    async def live() -> None:
        with TemporaryDirectory(dir=_MEMORY) as folder:
            life = Life(Path(folder) / "o")
            for contact_id in _IDS:
                await life.save(contact_id)
            for deed in history:
                await life.happen(deed)
                life.check()
            life.clock.at += timedelta(days=3)
            life.check()
            life.store.close()

    asyncio.run(live())


def test_foreign_currency_status_needs_no_known_sync() -> None:
    async def live() -> None:
        with TemporaryDirectory(dir=_MEMORY) as folder:
            life = Life(Path(folder) / "o")
            await life.save("id-1")
            for deed in (
                Deed("base", 1, "id-1", None),
                Deed("currency", 1, "id-1", "USD"),
                Deed("flip", 1, "id-1", None),
                Deed("sync", 1, "id-1", None),
            ):
                await life.happen(deed)
            [change] = life.store.changes.of_contact("id-1")
            graded = grade_change(change, life.monitor.knowledge, life.clock.at + timedelta(days=9))
            assert (graded.status, graded.since) == (SyncStatus.FOREIGN_CURRENCY, change.confirmed_at)
            # Without the mark, the sync that was recorded would count.
            other = replace_fields(change, foreign_currency_at=None)
            assert grade_change(other, life.monitor.knowledge, life.clock.at).status is SyncStatus.REPORTED
            life.store.close()

    asyncio.run(live())


# --- the practice Xero ---


@pytest.fixture
def practice(tmp_path: Path) -> Any:
    with running_sandbox(tmp_path / "sandbox", "--contacts", "400") as running:
        yield running


async def test_archive_of_a_foreign_currency_contact_on_the_practice_xero(
    practice: PracticeXero, tmp_path: Path
) -> None:
    paths = Paths.under(tmp_path / "home")
    account = XeroAccount(settings_for(practice, poll_seconds=1.0, has_feed=False), paths)
    attempt = await account.sign_in(ConnectRequest(practice.client_id))
    attempt.paste(decide(attempt.url))
    await attempt.finish()
    organisation = account.connected[0]
    assert organisation.base_currency == BASE
    assert f'"base_currency": "{BASE}"' in paths.organisations_file.read_text(encoding="utf-8")
    engine = account.open(organisation)
    running = asyncio.create_task(engine.run())
    store = engine._store
    try:
        await _until(lambda: store.sync_state(FULL_SYNC_ENDED_AT))
        active = [each for each in store.contacts(_all_ids(store)) if each.status is ContactStatus.ACTIVE]
        [foreign, *_] = [each for each in active if b'"AUD"' in each.raw]
        [other, *_] = [each for each in active if b"DefaultCurrency" not in each.raw]
        await engine.changes.request(Action.ARCHIVE, [foreign.contact_id, other.contact_id])
        await _until(
            lambda: (found := engine.snapshot.summary) and found.synced_total and found.pending_total
        )
        summary = engine.snapshot.summary
        assert summary is not None
        statuses = {
            view.change.contact_id: view.sync and view.sync.status
            for view in (*summary.pending, *summary.synced)
        }
        assert statuses == {
            foreign.contact_id: SyncStatus.FOREIGN_CURRENCY,
            other.contact_id: SyncStatus.PENDING,
        }
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await engine.stop()


async def test_a_list_from_before_the_currency_gets_it_at_the_next_refresh(
    practice: PracticeXero, tmp_path: Path
) -> None:
    paths = Paths.under(tmp_path / "home")
    settings = settings_for(practice, poll_seconds=1.0, has_feed=False)
    account = XeroAccount(settings, paths)
    attempt = await account.sign_in(ConnectRequest(practice.client_id))
    attempt.paste(decide(attempt.url))
    await attempt.finish()
    listed = json.loads(paths.organisations_file.read_bytes())
    for organisation in listed["organisations"]:
        del organisation["base_currency"]
    paths.organisations_file.write_text(json.dumps(listed), encoding="utf-8")
    again = XeroAccount(replace(settings), paths)
    assert {organisation.base_currency for organisation in again.connected} == {""}
    await again.refresh()
    assert {organisation.base_currency for organisation in again.connected} == {BASE}


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing tells when a snapshot changes
            await asyncio.sleep(0.02)


def _all_ids(store: Store) -> list[str]:
    return [contact_id for (contact_id,) in store._database.rows("SELECT contact_id FROM contacts")]
