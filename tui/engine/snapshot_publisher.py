"""Builds frozen snapshots and publishes them to listeners."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tui.engine.scheduler import unexpected_error
from tui.model import timestamps
from tui.model.activity import ActivityStatus
from tui.model.change import State
from tui.model.errors import StoreError
from tui.model.evidence import grade_change, pending_since, presumed_synced_until
from tui.model.reasons import TaskReason
from tui.model.snapshot import ChangeSummary, ChangeView, ReLeasedStatus, Snapshot, SyncProgress
from tui.store.sync_state import FULL_SYNC_ENDED_AT
from tui.system.log import log_unexpected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.engine.clock import XeroClock
    from tui.engine.connectivity import ConnectionState, StorageHealth
    from tui.engine.re_leased_monitor import ReLeasedMonitor
    from tui.engine.re_leased_reader import ReLeasedReader
    from tui.model.change import Change
    from tui.model.contact import Organisation
    from tui.model.evidence import StatusSince
    from tui.store import Store, StoreUpdate

# Updates are combined: ten snapshots a second are enough.
_COALESCE = 0.1
# While all contacts are loading: each snapshot repaints the list, which would take as long as loading it.
_COALESCE_LOADING = 0.5
# Seconds before a retry after a bug.
_RETRY = 5.0
_SUMMARY_LIMIT = 40
_TASK = TaskReason.STATUS


class SnapshotPublisher:
    """Holds the latest snapshot and builds a new one soon after a change."""

    def __init__(
        self,
        organisation: Organisation,
        store: Store,
        connection: ConnectionState,
        re_leased: ReLeasedMonitor,
        *,
        reader: ReLeasedReader | None = None,
        storage: StorageHealth,
        clock: XeroClock,
    ) -> None:
        self._store = store
        self._reader = reader
        self._connection = connection
        self._re_leased = re_leased
        self._storage = storage
        self._clock = clock
        self._listeners: list[Callable[[Snapshot], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_timer_relaxed = False
        self._published_at = 0.0
        self._sync_progress: SyncProgress | None = None
        self._activity = ActivityStatus(read_until=store.activity.known_since)
        self._last_refresh_at: datetime | None = None
        self._rows_version = 0
        self._order_version = 0
        self._organisation = organisation
        store.search.grade = self.grade
        store.search.now = clock
        store.search.on_loaded = lambda: self.rows_changed(order=True)
        self.snapshot = self._build()

    def subscribe(self, listener: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Call the listener with every new snapshot; returns a function that unsubscribes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def grade(self, change: Change) -> StatusSince | None:
        """Return a change's sync status; None until Xero has confirmed the change."""
        if change.state is not State.CONFIRMED or change.confirmed_at is None:
            return None
        return grade_change(change, self._re_leased.knowledge, self._clock())

    def view(self, change: Change) -> ChangeView:
        """Return a change with its sync status."""
        return ChangeView(change, self.grade(change))

    def record_write(self, applied: StoreUpdate) -> None:
        """Record the effect of a write on the rows."""
        if applied.rows_changed or applied.detected:
            self._count_version(order=applied.order_changed)
            self.schedule(is_urgent=bool(applied.detected))

    def rows_changed(self, *, order: bool = False) -> None:
        """Record that rows changed; `order` if their order may have changed too."""
        self._count_version(order=order)
        self.schedule(is_urgent=True)

    def _count_version(self, *, order: bool) -> None:
        self._rows_version += 1
        self._store.search.sync_statuses_changed()
        if order:
            self._order_version += 1

    def update_progress(self, progress: SyncProgress | None) -> None:
        """Record the progress of a full sync; None when it has ended."""
        before, self._sync_progress = self._sync_progress, progress
        is_more_of_the_same = (
            before is not None and progress is not None and before.is_paused is progress.is_paused
        )
        self.schedule(is_urgent=not is_more_of_the_same)

    def update_activity(self, status: ActivityStatus) -> None:
        """Record how far the reading of transactions has got."""
        self._activity = status
        self.schedule()

    def record_refresh(self, at: datetime) -> None:
        """Record a successful refresh."""
        self._last_refresh_at = at
        self.schedule()

    def schedule(self, *, is_urgent: bool = False) -> None:
        """Publish soon; further updates until then are combined.

        While all contacts are loading, only urgent ones are published more often than people can read.
        """
        if not is_urgent and self._sync_progress is not None:
            if self._timer is None:
                self._schedule_in(max(_COALESCE, self._published_at + _COALESCE_LOADING - monotonic()))
                self._is_timer_relaxed = True
        elif self._timer is None or self._is_timer_relaxed:
            self._schedule_in(_COALESCE)

    def _schedule_in(self, seconds: float) -> None:
        self._is_timer_relaxed = False
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._publish)

    def stop(self) -> None:
        """Stop publishing."""
        if self._timer is not None:
            self._timer.cancel()
        self._listeners.clear()

    def _publish(self) -> None:
        self._timer = None
        self._published_at = monotonic()
        try:
            snapshot = self._build()
        except StoreError as error:
            # The previous data stays on the screen.
            self._storage.record(error)
            snapshot = replace(
                self.snapshot, xero=self._connection.display_status, storage_problem=self._storage.problem
            )
        except Exception as error:  # noqa: BLE001 - the event loop would only print it
            self._storage.record_task(_TASK, unexpected_error(_TASK, error))
            snapshot = replace(
                self.snapshot, xero=self._connection.display_status, storage_problem=self._storage.problem
            )
            self._schedule_in(_RETRY)
        else:
            self._storage.record_task(_TASK, None)
        if snapshot == self.snapshot:
            return
        self.snapshot = snapshot
        for listener in tuple(self._listeners):
            try:
                listener(snapshot)
            except Exception as error:  # noqa: BLE001 - a failing listener must not affect the others
                log_unexpected("a listener to snapshots", error)

    def _build(self) -> Snapshot:
        return Snapshot(
            organisation=self._organisation,
            counts=self._store.counts(),
            unreadable=len(self._store.unreadable()),
            xero=self._connection.display_status,
            progress=self._sync_progress,
            last_refresh_at=self._last_refresh_at,
            balances_read_at=_balances_read_at(self._store),
            storage_problem=self._storage.problem,
            clock_ahead=self._clock.ahead,
            is_paused=self._store.changes.is_paused,
            activity=self._activity,
            re_leased=self._re_leased_status(),
            summary=self._summary(),
            rows_version=self._rows_version,
            order_version=self._order_version,
        )

    def _re_leased_status(self) -> ReLeasedStatus:
        status = self._re_leased.status
        return status if self._reader is None else replace(status, contacts=self._reader.reading)

    def _summary(self) -> ChangeSummary:
        totals = self._store.changes.totals()
        working = (State.SENDING, State.UNKNOWN, State.QUEUED)
        knowledge = self._re_leased.knowledge
        missed_until = knowledge.last_clean_sync_started_at
        settled_until = max(
            filter(None, (missed_until, presumed_synced_until(knowledge, self._clock()))), default=None
        )
        evidence = self._store.evidence
        missed_total = 0 if missed_until is None else evidence.pending_between(None, missed_until)
        pending_total = missed_total + evidence.pending_after(settled_until)
        missed_total += evidence.seen_missed_total(settled_until, after=missed_until)
        if settled_until is not None:
            pending_total += evidence.seen_missed_total(
                settled_until, after=missed_until, until=settled_until
            )
        unconfirmed_total = self._store.evidence.pending_total()
        is_stalled = knowledge.stalled_since is not None
        return ChangeSummary(
            in_progress=self._views(self._store.changes.in_states(*working, limit=_SUMMARY_LIMIT)),
            manual_restores=self._views(
                self._store.changes.recent(State.AWAITING_USER, limit=_SUMMARY_LIMIT)
            ),
            refused=self._views(self._store.changes.refused(limit=_SUMMARY_LIMIT)),
            pending=self._pending(missed_until, settled_until),
            synced=self._synced(missed_until, settled_until),
            in_progress_total=sum(totals.get(state, 0) for state in working),
            sent_total=sum(totals.get(state, 0) for state in working if state is not State.QUEUED),
            manual_restore_total=totals.get(State.AWAITING_USER, 0),
            refused_total=self._store.changes.refused_total(),
            pending_total=pending_total,
            missed_total=0 if is_stalled else missed_total,
            stalled_total=pending_total if is_stalled else 0,
            unconfirmed_total=unconfirmed_total,
            synced_total=unconfirmed_total - pending_total + self._store.evidence.synced_total(),
        )

    def _pending(
        self, missed_until: datetime | None, settled_until: datetime | None
    ) -> tuple[ChangeView, ...]:
        """Return pending changes, newest first, including those that a sync missed."""
        evidence = self._store.evidence
        newer = evidence.pending(_SUMMARY_LIMIT, after=settled_until)
        found = {change.change_id: change for change in newer}
        if settled_until is not None:
            found |= {
                change.change_id: change for change in evidence.seen_missed(settled_until, _SUMMARY_LIMIT)
            }
        if missed_until is not None:
            older = evidence.pending(_SUMMARY_LIMIT, until=missed_until)
            found |= {change.change_id: change for change in older}
        newest = sorted(found.values(), key=_pending_since, reverse=True)
        return self._views(newest[:_SUMMARY_LIMIT])

    def _synced(
        self, missed_until: datetime | None, settled_until: datetime | None
    ) -> tuple[ChangeView, ...]:
        """Return changes that are synced, with any evidence, or not linked; newest first."""
        done_with = (
            []
            if settled_until is None
            else self._store.evidence.presumed_synced(missed_until, settled_until, _SUMMARY_LIMIT)
        )
        views = self._views([*done_with, *self._store.evidence.synced(limit=_SUMMARY_LIMIT)])
        # The sort is stable.
        return tuple(sorted(views, key=_status_since, reverse=True)[:_SUMMARY_LIMIT])

    def _views(self, changes: Sequence[Change]) -> tuple[ChangeView, ...]:
        return tuple(self.view(change) for change in changes)


def _balances_read_at(store: Store) -> datetime | None:
    """Return when the last full sync, which reads all balances, ended."""
    return timestamps.from_iso_text(store.sync_state(FULL_SYNC_ENDED_AT))


def _status_since(view: ChangeView) -> datetime:
    since = None if view.sync is None else view.sync.since
    return since or view.change.updated_at


def _pending_since(change: Change) -> tuple[datetime, int]:
    return pending_since(change) or change.updated_at, change.change_id
