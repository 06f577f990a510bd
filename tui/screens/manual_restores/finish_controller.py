"""What is pressed for the restores that wait: for the one under the cursor, the next few, or all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace
from textual import on, work
from textual.message import Message

from tui.actions.registry import error_message
from tui.model.errors import RejectedError, ReshelveError
from tui.screens.engine_screen import EngineScreen
from tui.screens.manual_restores.items import RestoreItem, load_items
from tui.system import browser
from tui.widgets.formatting import pluralize
from tui.widgets.text import safe

if TYPE_CHECKING:
    from tui.model.change import Change

_AT_ONCE: Final = 5


@dataclass
class RestoresLoaded(Message, bubble=False):
    """The journal was asked how the restores stand."""

    items: tuple[RestoreItem, ...]


@dataclass
class RestoreSimulated(Message, bubble=False):
    """The practice page has answered a press; without words it did as it was told."""

    change_id: int
    refusal: str


@dataclass
class PagesOpened(Message, bubble=False):
    """So many pages were opened in the browser."""

    change_ids: tuple[int, ...]
    requested: int


class FinishController(EngineScreen[None]):
    """The part of the hand-off screen that acts; the screen itself shows `items`."""

    items: tuple[RestoreItem, ...] = ()
    simulated: set[int]
    _stop_candidate: int | None = None

    @property
    def current(self) -> RestoreItem | None:
        """The restore under the cursor."""
        raise NotImplementedError

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a restore."""
        raise NotImplementedError

    def show_items(self) -> None:
        """Show how the restores stand."""
        raise NotImplementedError

    @work(exclusive=True, group="look", exit_on_error=False)
    async def reload_items(self) -> None:
        """Ask the journal how the restores stand."""
        self.post_message(RestoresLoaded(await load_items(self.backend, self.items)))

    def update_items(self, items: tuple[RestoreItem, ...]) -> None:
        """Show these, with what has happened here while they were asked for."""
        previous = {item.change.change_id: item for item in self.items}

        def merged(item: RestoreItem) -> RestoreItem:
            known = previous.get(item.change.change_id)
            if known is None or not item.is_waiting:
                return item
            return replace(item, refusal=known.refusal, is_opened=known.is_opened)

        self.items = tuple(merged(item) for item in items)
        self.show_items()

    def _current_waiting(self) -> RestoreItem | None:
        item = self.current
        if item is None or not item.is_waiting:
            self.flash("This one isn't waiting any more.")
            return None
        return item

    # --- links ---

    def action_open_in_xero(self) -> None:
        """Open the contact in Xero's pages."""
        if item := self._current_waiting():
            self._open_pages([item])

    def action_open_next(self) -> None:
        """Open the next five that haven't been opened from here."""
        start = self.items.index(self.current) if self.current is not None else 0
        rotated = [*self.items[start:], *self.items[:start]]
        following = [item for item in rotated if item.is_waiting and not item.is_opened][:_AT_ONCE]
        if following:
            self._open_pages(following)
        else:
            self.flash(f"All of them were opened already; {self.key('open_in_xero')} opens one again.")

    @work(exit_on_error=False, group="browser")
    async def _open_pages(self, items: list[RestoreItem]) -> None:
        opened: list[int] = []
        for item in items:
            if not await asyncio.to_thread(browser.open_page, item.url):
                break
            opened.append(item.change.change_id)
        self.post_message(PagesOpened(tuple(opened), len(items)))

    @on(PagesOpened)
    def _pages_opened(self, message: PagesOpened) -> None:
        if not message.change_ids:
            copies = (
                f"{self.key('copy')} copies this link"
                if message.requested == 1
                else f"{self.key('copy_all')} copies all links"
            )
            self.flash(f"No browser opened. {copies}; any machine will do.", is_problem=True)
            return
        opened = frozenset(message.change_ids)
        self.items = tuple(
            replace(item, is_opened=True) if item.change.change_id in opened else item for item in self.items
        )
        if message.requested > 1:
            last = max(index for index, item in enumerate(self.items) if item.change.change_id in opened)
            self.move_cursor(last)
        self.show_items()
        many = len(opened) > 1
        self.flash(f"Opened {pluralize(len(opened), 'page')}." if many else "Opened in your browser.")

    def action_copy(self) -> None:
        """Copy the link."""
        if item := self._current_waiting():
            self.copy_link(item.change.contact_id)

    def action_copy_all(self) -> None:
        """Copy the links of all that wait, one a line."""
        links = [item.url for item in self.items if item.is_waiting]
        if not links:
            self.flash("No restore is waiting any more.")
            return
        self.app.copy_to_clipboard("\n".join(links))
        self.flash(f"Copied {pluralize(len(links), 'link')}, one a line.")

    # --- practice ---

    def action_press_restore(self) -> None:
        """Press Restore in the practice Xero's page."""
        if not self.backend.is_sandbox:
            key = self.key("open_in_xero")
            self.flash(f"Only the practice Xero can be pressed from here. {key} opens the contact in Xero.")
        elif item := self._current_waiting():
            if item.change.change_id in self.simulated:
                self.flash("Pressed already: it ticks itself off when Xero shows it as active.")
                return
            self.simulated.add(item.change.change_id)
            self.flash("Pressing Restore in the practice Xero …")
            self._simulate_restore(item.change)

    @work(group="press", exit_on_error=False)
    async def _simulate_restore(self, change: Change) -> None:
        try:
            await self.backend.manual_restores.simulate_restore(change.contact_id)
        except RejectedError as error:
            self.post_message(RestoreSimulated(change.change_id, error_message(self.app, error)))
        except ReshelveError:
            self.simulated.discard(change.change_id)
            raise
        else:
            self.post_message(RestoreSimulated(change.change_id, ""))

    @on(RestoreSimulated)
    def _restore_simulated(self, message: RestoreSimulated) -> None:
        self.items = tuple(
            replace(item, refusal=message.refusal) if item.change.change_id == message.change_id else item
            for item in self.items
        )
        self.show_items()
        if message.refusal:
            self.simulated.discard(message.change_id)
            self.flash(f"Xero refused: {message.refusal}", is_problem=True)
        else:
            self.key_bar.end_flash()

    # --- no longer ---

    def action_stop_waiting(self) -> None:
        """Stop waiting for this restore, at the second press."""
        item = self._current_waiting()
        if item is None:
            return
        if self._stop_candidate != item.change.change_id:
            self._stop_candidate = item.change.change_id
            name, key = safe(item.change.name, 40), self.key("stop_waiting")
            self.flash(f"Press {key} again to stop waiting for {name}. Xero stays as it is.")
            return
        self._stop_candidate = None
        self._dismiss(item.change)

    @work(group="dismiss", exit_on_error=False)
    async def _dismiss(self, change: Change) -> None:
        await self.backend.manual_restores.dismiss(change)
        self.reload_items()
