"""The user's reports about a manual Re-Leased sync."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tui.messages import formats
from tui.model.change import last_confirmed
from tui.model.contact import ContactStatus
from tui.screens import navigation
from tui.screens.dialogs.ask import AskScreen
from tui.widgets.text import safe

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.contact import ContactDetails
    from tui.screens.base_screen import EngineScreen


_CLEAN: Final = "clean"
_ERRORS: Final = "errors"
_RUNNING: Final = "running"
_ANOTHER: Final = "another"
_ANSWERS: Final = {
    _CLEAN: "Finished, and Re-Leased showed no errors",
    _ERRORS: "Re-Leased showed errors",
    _RUNNING: "Still running",
    _ANOTHER: "I started another sync; this one's result is unknown",
}
_EXPLANATION: Final = (
    "If it ends without errors, changes that Xero confirmed before it started show as Reported synced. "
    "This applies only to the company you last worked in."
)
_NOTED_ERRORS: Final = (
    "Recorded: the sync showed errors, so nothing is confirmed. Check Sync Results in Re-Leased."
)
_STILL_RUNNING: Final = "Nothing recorded. Press {key} when the sync has ended."


class ManualSyncController:
    """Ask, for a screen, when a manual sync was started and how it ended."""

    def __init__(self, screen: EngineScreen[Any]) -> None:
        self._screen = screen

    def report(self) -> None:
        """Report that a manual sync was started, or how the reported one ended."""
        started_at = self._screen.backend.snapshot.re_leased.reported_sync_since
        if started_at is None:
            self._ask_start()
        else:
            self._ask_end(started_at)

    def _ask_start(self) -> None:
        def answered(at: datetime | None) -> None:
            if at is not None:
                self._screen.start(partial(self._report_start, at), "report", exclusive=True)

        self._screen.open_screen(
            navigation.SyncStartScreen(self._screen.backend, (self._start_instructions(), _EXPLANATION)),
            answered,
        )

    def _start_instructions(self) -> str:
        name = safe(self._screen.backend.snapshot.organisation.name)
        return f"In Re-Leased: Sync Overview › three dots of the company connected to {name} › Start Sync."

    def _ask_end(self, started_at: datetime) -> None:
        def answered(answer: str | None) -> None:
            if answer in {_CLEAN, _ERRORS}:
                report = partial(self._report_end, started_at, is_clean=answer == _CLEAN)
                self._screen.start(report, "report", exclusive=True)
            elif answer == _RUNNING:
                self._screen.flash(_STILL_RUNNING.format(key=self._screen.key("manual_sync")))
            elif answer == _ANOTHER:
                self._ask_start()

        since = formats.short_time(started_at, self._screen.now())
        name = safe(self._screen.backend.snapshot.organisation.name)
        words = (
            f"You recorded that it started at {since}, in the company connected to {name}.",
            _EXPLANATION,
        )
        self._screen.open_screen(
            navigation.ChooseScreen("How did the Re-Leased sync end?", words, _ANSWERS, first=_RUNNING),
            answered,
        )

    async def _report_start(self, at: datetime) -> None:
        await self._screen.backend.evidence.report_sync_started(at)
        since = formats.short_time(at, self._screen.now())
        key = self._screen.key("manual_sync")
        self._screen.flash(f"Recorded: sync started at {since}. Press {key} when it has ended.")

    async def _report_end(self, started_at: datetime, *, is_clean: bool) -> None:
        # Another Reshelve may have recorded a newer sync while the question was open.
        if self._screen.backend.snapshot.re_leased.reported_sync_since != started_at:
            self._screen.flash(
                "Another Reshelve recorded a newer sync. Nothing was recorded; try again.", is_problem=True
            )
            return
        await self._screen.backend.evidence.report_sync_ended(is_clean=is_clean)
        since = formats.short_time(started_at, self._screen.now())
        clean = f"Recorded: the sync started at {since} ended without errors."
        self._screen.flash(clean if is_clean else _NOTED_ERRORS)


_NOTHING: Final = "Xero hasn't confirmed any archive or restore of this contact yet."
_CHECKED_EXPLANATION: Final = (
    "This applies to this contact only. Confirm only what you see there now: a contact in the other tab is "
    "still pending sync."
)
_WHERE: Final = {
    ContactStatus.ARCHIVED: "under the Archived tab",
    ContactStatus.ACTIVE: "among the active contacts, not under the Archived tab",
}
_UNLINKED: Final = "unlinked"
_LINKED: Final = "linked"
_NEITHER: Final = "neither"
_LINK_ANSWERS: Final = {
    _UNLINKED: "It isn't linked",
    _LINKED: "It is linked again",
    _NEITHER: "Don't record anything",
}
_LINK_EXPLANATION: Final = (
    "Re-Leased leaves a contact that isn't linked out of every sync, so Reshelve expects no sync of it. "
    "Once it is linked again, pending changes wait for the next sync that starts after that."
)


class ContactReportController:
    """Ask, for a screen, how a contact appears in Re-Leased."""

    def __init__(self, screen: EngineScreen[Any]) -> None:
        self._screen = screen

    def ask_checked(self, page: ContactDetails) -> None:
        """Ask whether the contact is in the tab where its last confirmed change should have put it."""
        last = last_confirmed(view.change for view in page.changes)
        if last is None:
            self._screen.flash(_NOTHING)
            return

        def answered(is_checked: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_checked:
                self._screen.start(partial(self._report_checked, last), "report", exclusive=True)

        where = f"{_WHERE[last.action.target_status]}, in the company connected to {self._organisation}"
        words = (f"You should see “{safe(page.contact.name)}” {where}.", _CHECKED_EXPLANATION)
        self._screen.open_screen(AskScreen("Do you see it in Re-Leased?", words, yes="I see it"), answered)

    @property
    def _organisation(self) -> str:
        return safe(self._screen.backend.snapshot.organisation.name)

    async def _report_checked(self, change: Change) -> None:
        # Raises if another change was confirmed while the question was open: it belongs in another tab.
        await self._screen.backend.evidence.report_contact_checked(change)
        self._screen.flash(f"Recorded: checked in Re-Leased, {_WHERE[change.action.target_status]}.")

    def ask_link(self, page: ContactDetails) -> None:
        """Ask whether the contact is not linked in Re-Leased, or linked again."""

        def answered(answer: str | None) -> None:
            if answer in {_UNLINKED, _LINKED}:
                report = partial(self._report_link, page.contact.contact_id, is_unlinked=answer == _UNLINKED)
                self._screen.start(report, "report", exclusive=True)

        words = (
            f"Check “{safe(page.contact.name)}” in the company connected to {self._organisation}.",
            _LINK_EXPLANATION,
        )
        question = "Is this contact linked to Xero in Re-Leased?"
        self._screen.open_screen(
            navigation.ChooseScreen(question, words, _LINK_ANSWERS, first=_NEITHER), answered
        )

    async def _report_link(self, contact_id: str, *, is_unlinked: bool) -> None:
        await self._screen.backend.evidence.report_unlinked(contact_id, on=is_unlinked)
        recorded = (
            "not linked in Re-Leased, so its syncs leave this contact out"
            if is_unlinked
            else "linked again in Re-Leased"
        )
        self._screen.flash(f"Recorded: {recorded}.")
