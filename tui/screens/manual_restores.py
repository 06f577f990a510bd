"""The restores that the user has to finish in Xero."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from msgspec import Struct
from msgspec.structs import replace
from textual import getters, on
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen

from tui import messages
from tui.actions import bindings, error_message
from tui.messages import formats
from tui.messages.formats import pluralize
from tui.model.change import State
from tui.model.errors import RejectedError, ReshelveError
from tui.model.query import fold
from tui.screens.base_screen import ConnectRequested, EngineScreen, SnapshotChanged
from tui.screens.changes.change_controller import ChangeController, ResultController, UndoController
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import Details, SafeLabel
from tui.widgets.text import content, safe
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.change import Change
    from tui.model.change_list import ManualRestore
    from tui.model.services import Backend


_OUTCOMES = {
    State.CONFIRMED: ("✓", "Restored", "$text-success"),
    State.REFUSED: ("✗", "Refused by Xero", "$text-error"),
    State.DISMISSED: ("·", "Stopped waiting", "$text-muted"),
}
_WIDE = 80
_WAITING = ("↗", "Restore in Xero", "$text-accent")
_OPENED = ("↗", "Opened: click Restore there", "$text-accent")


class RestoreItem(Struct, frozen=True):
    """One restore with its link, why it may be refused, and the refusal of a simulated restore."""

    change: Change
    url: str
    may_fail: str = ""
    refusal: str = ""
    is_opened: bool = False

    @property
    def is_waiting(self) -> bool:
        """Whether the user still has to click Restore in Xero."""
        return self.change.state is State.AWAITING_USER

    def line(self, width: int, now: datetime, *, tick: str = "") -> Content:
        """Format the restore for the list: its name and what it waits for; `!` if Xero may refuse it."""
        symbol, words, style = _OUTCOMES.get(self.change.state, _OPENED if self.is_opened else _WAITING)
        if self.is_waiting and not self.is_opened:
            since = f"since {formats.short_time(self.change.updated_at, now)}"
            words = f"click Restore in Xero, waiting {since}" if width >= _WIDE else f"waiting {since}"
        mark = ("! ", "$text-warning") if self.is_waiting and self.note else ""
        name = content(self.change.name, "bold")
        return Content.assemble(
            (tick, "$text-accent"), (symbol, style), " ", mark, name, "  ", (words, style)
        )

    def about(self, width: int) -> Content:
        """Format what is shown below the list: why Xero may refuse the restore, and its link."""
        is_refusal = self.change.state is State.REFUSED or bool(self.refusal)
        note = [content(self.note, "$text-error" if is_refusal else "$text-warning")] if self.note else []
        return Content("\n").join([*note, *(link_lines(self.url, width) if self.is_waiting else [])])

    @property
    def note(self) -> str:
        """Xero's refusal, or else why Xero may refuse."""
        if self.change.state is State.REFUSED:
            return messages.why(self.change)
        return (self.refusal or self.may_fail) if self.is_waiting else ""


def link_lines(url: str, width: int) -> list[Content]:
    """Break a link into lines, so that it can be read and copied where there is no browser."""
    text, width = safe(url), max(1, width)
    return [
        Content.styled(text[start : start + width], "$text-muted") for start in range(0, len(text), width)
    ]


async def load_items(backend: Backend, known: Sequence[RestoreItem]) -> tuple[RestoreItem, ...]:
    """Load the pending restores, and the outcome of the known ones that are no longer pending."""
    waiting = {restore.change.change_id: restore for restore in await backend.manual_restores.pending()}
    items = []
    for item in known:
        found = waiting.pop(item.change.change_id, None)
        if found is not None:
            items.append(_item(found, item.url))
        else:
            change = await _load_change(backend, item.change) if item.is_waiting else item.change
            items.append(RestoreItem(change, item.url))
    items += (_item(restore, backend.contacts.url(restore.change.contact_id)) for restore in waiting.values())
    return tuple(_with_namesakes(items))


