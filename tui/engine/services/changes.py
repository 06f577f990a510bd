"""Request, cancel, retry and undo changes, finish restores in Xero, and read the change log."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tui.engine.services.contacts import RefreshResult, build_precheck, find_elsewhere, name_taken
from tui.model.change import Action, IllegalTransitionError, State, Transition
from tui.model.change_list import BatchKind, ChangeSearchResult, ManualRestore
from tui.model.contact import ineligible_reason
from tui.model.errors import ReshelveError
from tui.model.reasons import Notice, UndoReason
from tui.store import TransitionRequest
from tui.system.user_files import csv_bytes, write_user_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.engine.engine_factory import ClientFactory
    from tui.engine.scheduler import Scheduler
    from tui.engine.services import WriteAccess
    from tui.engine.services.contacts import ContactRefresher
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.change import Change, ChangeLogEntry, Precheck
    from tui.model.change_list import ChangeQuery, RequestResult, UndoPlan
    from tui.model.change_summary import YearSummary
    from tui.model.contact import Contact
    from tui.model.evidence import StatusSince
    from tui.store import Store


COLUMNS: Final = (
    "time",
    "contact",
    "contact id",
    "action",
    "origin",
    "state",
    "Xero's message",
    "evidence",
    "your note",
)


def write_csv(
    changes: Iterable[Change],
    grade: Callable[[Change], StatusSince | None],
    why: Callable[[Change], str],
    file: Path,
) -> int:
    """Write the changes in the given order; returns how many. Replaces the file atomically.

    `why` returns the reason of a change's state. Times are in UTC, to the second. Raises `ReshelveError` if
    the file can't be written.
    """
    rows = [_cells(change, grade(change), why(change)) for change in changes]
    write_user_file(file, csv_bytes(COLUMNS, rows))
    return len(rows)


def _cells(change: Change, sync: StatusSince | None, why: str) -> tuple[str, ...]:
    evidence = ""
    if sync is not None:
        since = "" if sync.since is None else f" {sync.since:%Y-%m-%d %H:%M:%S}"
        evidence = f"{sync.status.value}{since}"
    return (
        f"{change.requested_at:%Y-%m-%d %H:%M:%S}",
        change.name,
        change.contact_id,
        change.action.value,
        change.origin.value,
        change.state.value,
        why,
        evidence,
        change.note,
    )


class ChangeService:
    """Implements `model.services.ChangeServiceProtocol`."""

    def __init__(
        self,
        *,
        store: Store,
        publisher: SnapshotPublisher,
        scheduler: Scheduler,
        refresher: ContactRefresher,
        now: Callable[[], datetime],
        access: WriteAccess,
        others: Callable[[], Sequence[tuple[str, Path]]] = tuple,
    ) -> None:
        """`others` returns the names and folders of the user's other organisations."""
        self._store = store
        self._publisher = publisher
        self._scheduler = scheduler
        self._refresher = refresher
        self._now = now
        self._access = access
        self._others = others

    async def check_saved_data(self, action: Action, contact_ids: Sequence[str]) -> Precheck:
        """Return the findings from saved data, without calling Xero."""
        return build_precheck(self._store, action, contact_ids, RefreshResult())

    async def precheck(self, action: Action, contact_ids: Sequence[str]) -> Precheck:
        """Refresh the contacts from Xero and return the findings before changing them."""
        # Re-Leased's contact may belong to the companies of several organisations.
        others = self._others()
        contacts = self._store.contacts(contact_ids) if others else ()
        fresh, elsewhere = await asyncio.gather(
            self._refresher.refresh(contact_ids), asyncio.to_thread(find_elsewhere, others, contacts)
        )
        return build_precheck(self._store, action, contact_ids, fresh, elsewhere)

    async def request(
        self,
        action: Action,
        contact_ids: Sequence[str],
        note: str = "",
        *,
        is_note_for_xero: bool = False,
    ) -> int:
        """Record the changes in the change log; they are sent from there, even after a crash."""
        self._access.require()
        contacts = self._store.contacts(contact_ids)
        changes = await self._store.changes.add(
            action,
            contacts,
            self._now(),
            note=note,
            is_note_for_xero=is_note_for_xero and bool(note) and action is Action.ARCHIVE,
        )
        self._publish_and_send()
        return len(changes)

    async def cancel(self, change: Change) -> None:
        """Cancel a change that hasn't been sent."""
        self._access.require()
        await withdraw(self._store, change, Transition.CANCEL, State.QUEUED, self._now())
        self._publisher.rows_changed()

    async def retry(self, changes: Sequence[Change]) -> int:
        """Retry refused changes as new changes; returns how many."""
        self._access.require()
        added = await self._store.changes.retry(changes, self._now())
        self._publish_and_send()
        return len(added)

    async def pause_sending(self, *, on: bool) -> None:
        """Pause or resume sending."""
        self._access.require()
        await self._store.changes.pause(self._now(), on=on)
        self._publish_and_send()

    def _publish_and_send(self) -> None:
        self._publisher.rows_changed()
        self._scheduler.wake()


