"""Random histories of reading Re-Leased's contacts: nothing shown exceeds what was really seen there.

`World` knows what Re-Leased has at each moment, what each page showed, and when Xero really confirmed
something, whatever Xero's time of it is. What may be claimed is worked out here from that, not from the
program.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import pytest
from engine.model_xero import Clock, contact
from engine.test_engine_evidence_histories import Anything
from hypothesis import example, given, settings
from hypothesis import strategies as st
from model.test_model_evidence_histories import BEGIN, MINE, OTHER, STATUSES, ZONES, hour
from support.effort import examples

from tui.engine import re_leased_reader
from tui.engine.clock import XeroClock
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.engine.re_leased_reader import ReLeasedReader
from tui.engine.snapshot_publisher import SnapshotPublisher
from tui.model.contact import ContactStatus, Organisation
from tui.model.errors import ContactSourceError
from tui.model.evidence import (
    CompanyState,
    NightlyWindow,
    ReportKind,
    SyncStatus,
    UserReport,
    presumed_synced_until,
)
from tui.model.re_leased import Page, ReLeasedCompany, ReLeasedContact
from tui.model.reasons import ContactSourceReason
from tui.store import Store
from tui.store.read_only_summary import read_summary
from tui.store.sync_state import FULL_SYNC_ENDED_AT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tui.model.change import Change

_MEMORY = next((str(one) for one in (Path("/dev/shm"),) if one.exists()), None)  # noqa: S108 - a folder of its own is made in it
TWINS = (MINE, OTHER)
NAMES = ("Aroha Cafe", "Bayside Club", "Cobden Trust")
PAGE_SIZE = 2
PAGE_MINUTES = 5
COMPANY = "ours"
_WAITS = {SyncStatus.PENDING, SyncStatus.MISSED, SyncStatus.STALLED}
_UNSEEN = _WAITS | {SyncStatus.EXPECTED, SyncStatus.REPORTED}


@dataclass(frozen=True)
class Step:
    """Something that happens some hours after the step before, or between two pages of a read.

    `line` is a contact in Re-Leased or Xero. `ago` is by how many minutes Xero's date of it is too early, or
    how many hours ago a sync began. `meanwhile` happens during a read: after so many pages.
    """

    kind: str
    later: int
    line: int
    ago: int
    flag: bool
    state: CompanyState
    name: str
    meanwhile: tuple[tuple[int, Step], ...] = ()


SMALL = ["flip", "flip", "flip late", "detect", "sync", "sync", "touch", "clock", *map(str, ReportKind)]
EDITS = ["rename in Re-Leased", "rename in Xero", "status field", "status field", "ID field", "leak"]
LARGE = [*SMALL, *EDITS, *EDITS]


def _steps(kinds: list[str], meanwhile: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        st.sampled_from(kinds),
        st.integers(1, 12),
        st.integers(0, 3),
        st.integers(0, 59),
        st.booleans(),
        st.sampled_from(list(CompanyState)),
        st.sampled_from(NAMES),
        meanwhile,
    )


small_steps = _steps(SMALL, st.just(()))
reads = _steps(
    ["read", "read", "read all", "read all", "read all", "cut"],
    st.lists(st.tuples(st.integers(0, 3), small_steps), max_size=2).map(tuple),
)


def step(kind: str, later: int = 1, line: int = 0, *, flag: bool = False) -> Step:
    return Step(kind, later, line, 0, flag, CompanyState.SYNCED, NAMES[0])


# A part of the list that has only an archived namesake; a contact that was missed, then had no status; and a
# sync that was reported before one failed.
NAMESAKE = [step("read all"), step("flip"), step("touch", line=3), step("read")]
MISSED = [step("flip"), step("read all", 36), step("status field"), step("read all")]
STALLED = [step("flip"), *map(step, ("sync started", "sync clean", "sync failed", "read all"))]
steps = st.one_of(_steps(LARGE, st.just(())), reads)


@dataclass
class Line:
    """A contact in Re-Leased. `twin` is the one in Xero that it syncs with, if any."""

    number: int
    twin: str
    name: str
    archived: bool = False
    has_status: bool = True
    has_id: bool = True
    updated_at: datetime = BEGIN
    company: str = COMPANY

    def returned(self) -> ReLeasedContact:
        return ReLeasedContact(
            id=str(self.number),
            xero_id=self.twin if self.has_id and self.twin else None,
            name=self.name,
            archived=self.archived if self.has_status else None,
            updated_at=self.updated_at,
            company_id=self.company,
        )


@dataclass
class Confirmed:
    """A change in Xero: when it really happened, and how Xero dates it."""

    really_at: datetime
    dated: datetime
    status: ContactStatus


@dataclass(frozen=True)
class Sighting:
    """A recorded read that certainly showed a contact in a status.

    `known` counts its changes that were stored when the read began, and `stored` those at its end. `is_whole`
    if everything was read.
    """

    began_at: datetime
    seen_at: datetime
    status: ContactStatus
    known: int
    stored: int
    is_whole: bool


@dataclass
class World:
    """Xero, Re-Leased, what the user reports, and the true time."""

    store: Store
    window: NightlyWindow
    has_ids: bool = True
    has_namesake: bool = False
    at: float = 0.0
    skew: timedelta = timedelta(0)
    is_certain: bool = True
    lines: list[Line] = field(default_factory=list)
    in_xero: dict[str, ContactStatus] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[Confirmed]] = field(default_factory=dict)
    undetected: set[str] = field(default_factory=set)
    reports: list[UserReport] = field(default_factory=list)
    sightings: dict[str, list[Sighting]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = Clock(hour(0))
        self.watch = ReLeasedMonitor(self.store, self.window, self.clock, has_feed=False)
        anything = cast("Any", Anything())
        self.publisher = SnapshotPublisher(
            Organisation("t1", "Books", "!a"),
            self.store,
            anything,
            self.watch,
            storage=anything,
            clock=XeroClock(self.clock, self.store),
        )
        self.reader = ReLeasedReader(
            self.store,
            self.clock,
            lambda: self.watch.knowledge,
            poll_seconds=1,
            on_update=lambda: None,
            is_time_certain=lambda: self.is_certain,
        )
        self.lines = [
            Line(1, MINE, NAMES[0], has_id=self.has_ids),
            Line(2, OTHER, NAMES[1], has_id=self.has_ids),
            Line(3, "", NAMES[2]),
            Line(4, "", NAMES[0] if self.has_namesake else NAMES[2], archived=True),
        ]
        self.in_xero = dict.fromkeys(TWINS, ContactStatus.ACTIVE)
        self.names = dict(zip(TWINS, NAMES, strict=False))
        self.history = {one: [] for one in TWINS}
        self.sightings = {one: [] for one in TWINS}

    @property
    def now(self) -> datetime:
        return hour(self.at)

    def move(self, hours: float) -> None:
        self.at += hours
        self.clock.at = self.now + self.skew

    async def begin(self) -> None:
        await self.store.save_contacts(
            [contact(one, name=self.names[one], updated_at=hour(-1)) for one in TWINS], hour(0)
        )
        await self.store.set_sync_state(FULL_SYNC_ENDED_AT, hour(0).isoformat())

    async def happen(self, step: Step) -> None:
        self.skew, self.is_certain = timedelta(0), True
        self.move(step.later)
        self.watch.tick()
        if step.kind in {"read", "read all", "cut"}:
            await self._read(step)
        else:
            await self.do(step)

    async def do(self, step: Step) -> None:
        line = self.lines[step.line]
        contact_id = TWINS[step.line % 2]
        match step.kind:
            case "flip" | "flip late":
                await self._flip(contact_id, step.ago, is_late=step.kind == "flip late")
            case "detect":
                await self._detect(TWINS)
            case "sync":
                self._sync([line] if step.flag else self.lines)
            case "touch":
                line.updated_at = self.now
            case "clock":
                self.skew, self.is_certain = timedelta(hours=step.ago - 30), False
                self.move(0)
            case "rename in Xero":
                self.names[contact_id] = step.name
                await self._save(contact_id)
            case "rename in Re-Leased" | "status field" | "ID field" | "leak":
                self._edit(line, step)
            case _:
                await self._report(step, contact_id)

    def _edit(self, line: Line, step: Step) -> None:
        line.updated_at = self.now
        match step.kind:
            case "rename in Re-Leased":
                line.name = step.name
            case "status field":
                line.has_status = step.flag
            case "ID field":
                line.has_id = step.flag
            case _:
                self.lines[3].company = "another" if step.flag else COMPANY

    async def _flip(self, contact_id: str, ago: int, *, is_late: bool) -> None:
        await self._detect([contact_id])
        before = self.history[contact_id]
        dated = max(
            self.now - timedelta(minutes=ago), before[-1].dated + timedelta(minutes=1) if before else BEGIN
        )
        is_active = self.in_xero[contact_id] is ContactStatus.ACTIVE
        self.in_xero[contact_id] = ContactStatus.ARCHIVED if is_active else ContactStatus.ACTIVE
        before.append(Confirmed(self.now, min(dated, self.now), self.in_xero[contact_id]))
        self.undetected.add(contact_id)
        if not is_late:
            await self._detect([contact_id])

    async def _detect(self, contact_ids: Iterable[str]) -> None:
        for contact_id in self.undetected & set(contact_ids):
            self.undetected.discard(contact_id)
            await self._save(contact_id)

    async def _save(self, contact_id: str) -> None:
        self.undetected.discard(contact_id)
        history = self.history[contact_id]
        dated = history[-1].dated if history else hour(-1)
        changed = contact(contact_id, self.in_xero[contact_id], name=self.names[contact_id], updated_at=dated)
        await self.store.save_contacts([changed], self.now)

    def _sync(self, lines: Iterable[Line]) -> None:
        for line in lines:
            archived = self.in_xero.get(line.twin) is ContactStatus.ARCHIVED
            if line.twin and line.archived is not archived:
                line.archived, line.updated_at = archived, self.now

    async def _report(self, step: Step, contact_id: str) -> None:
        kind = ReportKind(step.kind)
        at = self.now - timedelta(hours=step.ago % 20) if kind is ReportKind.SYNC_STARTED else self.now
        report = UserReport(
            kind,
            at,
            "" if kind.is_of_company else contact_id,
            STATUSES[step.flag] if kind is ReportKind.CHECKED else None,
            step.state.value if kind is ReportKind.STATE else "",
        )
        self.reports.append(report)
        await self.store.evidence.record_reports([report], self.now)
        self.watch.reload()

    # --- reading ---

    async def _read(self, step: Step) -> None:
        if step.kind != "read":
            self.reader.want_all()
        began_at = self.now
        known = {one: self._stored(one) for one in TWINS}
        source = Source(self, step)
        before = self._recorded()
        await self.reader.read(self._opened(source))
        after = self._recorded()
        if source.is_partial or after == before:
            assert after == before
            return
        # Everything is dated by the start: later, less can have been seen.
        assert self.reader.reading.last_began_at == began_at
        for row in set(after[-1]) - set(before[-1]):
            assert began_at in row
        for contact_id in TWINS:
            shown = self._shown(contact_id, source.served)
            # A part can leave out a namesake.
            in_all = self._shown(contact_id, source.everything)
            if shown is not None and (source.is_whole or (in_all is not None and in_all[0] is shown[0])):
                status, seen_at = shown
                self.sightings[contact_id].append(
                    Sighting(
                        began_at,
                        seen_at,
                        status,
                        known[contact_id],
                        self._stored(contact_id),
                        source.is_whole,
                    )
                )

    def _opened(self, source: Source) -> Any:
        async def opened() -> Source:
            return source

        return opened

    def _stored(self, contact_id: str) -> int:
        return len(self.store.changes.of_contact(contact_id))

    def _recorded(self) -> list[Any]:
        results = [
            (change.change_id, change.read_at, change.read_result, change.synced_at)
            for one in TWINS
            for change in sorted(self.store.changes.of_contact(one), key=lambda change: change.change_id)
            if change.read_at is not None or change.synced_at is not None
        ]
        return [self.store.sync_state("re_leased.last_began_at"), self.reader.reading.last, results]

    def _shown(
        self, contact_id: str, served: list[tuple[datetime, Line]]
    ) -> tuple[ContactStatus, datetime] | None:
        """Return the status in which these lines certainly showed the contact, and when."""
        is_only = list(self.names.values()).count(self.names[contact_id]) == 1
        meant = [
            (at, line)
            for at, line in served
            if (line.twin == contact_id if line.has_id and line.twin else is_only)
            and (line.name == self.names[contact_id] or (line.has_id and line.twin))
            and line.has_status
        ]
        statuses = {line.archived for _, line in meant}
        if len(statuses) != 1:
            return None
        return ContactStatus.ARCHIVED if statuses.pop() else ContactStatus.ACTIVE, max(at for at, _ in meant)

    # --- what may be claimed ---

    def check(self) -> None:
        shown: Counter[SyncStatus] = Counter()
        unseen = 0
        for contact_id in TWINS:
            changes = sorted(self.store.changes.of_contact(contact_id), key=lambda one: one.change_id)
            for place, change in enumerate(changes):
                grade = self.publisher.grade(change)
                assert grade is not None
                shown[grade.status] += 1
                unseen += grade.status in _UNSEEN and change.unlinked_at is None
                self._check_one(grade.status, contact_id, place, change)
        pane = self.publisher._summary()
        assert pane.pending_total == sum(shown[grade] for grade in _WAITS)
        assert pane.unconfirmed_total == unseen
        assert pane.missed_total == shown[SyncStatus.MISSED]
        assert pane.stalled_total == shown[SyncStatus.STALLED]
        assert pane.synced_total == sum(shown.values()) - pane.pending_total - shown[SyncStatus.SUPERSEDED]
        views = Counter(view.sync.status for view in (*pane.pending, *pane.synced) if view.sync)
        assert views == Counter({k: v for k, v in shown.items() if k is not SyncStatus.SUPERSEDED})
        knowledge, now = self.watch.knowledge, self.clock()
        folder = self.store._database.file.parent
        counted = read_summary(folder, lambda _: presumed_synced_until(knowledge, now))
        assert counted is not None
        assert counted.pending == pane.pending_total

    def _check_one(self, grade: SyncStatus, contact_id: str, place: int, change: Change) -> None:
        mine = self.history[contact_id][place]
        # As the last change that was known: another one may have been made meanwhile.
        seen = [one for one in self.sightings[contact_id] if one.known == one.stored == place + 1]
        if grade is SyncStatus.SYNCED:
            assert any(one.status is mine.status and mine.really_at <= one.seen_at for one in seen)
        if any(one.status is mine.status and one.is_whole and mine.really_at <= one.began_at for one in seen):
            assert grade is SyncStatus.SYNCED
        missed_at = self._missed_at(contact_id, mine, seen, change)
        if grade is SyncStatus.MISSED:
            assert missed_at is not None
        # Data outweighs what was reported or expected before it was read.
        since = max(mine.dated, missed_at or mine.dated)
        if grade is SyncStatus.REPORTED:
            assert any(started >= since for started, _ in self._clean_syncs(contact_id))
        if grade is SyncStatus.EXPECTED:
            assert self._has_night(contact_id, since, self.clock())
            assert not self._stalls(self.now)[0]
        if grade is SyncStatus.PENDING:
            assert missed_at is None

    def _missed_at(
        self, contact_id: str, mine: Confirmed, seen: list[Sighting], change: Change
    ) -> datetime | None:
        """Return when a whole read last showed the contact in the other status after a sync was due."""
        relinked_at = self._relinked_at(contact_id)
        since = max(mine.dated, relinked_at or mine.dated)
        missed_at = None
        for one in seen:
            if one.status is mine.status or one.began_at <= since or change.checked_at is not None:
                continue
            if not one.is_whole and change.read_at != one.began_at:
                # A part shows it only of contacts with Xero's ID.
                continue
            if missed_at is not None or self._was_due(contact_id, since, one.began_at):
                missed_at = one.began_at
        return missed_at

    def _was_due(self, contact_id: str, since: datetime, at: datetime) -> bool:
        if any(started >= since and ended <= at for started, ended in self._clean_syncs(contact_id)):
            return True
        is_stalled, recovered_at = self._stalls(at)
        begin = max(since, recovered_at or since)
        return (
            not is_stalled
            and not self._is_unlinked(contact_id, at)
            and self._has_night(contact_id, begin, at)
        )

    def _clean_syncs(self, contact_id: str) -> list[tuple[datetime, datetime]]:
        """Return starts and ends of the syncs reported without errors, while the contact was linked."""
        found, started = [], None
        for one in self.reports:
            if one.kind is ReportKind.SYNC_STARTED:
                started = one.at
            elif one.kind is ReportKind.SYNC_CLEAN and started is not None:
                if not self._is_unlinked(contact_id, started):
                    found.append((started, one.at))
                started = None
            elif one.kind in {ReportKind.SYNC_FAILED, ReportKind.SYNC_CLEAN, ReportKind.STATE}:
                started = started if one.kind is ReportKind.STATE else None
        return found

    def _stalls(self, moment: datetime) -> tuple[bool, datetime | None]:
        """Return whether syncs were known not to work, and when they last recovered."""
        works, recovered_at = True, None
        for one in self.reports:
            if one.at > moment or not one.kind.is_of_company or one.kind is ReportKind.SYNC_STARTED:
                continue
            is_good = one.kind is ReportKind.SYNC_CLEAN or one.state in {"Successfully synced", "In progress"}
            recovered_at = one.at if is_good and not works else recovered_at
            works = is_good
        return not works, recovered_at

    def _is_unlinked(self, contact_id: str, moment: datetime) -> bool:
        kinds = [
            one.kind
            for one in self.reports
            if one.contact_id == contact_id and one.at <= moment and one.kind.value in {"unlinked", "linked"}
        ]
        return bool(kinds) and kinds[-1] is ReportKind.UNLINKED

    def _relinked_at(self, contact_id: str) -> datetime | None:
        is_unlinked, relinked_at = False, None
        for one in self.reports:
            if one.contact_id != contact_id:
                continue
            if one.kind is ReportKind.UNLINKED:
                is_unlinked = True
            elif one.kind is ReportKind.LINKED and is_unlinked:
                is_unlinked, relinked_at = False, one.at
        return relinked_at

    def _has_night(self, contact_id: str, since: datetime, until: datetime) -> bool:
        night = since.date() - timedelta(days=2)
        while night <= until.date() + timedelta(days=2):
            start = datetime.combine(night, self.window.start, self.window.zone)
            end = datetime.combine(night, self.window.end, self.window.zone)
            if since <= start and end <= until and not self._is_unlinked(contact_id, start):
                return True
            night += timedelta(days=1)
        return False


class Source:
    """Serves the world's contacts in pages; steps happen between them."""

    def __init__(self, world: World, step: Step) -> None:
        self.world, self.step = world, step
        self.served: list[tuple[datetime, Line]] = []
        self.everything: list[tuple[datetime, Line]] = []
        self.pages = 0
        self.is_partial = False
        self.is_whole = True

    async def list_contacts(self, updated_since: datetime | None, cursor: str | None) -> Page:
        world, offset = self.world, int(cursor or 0)
        self.is_whole = updated_since is None
        found = [line for line in world.lines if updated_since is None or line.updated_at >= updated_since]
        page = found[offset : offset + PAGE_SIZE]
        if self.step.kind == "cut" and offset:
            self.is_partial = True
            raise ContactSourceError(ContactSourceReason.CUT_SHORT)
        if len({line.company for line in world.lines}) > 1 and self.is_whole:
            self.is_partial = True
        self.everything = [(world.now, replace(line)) for line in world.lines]
        self.served += [(world.now, replace(line)) for line in page]
        returned = tuple(line.returned() for line in page)
        for number, step in self.step.meanwhile:
            if number == self.pages:
                world.move(PAGE_MINUTES / 60)
                await world.do(step)
                self.is_partial |= step.kind == "clock"
        self.pages += 1
        world.move(PAGE_MINUTES / 60)
        return Page(returned, str(offset + PAGE_SIZE) if offset + PAGE_SIZE < len(found) else None)

    async def companies(self) -> list[ReLeasedCompany]:
        return []


