"""The services that screens use: one for each subject, and the organisation that has them.

Every method raises `ReshelveError`. In read-only mode, methods that record something or change Xero raise
`ReadOnlyError` instead, before they do anything. Whatever they record is on the disk when they return.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tui.model.reasons import ReadOnlyReason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.change import Action, Change, ChangeLogEntry, Precheck
    from tui.model.change_list import ChangeQuery, ChangeSearchResult, ManualRestore, RequestResult, UndoPlan
    from tui.model.change_summary import YearSummary
    from tui.model.columns import ColumnKey, ListLayout
    from tui.model.comparison import FileComparison, RecordedMatches
    from tui.model.contact import (
        Balances,
        Contact,
        ContactDetails,
        ContactGroup,
        HistoryEntry,
        Row,
        SearchResult,
    )
    from tui.model.contact_file import FileOptions
    from tui.model.duplicates import ContactFacts, DuplicateGroup, DuplicateMember
    from tui.model.evidence import CompanyState
    from tui.model.marks import MarkKind, Marks
    from tui.model.query import Query
    from tui.model.re_leased import ConnectionTest
    from tui.model.snapshot import Snapshot
    from tui.model.tables import ContactExport
    from tui.model.tidy import TidySurvey


class ContactServiceProtocol(Protocol):
    """Contacts, from the local database and from Xero."""

    def first_rows(self, query: Query) -> SearchResult:
        """Return rows at once from a database index, for the first paint; only for unfiltered queries."""
        ...

    def find(self, query: Query) -> AsyncIterator[SearchResult]:
        """Yield results: a first screen as soon as there is one, then everything."""
        ...

    def layout(self) -> ListLayout:
        """Return the user's columns and sort in this organisation."""
        ...

    async def save_layout(self, layout: ListLayout) -> None:
        """Keep the user's columns and sort."""
        ...

    def show_columns(self, columns: Sequence[ColumnKey]) -> None:
        """Read the values of these columns with every row."""
        ...

    async def rows(self, contact_ids: Sequence[str]) -> Sequence[Row]:
        """Return the current rows of contacts, without those that aren't in the local database."""
        ...

    async def named(self, texts: Collection[str]) -> Mapping[str, Sequence[Contact]]:
        """Return, for each text, the contact that has it as its id, or all that have it as their name.

        Names are compared as a search does.
        """
        ...

    async def tidy_survey(self) -> TidySurvey:
        """Find active contacts that are probably unused, in saved data."""
        ...

    async def total_balances(self, contact_ids: Collection[str]) -> Balances:
        """Add up the known balances of contacts."""
        ...

    async def listed(self, contact_ids: Collection[str], query: Query) -> SearchResult:
        """Return these contacts on the query's tab, in its order."""
        ...

    async def export(self, wanted: ContactExport, file: Path, report: Callable[[int, int], bool]) -> int:
        """Save contacts to a file for the user; returns how many.

        `report` is called in a thread, now and then, with the numbers of contacts done and in all; once it
        returns False, the export ends with `ExportCancelledError`, and an existing file is unchanged.
        """
        ...

    async def details(self, contact_id: str) -> ContactDetails:
        """Return one contact and its changes from the local database."""
        ...

    async def history(self, contact_id: str) -> Sequence[HistoryEntry]:
        """Read Xero's own history of a contact."""
        ...

    async def refresh_one(self, contact_id: str) -> None:
        """Read one contact from Xero, including its balances."""
        ...

    async def refresh(self) -> None:
        """Refresh from Xero and Re-Leased now."""
        ...

    def pause_sync(self, *, on: bool) -> None:
        """Pause a full sync after the current page, or resume it from there."""
        ...

    def url(self, contact_id: str) -> str:
        """Return the contact's URL in Xero, built from our template and a validated id."""
        ...


