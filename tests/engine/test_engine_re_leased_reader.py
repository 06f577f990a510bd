"""Re-Leased's own contacts, read from the practice Re-Leased over HTTP by a whole engine."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager, closing, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from support.practice import http, running_sandbox

from tui.engine import connectivity
from tui.engine import re_leased_reader as reader_module
from tui.engine import scheduler as scheduler_module
from tui.engine.account import TOKENS_IN_FILE, XeroAccount
from tui.engine.clock import utc_now
from tui.engine.engine import Engine
from tui.engine.engine_factory import ClientFactory, nightly_window
from tui.engine.leader_lock import LOCK_NAME, LeaderLock
from tui.model.change import Action, ReadResult, State
from tui.model.contact import ContactStatus
from tui.model.errors import ContactSourceError, ReshelveError, StoreError
from tui.model.evidence import SyncStatus
from tui.model.query import TabCounts
from tui.model.re_leased import ContactReading, ReadCounts
from tui.model.reasons import ComparisonReason, ContactSourceReason, GeneralReason
from tui.re_leased import unified
from tui.settings import OrganisationSettings, ReLeasedSettings, Settings, XeroSettings
from tui.store import Store
from tui.store.read_only_summary import read_summary
from tui.system.keychain import Secret
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from support.practice import PracticeXero

    from tui.model.change import Change
    from tui.model.contact import Organisation
    from tui.model.snapshot import ChangeSummary

PATIENCE = 60
GLANCE = 0.01
CONTACTS = 240
FIRST, SECOND = "701", "702"
OPTIONS = ("--contacts", str(CONTACTS), "--cycle", "86400", "--sync-seconds", "0.05")


@dataclass
class Site:
    """A practice Xero and Re-Leased, and an account that is signed in to it."""

    practice: PracticeXero
    settings: Settings
    paths: Paths
    organisations: list[Organisation]
    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        """Return this computer's time as the engine sees it."""
        return utc_now() + self.ahead

    def advance(self, **time: float) -> None:
        """Move the clocks of this computer, Xero and Re-Leased forward."""
        self.ahead += timedelta(**time)
        self.practice.set_clock(ahead_seconds=self.ahead.total_seconds())

    @property
    def unified(self) -> dict[str, str]:
        """How Unified.to is reached."""
        where: dict[str, str] = self.practice.line["unified"]
        return where

    def listed(self, company: str = FIRST) -> list[dict[str, Any]]:
        """Return the contacts in Re-Leased, without using the program under test."""
        found: list[dict[str, Any]] = []
        where = self.unified
        fields = "&".join(f"fields={name}" for name in ("id", "name", "is_active", "raw"))
        url = f"{where['url']}/accounting/{where['connection_id']}/contact?org_id={company}&{fields}"
        while True:
            headers = {"Authorization": f"Bearer {where['api_key']}"}
            page = http("GET", f"{url}&offset={len(found)}", headers=headers).json()
            found += page
            if len(page) < 100:
                return found

    def pages(self) -> list[str]:
        """Return the program's queries for contacts so far."""
        asked = [one["query"] for one in self.practice.requests() if one["path"].endswith("/contact")]
        return [query for query in asked if "sort=created_at" in query]


