"""The connected organisations: switch, connect another, or disconnect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec.structs import replace
from textual import getters, on, work
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui import messages
from tui.actions import bindings
from tui.compat.textual import LineInput
from tui.messages.formats import pluralize
from tui.model.errors import ReshelveError
from tui.model.query import fold
from tui.screens.base_screen import BaseScreen, ConnectRequested, OrganisationChosen
from tui.screens.connect import formatting
from tui.screens.connect.formatting import KEYCHAIN
from tui.screens.dialogs.ask import AskScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.moving import Choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.account import Account, OrganisationSummary

# From this number on, the list can be searched.
_MANY: Final = 9


class _OrganisationsRefreshed(Message, bubble=False):
    """Xero has replied."""


@dataclass
class _CountsLoaded(Message, bubble=False):
    summaries: Sequence[OrganisationSummary]


@dataclass
class _RefreshFailed(Message, bubble=False):
    error: ReshelveError


@dataclass
class _Disconnected(Message, bubble=False):
    names: str


class _Filter(LineInput):
    """Filters the list; Down moves to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("down", "leave", "Go to list", show=False)]

    def action_leave(self) -> None:
        """Focus the list and keep the filter."""
        self.screen.focus_next("OptionList")


class OrganisationsScreen(ModalScreen[None], BaseScreen[None]):
    """Show saved organisations at once, then refresh them from Xero.

    `open_tenant` is the tenant ID of the open organisation.
    """

    PLACE = "in Organisations"
    CSS_PATH: ClassVar = ["../dialogs/dialog.tcss", "organisations.tcss"]
    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("search", "clear", "connect", "disconnect", "back"),
    ]

    options = getters.query_one("#list", OptionList)
    filter = getters.query_one("#filter", Input)

    def __init__(self, account: Account, open_tenant: str = "") -> None:
        super().__init__()
        self._account = account
        self._open_tenant = open_tenant
        self._summaries: Sequence[OrganisationSummary] = ()
        self._counts: dict[str, OrganisationSummary] = {}
        self._shown: list[OrganisationSummary] = []
        self._drawn: tuple[list[OrganisationSummary], int] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the refresh status below the list."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Organisations"
            yield _Filter(placeholder="Search", compact=True, id="filter")
            yield Choices(id="list", markup=False, compact=True)
            yield SafeLabel(formatting.REFRESHING, "$text-muted", id="state")
        yield KeyBar()

    def on_mount(self) -> None:
        """Show saved organisations and refresh from Xero."""
        self._reload()
        self._refresh_organisations()

    def on_screen_resume(self) -> None:
        """Show organisations connected in the meantime."""
        if self._summaries:
            self._reload()

    # --- list ---

    @work(exclusive=True, group="look", exit_on_error=False)
    async def _refresh_organisations(self) -> None:
        try:
            await self._account.refresh()
            self.post_message(_OrganisationsRefreshed())
        except ReshelveError as error:
            self.post_message(_RefreshFailed(error))

    @on(_OrganisationsRefreshed)
    def _organisations_refreshed(self) -> None:
        self._reload()
        self._show_state()

    def _show_state(self) -> None:
        none = formatting.NONE_CONNECTED.format(connect=self.key("connect"))
        words = (formatting.REFRESHED, "$text-success") if self._summaries else (none, "$text-warning")
        self.query_one("#state", SafeLabel).update_text(*words)

    @on(_RefreshFailed)
    def _refresh_failed(self, message: _RefreshFailed) -> None:
        state = f"{messages.message(message.error)} Showing saved data."
        self.query_one("#state", SafeLabel).update_text(state, "$text-warning")

    @work(exclusive=True, group="count", exit_on_error=False)
    async def _load_counts(self) -> None:
        self.post_message(_CountsLoaded(await self._account.organisations_with_counts()))

    @on(_CountsLoaded)
    def _counts_loaded(self, message: _CountsLoaded) -> None:
        # Take only the counts: an organisation may have been removed since.
        self._counts = {summary.organisation.tenant_id: summary for summary in message.summaries}
        self._update_list()

    def _reload(self) -> None:
        """Show the saved organisations with their previous counts, and count again."""
        self._update_list()
        self._load_counts()

    def _update_list(self) -> None:
        self._summaries = summaries = [
            self._with_counts(summary) for summary in self._account.organisations()
        ]
        self.filter.display = len(summaries) >= _MANY
        self.query_one(".dialog").border_subtitle = pluralize(len(summaries), "organisation")
        self._show()

    def _with_counts(self, summary: OrganisationSummary) -> OrganisationSummary:
        known = self._counts.get(summary.organisation.tenant_id)
        if summary.is_counted or known is None:
            return summary
        return replace(summary, pending=known.pending, not_in_xero=known.not_in_xero, is_counted=True)

    def on_resize(self) -> None:
        """Format the rows for the new width."""
        self._show()

    @on(Input.Changed, "#filter")
    def _show(self) -> None:
        before = self._current.organisation.tenant_id if self._current else self._open_tenant
        wanted = fold(self.filter.value).split()
        self._shown = [
            summary
            for summary in self._summaries
            if all(word in fold(summary.organisation.name) for word in wanted)
        ]
        options, is_practice = self.options, self._account.is_sandbox
        width = max(20, options.scrollable_content_region.width - 2)
        self._update_key_bar()
        if (self._shown, width) == self._drawn:
            return
        self._drawn = (self._shown, width)
        options.clear_options()
        options.add_options(
            Option(
                formatting.line(
                    summary,
                    width,
                    is_open=summary.organisation.tenant_id == self._open_tenant,
                    is_practice=is_practice,
                )
            )
            for summary in self._shown
        )
        if wanted and not self._shown:
            options.add_option(Option(formatting.NO_MATCH.format(clear=self.key("clear")), disabled=True))
        ids = [summary.organisation.tenant_id for summary in self._shown]
        options.highlighted = ids.index(before) if before in ids else (0 if ids else None)
        # A list of height 0 doesn't notice added options.
        options.refresh(layout=True)

    def on_descendant_focus(self) -> None:
        """Show the keys that work for the focused widget."""
        self._update_key_bar()

    def _update_key_bar(self) -> None:
        if self.filter.has_focus:
            self.key_bar.set_actions(("open", "Open"), ("clear", "Clear"))
            return
        some = [("open", "Open")] if self._shown else []
        search = ["search"] if self.filter.display else []
        rest = ["disconnect"] if self._shown else []
        self.key_bar.set_actions(*some, *search, ("connect", "Connect another"), *rest, "help", "back")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Pass the search key to the search box while it has focus; Esc clears before it goes back."""
        if action == "search":
            return self.filter.display and not self.filter.has_focus
        if action == "clear":
            return self.filter.has_focus or bool(self.filter.value)
        return super().check_action(action, parameters)

    # --- keys ---

    @property
    def _current(self) -> OrganisationSummary | None:
        index = self.options.highlighted
        return self._shown[index] if index is not None and index < len(self._shown) else None

    def action_search(self) -> None:
        """Focus the search box."""
        self.set_focus(self.filter)

    def action_clear(self) -> None:
        """Clear the search and focus the list."""
        self.filter.value = ""
        self.set_focus(self.options)

    @on(OptionList.OptionSelected)
    @on(Choices.NothingToChoose)
    @on(Input.Submitted, "#filter")
    def _open(self) -> None:
        summary = self._current
        if summary is None:
            self.flash("No organisation to open.")
            return
        self.dismiss()
        if summary.organisation.tenant_id != self._open_tenant:
            # Post to the app: a closing screen doesn't forward messages.
            self.app.post_message(OrganisationChosen(summary.organisation))

    def action_connect(self) -> None:
        """Connect another organisation."""
        self.post_message(ConnectRequested())

    def action_disconnect(self) -> None:
        """Disconnect the sign-in of the organisation under the cursor, after confirmation."""
        summary = self._current
        if summary is None:
            self.flash("No organisation to disconnect.")
            return
        sign_in = summary.organisation.sign_in
        names = [
            other.organisation.name for other in self._summaries if other.organisation.sign_in == sign_in
        ]

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_confirmed:
                self.flash("Disconnecting…")
                self._disconnect(sign_in, pluralize(len(names), "organisation"))

        question = formatting.disconnect_explanation(names)
        self.open_screen(AskScreen("Disconnect from Xero?", question, yes="Disconnect"), answered)

    def _set_keychain_waiting(self, is_waiting: bool) -> None:  # noqa: FBT001 - called positionally
        if is_waiting:
            self.flash(KEYCHAIN)

    @work(group="disconnect", exit_on_error=False)
    async def _disconnect(self, sign_in: str, names: str) -> None:
        self._account.on_keychain_wait = self._set_keychain_waiting
        await self._account.disconnect(sign_in)
        self.post_message(_Disconnected(names))

    @on(_Disconnected)
    def _disconnected(self, message: _Disconnected) -> None:
        self._reload()
        self._show_state()
        self.flash(f"Disconnected {message.names}. Saved contacts and change logs are kept.")

    def action_back(self) -> None:
        """Go back."""
        self.dismiss()