def _with_namesakes(items: Sequence[RestoreItem]) -> Iterator[RestoreItem]:
    """Say of each restore but the first of a name that Xero will refuse it once that one is done."""
    names: set[str] = set()
    for item in items:
        name = fold(item.change.name)
        is_second = item.is_waiting and name in names and not item.may_fail
        if item.is_waiting:
            names.add(name)
        yield replace(item, may_fail=_SAME_NAME) if is_second else item


def _item(restore: ManualRestore, url: str) -> RestoreItem:
    expected = restore.expected_refusal
    return RestoreItem(restore.change, url, "" if expected is None else messages.message(expected))


async def _load_change(backend: Backend, change: Change) -> Change:
    page = await backend.contacts.details(change.contact_id)
    for view in page.changes:
        if view.change.change_id == change.change_id:
            return view.change
    return change


_AT_ONCE: Final = 5
_NONE_LEFT: Final = "No restores to finish in Xero."
_FINISHED: Final = "This restore is already finished. Nothing to do."
_STOPPED: Final = "Stopped waiting for {}. Nothing changed in Xero."
_SAME_NAME: Final = (
    "Another contact here has the same name. Xero refuses the second one: rename one of them in Xero first."
)


@dataclass
class RestoresLoaded(Message, bubble=False):
    """The state of the restores was loaded from the change log."""

    items: tuple[RestoreItem, ...]


@dataclass
class RestoreSimulated(Message, bubble=False):
    """The sandbox replied to a simulated restore; `refusal` is empty if it succeeded."""

    change_id: int
    refusal: str


@dataclass
class PagesOpened(Message, bubble=False):
    """These pages were opened in the browser."""

    change_ids: tuple[int, ...]
    requested: int


