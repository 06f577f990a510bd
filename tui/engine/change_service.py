"""What a person asks of the journal: changes, their undoing, the queue's control, and the list of it all."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from tui.engine.change_export import write_csv
from tui.engine.contact_details import timeline
from tui.engine.read_only import writes
from tui.engine.sync.manual_restores import pending_manual_restores
from tui.model.change import IllegalTransitionError, State, Transition
from tui.model.change_list import ChangeSearchResult
from tui.model.errors import ReshelveError
from tui.model.undo import BatchKind
from tui.store import TransitionRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.engine.scheduler import Scheduler
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.backend import ManualRestore, TimelineEntry
    from tui.model.change import Action, Change
    from tui.model.change_list import ChangeQuery
    from tui.model.undo import UndoPlan
    from tui.store import Store


class ChangeService:
    """The part of `model.backend.Backend` that concerns changes. Everything is durable when it returns."""

    _store: Store
    _publisher: SnapshotPublisher
    _scheduler: Scheduler
    _now: Callable[[], datetime]

    @writes
    async def request(self, action: Action, contact_ids: Sequence[str]) -> int:
        """Journal the changes; they are sent from there, whatever happens to this program."""
        changes = await self._store.add(action, self._store.contacts(contact_ids), self._now())
        self._publish_and_send()
        return len(changes)

    async def manual_restores(self) -> Sequence[ManualRestore]:
        """Return every restore that waits for a person, oldest first."""
        return pending_manual_restores(self._store)

    @writes
    async def dismiss(self, change: Change) -> None:
        """Stop waiting for a hand-off."""
        await self._withdraw(change, Transition.DISMISS, State.AWAITING_USER)

    @writes
    async def cancel(self, change: Change) -> None:
        """Take back a change that hasn't been sent."""
        await self._withdraw(change, Transition.CANCEL, State.QUEUED)

    @writes
    async def cancel_many(self, changes: Sequence[Change]) -> int:
        """Take back those that haven't been sent, all at once; returns how many those were."""
        cancelled = await self._store.cancel_queued(changes, self._now())
        self._publisher.rows_changed()
        return len(cancelled)

    @writes
    async def retry(self, changes: Sequence[Change]) -> int:
        """Ask again for what was refused, as new changes; returns how many those are."""
        added = await self._store.retry(changes, self._now())
        self._publish_and_send()
        return len(added)

    @writes
    async def pause_sending(self, *, on: bool) -> None:
        """Stop sending what is queued, or go on with it."""
        await self._store.pause(self._now(), on=on)
        self._publish_and_send()

    async def undo_plan(self) -> UndoPlan | None:
        """Say what undoing the last batch would do."""
        return await self._store.undo_plan(BatchKind.UNDO)

    async def redo_plan(self) -> UndoPlan | None:
        """Say what redoing what was undone last would do."""
        return await self._store.undo_plan(BatchKind.REDO)

    @writes
    async def undo(self, plan: UndoPlan) -> UndoPlan:
        """Undo or redo as planned; returns what was really done."""
        done = await self._store.undo(plan, self._now())
        self._publish_and_send()
        return done

    async def changes(self, query: ChangeQuery, start: int, stop: int) -> ChangeSearchResult:
        """Return the changes found from start to before stop, newest first."""
        total, changes = await self._store.changes(query, start, stop)
        return ChangeSearchResult(total, tuple(self._publisher.view(change) for change in changes))

    async def timeline(self, change: Change) -> Sequence[TimelineEntry]:
        """Return what happened to one change, oldest first."""
        return timeline(self._store, change)

    async def export(self, query: ChangeQuery, file: Path) -> int:
        """Write the changes found as CSV; returns how many."""
        return await asyncio.to_thread(
            write_csv, self._store.iter_changes(query), self._publisher.grade, file
        )

    def _publish_and_send(self) -> None:
        self._publisher.rows_changed()
        self._scheduler.wake()

    async def _withdraw(self, change: Change, transition: Transition, expected: State) -> None:
        current = self._store.change(change.change_id)
        moved: Sequence[Change] = ()
        # It may have been sent, confirmed or taken back between the person's look and the key.
        if current is not None and current.state is expected:
            with suppress(IllegalTransitionError):
                applied = await self._store.record_transitions(
                    [TransitionRequest(change.change_id, transition)], self._now()
                )
                moved = applied.updated
        if not moved:
            raise ReshelveError("This change has moved on in the meantime.", "Nothing was taken back.")
        self._publisher.rows_changed()
