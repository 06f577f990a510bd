"""What the screens ask of an organisation: a service for each subject, and the organisation that has them.

Everything raises `ReshelveError`. In read-only mode, whatever records something or changes Xero raises
`ReadOnlyError` instead, before it does anything. What records something is on the disk when it returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tui.model.reasons import ReadOnlyReason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.change import Action, Change, ChangeLogEntry
    from tui.model.change_list import ChangeQuery, ChangeSearchResult, ManualRestore, UndoPlan
    from tui.model.comparison import FileComparison, RecordedMatches
    from tui.model.contact_details import ContactDetails, HistoryEntry
    from tui.model.contact_file import FileOptions
    from tui.model.evidence import CompanyState
    from tui.model.precheck import Precheck
    from tui.model.query import Query
    from tui.model.rows import Row, SearchResult
    from tui.model.snapshot import Snapshot
    from tui.model.tenancy import ContactGroup


class ContactServiceProtocol(Protocol):
    """Contacts, from the local copy and from Xero."""

    def first_rows(self, query: Query) -> SearchResult:
        """Answer at once from an index, for the first paint; only for queries that ask for everything."""
        ...

    def find(self, query: Query) -> AsyncIterator[SearchResult]:
        """Answer a query: a first screenful as soon as there is one, then everything."""
        ...

    async def rows(self, contact_ids: Sequence[str]) -> Sequence[Row]:
        """Return contacts as the table shows them now; those that aren't in the local copy are left out."""
        ...

    async def details(self, contact_id: str) -> ContactDetails:
        """Return one contact and its changes from the local copy."""
        ...

    async def history(self, contact_id: str) -> Sequence[HistoryEntry]:
        """Read Xero's own history of a contact."""
        ...

    async def refresh_one(self, contact_id: str) -> None:
        """Read one contact from Xero, its balances included."""
        ...

    async def refresh(self) -> None:
        """Read what is new in Xero and Re-Leased now."""
        ...

    def pause_sync(self, *, on: bool) -> None:
        """Pause a full sync after the page it is at, or go on with it from there."""
        ...

    def url(self, contact_id: str) -> str:
        """Return the contact's address in Xero, built from our template and a checked id."""
        ...


class ChangeServiceProtocol(Protocol):
    """Archive and restore: asked for, sent, cancelled, retried."""

    async def precheck(self, action: Action, contact_ids: Sequence[str]) -> Precheck:
        """Read the contacts from Xero and return what is to be known before changing them."""
        ...

    async def request(self, action: Action, contact_ids: Sequence[str]) -> int:
        """Record the changes, to be sent from the change log; returns how many are new."""
        ...

    async def cancel(self, change: Change) -> None:
        """Cancel a change that hasn't been sent."""
        ...

    async def cancel_many(self, changes: Sequence[Change]) -> int:
        """Cancel those that haven't been sent, all at once; returns how many those were."""
        ...

    async def retry(self, changes: Sequence[Change]) -> int:
        """Request again what Xero refused, as new changes; returns how many those are.

        Nothing is requested twice, nor while the contact has another change that isn't finished.
        """
        ...

    async def pause_sending(self, *, on: bool) -> None:
        """Stop sending what is queued, or go on with it: here, in every other copy, and after a restart."""
        ...


class ChangeLogProtocol(Protocol):
    """Every change that was made here or detected in Xero."""

    async def page(self, query: ChangeQuery, start: int, stop: int) -> ChangeSearchResult:
        """Return the changes found from start to before stop, newest first."""
        ...

    async def timeline(self, change: Change) -> Sequence[ChangeLogEntry]:
        """Return what happened to one change, oldest first."""
        ...

    async def export(self, query: ChangeQuery, file: Path, why: Callable[[Change], str]) -> int:
        """Write the changes found as CSV; returns how many. `why` says why something happened to one."""
        ...


class UndoServiceProtocol(Protocol):
    """Undo and redo of whole batches."""

    async def plan_undo(self) -> UndoPlan | None:
        """Return what undoing the last batch would do; None where there is nothing to undo."""
        ...

    async def plan_redo(self) -> UndoPlan | None:
        """Return what redoing what was undone last would do; None where there is nothing to redo."""
        ...

    async def apply(self, plan: UndoPlan) -> UndoPlan:
        """Undo or redo as planned; returns what was done, without steps if nothing could be."""
        ...


