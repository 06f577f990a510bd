"""The confirmation before archiving or restoring."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from tui import messages
from tui.actions import bindings, error_message
from tui.compat.textual import LineInput, ReadyButton
from tui.messages.formats import format_number, pluralize
from tui.model.change import Action
from tui.model.errors import ReshelveError
from tui.model.reasons import ContactReason
from tui.screens import navigation
from tui.screens.base_screen import EngineScreen, PrecheckFailed, PrecheckFinished, SavedDataChecked
from tui.screens.dialogs.ask import ProtectedScreen
from tui.screens.dialogs.contact_lines import (
    Columns,
    ConfirmationLines,
    ContactLine,
    contact_lines,
    tenants_summary,
    totals,
)
from tui.screens.tenancy.formatting import full_explanation, short_explanation
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content

    from tui.model.change import Precheck
    from tui.model.services import Backend


TYPE_COUNT_FROM: Final = 26
# More contacts than this are checked without Xero, so that saved data is shown at once anyway.
_MOST_SHOWN_EARLY: Final = 1_000


class ConfirmScreen(ModalScreen[tuple[str, ...] | None], EngineScreen[tuple[str, ...] | None]):
    """Show every contact that will change, with warnings; the default is to cancel.

    Opens at once with saved data and checks with Xero meanwhile. The result is the IDs of the contacts to
    change, or None.
    """

    PLACE = "where contacts are archived or restored"
    CSS_PATH: ClassVar = ["dialog.tcss", "confirm.tcss"]
    AUTO_FOCUS = "#cancel"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (50, "-wide")]  # noqa: RUF012 - Textual's own declaration
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-high"), (28, "-roomy"), (34, "-tall")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("confirm", "cancel", "tenant_groups", "leave_out"),
        *(Binding(key, f"scroll_said('{key}')", show=False) for key in ("up", "down", "pageup", "pagedown")),
    ]

    def __init__(
        self,
        backend: Backend,
        action: Action,
        contact_ids: Sequence[str],
        hidden: Collection[str] = frozenset(),
    ) -> None:
        super().__init__()
        self.backend = backend
        self._action = action
        self._contact_ids = tuple(contact_ids)
        # Contacts that the list behind the dialog doesn't show.
        self._hidden = frozenset(self._contact_ids).intersection(hidden)
        # As checked with Xero, and what of it the user wants to change.
        self._checked: Precheck | None = None
        self._precheck: Precheck | None = None
        self._without_warnings = False
        # From saved data until the check with Xero has finished.
        self._shown: Precheck | None = None
        self._columns = Columns(1)
        self._lines: tuple[ContactLine, ...] = ()
        self._drawn: tuple[Precheck | None, int] = (None, 0)
        self._tenant_groups: frozenset[str] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the text above the list and the buttons."""
        name = NAMES[self._action]
        count = len(self._contact_ids)
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = heading(self._action, count, count)
            with VerticalScroll(id="text"):
                yield SafeLabel(CHECKING, id="state")
                if self._hidden:
                    yield SafeLabel(
                        not_shown(len(self._hidden), count),
                        "$text-warning",
                        classes="line summary",
                    )
                yield SafeLabel(id="tenants", classes="line summary")
                yield SafeLabel(id="total", classes="line")
                yield SafeLabel(id="columns", style="$text-muted")
                yield ConfirmationLines(self._format_line, id="lines")
                with Vertical(id="explanation"):
                    yield SafeLabel(initial_explanation(self._action, count), classes="line words")
            yield LineInput(id="number", compact=True)
            with Horizontal(id="buttons"):
                yield ReadyButton("Cancel", id="cancel", variant="primary", compact=True)
                yield ReadyButton(name, id="confirm", disabled=True, compact=True)
        yield KeyBar(("cancel", "Cancel"))

    def on_mount(self) -> None:
        """Start the check with Xero."""
        for name in ("#number", "#tenants", "#total", "#columns"):
            self.query_one(name).display = False
        self._run_precheck()

    @work(exclusive=True, exit_on_error=False)
    async def _run_precheck(self) -> None:
        changes = self.backend.changes
        try:
            if len(self._contact_ids) <= _MOST_SHOWN_EARLY:
                saved = await changes.check_saved_data(self._action, self._contact_ids)
                self.post_message(SavedDataChecked(saved))
            precheck = await changes.precheck(self._action, self._contact_ids)
        except ReshelveError as error:
            self.post_message(PrecheckFailed(error))
        else:
            self.post_message(PrecheckFinished(precheck))

    @on(PrecheckFailed)
    def _precheck_failed(self, message: PrecheckFailed) -> None:
        error = message.error
        self.query_one("#state", SafeLabel).update_text(error_message(self.app, error), "$text-error")

    @on(SavedDataChecked)
    async def _saved_data_checked(self, message: SavedDataChecked) -> None:
        saved = message.precheck
        if self._tenant_groups is not None:
            saved = saved.with_tenant_groups(self._tenant_groups)
        await self._show_details(saved)

    @on(PrecheckFinished)
    async def _precheck_finished(self, message: PrecheckFinished) -> None:
        self._checked = message.precheck
        state, style = freshness(message.precheck)
        self.query_one("#state", SafeLabel).update_text(state, style)
        await self._show_checked(message.precheck)

    async def _show_checked(self, checked: Precheck) -> None:
        """Show what would be changed now, and ask for it."""
        # The user may have chosen tenant groups during the check.
        if self._tenant_groups is not None:
            checked = checked.with_tenant_groups(self._tenant_groups)
        precheck = checked
        if self._without_warnings:
            precheck = checked.without(checked.with_warnings, ContactReason.HAS_WARNINGS)
        self._precheck = precheck
        count = len(precheck.possible)
        await self._show_details(precheck)
        button = self.query_one("#confirm", Button)
        self.query_one(".dialog").border_title = heading(self._action, count, len(self._contact_ids))
        label = confirm_label(self._action, count)
        button.label = label
        self._ask_for_number(count)
        is_typed = self._is_number(self.query_one("#number", Input).value)
        button.disabled = not count or (count >= TYPE_COUNT_FROM and not is_typed)
        keys = () if not count or count >= TYPE_COUNT_FROM else (("confirm", label),)
        marking = ("tenant_groups",) if self._action is Action.ARCHIVE else ()
        warned = len(checked.with_warnings)
        leaving = (("leave_out", leave_out_label(warned, is_on=self._without_warnings)),) if warned else ()
        self.key_bar.set_actions(*keys, *leaving, *marking, ("cancel", "Cancel"))

    async def _show_details(self, precheck: Precheck) -> None:
        """Show the result for each contact, and the effect of the change."""
        self._shown = precheck
        tenants, total = self.query_one("#tenants", SafeLabel), self.query_one("#total", SafeLabel)
        explanation = self.query_one("#explanation")
        key = self.key("tenant_groups")
        with self.app.batch_update():
            self.set_class(precheck.is_first_archive, "-first")
            tenants.update_text(tenants_summary(precheck), "bold $text-warning")
            tenants.display = bool(tenants.text)
            total.update_text(totals(precheck, self.backend.snapshot.organisation.base_currency), "bold")
            total.display = bool(total.text)
            self._show_lines()
            await explanation.remove_children()
            await explanation.mount_all(
                SafeLabel(text, classes=f"line {kind}") for kind, text in explanation_lines(precheck, key)
            )

    @on(VirtualList.Scrolled)
    def _show_lines(self) -> None:
        """Lay out the list for its current width."""
        rows, precheck = self.query_one(ConfirmationLines), self._shown
        width = rows.line_width
        if precheck is None or not width or self._drawn == (precheck, width):
            return
        self._drawn = (precheck, width)
        contacts = [line.contact for line in precheck.lines]
        self._columns = Columns.of(contacts, width, has_hidden=bool(self._hidden))
        self._lines = contact_lines(precheck, self._hidden, self._columns, width)
        heading = self.query_one("#columns", SafeLabel)
        heading.update_text(self._columns.heading, "$text-muted")
        heading.display = bool(heading.text)
        rows.show(len(self._lines))
        rows.refresh()

    def _format_line(self, index: int, width: int) -> Sequence[Content]:
        del width
        return [self._columns.row(self._lines[index])]

    def _ask_for_number(self, count: int) -> None:
        """Let the user type the number of many contacts; of few, no more."""
        number = self.query_one("#number", Input)
        is_asked = count >= TYPE_COUNT_FROM
        placeholder = f"Type {format_number(count)} to confirm"
        # What was typed stays if the same number is asked for.
        if number.display == is_asked and (not is_asked or number.placeholder == placeholder):
            return
        number.placeholder = placeholder
        number.value = ""
        number.display = is_asked
        self.set_class(is_asked, "-counted")
        self.set_focus(number if is_asked else self.query_one("#cancel"))

    @on(Input.Changed, "#number")
    def _number_typed(self, event: Input.Changed) -> None:
        self.query_one("#confirm", Button).disabled = not self._is_number(event.value)

    @on(Input.Submitted, "#number")
    def _number_submitted(self, event: Input.Submitted) -> None:
        if self._is_number(event.value):
            self._finish()
        else:
            self.flash(self._wrong_number(event.value), is_problem=True)

    def _wrong_number(self, typed: str) -> str:
        """Return what is wrong with the number, and what to type instead."""
        number = _digits(typed)
        what = f"You typed {format_number(int(number))}. " if number.isdecimal() else ""
        count = 0 if self._precheck is None else len(self._precheck.possible)
        return f"{what}Type {format_number(count)} to confirm, or press {self.key('cancel')} to cancel."

    def _is_number(self, typed: str) -> bool:
        precheck = self._precheck
        return precheck is not None and _digits(typed) == str(len(precheck.possible))

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "confirm":
            self._finish()
        else:
            self.action_cancel()

    def action_confirm(self) -> None:
        """Confirm, if any contact can be changed."""
        precheck = self._precheck
        if precheck is None:
            self.flash("Still checking with Xero.")
        elif not precheck.possible:
            self.flash("None of these can be changed.")
        elif len(precheck.possible) >= TYPE_COUNT_FROM:
            number = format_number(len(precheck.possible))
            self.flash(f"Type {number} to confirm: this is a large change.")
        else:
            self._finish()

    def _finish(self) -> None:
        precheck = self._precheck
        if precheck is None:
            return
        chosen = tuple(line.contact.contact_id for line in precheck.possible)
        protected = [line.contact.name for line in precheck.protected]
        if not protected:
            self.dismiss(chosen)
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_confirmed:
                self.dismiss(chosen)

        self.open_screen(ProtectedScreen(protected, len(chosen), self.key("leave_out")), answered)

    async def action_leave_out(self) -> None:
        """Leave out the contacts with warnings, or include them again."""
        checked = self._checked
        if checked is None:
            self.flash("Still checking with Xero.")
            return
        if self._tenant_groups is not None:
            checked = checked.with_tenant_groups(self._tenant_groups)
        if not checked.with_warnings:
            self.flash("None of these has a warning.")
            return
        self._without_warnings = not self._without_warnings
        await self._show_checked(checked)
        self.query_one("#text").scroll_home(animate=False)

    def action_tenant_groups(self) -> None:
        """Choose tenant groups, then update the warnings; a restore doesn't affect tenancies."""
        if self._action is not Action.ARCHIVE:
            self.flash("Tenant groups matter only when archiving.")
            return
        self.open_screen(navigation.TenantGroupsScreen(self.backend), self._tenant_groups_changed)

    async def _tenant_groups_changed(self, marked: frozenset[str] | None) -> None:
        if marked is None:
            return
        self._tenant_groups = marked
        if self._checked is not None:
            await self._show_checked(self._checked)
        elif self._shown is not None:
            await self._show_details(self._shown.with_tenant_groups(marked))
        if self._shown is not None:
            self.query_one("#text").scroll_home(animate=False)

    def action_scroll_said(self, key: str) -> None:
        """Scroll the list, then the text around it, wherever the focus is."""
        scroll_area, rows = self.query_one("#text"), self.query_one(ConfirmationLines)
        height = min(rows.size.height, scroll_area.size.height)
        steps = {"up": -1, "down": 1, "pageup": -height, "pagedown": height}
        is_down = steps[key] > 0
        if is_down and rows.scroll_offset.y < rows.max_scroll_y:
            rows.scroll_rows(steps[key])
        elif is_down or scroll_area.scroll_offset.y > 0:
            scroll_area.scroll_relative(y=steps[key], animate=False)
        else:
            rows.scroll_rows(steps[key])

    def action_cancel(self) -> None:
        """Change nothing."""
        self.dismiss(None)