class ChangeServiceProtocol(Protocol):
    """Archive and restore: request, send, cancel and retry."""

    async def check_saved_data(self, action: Action, contact_ids: Sequence[str]) -> Precheck:
        """Return what the user should know before changing contacts, from saved data alone."""
        ...

    async def precheck(self, action: Action, contact_ids: Sequence[str]) -> Precheck:
        """Read the contacts from Xero, and return what the user should know before changing them."""
        ...

    async def request(
        self,
        action: Action,
        contact_ids: Sequence[str],
        note: str = "",
        *,
        is_note_for_xero: bool = False,
    ) -> int:
        """Record the changes, to be sent from the change log; returns how many are new.

        `note` is what the user wrote about them, kept with each new change. `is_note_for_xero` means that it
        is written to the contact's history in Xero before an archive.
        """
        ...

    async def cancel(self, change: Change) -> None:
        """Cancel a change that hasn't been sent."""
        ...

    async def retry(self, changes: Sequence[Change]) -> int:
        """Retry refused changes as new changes; returns how many those are.

        Nothing is requested twice, nor while the contact has another open change.
        """
        ...

    async def pause_sending(self, *, on: bool) -> None:
        """Pause or resume sending: here, in every other instance, and after a restart."""
        ...


class ChangeLogProtocol(Protocol):
    """Every change that was made here or detected in Xero."""

    async def page(self, query: ChangeQuery, start: int, stop: int) -> ChangeSearchResult:
        """Return the matching changes from start up to, not including, stop; newest first."""
        ...

    async def summarize_year(self, year: int) -> YearSummary:
        """Add up the confirmed changes of a year, in the user's time zone."""
        ...

    async def last_request(self) -> RequestResult | None:
        """Return what has become of the newest request so far; None if there is none."""
        ...

    async def changes(self, change_ids: Sequence[int]) -> Sequence[Change]:
        """Return the current state of changes, without those that don't exist; oldest first."""
        ...

    async def newest(self, contact_ids: Sequence[str]) -> Mapping[str, Change]:
        """Return the newest change of each contact that has one, by contact id."""
        ...

    async def timeline(self, change: Change) -> Sequence[ChangeLogEntry]:
        """Return what happened to one change, oldest first."""
        ...

    async def export(self, query: ChangeQuery, file: Path, why: Callable[[Change], str]) -> int:
        """Export the matching changes to CSV; returns how many. `why` formats the reason of a change."""
        ...


class UndoServiceProtocol(Protocol):
    """Undo and redo of whole batches."""

    async def plan_undo(self) -> UndoPlan | None:
        """Return what undoing the last batch would do; None if there is nothing to undo."""
        ...

    async def plan_redo(self) -> UndoPlan | None:
        """Return what redoing the last undone batch would do; None if there is nothing to redo."""
        ...

    async def apply(self, plan: UndoPlan) -> UndoPlan:
        """Undo or redo as planned; returns what was done, without steps if nothing could be."""
        ...


class ManualRestoreServiceProtocol(Protocol):
    """Restores that the user finishes on Xero's own page."""

    async def pending(self) -> Sequence[ManualRestore]:
        """Return every restore that waits for the user, oldest first."""
        ...

    async def dismiss(self, change: Change) -> None:
        """Stop waiting for a restore."""
        ...

    def set_fast_polling(self, *, on: bool) -> None:
        """Check every few seconds whether restores are finished, while the user is working on them."""
        ...

    async def simulate_restore(self, contact_id: str) -> None:
        """Click Restore on the practice Xero's page. Refused if the pages aren't on this machine."""
        ...


class EvidenceServiceProtocol(Protocol):
    """The user's reports about Re-Leased, recorded as evidence."""

    async def report_sync_started(self, at: datetime) -> None:
        """Record that the user started a sync in Re-Leased at that time. Refused for a time in the future."""
        ...

    async def report_sync_ended(self, *, is_clean: bool) -> None:
        """Record how the reported sync ended, without errors or not. Refused if none was reported."""
        ...

    async def report_contact_checked(self, change: Change) -> None:
        """Record that the user sees a contact in Re-Leased as this change has left it.

        Refused unless it is the contact's last confirmed change: the contact may have changed since.
        """
        ...

    async def report_unlinked(self, contact_id: str, *, on: bool) -> None:
        """Record that the contact is unlinked in Re-Leased, or linked again."""
        ...

    async def report_company_state(self, state: CompanyState) -> None:
        """Record the company's current state on Re-Leased's Sync Overview."""
        ...


