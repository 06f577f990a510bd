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
from tui.model.reasons import Notice
from tui.screens import navigation
from tui.screens.base_screen import EngineScreen, PrecheckFailed, PrecheckFinished
from tui.screens.tenancy.formatting import full_explanation, mention, short_explanation, summary, warning
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.change import Precheck, PrecheckLine
    from tui.model.services import Backend


TYPE_COUNT_FROM: Final = 26


class ConfirmScreen(ModalScreen[tuple[str, ...] | None], EngineScreen[tuple[str, ...] | None]):
    """Show what will change, with warnings; the default is to cancel.

    Opens at once and checks with Xero meanwhile. The result is the IDs of the contacts to change, or None.
    """

    CSS_PATH: ClassVar = ["dialog.tcss", "confirm.tcss"]
    AUTO_FOCUS = "#cancel"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (50, "-wide")]  # noqa: RUF012 - Textual's own declaration
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-high"), (34, "-tall")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("confirm", "cancel", "tenant_groups"),
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
        self._precheck: Precheck | None = None
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
                yield Vertical(id="lines")
                with Vertical(id="explanation"):
                    yield SafeLabel(initial_explanation(self._action, count), classes="line words")
            yield LineInput(id="number", compact=True)
            with Horizontal(id="buttons"):
                yield ReadyButton("Cancel", id="cancel", variant="primary", compact=True)
                yield ReadyButton(name, id="confirm", disabled=True, compact=True)
        yield KeyBar(("cancel", "Cancel"))

    def on_mount(self) -> None:
        """Start the check with Xero."""
        self.query_one("#number").display = False
        self._run_precheck()

    @work(exclusive=True, exit_on_error=False)
    async def _run_precheck(self) -> None:
        try:
            precheck = await self.backend.changes.precheck(self._action, self._contact_ids)
        except ReshelveError as error:
            self.post_message(PrecheckFailed(error))
        else:
            self.post_message(PrecheckFinished(precheck))

    @on(PrecheckFailed)
    def _precheck_failed(self, message: PrecheckFailed) -> None:
        error = message.error
        self.query_one("#state", SafeLabel).update_text(error_message(self.app, error), "$text-error")

    @on(PrecheckFinished)
    async def _precheck_finished(self, message: PrecheckFinished) -> None:
        # The user may have chosen tenant groups during the check.
        marked = self._tenant_groups
        precheck = self._precheck = (
            message.precheck if marked is None else message.precheck.with_tenant_groups(marked)
        )
        count = len(precheck.possible)
        state, style = freshness(precheck)
        self.query_one("#state", SafeLabel).update_text(state, style)
        await self._show_details(precheck)
        button = self.query_one("#confirm", Button)
        self.query_one(".dialog").border_title = heading(self._action, count, len(self._contact_ids))
        label = confirm_label(self._action, count)
        button.label = label
        button.disabled = not count or count >= TYPE_COUNT_FROM
        if count >= TYPE_COUNT_FROM:
            self._ask_for_number(count)
        keys = () if not count or count >= TYPE_COUNT_FROM else (("confirm", label),)
        marking = ("tenant_groups",) if self._action is Action.ARCHIVE else ()
        self.key_bar.set_actions(*keys, *marking, ("cancel", "Cancel"))

    async def _show_details(self, precheck: Precheck) -> None:
        """Show the result for each contact, and the effect of the change."""
        lines, explanation = self.query_one("#lines"), self.query_one("#explanation")
        key = self.key("tenant_groups")
        with self.app.batch_update():
            await lines.remove_children()
            await lines.mount_all(
                SafeLabel(text, style, classes=f"line {kind}")
                for kind, text, style in contact_lines(precheck, self._hidden)
            )
            await explanation.remove_children()
            await explanation.mount_all(
                SafeLabel(text, classes=f"line {kind}") for kind, text in explanation_lines(precheck, key)
            )

    def _ask_for_number(self, count: int) -> None:
        number = self.query_one("#number", Input)
        number.placeholder = f"Type {format_number(count)} to confirm"
        number.display = True
        self.set_focus(number)

    @on(Input.Changed, "#number")
    def _number_typed(self, event: Input.Changed) -> None:
        self.query_one("#confirm", Button).disabled = not self._is_number(event.value)

    @on(Input.Submitted, "#number")
    def _number_submitted(self, event: Input.Submitted) -> None:
        if self._is_number(event.value):
            self._finish()
        else:
            cancel = f"press {self.key('cancel')} to cancel"
            self.flash(f"Type the number of contacts to confirm, or {cancel}.", is_problem=True)

    def _is_number(self, typed: str) -> bool:
        precheck = self._precheck
        return precheck is not None and typed.replace(",", "").strip() == str(len(precheck.possible))

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
        if self._precheck is not None:
            self.dismiss(tuple(line.contact.contact_id for line in self._precheck.possible))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer tenant groups only when archiving; a restore doesn't affect tenancies."""
        if action == "tenant_groups":
            return self._action is Action.ARCHIVE
        return super().check_action(action, parameters)

    def action_tenant_groups(self) -> None:
        """Choose tenant groups, then update the warnings."""
        self.open_screen(navigation.TenantGroupsScreen(self.backend), self._tenant_groups_changed)

    async def _tenant_groups_changed(self, marked: frozenset[str] | None) -> None:
        if marked is None:
            return
        self._tenant_groups = marked
        if self._precheck is not None:
            self._precheck = self._precheck.with_tenant_groups(marked)
            await self._show_details(self._precheck)
            self.query_one("#text").scroll_home(animate=False)

    def action_scroll_said(self, key: str) -> None:
        """Scroll the text, wherever the focus is."""
        scroll_area = self.query_one("#text")
        steps = {"up": -1, "down": 1, "pageup": -scroll_area.size.height, "pagedown": scroll_area.size.height}
        scroll_area.scroll_relative(y=steps[key], animate=False)

    def action_cancel(self) -> None:
        """Change nothing."""
        self.dismiss(None)


