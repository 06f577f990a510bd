"""Random histories through the store, the monitor and the pane: nothing shown exceeds the evidence.

What the evidence allows is worked out by `Allowed`, which shares nothing with the program.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from engine.model_xero import Clock, contact
from engine.released_house import EMPTY_REPORT, Bridge
from hypothesis import given, settings
from hypothesis import strategies as st
from model.test_model_evidence_histories import MINE, OTHER, STATUSES, ZONES, Allowed, History, hour
from msgspec.structs import replace
from support.effort import examples

from tui.engine.clock import XeroClock
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.engine.snapshot_publisher import SnapshotPublisher
from tui.model.change import Action
from tui.model.contact import ContactStatus, Organisation
from tui.model.errors import FeedError
from tui.model.evidence import CompanyState, NightlyWindow, ReportKind, SyncRecord, SyncStatus, UserReport
from tui.model.reasons import FeedReason
from tui.store import Store

if TYPE_CHECKING:
    from typing import Any

# Writes wait for the disk, which would take most of the time: use memory instead.
_MEMORY = next((str(one) for one in (Path("/dev/shm"),) if one.exists()), None)  # noqa: S108 - a folder of its own is made in it
_WAITS = {SyncStatus.PENDING, SyncStatus.MISSED, SyncStatus.STALLED}
_UNSEEN = _WAITS | {SyncStatus.EXPECTED, SyncStatus.REPORTED}


@dataclass(frozen=True)
class Deed:
    """An event some hours after the one before."""

    kind: str
    later: int
    ago: int
    contact_id: str
    status: ContactStatus
    state: CompanyState


deeds = st.builds(
    Deed,
    st.sampled_from(
        ["flip", "flip", "flip", "pick up", "clean", "silent", *(kind.value for kind in ReportKind)]
    ),
    st.integers(1, 12),
    st.integers(0, 20),
    st.sampled_from([MINE, OTHER]),
    st.sampled_from(STATUSES),
    st.sampled_from(list(CompanyState)),
)


class Life:
    """An organisation made of the engine's own parts, to which events happen."""

    def __init__(self, store: Store, window: NightlyWindow, *, has_feed: bool) -> None:
        self.store, self.window, self.has_feed = store, window, has_feed
        self.clock = Clock(hour(0))
        self.watch = ReLeasedMonitor(store, window, self.clock, has_feed=has_feed)
        anything = cast("Any", Anything())
        self.publisher = SnapshotPublisher(
            Organisation("t1", "Books", "!a"),
            store,
            anything,
            self.watch,
            storage=anything,
            clock=XeroClock(self.clock, store),
        )
        self.statuses = dict.fromkeys((MINE, OTHER), ContactStatus.ACTIVE)
        self.flips: dict[str, list[int]] = {MINE: [], OTHER: []}
        self.pick_ups: list[SyncRecord] = []
        self.tellings: list[UserReport] = []
        self.at = 0

    async def begin(self) -> None:
        await self.store.save_contacts([contact(one, updated_at=hour(-1)) for one in (MINE, OTHER)], hour(0))

    async def happen(self, deed: Deed) -> None:
        self.at += deed.later
        self.clock.at = now = hour(self.at)
        self.watch.tick()
        if deed.kind == "flip":
            await self._flip(deed.contact_id)
        elif deed.kind in {"pick up", "clean", "silent"}:
            if self.has_feed:
                await self._look(deed)
        else:
            await self._update(deed)
        assert self.clock() == now

    async def _flip(self, contact_id: str) -> None:
        archived = self.statuses[contact_id] is ContactStatus.ARCHIVED
        self.statuses[contact_id] = ContactStatus.ACTIVE if archived else ContactStatus.ARCHIVED
        self.flips[contact_id].append(self.at)
        changed = contact(contact_id, self.statuses[contact_id], updated_at=hour(self.at))
        await self.store.save_contacts([changed], hour(self.at))

    async def _look(self, deed: Deed) -> None:
        began = hour(max(0, self.at - deed.ago))
        report = replace(EMPTY_REPORT, cursor=f"{self.at} {deed}")
        if deed.kind == "silent":
            await self.watch.poll_feed(Bridge(FeedError(FeedReason.UNREACHABLE)))
        elif deed.kind == "clean":
            clean = replace(report, last_sync_started_at=began, last_sync_clean=True)
            await self.watch.poll_feed(Bridge(clean))
        else:
            seen = SyncRecord(deed.contact_id, deed.status, began, hour(self.at), "run")
            self.pick_ups.append(seen)
            await self.watch.poll_feed(Bridge(replace(report, pick_ups=(seen,))))

    async def _update(self, deed: Deed) -> None:
        kind = ReportKind(deed.kind)
        at = hour(self.at - deed.ago) if kind is ReportKind.SYNC_STARTED else hour(self.at)
        telling = UserReport(
            kind,
            at,
            "" if kind.is_of_company else deed.contact_id,
            deed.status if kind is ReportKind.CHECKED else None,
            deed.state.value if kind is ReportKind.STATE else "",
        )
        self.tellings.append(telling)
        await self.store.evidence.record_reports([telling], hour(self.at))
        self.watch.reload()

    def check(self) -> None:
        """Compare the status of every change with what is allowed, and the totals with the changes."""
        shown: Counter[SyncStatus] = Counter()
        unseen = 0
        for contact_id in (MINE, OTHER):
            mine = [replace(one, contact_id=MINE) for one in self.pick_ups if one.contact_id == contact_id]
            told = [
                replace(one, contact_id=MINE) if one.contact_id else one
                for one in self.tellings
                if one.contact_id in {"", contact_id}
            ]
            history = History(
                tuple(self.flips[contact_id]), tuple(mine), tuple(told), self.window, self.clock()
            )
            changes = sorted(self.store.changes.of_contact(contact_id), key=lambda one: one.change_id)
            assert len(changes) == len(history.confirmed)
            for place, change in enumerate(changes):
                assert change.action is (Action.RESTORE if place % 2 else Action.ARCHIVE)
                standing = self.publisher.grade(change)
                assert standing is not None
                shown[standing.status] += 1
                # A change that a sync had before the contact was unlinked isn't pending any more.
                unseen += standing.status in _UNSEEN and change.unlinked_at is None
                self._check_one(standing.status, Allowed(history, place))
        pane = self.publisher._summary()
        assert pane.pending_total == sum(shown[grade] for grade in _WAITS)
        assert pane.unconfirmed_total == unseen
        assert (pane.missed_total, pane.stalled_total) == (
            shown[SyncStatus.MISSED],
            shown[SyncStatus.STALLED],
        )
        views = [view.sync.status for view in (*pane.pending, *pane.synced) if view.sync]
        assert Counter(views) == Counter({k: v for k, v in shown.items() if k is not SyncStatus.SUPERSEDED})
        assert pane.pending_total + pane.synced_total == len(views)

    def _check_one(self, grade: SyncStatus, allowed: Allowed) -> None:
        assert (grade is SyncStatus.SYNCED) == allowed.read()
        assert (grade is SyncStatus.CHECKED) == (allowed.seen() and not allowed.read())
        assert (grade is SyncStatus.REPORTED) <= allowed.told()
        if grade is SyncStatus.EXPECTED:
            assert not self.has_feed
            assert allowed.a_night_has_passed()
            assert not allowed.stalled()
        if self.has_feed and self.watch.status.problem:
            assert grade not in {SyncStatus.PENDING, SyncStatus.EXPECTED, SyncStatus.MISSED}


class Anything:
    """Replaces the connection's state and the storage's health."""

    problem = ""
    display_status = None


@settings(max_examples=examples(50))
@given(st.lists(deeds, min_size=4, max_size=16), st.sampled_from(ZONES), st.booleans())
def test_nothing_the_pane_shows_exceeds_the_evidence(
    history: list[Deed],
    zone: Any,
    has_feed: bool,  # noqa: FBT001 - hypothesis hands it over like this
) -> None:
    async def live() -> None:
        with TemporaryDirectory(dir=_MEMORY) as folder:
            store = Store.open(Path(folder) / "o")
            life = Life(store, NightlyWindow(time(0), time(6), zone), has_feed=has_feed)
            await life.begin()
            for deed in history:
                await life.happen(deed)
                life.check()
            life.clock.at += timedelta(days=3)
            life.watch.tick()
            life.check()
            store.close()

    asyncio.run(live())
