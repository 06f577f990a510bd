"""Troubleshoot, step by step, why a contact may not have reached Re-Leased; and test the connection."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui import messages
from tui.actions import bindings
from tui.messages.formats import file_date, format_number
from tui.model.change_list import ChangeGroup, ChangeQuery
from tui.model.errors import ReshelveError
from tui.model.evidence import CompanyState
from tui.screens import navigation
from tui.screens.base_screen import EngineScreen, SnapshotChanged
from tui.screens.changes.change_controller import ResultController, RetryController
from tui.screens.compare.open_comparison import ComparisonController
from tui.screens.dialogs.ask import ChooseScreen, FileNameScreen
from tui.screens.re_leased.formatting import (
    RECONNECT_STATUSES,
    STYLES,
    OldestUnconfirmed,
    Step,
    build_report,
    steps,
)
from tui.screens.re_leased.manual_sync_controller import ManualSyncController
from tui.system.user_files import write_user_file
from tui.widgets.inputs import TickBox
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.moving import ScrollingText
from tui.widgets.re_leased_format import report
from tui.widgets.text import content

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.re_leased import ConnectionTest
    from tui.model.services import Backend


_TITLE: Final = "Troubleshoot contacts that haven't synced"
_NOTHING: Final = "nothing"
_LOOK: Final = "Open Sync Overview in Re-Leased and find the company connected to {}."
_ABOUT: Final = "Saves the support report as a text file. Save as:"
_STEPS: Final = 4


@dataclass
class _OldestLoaded(Message, bubble=False):
    oldest: OldestUnconfirmed


class TroubleshootScreen(EngineScreen[None]):
    """The four steps of Re-Leased's article, each with its findings and the next key to press."""

    PLACE = "in Troubleshoot"
    CSS_PATH = "troubleshoot.tcss"
    AUTO_FOCUS = "#page"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("changes", "retry", "manual_sync", "sync_overview", "copy_report", "save_report"),
        *bindings("copy_contact_id", "test_connection"),
        *bindings("connect", "compare", "refresh", "back"),
        Binding("enter", "changes", show=False),
    ]

    result: ResultController

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self.result = ResultController(self, retry="retry")
        self.refused = RetryController(self, self.result)
        self.manual_sync = ManualSyncController(self)
        self.comparison = ComparisonController(self)
        self._oldest = OldestUnconfirmed()
        self._steps: tuple[Step, ...] = ()
        self._key_bar_actions: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """Lay out the steps in order."""
        yield SafeLabel(_TITLE, "bold", id="heading")
        with ScrollingText(id="page"):
            for place in range(_STEPS):
                yield Static(id=f"step-{place}", classes="step")
                yield Static(id=f"findings-{place}", classes="findings")
            yield TickBox("Include names in the report", id="names", compact=True)
        yield KeyBar()

    def on_mount(self) -> None:
        """Show saved data."""
        self.tick()
        self._load_oldest()
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.tick())

    @on(SnapshotChanged)
    def _snapshot_changed(self) -> None:
        self.tick()
        self._load_oldest()
        self.result.reload()

    @work(exclusive=True, group="oldest", exit_on_error=False)
    async def _load_oldest(self) -> None:
        waiting = ChangeQuery(ChangeGroup.PENDING)
        total = (await self.backend.change_log.page(waiting, 0, 1)).total
        found = (await self.backend.change_log.page(waiting, total - 1, total)).changes if total else ()
        self.post_message(_OldestLoaded(OldestUnconfirmed(found[0] if found else None)))

    @on(_OldestLoaded)
    def _show_oldest(self, message: _OldestLoaded) -> None:
        self._oldest = message.oldest
        self.tick()

    def tick(self) -> None:
        """Update only the steps that changed: a countdown is one line of one step."""
        backend, before = self.backend, self._steps
        self._steps = steps(
            backend.snapshot,
            self._oldest,
            self.now(),
            is_practice=backend.is_sandbox,
            is_read_only=backend.is_read_only,
            key=self.key,
        )
        for place, (step, was) in enumerate(zip_longest(self._steps, before)):
            if step != was:
                self.query_one(f"#step-{place}", Static).update(_heading(place + 1, step))
                self.query_one(f"#findings-{place}", Static).update(_step_details(step))
        self._update_key_bar()

    def _update_key_bar(self) -> None:
        snapshot = self.backend.snapshot
        refused = snapshot.summary is not None and snapshot.summary.refused_total
        offers = (
            *(["connect"] if snapshot.xero.status in RECONNECT_STATUSES else []),
            *(["retry"] if refused else []),
            *(["test_connection"] if snapshot.re_leased.contacts is not None else []),
            "manual_sync", "sync_overview", "copy_report", "save_report", "changes", "refresh", "back",
        )  # fmt: skip
        if offers != self._key_bar_actions:
            self._key_bar_actions = offers
            self.key_bar.set_actions(*offers)

    def _report(self) -> str:
        with_names = self.query_one("#names", TickBox).value
        return build_report(self.backend.snapshot, self._oldest, self.now(), with_names=with_names)

    def action_test_connection(self) -> None:
        """Test the connection to Re-Leased."""
        if self.backend.snapshot.re_leased.contacts is None:
            self.flash("This organisation isn't connected to Re-Leased. Run reshelve re-leased connect.")
        else:
            self.open_screen(navigation.ConnectionTestScreen(self.backend))

    def action_copy_report(self) -> None:
        """Copy the report through the terminal, which also works over SSH."""
        self.app.copy_to_clipboard(self._report())
        self.flash("Report copied. Check it before you send it.")

    def action_copy_contact_id(self) -> None:
        """Copy the ContactID of the contact that has been unconfirmed for longest."""
        if self._oldest.view is None:
            self.flash("Every change is confirmed.")
        else:
            self.copy_contact_id(self._oldest.view.change.contact_id)

    def action_save_report(self) -> None:
        """Save the report to a file chosen by the user."""

        def file_chosen(file: Path | None) -> None:
            if file is not None:
                self._save(file, self._report())

        suggestion = Path.home() / f"reshelve-report-{file_date(self.local_now())}.txt"
        self.open_screen(FileNameScreen("Save the report", suggestion, _ABOUT), file_chosen)

    @work(group="save", exit_on_error=False)
    async def _save(self, file: Path, text: str) -> None:
        await asyncio.to_thread(write_user_file, file, text.encode(errors="replace"))
        self.flash(f"Report saved to {file}")

    def action_sync_overview(self) -> None:
        """Record what Re-Leased's Sync Overview shows."""

        def answered(answer: str | None) -> None:
            if answer is not None and answer != _NOTHING:
                self._report_state(CompanyState(answer))

        answers = {state.value: state.value for state in CompanyState} | {_NOTHING: "I don't know"}
        words = (_LOOK.format(self.backend.snapshot.organisation.name),)
        question = "What does Re-Leased's Sync Overview show?"
        self.open_screen(ChooseScreen(question, words, answers, first=_NOTHING), answered)

    @work(exclusive=True, group="telling", exit_on_error=False)
    async def _report_state(self, state: CompanyState) -> None:
        await self.backend.evidence.report_company_state(state)
        self.flash(f"Recorded: Re-Leased shows “{state.value}”.")

    def action_retry(self) -> None:
        """Ask whether to retry the refused changes."""
        self.refused.retry_all()

    def action_manual_sync(self) -> None:
        """Report that a manual sync was started, or how the reported one ended."""
        self.manual_sync.report()

    def action_compare(self) -> None:
        """Compare Re-Leased's contacts, or an export of them, with Xero."""
        self.comparison.compare()

    def action_changes(self) -> None:
        """List all changes."""
        self.open_screen(navigation.ChangesScreen(self.backend))

    def action_refresh(self) -> None:
        """Refresh from Xero and Re-Leased."""
        self.flash_refreshing()
        self._refresh()

    @work(exclusive=True, group="refresh", exit_on_error=False)
    async def _refresh(self) -> None:
        await self.backend.contacts.refresh()

    def action_back(self) -> None:
        """Go back to the contacts."""
        self.dismiss()


