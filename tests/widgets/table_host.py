"""A tiny app around the contact table, and contacts in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from textual.app import App

from tui.model.change import Action, Change, Origin, State
from tui.model.contact import ContactStatus, Row, SearchResult
from tui.model.evidence import StatusSince, SyncStatus
from tui.model.query import Tab, TabCounts
from tui.model.query_parser import parse_query
from tui.model.snapshot import ChangeView
from tui.widgets.contact_table import ContactTable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from textual.app import ComposeResult
    from textual.message import Message

NOW = datetime(2024, 11, 23, 12, 41, tzinfo=UTC)


def row(number: int, name: str = "", **values: Any) -> Row:
    plain = Row(
        contact_id=f"id-{number}",
        name=name or f"Contact {number}",
        email=f"c{number}@example.com",
        status=ContactStatus.ACTIVE,
        owes=None,
        is_merged=False,
        last_change=None,
    )
    return replace(plain, **values)


def view(
    state: State = State.CONFIRMED,
    grade: SyncStatus | None = None,
    since: datetime | None = None,
    action: Action = Action.ARCHIVE,
) -> ChangeView:
    change = Change(1, "batch", "id-0", "Contact", action, Origin.RESHELVE, state, NOW, NOW)
    return ChangeView(change, None if grade is None else StatusSince(grade, since))


class Rows:
    """Contacts in memory; counts how often a window is read."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)
        self.reads = 0

    def __len__(self) -> int:
        return len(self.rows)

    def window(self, start: int, stop: int) -> Sequence[Row]:
        self.reads += 1
        return self.rows[start:stop]

    def index_of(self, contact_id: str) -> int | None:
        return next((i for i, row in enumerate(self.rows) if row.contact_id == contact_id), None)

    def ids(self, start: int, stop: int) -> Sequence[str]:
        return [row.contact_id for row in self.rows[start:stop]]

    def absent(self, contact_ids: Collection[str]) -> frozenset[str]:
        return frozenset(contact_ids).difference(row.contact_id for row in self.rows)


class Many:
    """Any number of contacts, none of them stored."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def window(self, start: int, stop: int) -> Sequence[Row]:
        return [row(i, owes=i * 7 % 90000) for i in range(max(0, start), min(stop, self.count))]

    def index_of(self, contact_id: str) -> int | None:
        index = int(contact_id.removeprefix("id-"))
        return index if index < self.count else None

    def ids(self, start: int, stop: int) -> Sequence[str]:
        return [f"id-{i}" for i in range(max(0, start), min(stop, self.count))]

    def absent(self, contact_ids: Collection[str]) -> frozenset[str]:
        return frozenset(one for one in contact_ids if self.index_of(one) is None)


def found(rows: Rows | Many | Sequence[Row], tab: Tab = Tab.ACTIVE, text: str = "") -> SearchResult:
    source = rows if isinstance(rows, Rows | Many) else Rows(rows)
    return SearchResult(parse_query(tab, text), source, TabCounts(len(source), len(source), 0))


class Host(App[None]):
    """The table alone; keeps the messages it posts."""

    def __init__(self, first: SearchResult | None = None) -> None:
        super().__init__()
        self.first = first
        self.seen: list[Message] = []
        self.escapes = 0
        self.bind("escape", "escaped")

    def compose(self) -> ComposeResult:
        table = ContactTable(clock=lambda: NOW)
        if self.first is not None:
            table.show(self.first)
        yield table

    def on_mount(self) -> None:
        self.table.focus()

    @property
    def table(self) -> ContactTable:
        return self.query_one(ContactTable)

    def action_escaped(self) -> None:
        self.escapes += 1

    def on_contact_table_cursor_moved(self, message: ContactTable.CursorMoved) -> None:
        self.seen.append(message)

    def on_contact_table_selection_changed(self, message: ContactTable.SelectionChanged) -> None:
        self.seen.append(message)

    def on_contact_table_contact_opened(self, message: ContactTable.ContactOpened) -> None:
        self.seen.append(message)

    def on_contact_table_title_clicked(self, message: ContactTable.TitleClicked) -> None:
        self.seen.append(message)


def lines(table: ContactTable) -> list[str]:
    """The text of each line of the table."""
    return [table.render_line(y).text.rstrip() for y in range(table.size.height)]
