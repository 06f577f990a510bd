"""An engine in memory, for tests of the screens: nothing happens by itself, the test decides."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace
from support.asked import is_asked_for
from support.fake_changes import FakeChanges
from support.fake_comparison import FakeComparison
from support.fake_evidence import FakeEvidence
from support.fake_tenancy import FakeTenancy

from tui.model.change import Action, Change, ChangeLogEntry, Origin, State
from tui.model.change_list import ManualRestore
from tui.model.contact import (
    Balances,
    Contact,
    ContactDetails,
    ContactStatus,
    HistoryEntry,
    Organisation,
    Row,
    SearchResult,
)
from tui.model.evidence import StatusSince, SyncStatus
from tui.model.precheck import Precheck, PrecheckLine
from tui.model.query import Query, Tab, TabCounts, fold
from tui.model.snapshot import (
    ChangeSummary,
    ChangeView,
    ConnectionStatus,
    ReLeasedStatus,
    Snapshot,
    SyncProgress,
    XeroStatus,
)
from tui.model.tenancy import tenant_groups_among

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    from tui.model.errors import ReshelveError
    from tui.model.reasons import ContactReason, Notice

EVERYTHING = Query()
NOW = datetime(2026, 3, 5, 12, 41, 7, tzinfo=UTC)

_NAMES = (
    "Abel Tasman Lettings", "Aroha Tamihana", "Bayside Club", "Bayside Fish & Chips", "Bayside Wholesale",
    "Boulder Plumbing", "Capital Cab Co", "City Limousines", "Coco Café", "DIISR - Small Business Services",
    "Fulton Airport Parking", "Gateway Motors", "Hamilton Smith Ltd", "Hoyt Productions",
    "Jakaranda Maple Systems", "Kaikōura Holiday Homes", "Mercury Energy", "MCO Cleaning Services",
    "Ōtautahi Roofing", "PC Complete", "PowerDirect", "Rex Media Group", "Ridgeway University",
    "SMART Agency", "Swanston Security", "Truxton Property", "Wilson Periodicals", "Xena Blinds",
    "Young Bros Transport", "Zephyr Air Conditioning",
)  # fmt: skip
_PLACES = (
    "Akaroa", "Birkenhead", "Cashmere", "Devonport", "Eastbourne", "Fendalton", "Glen Eden", "Hataitai",
    "Island Bay", "Johnsonville", "Karori", "Lyttelton", "Miramar", "Newtown", "Oriental Bay", "Petone",
    "Queenstown", "Remuera", "Seatoun", "Takapuna", "Upper Hutt", "Vogeltown", "Wadestown",
)  # fmt: skip
_TRADES = (
    "Electrical", "Gardens", "Dental", "Rentals", "Bakery", "Painters", "Joinery", "Law", "Motors", "Books",
    "Physio", "Cleaning", "Glass", "Catering", "Surveyors", "Storage", "Optics", "Signs", "Travel", "Yoga",
)  # fmt: skip


def contact_id(number: int) -> str:
    return f"0000{number:04x}-1111-4222-8333-444455556666"


def contacts(count: int = len(_NAMES)) -> list[Contact]:
    return [_contact(number) for number in range(count)]


def _contact(number: int) -> Contact:
    name = _NAMES[number % len(_NAMES)]
    if number >= len(_NAMES):
        name = f"{_PLACES[number % len(_PLACES)]} {_TRADES[number * 7 % len(_TRADES)]}"
        again = number // (len(_PLACES) * len(_TRADES))
        name += f" {again + 1}" if again else ""
    word = fold(name.split()[0])
    owed = (number * 7919) % 90_000 if number % 13 % 3 else 0
    return Contact(
        contact_id=contact_id(number),
        name=name,
        status=ContactStatus.ARCHIVED if number % 7 == 5 else ContactStatus.ACTIVE,
        updated_at=NOW - timedelta(days=number),
        first_name="Robin",
        last_name=name.split()[-1],
        email=f"accounts@{word}.example" if number % 11 % 4 else "",
        account_number=f"AC-{number:05}",
        phone=f"+64 4 555 {number:04}",
        is_customer=True,
        is_supplier=number % 4 == 0,
        groups=("Tenants",) if number % 2 else (),
        balances=Balances(
            receivable=owed,
            receivable_overdue=owed // 2 if number % 2 else 0,
            read_at=NOW - timedelta(hours=3),
        ),
    )


@dataclass
class ListRows:
    """Rows over a list that may change under it, as the store's do."""

    backend: FakeBackend
    contacts: list[Contact]

    def __len__(self) -> int:
        return len(self.contacts)

    def window(self, start: int, stop: int) -> Sequence[Row]:
        return [self.backend.row(contact.contact_id) for contact in self.contacts[start:stop]]

    def index_of(self, contact_id: str) -> int | None:
        return next((i for i, one in enumerate(self.contacts) if one.contact_id == contact_id), None)

    def ids(self, start: int, stop: int) -> Sequence[str]:
        return [contact.contact_id for contact in self.contacts[start:stop]]

    def absent(self, contact_ids: Collection[str]) -> frozenset[str]:
        return frozenset(contact_ids).difference(contact.contact_id for contact in self.contacts)


