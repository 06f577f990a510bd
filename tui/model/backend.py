"""The narrow interface through which screens reach the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from tui.model.errors import ReadOnlyReason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from tui.model.change import Action, Change
    from tui.model.change_list import ChangeQuery, ChangeSearchResult
    from tui.model.comparison import FileComparison, RecordedMatches
    from tui.model.contact import Contact
    from tui.model.contact_file import FileOptions
    from tui.model.precheck import Precheck
    from tui.model.query import Query
    from tui.model.rows import Row, SearchResult
    from tui.model.snapshot import ChangeView, Snapshot
    from tui.model.tenancy import ContactGroup
    from tui.model.undo import UndoPlan
    from tui.model.user_reports import CompanyState


class HistoryEntry(Struct, frozen=True):
    """One entry of Xero's own history of a contact; `when` is already words, as Xero dates vary."""

    when: str
    user: str
    event: str
    details: str


class TimelineEntry(Struct, frozen=True):
    """One entry of the journal: what happened to a change, and when."""

    when: str
    event: str


class ContactDetails(Struct, frozen=True):
    """One contact with the changes made to it, newest first; `tenant_groups` are its groups of tenants."""

    contact: Contact
    changes: tuple[ChangeView, ...]
    timeline: tuple[TimelineEntry, ...]
    tenant_groups: tuple[str, ...] = ()


class ManualRestore(Struct, frozen=True):
    """A restore that waits for a person in Xero.

    `expected_refusal` says why Xero will refuse the press, as far as the local copy can tell; mostly empty.
    """

    change: Change
    expected_refusal: str = ""