NAMES: Final = {Action.ARCHIVE: "Archive", Action.RESTORE: "Restore"}
CHECKING: Final = "Checking with Xero…"
_NAMED: Final = 8
# Contacts with a warning are listed beyond that, up to this number, since each is a widget.
_MOST_NAMED: Final = 20
# Before the first archive, fewer names leave room for the explanation.
_NAMED_AT_FIRST: Final = 3

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


def contact_lines(precheck: Precheck, hidden: frozenset[str] = frozenset()) -> Iterator[tuple[str, str, str]]:
    """Yield the rows as (kind, text, style).

    Contacts in tenant groups come first, then others with warnings, then those the list behind doesn't show.
    """

    def is_hidden(line: PrecheckLine) -> bool:
        return line.contact.contact_id in hidden

    possible = sorted(
        precheck.possible, key=lambda line: (not line.tenant_groups, not line.warnings, not is_hidden(line))
    )
    affected = [line.tenant_groups for line in possible if line.tenant_groups]
    if len(affected) > 1:
        yield "summary", f"! {summary(affected, len(possible))}", "bold $text-warning"
    marked = sum(1 for line in possible if _warns(line) or is_hidden(line))
    named = _NAMED_AT_FIRST if precheck.is_first_archive else _NAMED
    most = _NAMED_AT_FIRST if precheck.is_first_archive else _MOST_NAMED
    shown = min(max(named, marked), most)
    for line in possible[:shown]:
        yield "name", f"• {line.contact.name}{' (not shown)' if is_hidden(line) else ''}", ""
        for text in _warnings(line, is_alone=len(affected) == 1):
            yield "warning", f"! {text}", "$text-warning"
    if len(possible) > shown:
        yield "more", _more(possible[shown:]), "$text-muted"
    yield from _blocked_lines(
        [line for line in precheck.lines if line.blocked_reason], named, is_all=not possible
    )


def _warns(line: PrecheckLine) -> bool:
    return bool(line.tenant_groups or line.warnings)


def _warnings(line: PrecheckLine, *, is_alone: bool) -> Iterator[str]:
    if line.tenant_groups:
        yield warning(line.tenant_groups) if is_alone else mention(line.tenant_groups)
    yield from map(messages.in_full, line.warnings)


def _more(hidden: Sequence[PrecheckLine]) -> str:
    warned = sum(1 for line in hidden if _warns(line))
    if not warned:
        return f"and {format_number(len(hidden))} more"
    them = "each" if warned == len(hidden) else f"{format_number(warned)} of them"
    return f"and {format_number(len(hidden))} more, {them} with a warning"


def _blocked_lines(
    blocked: Sequence[PrecheckLine], most: int, *, is_all: bool
) -> Iterator[tuple[str, str, str]]:
    if blocked:
        yield "heading", "Can't be changed:" if is_all else "Left out:", "bold $text-error"
    for line in blocked[:most]:
        yield "name", f"✗ {line.contact.name}", "$text-muted"
        if line.blocked_reason is not None:
            yield "warning", messages.message(Notice(line.blocked_reason)), "$text-error"
    if len(blocked) > most:
        yield "more", f"and {format_number(len(blocked) - most)} more", "$text-muted"