@pytest.fixture(autouse=True, scope="module")
def _no_pauses() -> Iterator[None]:
    """Let a page that failed be requested again at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(re_leased_reader, "_FIRST_PAUSE", 0)
        yield


@settings(max_examples=examples(200))
@example(history=NAMESAKE, zone=UTC, has_ids=False, has_namesake=True)
@example(history=MISSED, zone=UTC, has_ids=True, has_namesake=False)
@example(history=STALLED, zone=UTC, has_ids=True, has_namesake=False)
@given(st.lists(steps, min_size=4, max_size=18), st.sampled_from(ZONES), st.booleans(), st.booleans())
def test_no_status_exceeds_what_was_read(
    history: list[Step],
    zone: Any,
    has_ids: bool,  # noqa: FBT001 - hypothesis passes it like this
    has_namesake: bool,  # noqa: FBT001 - as above
) -> None:
    async def live() -> None:
        with TemporaryDirectory(dir=_MEMORY) as folder:
            store = Store.open(Path(folder) / "o")
            try:
                world = World(store, NightlyWindow(time(0), time(6), zone), has_ids, has_namesake)
                await world.begin()
                for step in history:
                    await world.happen(step)
                    world.skew, world.is_certain = timedelta(0), True
                    world.move(0)
                    world.check()
                world.move(72)
                world.watch.tick()
                world.check()
            finally:
                store.close()

    asyncio.run(live())
