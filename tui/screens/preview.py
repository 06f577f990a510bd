"""The preview of the contact under the cursor, beside the list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from textual.content import Content
from textual.message import Message

from tui.actions import current_key
from tui.model.errors import ReshelveError
from tui.screens.contact_format import STATUS, details, format_balances, format_change, labelled, section
from tui.widgets.labels import StaticLine, wrap_hanging
from tui.widgets.status_badge import legend_of, refusal_advice
from tui.widgets.text import content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from textual.timer import Timer

    from tui.model.contact import ContactDetails
    from tui.screens.base_screen import EngineScreen
    from tui.widgets.contact_table import ContactTable

#: Seconds for which the cursor rests before its contact is read: longer than between two repeats of a key.
REST_SECONDS: Final = 0.15
_LABEL: Final = 15
_MOST_NAME_LINES: Final = 3


def preview_lines(
    page: ContactDetails, now: datetime, width: int, key: Callable[[str], str]
) -> Iterator[Content]:
    """Format a contact in lines of this width: what matters before an archive comes first."""
    contact = page.contact
    yield from content(contact.name, "bold").wrap(width)[:_MOST_NAME_LINES]
    words, style = STATUS[contact.status]
    yield Content.styled(words, style)
    yield Content("")
    if page.changes:
        last = page.changes[0]
        meaning, to_do = legend_of(last), refusal_advice(last.change, key=key)
        yield from format_change(last, now, has_status=not meaning).wrap(width)
        if meaning:
            yield from content(meaning, "$text-muted").wrap(width)
        if to_do:
            yield from content(to_do, "$text-warning").wrap(width)
    else:
        yield Content.styled("No changes yet.", "$text-muted")
    yield Content("")
    balances = format_balances(contact, now, _LABEL)
    known = section("Details", [labelled(*detail, _LABEL) for detail in details(page)])
    for indent, line in (*balances, (0, Content("")), *known):
        yield from wrap_hanging(line, indent, width)


def clipped(lines: Sequence[Content], height: int, key: Callable[[str], str]) -> Sequence[Content]:
    """Return as many lines as fit; if some don't, the last one says how to see all."""
    if len(lines) <= height:
        return lines
    rest = Content.styled(f"… {key('open')} shows all", "$text-muted")
    return [*lines[: max(0, height - 1)], rest]


class ContactPreview(StaticLine):
    """Formats a contact for the size set by the style sheet."""

    DEFAULT_CSS = """
    ContactPreview { width: 1fr; height: 1fr; }
    """

    _page: ContactDetails | None = None
    _now: datetime | None = None

    def show_page(self, page: ContactDetails | None, now: datetime) -> None:
        """Show another contact, or none."""
        self._page, self._now = page, now
        self.rewrite()

    def rewrite(self) -> None:
        """Format the contact for the current size."""
        width, height = self.size
        if not width or not height:
            return
        if self._page is None or self._now is None:
            self.show(Content(""))
            return
        key = partial(current_key, self.app)
        lines = [*preview_lines(self._page, self._now, width, key)]
        self.show(Content("\n").join(clipped(lines, height, key)))


@dataclass
class PreviewLoaded(Message, bubble=False):
    """The contact under the cursor was read from the local database; None if there is none."""

    contact_id: str | None
    page: ContactDetails | None


class PreviewController:
    """Shows the contact under the cursor once the cursor rests. It reads only saved data.

    While a key repeats, a move costs no more than noting the time.
    """

    def __init__(self, screen: EngineScreen[Any], table: ContactTable, preview: ContactPreview) -> None:
        self._screen = screen
        self._table = table
        self._preview = preview
        self._moved_at = 0.0
        self._timer: Timer | None = None
        self._page: ContactDetails | None = None
        self._rows_version = -1
        self._minute: datetime | None = None

    @property
    def _is_shown(self) -> bool:
        return self._preview.is_on_screen and self._screen.is_active

    def cursor_moved(self) -> None:
        """Show the contact under the cursor soon."""
        self._moved_at = monotonic()
        if self._timer is None:
            self._timer = self._screen.set_timer(REST_SECONDS, self._check)

    def _check(self) -> None:
        self._timer = None
        left = self._moved_at + REST_SECONDS - monotonic()
        if left > 0:
            self._timer = self._screen.set_timer(left, self._check)
        else:
            self.load()

    def load(self) -> None:
        """Read the contact under the cursor, if the preview is visible."""
        if self._is_shown:
            self._rows_version = self._screen.backend.snapshot.rows_version
            self._screen.start(partial(self._load, self._table.cursor_id), "preview", exclusive=True)

    async def _load(self, contact_id: str | None) -> None:
        page = None
        if contact_id is not None:
            try:
                page = await self._screen.backend.contacts.details(contact_id)
            except ReshelveError:
                # Gone since; the list moves its cursor in a moment.
                page = None
        self._screen.post_message(PreviewLoaded(contact_id, page))

    def loaded(self, message: PreviewLoaded) -> None:
        """Show what was read, unless the cursor has moved on."""
        if message.contact_id == self._table.cursor_id:
            self._page = message.page
            self._show()

    def _show(self) -> None:
        now = self._screen.now()
        self._minute = now.replace(second=0, microsecond=0)
        self._preview.show_page(self._page, now)

    def tick(self) -> None:
        """Read again what has changed; show how old the balances are, to the minute."""
        if not self._is_shown:
            return
        if self._screen.backend.snapshot.rows_version != self._rows_version:
            self.cursor_moved()
        elif self._minute is not None and self._screen.now().replace(second=0, microsecond=0) != self._minute:
            self._show()
