"""The dialog that asks before anything is archived or restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from tui.actions import bindings, in_words
from tui.compat import ReadyButton
from tui.model.change import Action
from tui.model.errors import ReshelveError
from tui.screens.backed import Backed
from tui.screens.dialogs import confirm_words as words
from tui.screens.messages import Checked, CheckFailed
from tui.widgets.key_bar import KeyBar
from tui.widgets.plain import Plain
from tui.widgets.typing_box import TypingBox

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.backend import Backend
    from tui.model.check import Check

TYPED_FROM: Final = 26


class ConfirmScreen(ModalScreen[tuple[str, ...] | None], Backed[tuple[str, ...] | None]):
    """Says what will change, and what a careful colleague would say about it; the default is to cancel.

    Opens at once and asks Xero while it is looked at. Its result is the ids that may be changed, or None.
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
        # Those that the list behind doesn't show.
        self._hidden = frozenset(self._contact_ids).intersection(hidden)
        self._check: Check | None = None
        self._marked: frozenset[str] | None = None

    def compose(self) -> ComposeResult:
        """Put the words above the list, the list above the buttons."""
        name = words.NAMES[self._action]
        count = len(self._contact_ids)
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = words.heading(self._action, count, count)
            with VerticalScroll(id="said"):
                yield Plain(words.ASKING, id="state")
                if self._hidden:
                    yield Plain(
                        words.not_shown(len(self._hidden), count), "$text-warning", classes="line summary"
                    )
                yield Vertical(id="lines")
                with Vertical(id="explanation"):
                    yield Plain(words.while_asking(self._action, count), classes="line words")
            yield TypingBox(id="number", compact=True)
            with Horizontal(id="buttons"):
                yield ReadyButton("Cancel", id="cancel", variant="primary", compact=True)
                yield ReadyButton(name, id="confirm", disabled=True, compact=True)
        yield KeyBar(("cancel", "Cancel"))

    def on_mount(self) -> None:
        """Ask Xero."""
        self.query_one("#number").display = False
        self._ask()

    @work(exclusive=True, exit_on_error=False)
    async def _ask(self) -> None:
        try:
            check = await self.backend.check(self._action, self._contact_ids)
        except ReshelveError as error:
            self.post_message(CheckFailed(error))
        else:
            self.post_message(Checked(check))

    @on(CheckFailed)
    def _check_failed(self, message: CheckFailed) -> None:
        error = message.error
        self.query_one("#state", Plain).update_text(in_words(self.app, error), "$text-error")

    @on(Checked)
    async def _checked(self, message: Checked) -> None:
        # Groups may have been marked while Xero was asked.
        marked = self._marked
        check = self._check = message.check if marked is None else message.check.remarked(marked)
        count = len(check.possible)
        state, style = words.freshness(check)
        self.query_one("#state", Plain).update_text(state, style)
        await self._say(check)
        button = self.query_one("#confirm", Button)
        self.query_one(".dialog").border_title = words.heading(self._action, count, len(self._contact_ids))
        label = words.button(self._action, count)
        button.label = label
        button.disabled = not count or count >= TYPED_FROM
        if count >= TYPED_FROM:
            self._ask_for_number(count)
        keys = () if not count or count >= TYPED_FROM else (("confirm", label),)
        marking = ("tenant_groups",) if self._action is Action.ARCHIVE else ()
        self.key_bar.offer(*keys, *marking, ("cancel", "Cancel"))

    async def _say(self, check: Check) -> None:
        """Write what is known of each contact, and what happens then."""
        lines, explanation = self.query_one("#lines"), self.query_one("#explanation")
        key = self.key("tenant_groups")
        with self.app.batch_update():
            await lines.remove_children()
            await lines.mount_all(
                Plain(text, style, classes=f"line {kind}")
                for kind, text, style in words.lines(check, self._hidden)
            )
            await explanation.remove_children()
            await explanation.mount_all(
                Plain(text, classes=f"line {kind}") for kind, text in words.explanation(check, key)
            )

    def _ask_for_number(self, count: int) -> None:
        number = self.query_one("#number", Input)
        number.placeholder = f"Type {count:,} to go on"
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
            self.flash(f"Type the number of contacts to go on, or {cancel}.", trouble=True)

    def _is_number(self, typed: str) -> bool:
        check = self._check
        return check is not None and typed.replace(",", "").strip() == str(len(check.possible))

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "confirm":
            self._finish()
        else:
            self.action_cancel()

    def action_confirm(self) -> None:
        """Go on, if there is anything to go on with."""
        check = self._check
        if check is None:
            self.flash("Xero is still being asked.")
        elif not check.possible:
            self.flash("Nothing here can be changed.")
        elif len(check.possible) >= TYPED_FROM:
            self.flash(f"Type {len(check.possible)} to go on: this is a lot of contacts at once.")
        else:
            self._finish()

    def _finish(self) -> None:
        if self._check is not None:
            self.dismiss(tuple(line.contact.contact_id for line in self._check.possible))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Restoring has nothing to do with tenancies."""
        if action == "tenant_groups":
            return self._action is Action.ARCHIVE
        return super().check_action(action, parameters)

    def action_tenant_groups(self) -> None:
        """Mark contact groups as tenants; the warnings here follow."""
        from tui.screens.tenancy.tenant_groups import TenantGroupsScreen  # noqa: PLC0415 - only once it is wanted

        self.open_screen(TenantGroupsScreen(self.backend), self._marked_anew)

    async def _marked_anew(self, marked: frozenset[str] | None) -> None:
        if marked is None:
            return
        self._marked = marked
        if self._check is not None:
            self._check = self._check.remarked(marked)
            await self._say(self._check)
            self.query_one("#said").scroll_home(animate=False)

    def action_scroll_said(self, key: str) -> None:
        """Scroll what is said, wherever the focus is."""
        said = self.query_one("#said")
        steps = {"up": -1, "down": 1, "pageup": -said.size.height, "pagedown": said.size.height}
        said.scroll_relative(y=steps[key], animate=False)

    def action_cancel(self) -> None:
        """Change nothing."""
        self.dismiss(None)