class ComparisonServiceProtocol(Protocol):
    """Re-Leased's own contacts compared with the local database."""

    async def compare_file(self, file: Path, options: FileOptions) -> FileComparison:
        """Compare a contacts file exported from Re-Leased with the local database; nothing is recorded.

        A file that can't be read is refused; the error names the line.
        """
        ...

    async def compare_contacts(self) -> FileComparison:
        """Read Re-Leased's own contacts and compare them with the local database; nothing is recorded."""
        ...

    async def test_connection(self, on_progress: Callable[[int], None]) -> ConnectionTest:
        """Read Re-Leased's own contacts and return counts of what came back; nothing is recorded.

        `on_progress` is called with the number of contacts so far.
        """
        ...

    async def remember_matches(self, choices: Mapping[str, str | None]) -> None:
        """Remember which Xero contact a Re-Leased contact is, by their ids; None for no contact."""
        ...

    async def record_matches(
        self, comparison: FileComparison, choices: Mapping[int, str | None]
    ) -> RecordedMatches:
        """Record what the file proves; repeating it changes nothing.

        `choices` resolve ambiguous lines, as for `model.comparison.resolve_ambiguous`; those without one are
        left out.
        """
        ...


class TenancyServiceProtocol(Protocol):
    """Which contact groups are tenants."""

    async def groups(self) -> Sequence[ContactGroup]:
        """Return the contact groups, with those first that are marked as or named like tenants."""
        ...

    async def mark_tenants(self, name: str, *, on: bool) -> None:
        """Record whether the contacts of a group are tenants; the last record for a name counts."""
        ...


class DuplicateServiceProtocol(Protocol):
    """Contacts that are probably the same, by saved data."""

    async def find(self, report: Callable[[int, int], None]) -> Sequence[DuplicateGroup]:
        """Return the groups of probable duplicates among the active contacts, best first.

        Takes seconds. `report` is called in a thread with how much is done, and of how much.
        """
        ...

    async def facts(self) -> Sequence[ContactFacts]:
        """Return what is compared of each active contact."""
        ...

    def dismissed(self) -> frozenset[tuple[str, str]]:
        """Return the pairs that are recorded as no duplicates."""
        ...

    async def members(self, contact_ids: Sequence[str]) -> Sequence[DuplicateMember]:
        """Return contacts to show side by side, without those that aren't in the local database."""
        ...

    async def dismiss(self, pairs: Collection[tuple[str, str]], *, on: bool) -> None:
        """Record that pairs of contacts are no duplicates, or may be again."""
        ...


class MarkServiceProtocol(Protocol):
    """What the user marked as kept or protected; see `tui.model.marks`."""

    async def all(self) -> Marks:
        """Return all marks."""
        ...

    async def mark_contacts(self, kind: MarkKind, contact_ids: Sequence[str], *, on: bool) -> int:
        """Mark contacts, or remove their marks; returns for how many that is new."""
        ...

    async def protect_group(self, name: str, *, on: bool) -> None:
        """Record whether the contacts of a group are protected; the last record for a name counts."""
        ...


class Backend(Protocol):
    """One organisation, as the screens see it."""

    @property
    def contacts(self) -> ContactServiceProtocol: ...  # noqa: D102 - documented by its type
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
    def duplicates(self) -> DuplicateServiceProtocol: ...  # noqa: D102 - as above
    @property
    def marks(self) -> MarkServiceProtocol: ...  # noqa: D102 - as above

    @property
    def snapshot(self) -> Snapshot:
        """The current state."""
        ...

    @property
    def is_sandbox(self) -> bool:
        """Whether this is the practice Xero on this machine, marked as such on every screen."""
        ...

    @property
    def is_read_only(self) -> bool:
        """Whether changes are blocked: by the connection's permissions, or by `--read-only`."""
        ...

    def subscribe(self, listener: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Call the listener with each new snapshot, on the event loop's thread; returns the unsubscriber."""
        ...

    def record_user_activity(self) -> None:
        """Record that the user is active: otherwise Xero is polled less often."""
        ...

    def record_focus(self, *, has_focus: bool) -> None:
        """Record that the terminal got or lost the focus: without it, Xero is soon polled less often."""
        ...


class RunnableBackend(Backend, Protocol):
    """An organisation whose engine can be started and stopped."""

    async def run(self) -> None:
        """Keep the local database in sync with Xero and Re-Leased; only ends by raising a task's error."""
        ...

    def reconnected(self) -> None:
        """Call Xero again at once, with the new sign-in."""
        ...

    async def stop(self) -> None:
        """Finish pending writes and close everything, also after an interrupted start."""
        ...


def read_only_reason(backend: Backend) -> ReadOnlyReason | None:
    """Return why nothing can be changed; None if changes are possible."""
    if not backend.is_read_only:
        return None
    return ReadOnlyReason.CONNECTION if backend.snapshot.organisation.is_read_only else ReadOnlyReason.OPTION