class Reader:
    """An engine that reads on request, and what it publishes."""

    def __init__(self, engine: Engine, site: Site, folder: Path) -> None:
        self.engine, self.site, self.folder = engine, site, folder
        self.store = engine._store
        assert engine._reader is not None
        self.reader = engine._reader

    @property
    def shown(self) -> ContactReading:
        """The state of reading in the snapshot."""
        reading = self.engine.snapshot.re_leased.contacts
        assert reading is not None
        return reading

    @property
    def problem(self) -> str | None:
        """Why the last attempt failed, from the snapshot."""
        return None if self.shown.problem is None else self.shown.problem.reason

    @property
    def pane(self) -> ChangeSummary:
        """The counts in the status pane."""
        assert self.engine.snapshot.summary is not None
        return self.engine.snapshot.summary

    async def until(self, condition: Callable[[], object]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():  # noqa: ASYNC110 - what is waited for isn't always published
                    await asyncio.sleep(GLANCE)
        except TimeoutError:
            raise AssertionError(f"timed out: {self.engine.snapshot}") from None

    async def read(self, *, is_full: bool = False) -> None:
        """Start a read, and wait until it has ended."""
        await self.until(self._is_time_known)
        task = self.engine._scheduler._read_task
        await self.until(lambda: not task._is_running)
        last = task._last_run_ended
        if is_full:
            self.engine._scheduler.read_all_of_re_leased()
        task.wake()
        await self.until(lambda: task._last_run_ended is not last and not task._is_running)
        self.engine._publisher._publish()

    def _is_time_known(self) -> bool:
        if not self.reader.can_read:
            # One answer of Xero's may not be enough after a jump.
            self.engine._scheduler._refresh_task.wake()
        return self.reader.can_read

    async def archive(self, *contact_ids: str) -> None:
        """Archive contacts in Reshelve, and wait until Xero has confirmed it."""
        await self.engine.changes.request(Action.ARCHIVE, contact_ids)
        await self.until(lambda: all(self.change(one).state is State.CONFIRMED for one in contact_ids))

    def change(self, contact_id: str) -> Change:
        """Return the last change of a contact."""
        return max(self.store.changes.of_contact(contact_id), key=lambda one: one.change_id)

    def status(self, contact_id: str) -> SyncStatus:
        """Return how the last change of a contact is graded."""
        grade = self.engine._publisher.grade(self.change(contact_id))
        assert grade is not None
        return grade.status

    async def create_synced(self, *names: str, status_in: str = "is_active", with_id: bool = True) -> str:
        """Create an active contact, sync it to Re-Leased, and set the fields that are returned."""
        name = names[0] if names else f"Tenant {len(self.site.listed())}"
        contact_id = self.site.practice.create(name)
        await self.until(lambda: self.store.contacts([contact_id]))
        await self.sync()
        self.site.practice.set_returned(contact_id, status_in=status_in, with_id=with_id)
        return contact_id

    def re_leased_id(self, contact_id: str) -> str:
        """Return the ID in Re-Leased of a contact for which it returns Xero's ID."""
        [found] = [row["id"] for row in self.site.listed() if row["raw"].get("xeroContactId") == contact_id]
        return str(found)

    async def sync(self) -> None:
        """Run a sync of the practice Re-Leased to its end."""
        practice = self.site.practice

        def runs() -> int:
            company = practice.feed()["company"]["lastSync"]
            return int(company["run"]) if company else 0

        before = runs()
        assert practice.sync_released().status == 200
        await self.until(lambda: runs() > before)


@pytest.fixture(scope="module")
def whole_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with running_sandbox(folder, *OPTIONS) as practice:
        practice.limits(minute=1_000_000, day=1_000_000, atOnce=1_000)
        where = practice.line["unified"]
        settings = Settings(
            xero=XeroSettings(
                login_url=practice.login,
                identity_url=practice.identity,
                api_url=practice.api,
                pages_url=practice.pages,
                client_id=practice.client_id,
                token_store=TOKENS_IN_FILE,
            ),
            re_leased=ReLeasedSettings(
                unified_url=where["url"],
                archived_field="raw.isArchived",
                xero_id_field="raw.xeroContactId",
                poll_seconds=3600.0,
            ),
            organisations={
                one.tenant_id: OrganisationSettings(
                    unified_connection_id=where["connection_id"], re_leased_company_id=company
                )
                for one, company in zip(practice.organisations, (FIRST, SECOND), strict=True)
            },
        )
        paths = Paths.under(folder / "home")
        account = XeroAccount(settings, paths)
        sign_in = account.import_refresh_token(practice.refresh_token, practice.client_id)
        organisations = sorted(asyncio.run(sign_in), key=lambda one: one.tenant_id != practice.tenant_id)
        yield Site(practice, settings, paths, list(organisations))


@pytest.fixture
def site(whole_site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(connectivity, "_PAUSE", 0.01)
    monkeypatch.setattr(scheduler_module, "_LOCK_CHECK_SECONDS", 0.05)
    monkeypatch.setattr(reader_module, "_READY_CHECK_SECONDS", 0.02)
    monkeypatch.setattr(unified.UnifiedKey, "load", lambda _: Secret(whole_site.unified["api_key"]))
    yield whole_site
    whole_site.practice.clear_faults()
    whole_site.practice.control("POST", "unified", {"ignored": []})


@asynccontextmanager
async def open_engine(
    folder: Path, site: Site, *, company: str = FIRST, number: int = 0, wait: bool = True
) -> AsyncIterator[Reader]:
    """Run an engine on a folder of its own, which shares the sign-in; by default until it has read once."""
    organisation = site.organisations[number]
    own = OrganisationSettings(
        unified_connection_id=site.unified["connection_id"], re_leased_company_id=company
    )
    settings = Settings(
        xero=site.settings.xero,
        re_leased=site.settings.re_leased,
        organisations={organisation.tenant_id: own},
    )
    engine = Engine(
        organisation,
        Store.open(folder),
        ClientFactory(settings, site.paths, organisation),
        lock=LeaderLock(folder / LOCK_NAME),
        window=nightly_window(settings, organisation),
        poll_seconds=0.2,
        now=site.now,
    )
    running = asyncio.create_task(engine.run())
    reader = Reader(engine, site, folder)
    try:
        if wait:
            await reader.until(lambda: reader.shown.last is not None)
        yield reader
    finally:
        await engine.stop()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def opened(tmp_path: Path, site: Site) -> Callable[..., AbstractAsyncContextManager[Reader]]:
    return partial(open_engine, tmp_path / "organisation", site)


# --- synced ---


async def test_the_first_read_counts_the_returned_contacts(opened: Callable[..., Any], site: Site) -> None:
    async with opened() as one:
        last = one.shown.last
        assert last is not None
        listed = [contact for contact in site.listed() if contact["name"] != "Deleted Contact"]
        assert last.counts.total == len(listed)
        assert last.counts.with_status == sum("isArchived" in contact["raw"] for contact in listed)
        assert last.counts.with_xero_id == sum("xeroContactId" in contact["raw"] for contact in listed)
        assert last.counts.deleted == 2
        assert last.counts.total == last.counts.matched + last.counts.unclear + last.counts.unmatched
        assert last.counts.matched > CONTACTS / 2
        assert (one.shown.received, one.shown.problem) == (None, None)
        assert one.shown.has_statuses
        assert last.company_zone == "Pacific/Auckland"


async def test_company_that_cannot_be_read_leaves_the_read_and_its_zone(
    opened: Callable[..., Any], site: Site
) -> None:
    async with opened() as one:
        first = one.shown.last
        site.practice.fault("unified-403", path=f"/accounting/{site.unified['connection_id']}/organization")
        await one.read(is_full=True)
        assert one.problem is None
        assert one.shown.last is not None
        assert first is not None
        assert one.shown.last.began_at > first.began_at
        assert one.shown.last.company_zone == "Pacific/Auckland"


@pytest.mark.parametrize("name", ["", "Not/AZone", "../../etc/passwd", "/etc/localtime", "Pacific", "\0"])
def test_time_zone_that_is_none_is_left_out(name: str) -> None:
    assert not reader_module._valid_zone(name)


@pytest.mark.parametrize(
    ("total", "matched", "unclear", "in_xero", "is_noticed"),
    [
        (3, 0, 0, 40, True), (40, 0, 0, 3, True), (19, 0, 0, 19, True),
        # Too few to judge by, or something is the same.
        (2, 0, 0, 40, False), (40, 0, 0, 2, False), (19, 1, 0, 40, False), (3, 0, 1, 3, False),
        (20, 1, 0, 40, True), (20, 2, 0, 40, False), (20, 0, 10, 40, False), (0, 0, 0, 40, False),
    ],
)  # fmt: skip
def test_other_company_is_noticed_by_its_names(
    *, total: int, matched: int, unclear: int, in_xero: int, is_noticed: bool
) -> None:
    counts = ReadCounts(total=total, matched=matched, unclear=unclear, unmatched=total - matched - unclear)
    with pytest.raises(ContactSourceError) if is_noticed else nullcontext():
        reader_module.check_company(counts, TabCounts(all=in_xero, active=in_xero))


async def test_only_the_first_read_publishes_its_progress(opened: Callable[..., Any]) -> None:
    async with opened() as one:
        published: list[int | None] = []
        one.reader._on_update = lambda: published.append(one.reader.reading.received)
        await one.read(is_full=True)
        assert published == [None]
        one.reader.reading = ContactReading()
        await one.read()
        assert published[1]
        assert published[-1] is None


@pytest.mark.parametrize("is_full", [True, False])
async def test_a_change_is_synced_once_a_read_shows_it(opened: Callable[..., Any], *, is_full: bool) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        await one.archive(contact_id)
        await one.read(is_full=is_full)
        assert one.status(contact_id) is SyncStatus.PENDING
        assert one.pane.pending_total == 1
        await one.sync()
        assert one.status(contact_id) is SyncStatus.PENDING
        await one.read(is_full=is_full)
        assert one.status(contact_id) is SyncStatus.SYNCED
        change = one.change(contact_id)
        assert change.confirmed_at is not None
        # Dated by the start of the read.
        assert change.synced_at is not None
        assert abs(change.synced_at - (one.shown.last_began_at or change.synced_at)) < timedelta(seconds=1)
        assert (one.pane.pending_total, one.pane.synced_total) == (0, 1)


async def test_a_contact_without_xeros_id_is_synced_once_a_complete_list_shows_it(
    opened: Callable[..., Any], site: Site
) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        await one.archive(contact_id)
        await one.sync()
        site.practice.set_returned(contact_id, with_id=False)
        before = len(site.pages())
        await one.read()
        # A complete list isn't due yet, but the change makes one necessary.
        await one.until(lambda: one.status(contact_id) is SyncStatus.SYNCED)
        changed, everything = (
            [query for query in site.pages()[before:] if ("updated_gte" in query) is is_changed]
            for is_changed in (True, False)
        )
        # A short page is followed by one more, as it may not be the last. The end of a full list is proved.
        assert [len(changed) in {1, 2}, len(everything)] == [True, 6]


async def test_a_read_that_began_before_the_confirmation_shows_nothing(
    opened: Callable[..., Any], site: Site
) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        site.practice.fault("slow", path="/accounting/", seconds=0.5, count=1)
        reading = asyncio.create_task(one.read(is_full=True))
        await one.until(lambda: one.engine._scheduler._read_task._is_running)
        began = len(site.pages())
        await one.until(lambda: len(site.pages()) > began or reading.done())
        await one.archive(contact_id)
        await one.sync()
        await reading
        assert one.status(contact_id) is SyncStatus.PENDING
        await one.read()
        assert one.status(contact_id) is SyncStatus.SYNCED


async def test_a_change_made_in_xero_and_detected_late_is_synced_by_the_next_read(
    opened: Callable[..., Any], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "_OVERLAP", timedelta(0))
    async with opened() as one:
        contact_id = await one.create_synced()
        site.practice.fault("503")
        site.practice.somebody("archive", contact_id)
        await one.sync()
        # Re-Leased has the change, but Reshelve hasn't detected it in Xero yet.
        synced_at = site.now()
        await one.until(lambda: site.now() - synced_at > timedelta(seconds=1))
        await one.read()
        assert one.store.changes.of_contact(contact_id) == []
        site.practice.clear_faults()
        one.engine.reconnected()
        await one.until(lambda: one.store.changes.of_contact(contact_id))
        await one.read()
        assert "updated_gte" not in site.pages()[-1]
        assert one.status(contact_id) is SyncStatus.SYNCED
        await one.read()
        assert "updated_gte" in site.pages()[-1]


async def test_a_restore_is_synced_too(opened: Callable[..., Any], site: Site) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        await one.archive(contact_id)
        await one.sync()
        await one.read()
        site.practice.somebody("restore", contact_id)
        await one.engine.contacts.refresh()
        await one.until(lambda: one.change(contact_id).action is Action.RESTORE)
        await one.read()
        assert one.status(contact_id) is SyncStatus.PENDING
        await one.sync()
        await one.read()
        assert one.status(contact_id) is SyncStatus.SYNCED


# --- not synced, with the reason ---


async def test_a_contact_without_a_status_stays_pending(opened: Callable[..., Any], site: Site) -> None:
    async with opened() as one:
        contact_id = await one.create_synced(status_in="")
        site.practice.unlink(contact_id)
        await one.archive(contact_id)
        await one.sync()
        await one.read(is_full=True)
        assert one.change(contact_id).read_result is ReadResult.NO_STATUS
        assert one.status(contact_id) is SyncStatus.PENDING
        site.advance(days=2)
        await one.read(is_full=True)
        assert one.change(contact_id).read_result is ReadResult.NO_STATUS
        assert one.status(contact_id) is SyncStatus.EXPECTED


async def test_a_contact_that_is_only_in_xero_is_not_found(opened: Callable[..., Any], site: Site) -> None:
    async with opened() as one:
        contact_id = site.practice.create("Not in Re-Leased")
        await one.until(lambda: one.store.contacts([contact_id]))
        await one.archive(contact_id)
        await one.read()
        assert one.change(contact_id).read_result is None
        await one.read(is_full=True)
        assert one.change(contact_id).read_result is ReadResult.NOT_FOUND
        assert one.status(contact_id) is SyncStatus.PENDING


async def test_two_contacts_of_one_name_are_ambiguous_until_the_user_chooses(
    opened: Callable[..., Any], site: Site
) -> None:
    async with opened() as one:
        older = await one.create_synced("Kōwhai Twin")
        site.practice.somebody("archive", older)
        contact_id = await one.create_synced("Kōwhai Twin")
        ids = {one.re_leased_id(contact_id): contact_id, one.re_leased_id(older): None}
        await one.archive(contact_id)
        await one.sync()
        for twin in (older, contact_id):
            site.practice.set_returned(twin, with_id=False)
        await one.read()
        await one.read(is_full=True)
        assert one.change(contact_id).read_result is ReadResult.AMBIGUOUS
        assert one.status(contact_id) is SyncStatus.PENDING
        await reader_module.remember_matches(one.store, ids)
        await one.read(is_full=True)
        assert one.status(contact_id) is SyncStatus.SYNCED


async def test_the_users_choice_also_applies_to_a_partial_list(
    opened: Callable[..., Any], site: Site
) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        re_leased_id = one.re_leased_id(contact_id)
        await reader_module.remember_matches(one.store, {re_leased_id: None})
        await one.archive(contact_id)
        await one.sync()
        site.practice.set_returned(contact_id, with_id=False)
        await one.read()
        await one.read(is_full=True)
        # The user chose that it is another contact of the same name.
        assert one.change(contact_id).read_result is ReadResult.NOT_FOUND
        await reader_module.remember_matches(one.store, {re_leased_id: contact_id})
        site.practice.somebody("rename", contact_id, Name="By another name")
        await one.until(lambda: one.store.contacts([contact_id])[0].name == "By another name")
        await one.read()
        assert "updated_gte" in site.pages()[-1]
        assert one.status(contact_id) is SyncStatus.SYNCED


# --- missed ---


async def test_a_change_left_out_by_a_due_sync_is_missed_until_the_next_sync(
    opened: Callable[..., Any], site: Site
) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        site.practice.unlink(contact_id)
        await one.archive(contact_id)
        await one.read(is_full=True)
        assert one.change(contact_id).read_result is ReadResult.OTHER_STATUS
        assert one.status(contact_id) is SyncStatus.PENDING

        site.advance(days=2)
        assert one.status(contact_id) is SyncStatus.EXPECTED
        # A read of changed contacts doesn't include it; the first read after a night is a full one.
        await one.read()
        assert one.status(contact_id) is SyncStatus.MISSED
        assert (one.pane.pending_total, one.pane.missed_total) == (1, 1)
        assert counted(one) == 1

        site.advance(days=2)
        assert one.status(contact_id) is SyncStatus.EXPECTED
        await one.read()
        assert one.status(contact_id) is SyncStatus.MISSED
        site.practice.unlink(contact_id, on=False)
        await one.sync()
        await one.read()
        assert one.status(contact_id) is SyncStatus.SYNCED
        assert counted(one) == 0


def counted(one: Reader) -> int:
    """Count pending changes as the list of organisations does, without opening the store."""
    knowledge, now = one.engine._re_leased.knowledge, one.engine.now()
    from tui.model.evidence import presumed_synced_until  # noqa: PLC0415 - the only place

    summary = read_summary(one.folder, lambda _: presumed_synced_until(knowledge, now))
    assert summary is not None
    return summary.pending


async def test_a_change_left_out_by_a_recorded_sync_is_missed_until_the_next_sync(
    opened: Callable[..., Any], site: Site
) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        site.practice.unlink(contact_id)
        await one.archive(contact_id)
        for _ in range(2):
            await record_sync(one)
            # Reported, until the read that it starts has ended.
            await one.until(lambda: one.status(contact_id) is SyncStatus.MISSED)
            assert one.change(contact_id).read_result is ReadResult.MISSED
        site.practice.unlink(contact_id, on=False)
        await one.sync()
        await record_sync(one)
        await one.until(lambda: one.status(contact_id) is SyncStatus.SYNCED)


async def record_sync(one: Reader) -> None:
    await asyncio.sleep(0.01)
    await one.engine.evidence.report_sync_started(one.engine.now())
    await one.engine.evidence.report_sync_ended(is_clean=True)
    assert one.reader._is_full_wanted or one.engine._scheduler._read_task._is_running


async def test_missed_stays_missed_if_a_later_read_shows_nothing(
    opened: Callable[..., Any], site: Site
) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        site.practice.unlink(contact_id)
        await one.archive(contact_id)
        site.advance(days=2)
        await one.read()
        assert one.status(contact_id) is SyncStatus.MISSED
        site.practice.set_returned(contact_id, status_in="")
        await one.read(is_full=True)
        assert one.status(contact_id) is SyncStatus.MISSED
        site.advance(days=2)
        assert one.status(contact_id) is SyncStatus.EXPECTED
        await one.read()
        assert one.status(contact_id) is SyncStatus.EXPECTED


# --- failures ---


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("unified-401", ContactSourceReason.KEY_REFUSED),
        ("unified-429", ContactSourceReason.RATE_LIMITED),
        ("cut", ContactSourceReason.CUT_SHORT),
        ("html", ContactSourceReason.WEB_PAGE),
        ("slow", ContactSourceReason.TIMED_OUT),
        ("unified-paused", ContactSourceReason.PAUSED),
        ("unified-404", ContactSourceReason.NO_SUCH_CONNECTION),
        ("unified-429-vendor", ContactSourceReason.RATE_LIMITED),
        ("drop-before", ContactSourceReason.CUT_SHORT),
        ("malformed", ContactSourceReason.UNREADABLE),
    ],
)
async def test_a_read_that_fails_in_the_middle_records_nothing_and_is_retried(
    opened: Callable[..., Any],
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    reason: ContactSourceReason,
) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        await one.archive(contact_id)
        await one.sync()
        before = one.shown, stored(one)
        # As often as it is requested, and longer than a read waits.
        pages = second_page_fails(one, monkeypatch, kind, times=9, retry_after=200)
        await one.read(is_full=True)
        site.practice.clear_faults()
        is_passing = reason in {ContactSourceReason.CUT_SHORT, ContactSourceReason.TIMED_OUT}
        asked = 5 if is_passing else 2
        assert len(pages) == asked
        assert one.problem == reason
        assert one.shown.received is None
        assert (one.shown.last, one.shown.last_began_at) == (before[0].last, before[0].last_began_at)
        assert stored(one) == before[1]
        assert one.status(contact_id) is SyncStatus.PENDING
        is_limited = reason is ContactSourceReason.RATE_LIMITED
        assert one.reader.seconds_to_next_read == (200 if is_limited else 60)
        if is_limited:
            await one.read()
            assert len(pages) == asked
            one.reader._no_read_before = 0.0
        # Still a full read.
        await one.read()
        assert len(pages) >= asked + 3
        assert one.status(contact_id) is SyncStatus.SYNCED
        assert one.problem is None
        assert one.reader.seconds_to_next_read == 3600