class Backend(Protocol):
    """What screens may ask for. Everything raises `ReshelveError` with words for the person.

    In read-only mode, whatever records something or changes Xero raises `ReadOnlyError` instead.
    """

    @property
    def snapshot(self) -> Snapshot:
        """What is known now."""
        ...

    @property
    def is_sandbox(self) -> bool:
        """Whether Xero's pages are on this machine: a practice Xero, marked as such on every screen."""
        ...

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be changed: the connection's permissions, or the person's wish."""
        ...

    def record_user_activity(self) -> None:
        """Note that a person is here: news is looked for less often when nobody is."""
        ...

    def pause_sync(self, *, on: bool) -> None:
        """Hold a read of all contacts after the page it is at, or go on with it from there."""
        ...

    def subscribe(self, listener: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Call the listener with each new snapshot, in the loop's thread; returns what ends it."""
        ...

    def first_rows(self, query: Query) -> SearchResult:
        """Answer at once from an index, for the first paint; only for queries that ask for everything."""
        ...

    def find(self, query: Query) -> AsyncIterator[SearchResult]:
        """Answer a query, a first screenful as soon as there is one, then everything."""
        ...

    async def precheck(self, action: Action, contact_ids: Sequence[str]) -> Precheck:
        """Read the contacts fresh from Xero and say what is to be known before changing them."""
        ...

    async def request(self, action: Action, contact_ids: Sequence[str]) -> int:
        """Journal the changes, durable when this returns; returns how many are new."""
        ...

    async def refresh(self) -> None:
        """Look for news in Xero and Re-Leased now."""
        ...

    async def contact_details(self, contact_id: str) -> ContactDetails:
        """Read one contact and its changes from the local copy."""
        ...

    async def refresh_contact(self, contact_id: str) -> None:
        """Read one contact fresh from Xero, its balances included; news of it is published."""
        ...

    async def history(self, contact_id: str) -> Sequence[HistoryEntry]:
        """Read Xero's own history of a contact."""
        ...

    async def manual_restores(self) -> Sequence[ManualRestore]:
        """Return every restore that waits for a person in Xero, oldest first."""
        ...

    def set_fast_polling(self, *, on: bool) -> None:
        """Look every few seconds whether hand-offs are done, while a person is at it."""
        ...

    async def dismiss(self, change: Change) -> None:
        """Stop waiting for a hand-off."""
        ...

    async def cancel(self, change: Change) -> None:
        """Take back a change that hasn't been sent."""
        ...

    async def cancel_many(self, changes: Sequence[Change]) -> int:
        """Take back those that haven't been sent, all at once; returns how many those were."""
        ...

    async def retry(self, changes: Sequence[Change]) -> int:
        """Ask again for what was refused, as new changes; returns how many those are.

        Left out are those that aren't refused (any longer), were tried again already, or whose contact is
        out of reach or has another change under way.
        """
        ...

    async def pause_sending(self, *, on: bool) -> None:
        """Stop sending what is queued, or go on with it; kept until it is changed, by all copies.

        What is in doubt is still read again, hand-offs and news are still looked for.
        """
        ...

    async def undo_plan(self) -> UndoPlan | None:
        """Say what undoing the last batch would do; None when there is no batch to undo.

        A batch of which nothing can be undone is passed over; if that is true of all, the plan of the last
        one says why, without steps.
        """
        ...

    async def redo_plan(self) -> UndoPlan | None:
        """Say what redoing what was undone last would do; None when nothing was, or something new began."""
        ...

    async def undo(self, plan: UndoPlan) -> UndoPlan:
        """Undo or redo as planned, durable when this returns; returns what was really done.

        That differs from the plan where things have moved on since; no archive is made that wasn't shown.
        Raises `ReshelveError` when the plan's batch isn't the next in turn any more, or nothing is left.
        """
        ...

    async def changes(self, query: ChangeQuery, start: int, stop: int) -> ChangeSearchResult:
        """Return the changes found from start to before stop, newest first; changes made in Xero too."""
        ...

    async def timeline(self, change: Change) -> Sequence[TimelineEntry]:
        """Return what happened to one change, oldest first."""
        ...

    async def export(self, query: ChangeQuery, file: Path) -> int:
        """Write the changes found as CSV, newest first; returns how many. Replaces the file in one step.

        Columns: time, contact, contact id, action, origin, state, Xero's words, evidence.
        """
        ...

    async def report_sync_started(self, at: datetime) -> None:
        """Keep that somebody started a sync in Re-Leased then. Refused for a moment that is yet to come."""
        ...

    async def report_sync_ended(self, *, is_clean: bool) -> None:
        """Keep how the sync ended that was told to run: without error, or with errors shown.

        Refused when none was told to run.
        """
        ...

    async def report_contact_checked(self, change: Change) -> None:
        """Keep that somebody sees a contact in Re-Leased as this change has left it.

        Refused unless that is the last change of it that Xero has confirmed: meanwhile it may have moved on.
        """
        ...

    async def report_unlinked(self, contact_id: str, *, on: bool) -> None:
        """Keep that the contact is unlinked in Re-Leased, or linked again."""
        ...

    async def report_company_state(self, state: CompanyState) -> None:
        """Keep what Re-Leased's Sync Overview shows of the company now."""
        ...

    async def rows(self, contact_ids: Sequence[str]) -> Sequence[Row]:
        """Read contacts as the table shows them now; those that aren't in the local copy are left out."""
        ...

    async def compare_file(self, file: Path, options: FileOptions) -> FileComparison:
        """Hold a file of contacts exported from Re-Leased against the local copy; nothing is recorded.

        A wrong file is refused in words that name the line.
        """
        ...

    async def record_matches(
        self, comparison: FileComparison, choices: Mapping[int, str | None]
    ) -> RecordedMatches:
        """Record what the file proves, durable when this returns; doing it again changes nothing.

        `choices` settle ambiguous lines, as for `model.comparison.resolve_ambiguous`; those without one are
        left out.
        """
        ...

    async def contact_groups(self) -> Sequence[ContactGroup]:
        """Return the contact groups of the local copy, those first that are or sound like tenants."""
        ...

    async def mark_tenants(self, name: str, *, on: bool) -> None:
        """Keep that the contacts of a group are tenants, or aren't; the last word on a name holds."""
        ...

    def contact_url(self, contact_id: str) -> str:
        """Return the contact's address in Xero's pages, built from our template and a checked id."""
        ...

    async def simulate_restore(self, contact_id: str) -> None:
        """Press Restore in the practice Xero's page. Refused when the pages are not on this machine."""
        ...


def read_only_reason(backend: Backend) -> ReadOnlyReason | None:
    """Return why nothing can be changed, None where changes are possible."""
    if not backend.is_read_only:
        return None
    return ReadOnlyReason.CONNECTION if backend.snapshot.organisation.is_read_only else ReadOnlyReason.OPTION


class EngineProtocol(Backend, Protocol):
    """An engine that can be started and stopped."""

    async def run(self) -> None:
        """Keep store, Xero and Re-Leased in step; ends only by raising what made a part of it fail."""
        ...

    def reconnected(self) -> None:
        """Ask Xero again at once: there is a new sign-in."""
        ...

    async def stop(self) -> None:
        """Finish what is being written and let go of everything; also after a start that was cut short."""
        ...