@dataclass(eq=False)
class FakeBackend(FakeChanges, FakeEvidence, FakeTenancy, FakeComparison):
    """Answers from lists. `calls` names what was asked; gates hold an answer back until they are set."""

    known: dict[str, Contact]
    standings: dict[int, StatusSince] = field(default_factory=dict)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    is_sandbox: bool = True
    is_read_only: bool = False
    attended: int = 0
    snapshot: Snapshot = field(init=False)
    listeners: list[Callable[[Snapshot], None]] = field(default_factory=list)
    check_gate: asyncio.Event = field(default_factory=asyncio.Event)
    history_gate: asyncio.Event = field(default_factory=asyncio.Event)
    warnings: dict[str, tuple[Notice, ...]] = field(default_factory=dict)
    blocked: dict[str, ContactReason] = field(default_factory=dict)
    may_fail: dict[str, Notice] = field(default_factory=dict)
    sees_restores: bool = True
    stale_reason: Notice | None = None
    failures: dict[str, Exception] = field(default_factory=dict)
    xero_history: tuple[HistoryEntry, ...] = (
        HistoryEntry(
            datetime(2026, 3, 5, 9, 12, tzinfo=UTC), "Robin Hale", "Edited", "E-mail address changed."
        ),
        HistoryEntry(datetime(2025, 2, 1, 16, 40, tzinfo=UTC), "System Generated", "Created", ""),
    )

    def __post_init__(self) -> None:
        self.check_gate.set()
        self.history_gate.set()
        self.snapshot = Snapshot(
            organisation=Organisation("t1", "Demo Company (NZ)", "!Qj35V"),
            counts=self.count(),
            xero=XeroStatus(
                ConnectionStatus.ONLINE, last_reply_at=NOW, minute_calls_left=57, day_calls_left=4812
            ),
            last_refresh_at=NOW - timedelta(hours=3),
            re_leased=ReLeasedStatus(
                has_feed=True,
                state="Successfully synced",
                next_sync_at=NOW + timedelta(seconds=32),
                cycle_started_at=NOW - timedelta(seconds=13),
                last_sync_at=NOW - timedelta(seconds=13),
            ),
            summary=ChangeSummary(),
        )

    @property
    def contacts(self) -> Self:
        """Each service is answered by this one object."""
        return self

    changes = change_log = undo = manual_restores = evidence = comparison = tenancy = contacts

    @classmethod
    def with_contacts(cls, count: int = len(_NAMES), **parts: Any) -> FakeBackend:
        return cls(known={contact.contact_id: contact for contact in contacts(count)}, **parts)

    # What a test does to it.

    def publish(self, **parts: Any) -> None:
        """Say something new, as the engine does."""
        self.snapshot = replace(self.snapshot, **parts)
        for listener in list(self.listeners):
            listener(self.snapshot)

    def publish_changes(self, **parts: Any) -> None:
        """Say that changes, rows and the order may have changed."""
        self.publish(
            counts=self.count(),
            summary=self.pane(),
            rows_version=self.snapshot.rows_version + 1,
            order_version=self.snapshot.order_version + 1,
            **parts,
        )

    def put_change(
        self, number: int, action: Action, state: State, grade: SyncStatus | None = None, words: str = ""
    ) -> Change:
        """Put a change into the journal as it stands, without publishing it."""
        contact = self.known[contact_id(number)]
        at = NOW - timedelta(minutes=len(self.changes_made) + 1)
        confirmed = at if state is State.CONFIRMED else None
        change = Change(
            change_id=len(self.changes_made) + 1,
            batch_id="batch",
            contact_id=contact.contact_id,
            name=contact.name,
            action=action,
            origin=Origin.RESHELVE,
            state=state,
            requested_at=at,
            updated_at=at,
            confirmed_at=confirmed,
            message=words,
            synced_at=at if grade is SyncStatus.SYNCED else None,
        )
        self.changes_made.append(change)
        if grade is not None:
            self.standings[change.change_id] = StatusSince(grade, at)
        return change

    def move(self, change: Change, state: State, **parts: Any) -> Change:
        """Take a change to another state."""
        moved = replace(change, state=state, updated_at=NOW, **parts)
        if state is State.CONFIRMED:
            moved = replace(moved, confirmed_at=NOW)
            contact = self.known[change.contact_id]
            self.known[change.contact_id] = replace(contact, status=change.action.target_status)
        self.changes_made = [moved if one.change_id == change.change_id else one for one in self.changes_made]
        return moved

    def view(self, change: Change) -> ChangeView:
        standing = self.standings.get(change.change_id)
        if standing is None and change.state is State.CONFIRMED:
            standing = StatusSince(SyncStatus.PENDING)
        return ChangeView(change, standing)

    def pane(self) -> ChangeSummary:
        views = [self.view(change) for change in reversed(self.changes_made)]

        def of(*states: State) -> tuple[ChangeView, ...]:
            return tuple(view for view in views if view.change.state in states)

        def graded(*grades: SyncStatus) -> tuple[ChangeView, ...]:
            return tuple(view for view in views if view.sync is not None and view.sync.status in grades)

        working = of(State.QUEUED, State.SENDING, State.UNKNOWN)
        waiting = graded(SyncStatus.PENDING, SyncStatus.MISSED, SyncStatus.STALLED)
        settled = graded(
            SyncStatus.SYNCED,
            SyncStatus.EXPECTED,
            SyncStatus.REPORTED,
            SyncStatus.CHECKED,
            SyncStatus.NOT_LINKED,
        )
        # What was tried again is no longer open.
        refused = tuple(view for view in of(State.REFUSED) if not view.change.superseded)
        return ChangeSummary(
            in_progress=working[:8],
            manual_restores=of(State.AWAITING_USER)[:8],
            refused=refused[:8],
            pending=waiting[:8],
            synced=settled[:8],
            in_progress_total=len(working),
            sent_total=len(of(State.SENDING, State.UNKNOWN)),
            manual_restore_total=len(of(State.AWAITING_USER)),
            refused_total=len(refused),
            pending_total=len(waiting),
            missed_total=len(graded(SyncStatus.MISSED)),
            stalled_total=len(graded(SyncStatus.STALLED)),
            unconfirmed_total=len(waiting) + len(graded(SyncStatus.EXPECTED, SyncStatus.REPORTED)),
            synced_total=len(settled),
        )

    def count(self, query: Query = EVERYTHING) -> TabCounts:
        found = self._asked_for(query)
        active = sum(1 for contact in found if contact.status is ContactStatus.ACTIVE)
        archived = sum(1 for contact in found if contact.status is ContactStatus.ARCHIVED)
        return TabCounts(len(found), active, archived)

    def row(self, contact_id: str) -> Row:
        contact = self.known[contact_id]
        last = next((one for one in reversed(self.changes_made) if one.contact_id == contact_id), None)
        return Row(
            contact_id,
            contact.name,
            contact.email,
            contact.status,
            contact.balances.receivable if contact.balances else None,
            bool(contact.merged_to),
            self.view(last) if last else None,
        )

    # What the screens ask of it.

    async def run(self) -> None:
        self._called("run")

    async def stop(self) -> None:
        self._called("stop")

    def reconnected(self) -> None:
        self._called("reconnected")

    def record_user_activity(self) -> None:
        self.attended += 1

    def pause_sync(self, *, on: bool) -> None:
        self._called("pause_sync", on)
        if self.snapshot.progress is not None:
            self.publish(progress=replace(self.snapshot.progress, is_paused=on))

    def subscribe(self, listener: Callable[[Snapshot], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def first_rows(self, query: Query) -> SearchResult:
        return self._found(query)

    async def find(self, query: Query) -> AsyncIterator[SearchResult]:
        self._called("find", query)
        yield self._found(query)

    async def precheck(self, action: Action, contact_ids: Sequence[str]) -> Precheck:
        self._called("precheck", action, tuple(contact_ids))
        await self.check_gate.wait()
        lines = tuple(
            PrecheckLine(self.known[one], self.warnings.get(one, ()), self.blocked.get(one))
            for one in contact_ids
        )
        check = Precheck(
            action,
            lines,
            stale_reason=self.stale_reason,
            is_first_archive=action is Action.ARCHIVE and self.is_first_archive,
        )
        return check.with_tenant_groups(frozenset(self.marked))

    async def request(self, action: Action, contact_ids: Sequence[str]) -> int:
        self._called("request", action, tuple(contact_ids))
        for one in contact_ids:
            self.put_change(list(self.known).index(one), action, State.QUEUED)
        self.publish_changes()
        return len(contact_ids)

    async def refresh(self) -> None:
        self._called("refresh")

    async def details(self, contact_id: str) -> ContactDetails:
        self._called("details", contact_id)
        views = tuple(self.view(one) for one in reversed(self.changes_made) if one.contact_id == contact_id)
        timeline = tuple(
            ChangeLogEntry(
                NOW, change.change_id, change.action, "", change.state, change.message, change.notice
            )
            for change in (view.change for view in views)
        )
        contact = self.known[contact_id]
        return ContactDetails(
            contact, views, timeline, tenant_groups_among(contact.groups, frozenset(self.marked))
        )

    async def refresh_one(self, contact_id: str) -> None:
        self._called("refresh_one", contact_id)

    async def history(self, contact_id: str) -> Sequence[HistoryEntry]:
        self._called("history", contact_id)
        await self.history_gate.wait()
        return self.xero_history

    async def pending(self) -> Sequence[ManualRestore]:
        return [
            ManualRestore(one, self.may_fail.get(one.contact_id))
            for one in self.changes_made
            if one.state is State.AWAITING_USER
        ]

    def set_fast_polling(self, *, on: bool) -> None:
        self._called("set_fast_polling", on)

    def url(self, contact_id: str) -> str:
        return f"https://go.xero.com/app/!Qj35V/contacts/contact/{contact_id}"

    async def simulate_restore(self, contact_id: str) -> None:
        self._called("simulate_restore", contact_id)
        if not self.sees_restores:
            return
        change = next(one for one in reversed(self.changes_made) if one.contact_id == contact_id)
        self.move(change, State.CONFIRMED)
        self.publish_changes()

    def fail(self, call: str, error: ReshelveError | Exception) -> None:
        """Let the next calls of this kind fail."""
        assert hasattr(self, call), call
        self.failures[call] = error

    def _called(self, call: str, *arguments: Any) -> None:
        assert hasattr(self, call), call  # Tests look for it by the method's name.
        self.calls.append((call, *arguments))
        if call in self.failures:
            raise self.failures[call]

    def _found(self, query: Query) -> SearchResult:
        wanted = {
            Tab.ALL: set(ContactStatus),
            Tab.ACTIVE: {ContactStatus.ACTIVE},
            Tab.ARCHIVED: {ContactStatus.ARCHIVED},
        }[query.tab]
        found = [one for one in self._asked_for(query) if one.status in wanted]
        found.sort(key=lambda one: (fold(one.name), one.contact_id))
        return SearchResult(query, ListRows(self, found), self.count(query))

    def _asked_for(self, query: Query) -> list[Contact]:
        return [
            one
            for one in self.known.values()
            if is_asked_for(query, one, self.row(one.contact_id).last_change if query.filters else None, NOW)
        ]


__all__ = ["NOW", "FakeBackend", "ListRows", "SyncProgress", "contact_id", "contacts"]