def second_page_fails(
    one: Reader, monkeypatch: pytest.MonkeyPatch, kind: str, *, times: int, retry_after: int
) -> list[str | None]:
    """Make the second page of the next read fail so many times; returns the cursors as they are used."""
    monkeypatch.setattr(reader_module, "_FIRST_PAUSE", 0.01)
    if kind == "slow":
        monkeypatch.setattr(unified, "LONGEST_WAIT", 0.2)
    source = one.engine._clients._contact_source
    assert source is not None
    list_contacts = source.list_contacts
    cursors: list[str | None] = []

    async def list_or_fail(since: datetime | None, cursor: str | None) -> Any:
        cursors.append(cursor)
        if len(cursors) == 2:
            one.site.practice.fault(kind, path="/accounting/", count=times, seconds=3, retryAfter=retry_after)
        return await list_contacts(since, cursor)

    monkeypatch.setattr(source, "list_contacts", list_or_fail)
    return cursors


@pytest.mark.parametrize(
    ("kind", "times"),
    [("unified-429", 2), ("cut", 3), ("503", 1), ("slow", 1), ("drop-before", 2)],
)
async def test_read_goes_on_at_the_same_page_once_it_can(
    opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, kind: str, times: int
) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        await one.archive(contact_id)
        await one.sync()
        cursors = second_page_fails(one, monkeypatch, kind, times=times, retry_after=1)
        await one.read(is_full=True)
        failed = cursors[1 : times + 2]
        assert len(failed) == times + 1
        assert len(set(failed)) == 1
        # Every other page was requested once.
        assert len(set(cursors)) == len(cursors) - times
        assert one.problem is None
        assert one.status(contact_id) is SyncStatus.SYNCED