def _heading(place: int, step: Step) -> Content:
    style = f"$text-{STYLES[step.symbol]}" if step.symbol in STYLES else ""
    return Content.assemble((step.symbol, style), " ", (f"{place}. {step.title}", "bold $text-primary"))


def _step_details(step: Step) -> Content:
    after = [content(f"› {step.next_step}", "$text-muted")] if step.next_step else []
    return Content("\n").join([*map(content, step.lines), *after])


_TEST_TITLE: Final = "Test the connection to Re-Leased"


class ConnectionTestScreen(EngineScreen[None]):
    """Reads all contacts from Re-Leased, records nothing, and reports what came back."""

    PLACE = "in a test of the connection"
    CSS_PATH = "troubleshoot.tcss"
    AUTO_FOCUS = "#page"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("show_values", "refresh", "back")]

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self._test: ConnectionTest | None = None
        self._shows_values = False

    def compose(self) -> ComposeResult:
        """Lay out the report below the title."""
        yield SafeLabel(_TEST_TITLE, "bold", id="heading")
        with ScrollingText(id="page"):
            yield Static(id="report", markup=False)
        yield KeyBar("back")

    def on_mount(self) -> None:
        """Start reading."""
        self._read()

    @work(exclusive=True, group="read", exit_on_error=False)
    async def _read(self) -> None:
        self._test = None
        self.key_bar.set_actions("back")
        self._show_progress(0)
        try:
            self._test = await self.backend.comparison.test_connection(self._show_progress)
        except ReshelveError as error:
            self._show(messages.message(error), messages.next_step(error), "Nothing was recorded.")
        else:
            self._show_report()
        self.key_bar.set_actions(*(["show_values"] if self._test is not None else []), "refresh", "back")

    def _show_progress(self, count: int) -> None:
        cancel = f"Press {self.key('back')} to cancel."
        self._show(f"Reading Re-Leased's contacts: {format_number(count)} so far. {cancel}")

    def _show_report(self) -> None:
        if self._test is not None:
            how = f"Press {self.key('show_values')} to show them."
            self._show(*report(self._test, shows_values=self._shows_values, how_to_show=how))

    def _show(self, *lines: str) -> None:
        self.query_one("#report", Static).update(Content("\n").join(map(content, lines)))

    def action_show_values(self) -> None:
        """Show or hide the values of fields."""
        if self._test is None:
            self.flash("Re-Leased's contacts haven't been read yet.")
            return
        if not self._test.examples:
            self.flash("Re-Leased returned no contacts, so there are no values to show.")
            return
        self._shows_values = not self._shows_values
        self._show_report()

    def action_refresh(self) -> None:
        """Read again."""
        self._read()

    def action_back(self) -> None:
        """Go back; a read in progress is cancelled."""
        self.dismiss()