class FinishController:
    """Finish restores for the screen that lists them.

    `on_items_changed` is called when they look different.
    """

    def __init__(
        self, screen: EngineScreen[Any], rows: Callable[[], VirtualList], on_items_changed: Callable[[], None]
    ) -> None:
        self._screen = screen
        self._rows = rows
        self._on_items_changed = on_items_changed
        self.items: tuple[RestoreItem, ...] = ()
        self._simulated: set[int] = set()
        self._selected: set[int] = set()
        self._stop_candidates: frozenset[int] = frozenset()

    @property
    def current(self) -> RestoreItem | None:
        """The restore under the cursor."""
        index = self._rows().cursor
        return self.items[index] if index < len(self.items) else None

    def tick(self, item: RestoreItem) -> str:
        """Return the tick box of an item; empty while none is selected."""
        if not self._selected:
            return ""
        return "[✓] " if item.change.change_id in self._selected else "[ ] "

    def select(self) -> None:
        """Select or deselect the restore under the cursor, and go to the next."""
        if item := self._current_waiting():
            self._selected ^= {item.change.change_id}
            self._rows().put_cursor(self._rows().cursor + 1)
            self._on_items_changed()

    def select_all(self) -> None:
        """Select every restore that still waits."""
        self._selected = {item.change.change_id for item in self.items if item.is_waiting}
        if not self._selected:
            self._screen.flash(_NONE_LEFT)
        self._on_items_changed()

    def reload(self) -> None:
        """Load the state of the restores from the change log."""
        self._screen.start(self._reload, "look", exclusive=True)

    async def _reload(self) -> None:
        items = await load_items(self._screen.backend, self.items)
        self._screen.post_message(RestoresLoaded(items))

    def update_items(self, items: tuple[RestoreItem, ...]) -> None:
        """Show these items, keeping local state set while they were loading."""
        previous = {item.change.change_id: item for item in self.items}

        def merged(item: RestoreItem) -> RestoreItem:
            known = previous.get(item.change.change_id)
            if known is None or not item.is_waiting:
                return item
            return replace(item, refusal=known.refusal, is_opened=known.is_opened)

        self.items = tuple(merged(item) for item in items)
        self._selected &= {item.change.change_id for item in self.items if item.is_waiting}
        self._on_items_changed()

    def _current_waiting(self) -> RestoreItem | None:
        item = self.current
        if item is None or not item.is_waiting:
            self._screen.flash(_NONE_LEFT if item is None else _FINISHED)
            return None
        return item

    # --- links ---

    def open_in_xero(self) -> None:
        """Open the contact in Xero."""
        if item := self._current_waiting():
            self._start_opening([item])

    def open_next(self) -> None:
        """Open the next five that haven't been opened from here."""
        start = self.items.index(self.current) if self.current is not None else 0
        rotated = [*self.items[start:], *self.items[:start]]
        following = [item for item in rotated if item.is_waiting and not item.is_opened][:_AT_ONCE]
        if following:
            self._start_opening(following)
        elif not any(item.is_waiting for item in self.items):
            self._screen.flash(_NONE_LEFT)
        else:
            self._screen.flash(
                f"All pages are already open. Press {self._screen.key('open_in_xero')} to open one again."
            )

    def _start_opening(self, items: list[RestoreItem]) -> None:
        self._screen.start(partial(self._open_pages, items), "browser")

    async def _open_pages(self, items: list[RestoreItem]) -> None:
        opened: list[int] = []
        for item in items:
            if not await self._screen.open_in_browser(item.url):
                break
            opened.append(item.change.change_id)
        self._screen.post_message(PagesOpened(tuple(opened), len(items)))

    def pages_opened(self, message: PagesOpened) -> None:
        """Show which pages were opened."""
        if not message.change_ids:
            copies = (
                f"Press {self._screen.key('copy')} to copy this link, then open it"
                if message.requested == 1
                else f"Press {self._screen.key('copy_all')} to copy all links, then open them"
            )
            self._screen.flash(f"No browser found. {copies} on any computer.", is_problem=True)
            return
        opened = frozenset(message.change_ids)
        self.items = tuple(
            replace(item, is_opened=True) if item.change.change_id in opened else item for item in self.items
        )
        last = max(index for index, item in enumerate(self.items) if item.change.change_id in opened)
        following = range(last + 1, len(self.items))
        self._rows().put_cursor(next((index for index in following if self.items[index].is_waiting), last))
        self._on_items_changed()
        self._screen.flash(self._screen.opened(len(opened)))

    def copy(self) -> None:
        """Copy the link."""
        if item := self._current_waiting():
            self._screen.copy_link(item.change.contact_id)

    def copy_all(self) -> None:
        """Copy the links of all pending restores, one per line."""
        links = [item.url for item in self.items if item.is_waiting]
        if not links:
            self._screen.flash(_NONE_LEFT)
            return
        self._screen.app.copy_to_clipboard("\n".join(links))
        self._screen.flash(f"Copied {pluralize(len(links), 'link')}, one per line.")

    # --- demo ---

    def simulate(self) -> None:
        """Simulate Restore in the sandbox."""
        if not self._screen.backend.is_sandbox:
            key = self._screen.key("open_in_xero")
            self._screen.flash(f"This works in the demo only. Press {key} to open the contact in Xero.")
        elif item := self._current_waiting():
            if item.change.change_id in self._simulated:
                self._screen.flash(
                    "Restore is already clicked. This list updates when Xero shows the contact as active."
                )
                return
            self._simulated.add(item.change.change_id)
            self._screen.flash("Clicking Restore in the practice Xero…")
            self._screen.start(partial(self._simulate_restore, item.change), "press")

    async def _simulate_restore(self, change: Change) -> None:
        try:
            await self._screen.backend.manual_restores.simulate_restore(change.contact_id)
        except RejectedError as error:
            self._screen.post_message(
                RestoreSimulated(change.change_id, error_message(self._screen.app, error))
            )
        except ReshelveError:
            self._simulated.discard(change.change_id)
            raise
        else:
            self._screen.post_message(RestoreSimulated(change.change_id, ""))

    def restore_simulated(self, message: RestoreSimulated) -> None:
        """Show the sandbox's reply."""
        self.items = tuple(
            replace(item, refusal=message.refusal) if item.change.change_id == message.change_id else item
            for item in self.items
        )
        self._on_items_changed()
        if message.refusal:
            self._simulated.discard(message.change_id)
            self._screen.flash(f"Refused by Xero: {message.refusal}", is_problem=True)
        else:
            self._screen.key_bar.end_flash()

    # --- stop waiting ---

    def stop_waiting(self) -> None:
        """Stop waiting for the selected restores, or the one under the cursor, on the second key press."""
        chosen = [item for item in self.items if item.change.change_id in self._selected]
        if not chosen and (item := self._current_waiting()):
            chosen = [item]
        candidates = frozenset(item.change.change_id for item in chosen)
        if not candidates:
            return
        if self._stop_candidates != candidates:
            self._stop_candidates = candidates
            alone = safe(chosen[0].change.name, 40) if len(chosen) == 1 else ""
            what, key = alone or pluralize(len(chosen), "restore"), self._screen.key("stop_waiting")
            self._screen.flash(f"Press {key} again to stop waiting for {what}. Nothing changes in Xero.")
            return
        self._stop_candidates = frozenset()
        self._screen.start(partial(self._dismiss, [item.change for item in chosen]), "dismiss")

    async def _dismiss(self, changes: Sequence[Change]) -> None:
        for change in changes:
            await self._screen.backend.manual_restores.dismiss(change)
        self._screen.flash(_STOPPED.format(pluralize(len(changes), "restore")))
        self.reload()