NAMES: Final = {Action.ARCHIVE: "Archive", Action.RESTORE: "Restore"}
CHECKING: Final = "Checking with Xero…"

_RESTORE_ONE: Final = (
    "Xero's API may refuse to restore it. If so, open it in Xero and click Restore; Reshelve detects "
    "that automatically. The change then waits for Re-Leased's next sync."
)
_RESTORE_MANY: Final = (
    "Xero's API may refuse to restore them. If so, open each in Xero and click Restore; Reshelve detects "
    "that automatically. The changes then wait for Re-Leased's next sync."
)


def initial_explanation(action: Action, count: int) -> str:
    """Describe the effect before the check with Xero has finished."""
    if action is Action.ARCHIVE:
        return short_explanation(count)
    return _RESTORE_ONE if count == 1 else _RESTORE_MANY


def explanation_lines(precheck: Precheck, key: str) -> tuple[tuple[str, str], ...]:
    """Describe the effect in Xero and in Re-Leased, as (kind, text) parts.

    `key` is the key that opens the tenant groups.
    """
    count = len(precheck.possible)
    if precheck.is_first_archive and count:
        return full_explanation(count, key)
    return (("words", initial_explanation(precheck.action, count)),) if count else ()


def heading(action: Action, possible: int, chosen: int) -> str:
    """Return the dialog's title: how many of the chosen contacts can be changed."""
    if possible in {0, chosen}:
        return f"{NAMES[action]} {pluralize(chosen, 'contact')}?"
    return f"{NAMES[action]} {format_number(possible)} of {pluralize(chosen, 'contact')}?"


def confirm_label(action: Action, count: int) -> str:
    """Return the button's label."""
    return f"{NAMES[action]} {format_number(count)}" if count > 1 else NAMES[action]


def freshness(precheck: Precheck) -> tuple[str, str]:
    """Return whether the data was just loaded from Xero, with a style."""
    if precheck.stale_reason is None:
        return "Up to date with Xero.", "$text-success"
    return f"{messages.message(precheck.stale_reason)} Showing saved data.", "$text-warning"


def not_shown(hidden: int, chosen: int) -> str:
    """Return how many of the contacts the list behind the dialog doesn't show."""
    if chosen == 1:
        return "! This contact isn't shown in the list."
    verb = "isn't" if hidden == 1 else "aren't"
    return f"! {format_number(hidden)} of these {pluralize(chosen, 'contact')} {verb} shown in the list."


def leave_out_label(count: int, *, is_on: bool) -> str:
    """Return the key's label: how many contacts with warnings it leaves out, or includes again."""
    warnings = "a warning" if count == 1 else "warnings"
    return f"{'Include' if is_on else 'Leave out'} {format_number(count)} with {warnings}"


def _digits(typed: str) -> str:
    return typed.replace(",", "").strip()