class ManualRestoreServiceProtocol(Protocol):
    """Restores that a person finishes in Xero's own page."""

    async def pending(self) -> Sequence[ManualRestore]:
        """Return every restore that waits for a person, oldest first."""
        ...

    async def dismiss(self, change: Change) -> None:
        """Stop waiting for a restore."""
        ...

    def set_fast_polling(self, *, on: bool) -> None:
        """Check every few seconds whether restores are finished: somebody is busy with them."""
        ...

    async def simulate_restore(self, contact_id: str) -> None:
        """Press Restore in the practice Xero's page. Refused when the pages are not on this machine."""
        ...


class EvidenceServiceProtocol(Protocol):
    """What a user reports of Re-Leased, recorded as evidence."""

    async def report_sync_started(self, at: datetime) -> None:
        """Record that somebody started a sync in Re-Leased then. Refused for a time that is yet to come."""
        ...

    async def report_sync_ended(self, *, is_clean: bool) -> None:
        """Record how the reported sync ended, without errors or not. Refused where none was reported."""
        ...

    async def report_contact_checked(self, change: Change) -> None:
        """Record that somebody sees a contact in Re-Leased as this change has left it.

        Refused unless that is the last change of it that Xero has confirmed: meanwhile it may have moved on.
        """
        ...

    async def report_unlinked(self, contact_id: str, *, on: bool) -> None:
        """Record that the contact is unlinked in Re-Leased, or linked again."""
        ...

    async def report_company_state(self, state: CompanyState) -> None:
        """Record what Re-Leased's Sync Overview shows of the company now."""
        ...


class ComparisonServiceProtocol(Protocol):
    """Re-Leased's own contacts against the local copy."""

    async def compare_file(self, file: Path, options: FileOptions) -> FileComparison:
        """Compare a file of contacts exported from Re-Leased with the local copy; nothing is recorded.

        A file that can't be read is refused; the error names the line.
        """
        ...

    async def record_matches(
        self, comparison: FileComparison, choices: Mapping[int, str | None]
    ) -> RecordedMatches:
        """Record what the file proves; doing it again changes nothing.

        `choices` settle ambiguous lines, as for `model.comparison.resolve_ambiguous`; those without one are
        left out.
        """
        ...


class TenancyServiceProtocol(Protocol):
    """Which contact groups are tenants."""

    async def groups(self) -> Sequence[ContactGroup]:
        """Return the contact groups of the local copy, those first that are or sound like tenants."""
        ...

    async def mark_tenants(self, name: str, *, on: bool) -> None:
        """Record that the contacts of a group are tenants, or aren't; the last word on a name holds."""
        ...


class Backend(Protocol):
    """One organisation, as the screens see it."""

    @property
    def contacts(self) -> ContactServiceProtocol: ...  # noqa: D102 - its type says it all
    @property
    def changes(self) -> ChangeServiceProtocol: ...  # noqa: D102 - as above
    @property
    def change_log(self) -> ChangeLogProtocol: ...  # noqa: D102 - as above
    @property
    def undo(self) -> UndoServiceProtocol: ...  # noqa: D102 - as above
    @property
    def manual_restores(self) -> ManualRestoreServiceProtocol: ...  # noqa: D102 - as above
    @property
    def evidence(self) -> EvidenceServiceProtocol: ...  # noqa: D102 - as above
    @property
    def comparison(self) -> ComparisonServiceProtocol: ...  # noqa: D102 - as above
    @property
    def tenancy(self) -> TenancyServiceProtocol: ...  # noqa: D102 - as above

    @property
    def snapshot(self) -> Snapshot:
        """What is known now."""
        ...

    @property
    def is_sandbox(self) -> bool:
        """Whether Xero is a practice one on this machine, marked as such on every screen."""
        ...

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be changed: by the connection's permissions, or by `--read-only`."""
        ...

    def subscribe(self, listener: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Call the listener with each new snapshot, in the loop's thread; returns what ends it."""
        ...

    def record_user_activity(self) -> None:
        """Note that a person is here: Xero is polled less often when nobody is."""
        ...


class RunnableBackend(Backend, Protocol):
    """An organisation whose engine can be started and stopped."""

    async def run(self) -> None:
        """Keep the local copy, Xero and Re-Leased in step; ends only by raising what a part of it raised."""
        ...

    def reconnected(self) -> None:
        """Call Xero again at once: there is a new sign-in."""
        ...

    async def stop(self) -> None:
        """Finish what is being written and close everything; also after a start that was cut short."""
        ...


def read_only_reason(backend: Backend) -> ReadOnlyReason | None:
    """Return why nothing can be changed, None where changes are possible."""
    if not backend.is_read_only:
        return None
    return ReadOnlyReason.CONNECTION if backend.snapshot.organisation.is_read_only else ReadOnlyReason.OPTION