class UndoService:
    """Implements `model.services.UndoServiceProtocol`."""

    def __init__(
        self,
        store: Store,
        publisher: SnapshotPublisher,
        scheduler: Scheduler,
        now: Callable[[], datetime],
        access: WriteAccess,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._scheduler = scheduler
        self._now = now
        self._access = access

    async def plan_undo(self) -> UndoPlan | None:
        """Return what undoing the last batch would do."""
        return await self._store.changes.plan_undo(BatchKind.UNDO)

    async def plan_redo(self) -> UndoPlan | None:
        """Return what redoing the last undone batch would do."""
        return await self._store.changes.plan_undo(BatchKind.REDO)

    async def apply(self, plan: UndoPlan) -> UndoPlan:
        """Undo or redo as planned; returns what was actually done."""
        self._access.require()
        done = await self._store.changes.undo(plan, self._now())
        self._publisher.rows_changed()
        self._scheduler.wake()
        return done


class ChangeLog:
    """Implements `model.services.ChangeLogProtocol`."""

    def __init__(self, store: Store, publisher: SnapshotPublisher) -> None:
        self._store = store
        self._publisher = publisher

    async def page(self, query: ChangeQuery, start: int, stop: int) -> ChangeSearchResult:
        """Return the changes found from `start` to before `stop`, newest first."""
        total, changes = await self._store.changes.page(query, start, stop)
        return ChangeSearchResult(total, tuple(self._publisher.view(change) for change in changes))

    async def summarize_year(self, year: int) -> YearSummary:
        """Add up the confirmed changes of a year."""
        return await self._store.changes.summarize_year(year)

    async def last_request(self) -> RequestResult | None:
        """Return what has become of the newest request so far."""
        return await self._store.changes.last_request()

    async def changes(self, change_ids: Sequence[int]) -> Sequence[Change]:
        """Return the current state of changes."""
        return await self._store.changes.read(change_ids)

    async def newest(self, contact_ids: Sequence[str]) -> Mapping[str, Change]:
        """Return the newest change of each contact that has one."""
        return await self._store.changes.newest(contact_ids)

    async def timeline(self, change: Change) -> Sequence[ChangeLogEntry]:
        """Return the history of one change, oldest entry first."""
        return self._store.changes.entries_of_change(change.change_id)

    async def export(self, query: ChangeQuery, file: Path, why: Callable[[Change], str]) -> int:
        """Write the changes found as CSV; returns how many."""
        return await asyncio.to_thread(
            write_csv, self._store.changes.iter_all(query), self._publisher.grade, why, file
        )


async def withdraw(
    store: Store, change: Change, transition: Transition, expected: State, now: datetime
) -> None:
    """Cancel or dismiss a change. Raises `ReshelveError` if it is no longer in the expected state."""
    current = store.changes.get(change.change_id)
    moved: Sequence[Change] = ()
    # It may have been sent, confirmed or cancelled in the meantime.
    if current is not None and current.state is expected:
        with suppress(IllegalTransitionError):
            applied = await store.record_transitions([TransitionRequest(change.change_id, transition)], now)
            moved = applied.updated
    if not moved:
        raise ReshelveError(UndoReason.ALREADY_PROCESSED)


class ManualRestoreService:
    """Implements `model.services.ManualRestoreServiceProtocol`."""

    def __init__(
        self,
        *,
        store: Store,
        clients: ClientFactory,
        publisher: SnapshotPublisher,
        scheduler: Scheduler,
        refresher: ContactRefresher,
        now: Callable[[], datetime],
        access: WriteAccess,
    ) -> None:
        self._store = store
        self._clients = clients
        self._publisher = publisher
        self._scheduler = scheduler
        self._refresher = refresher
        self._now = now
        self._access = access

    async def pending(self) -> Sequence[ManualRestore]:
        """Return every restore to finish in Xero, oldest first."""
        changes = self._store.changes.in_states(State.AWAITING_USER)
        contacts = self._store.contacts([change.contact_id for change in changes])
        by_id = {contact.contact_id: contact for contact in contacts}
        return tuple(
            ManualRestore(change, self._expected_refusal(by_id.get(change.contact_id))) for change in changes
        )

    async def dismiss(self, change: Change) -> None:
        """Stop waiting for a restore."""
        self._access.require()
        await withdraw(self._store, change, Transition.DISMISS, State.AWAITING_USER, self._now())
        self._publisher.rows_changed()

    def set_fast_polling(self, *, on: bool) -> None:
        """Check every few seconds whether restores are finished."""
        self._scheduler.set_fast_polling(on=on)

    async def simulate_restore(self, contact_id: str) -> None:
        """Simulate Restore in the sandbox and check the result."""
        self._access.require()
        await self._clients.simulate_restore(contact_id)
        # This one first: checking all takes a while if there are hundreds.
        if (await self._refresher.refresh([contact_id])).stale_reason:
            self._scheduler.wake(manual_restores=True)

    def _expected_refusal(self, contact: Contact | None) -> Notice | None:
        if contact is None:
            return None
        reason = ineligible_reason(contact)
        if reason is not None:
            return Notice(reason)
        namesake = self._store.find_active_by_name(contact.name, except_id=contact.contact_id)
        return None if namesake is None else name_taken(namesake)