_WHY: Final = (
    "Xero's API can't restore contacts. Open each contact in Xero and click Restore. This list updates "
    "automatically."
)
_PRACTICE: Final = " In the demo, press {key} to restore without a browser."
_DONE: Final = (
    "All done: these contacts are active again in Xero. They now wait for Re-Leased's next sync. "
    "Press {back} to go back."
)
_ENDED: Final = (
    "Nothing left to finish. Contacts marked ✓ are active again in Xero; the others aren't. Press {back} "
    "to go back."
)
_NOTHING: Final = "No restores to finish in Xero. Press {back} to go back."


class RestoreList(VirtualList):
    """Restores that are selected as contacts are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "screen.select", "Select", id="table.select", show=False),
        Binding("asterisk", "screen.select_all", "Select all", id="table.select_all", show=False),
    ]


class ManualRestoresScreen(ModalScreen[None], EngineScreen[None]):
    """List pending restores with their links; each is marked when its outcome is known."""

    PLACE = "in Restores to finish"
    CSS_PATH: ClassVar = ["dialogs/dialog.tcss", "manual_restores.tcss"]
    AUTO_FOCUS = "#items"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (22, "-high")]  # noqa: RUF012 - Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("open_in_xero", "open_next", "copy", "copy_all", "simulate_restore", "stop_waiting"),
        *bindings("undo", "retry_contact", "connect", "back"),
    ]

    result: ResultController
    items_list = getters.query_one("#items", VirtualList)

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self.result = ResultController(self)
        self.changes = ChangeController(self, self.result)
        self.undo = UndoController(self, self.result)
        self.finish = FinishController(self, lambda: self.items_list, self._show_items)

    def compose(self) -> ComposeResult:
        """Lay out the explanation above the list."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Restores to finish in Xero"
            yield SafeLabel(_WHY, id="why", classes="paragraph")
            yield RestoreList(self._format_row, id="items")
            yield Details(id="about")
        yield KeyBar()

    def on_mount(self) -> None:
        """Poll frequently while this screen is open."""
        self.backend.manual_restores.set_fast_polling(on=True)
        self._update_key_bar()
        self.finish.reload()

    def on_unmount(self) -> None:
        """Return to normal polling."""
        self.backend.manual_restores.set_fast_polling(on=False)

    @on(SnapshotChanged)
    def _snapshot_changed(self) -> None:
        self.finish.reload()
        self.result.reload()

    @on(RestoresLoaded)
    def _restores_loaded(self, message: RestoresLoaded) -> None:
        self.finish.update_items(message.items)

    def _format_row(self, index: int, width: int) -> Sequence[Content]:
        item = self.finish.items[index]
        return (item.line(width, self.now(), tick=self.finish.tick(item)),)

    def _show_items(self) -> None:
        """Show the state of the restores."""
        self.items_list.show(len(self.finish.items), self.items_list.cursor)
        waiting = sum(1 for item in self.finish.items if item.is_waiting)
        self._explain(waiting)
        self.query_one(".dialog").border_subtitle = f"{pluralize(waiting, 'contact')} to finish"
        self._show_about()
        self._update_key_bar()

    @on(VirtualList.Moved)
    @on(VirtualList.Scrolled)
    def _show_about(self) -> None:
        """Show the link of the restore under the cursor, and why Xero may refuse it."""
        item, width = self.finish.current, self.items_list.line_width
        about = self.query_one("#about", Details)
        text = item.about(width) if item is not None and width else Content("")
        about.display = bool(text.plain)
        about.show(text)

    def _explain(self, waiting: int) -> None:
        why = self.query_one("#why", SafeLabel)
        why.set_class(not waiting, "-ended")
        back = self.key("back")
        if waiting:
            key = self.key("simulate_restore") if self.backend.is_sandbox else ""
            practice = _PRACTICE.format(key=key) if key else ""
            why.update_text(_WHY + practice)
        elif not self.finish.items:
            why.update_text(_NOTHING.format(back=back))
        elif all(item.change.state is State.CONFIRMED for item in self.finish.items):
            why.update_text(_DONE.format(back=back), "$text-success")
        else:
            why.update_text(_ENDED.format(back=back))

    def _update_key_bar(self) -> None:
        waiting = sum(1 for item in self.finish.items if item.is_waiting)
        if not waiting:
            self.key_bar.set_actions("back")
            return
        practice = [("simulate_restore", "Simulate Restore")] if self.backend.is_sandbox else []
        many = ["open_next", "copy_all"] if waiting > 1 else []
        self.key_bar.set_actions(
            *practice, "open_in_xero", *many[:1], "copy", *many[1:], "select", "stop_waiting", "back"
        )

    @on(PagesOpened)
    def _pages_opened(self, message: PagesOpened) -> None:
        self.finish.pages_opened(message)

    @on(RestoreSimulated)
    def _restore_simulated(self, message: RestoreSimulated) -> None:
        self.finish.restore_simulated(message)

    @on(VirtualList.RowOpened)
    def action_open_in_xero(self) -> None:
        """Open the contact in Xero."""
        self.finish.open_in_xero()

    def action_open_next(self) -> None:
        """Open the next five that haven't been opened from here."""
        self.finish.open_next()

    def action_copy(self) -> None:
        """Copy the link."""
        self.finish.copy()

    def action_copy_all(self) -> None:
        """Copy the links of all pending restores, one per line."""
        self.finish.copy_all()

    def action_simulate_restore(self) -> None:
        """Simulate Restore in the sandbox."""
        self.finish.simulate()

    def action_stop_waiting(self) -> None:
        """Stop waiting for this restore, on the second key press."""
        self.finish.stop_waiting()

    def action_select(self) -> None:
        """Select or deselect the restore under the cursor."""
        self.finish.select()

    def action_select_all(self) -> None:
        """Select every restore that still waits."""
        self.finish.select_all()

    def action_undo(self) -> None:
        """Undo the last request."""
        self.undo.undo()

    def action_retry_contact(self) -> None:
        """Retry the restore under the cursor, if Xero refused it."""
        self.changes.retry(self.finish.current.change if self.finish.current is not None else None)

    def action_connect(self) -> None:
        """Connect to Xero again."""
        self.post_message(ConnectRequested())

    def action_back(self) -> None:
        """Go back."""
        self.dismiss()