async def test_wait_in_the_middle_of_a_read_ends_with_the_engine(
    opened: Callable[..., Any], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as one:
        before = stored(one)
        cursors = second_page_fails(one, monkeypatch, "unified-429", times=1, retry_after=100)
        one.engine._scheduler.read_all_of_re_leased()
        one.engine._scheduler._read_task.wake()
        await one.until(lambda: len(cursors) == 2)
        # The limit was answered: now the read waits.
        await one.until(lambda: site.practice.requests()[-1]["status"] == 429)
        async with asyncio.timeout(PATIENCE):
            await one.engine.stop()
        assert stored(one) == before


def stored(one: Reader) -> list[Any]:
    """Return everything that a read can write."""
    with closing(sqlite3.connect(one.folder / "contacts.db")) as connection:
        return [
            connection.execute("SELECT name, value FROM sync_state WHERE name LIKE 're_leased.%'").fetchall(),
            connection.execute("SELECT change_id, read_ms, read_result, synced_ms FROM changes").fetchall(),
            connection.execute("SELECT * FROM sync_records").fetchall(),
        ]


async def test_an_ignored_offset_is_noticed(opened: Callable[..., Any], site: Site) -> None:
    site.practice.control("POST", "unified", {"ignored": ["offset"]})
    async with opened(wait=False) as one:
        await one.until(lambda: one.problem)
        assert one.problem == ContactSourceReason.REPEATED_PAGE
        assert one.shown.last is None
        site.practice.control("POST", "unified", {"ignored": []})
        await one.read()
        assert one.shown.last is not None


async def test_an_ignored_updated_gte_makes_reads_full_and_rare(
    opened: Callable[..., Any], site: Site
) -> None:
    site.practice.control("POST", "unified", {"ignored": ["updated_gte"]})
    async with opened() as one:
        contact_id = await one.create_synced()
        await one.archive(contact_id)
        await one.sync()
        # All contacts are returned, so it is noticed; those with Xero's ID count.
        await one.read()
        assert one.status(contact_id) is SyncStatus.SYNCED
        await one.read()
        asked = len(site.pages())
        await one.read()
        assert len(site.pages()) == asked
        site.advance(minutes=61)
        await one.read()
        # A read during which the jump of the clock is noticed is discarded, and repeated.
        await one.until(lambda: len(site.pages()) > asked)
        assert "updated_gte" not in site.pages()[-1]


@pytest.mark.parametrize(("number", "company"), [(0, SECOND), (1, FIRST)])
async def test_another_companys_contacts_are_noticed(
    opened: Callable[..., Any], number: int, company: str
) -> None:
    async with opened(number=number, company=company, wait=False) as one:
        await one.until(lambda: one.problem)
        assert one.problem == ContactSourceReason.WRONG_COMPANY
        assert one.shown.last is None
        assert stored(one) == [[], [], []]
        assert one.reader.seconds_to_next_read == 3600


async def test_without_a_chosen_company_contacts_of_several_show_nothing(
    opened: Callable[..., Any],
) -> None:
    async with opened(company="", wait=False) as one:
        await one.until(lambda: one.problem)
        assert one.problem == ContactSourceReason.SEVERAL_COMPANIES
        assert stored(one) == [[], [], []]
        assert (await one.engine.comparison.test_connection(lambda _: None)).has_several_companies


@pytest.mark.parametrize(
    ("company", "reason"),
    [("", ContactSourceReason.SEVERAL_COMPANIES), (SECOND, ContactSourceReason.WRONG_COMPANY)],
)
async def test_only_the_own_company_is_compared(
    opened: Callable[..., Any], company: str, reason: ContactSourceReason
) -> None:
    async with opened(company=company, wait=False) as one:
        await one.until(lambda: one.problem)
        with pytest.raises(ContactSourceError) as caught:
            await one.engine.comparison.compare_contacts()
        assert caught.value.reason is reason


async def test_a_full_disk_records_nothing_and_the_read_is_repeated(
    opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        await one.archive(contact_id)
        await one.sync()
        record: Any = one.store.evidence.record_read
        attempts: list[tuple[Any, ...]] = []

        async def full(*arguments: Any) -> int:
            attempts.append(arguments)
            if len(attempts) < 3:
                raise StoreError(GeneralReason.UNEXPECTED_ERROR, kind="full")
            recorded: int = await record(*arguments)
            return recorded

        monkeypatch.setattr(one.store.evidence, "record_read", full)
        await one.read(is_full=True)
        await one.until(lambda: one.status(contact_id) is SyncStatus.SYNCED)
        # A full one each time, as it is still needed.
        assert [len(arguments[-1][1]) > 0 for arguments in attempts] == [True] * 3
        assert {arguments[-1][0] for arguments in attempts} == {"re_leased.last_read"}


async def test_a_storage_error_before_a_read_does_not_stop_the_engine(
    opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as one:
        sync_state: Callable[[str], str | None] = one.store.sync_state
        failures: list[str] = []

        def fails_twice(name: str) -> str | None:
            if len(failures) < 2:
                failures.append(name)
                raise StoreError(GeneralReason.UNEXPECTED_ERROR, kind="busy")
            found: str | None = sync_state(name)
            return found

        began = one.shown.last_began_at
        monkeypatch.setattr(one.store, "sync_state", fails_twice)
        one.engine._scheduler._read_task.wake()
        await one.until(lambda: one.reader.reading.last_began_at != began)
        assert len(failures) == 2
        assert one.engine.snapshot.re_leased.contacts.problem is None


# --- copies, restarts, clocks ---


async def test_only_the_copy_that_holds_the_lock_reads(opened: Callable[..., Any], site: Site) -> None:
    async with opened() as one:
        asked = len(site.pages())
        async with opened(wait=False) as other:
            await other.until(lambda: other.shown.last is not None)
            assert other.shown.last == one.shown.last
            other.engine._scheduler.read_all_of_re_leased()
            contact_id = await one.create_synced()
            await one.archive(contact_id)
            await one.sync()
            assert len(site.pages()) == asked
            await one.read()
            assert one.status(contact_id) is SyncStatus.SYNCED
            assert sum("offset=0" in query for query in site.pages()[asked:]) == 1
            # The other one shows what the first has read.
            await other.until(lambda: other.shown.last_began_at == one.shown.last_began_at)
            await other.until(lambda: other.pane.synced_total == 1)


async def test_results_survive_a_restart(opened: Callable[..., Any], site: Site) -> None:
    async with opened() as one:
        synced, missed = await one.create_synced(), await one.create_synced()
        site.practice.unlink(missed)
        await one.archive(synced, missed)
        await one.sync()
        site.advance(days=2)
        advanced_at = site.now()
        await one.read()
        # A read during which the jump of the clock is noticed is discarded, and repeated.
        await one.until(lambda: one.shown.last is not None and one.shown.last.began_at >= advanced_at)
        last = one.shown.last
    asked = len(site.pages())
    async with opened() as one:
        assert one.shown.last == last
        assert (one.status(synced), one.status(missed)) == (SyncStatus.SYNCED, SyncStatus.MISSED)
        assert (one.pane.pending_total, one.pane.missed_total, one.pane.synced_total) == (1, 1, 1)
        await one.until(lambda: len(site.pages()) > asked)
        assert "updated_gte" in site.pages()[asked]


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "null",
        "{}",
        "[1]",
        '{"began_at": "2026-03-03T12:00:00", "counts": {}}',
        '{"began_at": 7}',
        "{",
        "é",
    ],
)
async def test_a_damaged_last_read_is_repeated(
    opened: Callable[..., Any], tmp_path: Path, damaged: str
) -> None:
    with closing(Store.open(tmp_path / "organisation")) as store:
        await store.set_sync_state("re_leased.last_read", damaged)
        await store.set_sync_state("re_leased.last_began_at", damaged)
        await store.set_sync_state("re_leased.matches", damaged)
    async with opened() as one:
        assert one.shown.last is not None
        assert json.loads(one.store.sync_state("re_leased.last_read") or "")["counts"]["total"] > CONTACTS / 2


@pytest.mark.parametrize("days", [3, -3])
async def test_nothing_is_read_while_this_computers_clock_is_wrong(
    opened: Callable[..., Any], site: Site, days: int
) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        site.practice.unlink(contact_id)
        await one.archive(contact_id)
        await one.read()
        before, asked = stored(one), len(site.pages())
        was, one.site.ahead = one.site.ahead, one.site.ahead + timedelta(days=days)
        try:
            # Until Xero has answered, the time isn't known.
            assert not one.reader.can_read
            assert await one.reader.read(one.engine._clients.open_contact_source) is False
            with pytest.raises(ReshelveError) as caught:
                await one.engine.comparison.compare_contacts()
            assert caught.value.reason is ComparisonReason.TIME_UNKNOWN
            assert (stored(one), len(site.pages())) == (before, asked)
            await one.until(one._is_time_known)
            await one.read(is_full=True)
            # By Xero's clock, no night has passed.
            assert one.change(contact_id).read_result is ReadResult.OTHER_STATUS
            assert one.status(contact_id) is SyncStatus.PENDING
        finally:
            one.site.ahead = was


async def test_a_clock_change_during_a_read_discards_it(opened: Callable[..., Any], site: Site) -> None:
    async with opened() as one:
        contact_id = await one.create_synced()
        await one.archive(contact_id)
        await one.sync()
        before = stored(one)
        was = site.ahead
        site.practice.fault("503")
        site.practice.fault("slow", path="/accounting/", seconds=0.3, count=1)
        reading = asyncio.create_task(one.reader.read(one.engine._clients.open_contact_source))
        await one.until(lambda: "slow" in {asked["fault"] for asked in site.practice.requests()[-9:]})
        site.ahead += timedelta(days=3)
        try:
            assert await reading is False
            assert stored(one) == before
        finally:
            site.ahead = was


async def test_a_contact_archived_in_xero_during_a_read_waits_for_the_next_read(
    opened: Callable[..., Any], site: Site
) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(opened())
        contact_id = await one.create_synced()
        await one.archive(contact_id)
        await one.sync()
        await one.read()
        assert one.status(contact_id) is SyncStatus.SYNCED
        assert site.practice.somebody("restore", contact_id) is not None
        await one.engine.contacts.refresh()
        await one.until(lambda: one.change(contact_id).action is Action.RESTORE)
        # Re-Leased still has it as archived: that was synced, this isn't.
        await one.read(is_full=True)
        assert one.change(contact_id).read_result is ReadResult.OTHER_STATUS
        assert one.store.contacts([contact_id])[0].status is ContactStatus.ACTIVE
