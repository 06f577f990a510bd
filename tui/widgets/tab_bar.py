"""The three tabs of Xero's contacts screen, with the number of contacts in each."""

from __future__ import annotations

from typing import Final

from textual.content import Content
from textual.style import Style

from tui.messages.formats import format_number
from tui.model.query import Tab, TabCounts
from tui.widgets.labels import StaticLine

TAB_NAMES: Final = {Tab.ALL: "All", Tab.ACTIVE: "Active", Tab.ARCHIVED: "Archived"}


class TabBar(StaticLine):
    """Shows the tabs; colour, weight and underline mark the open one. Each can be clicked.

    Contacts that are only in All are counted beside the tabs if there is room, so that the numbers add up.
    """

    DEFAULT_CSS = """
    TabBar { width: auto; }
    """

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._room = 0
        self.tab = Tab.ALL
        self.counts = TabCounts()

    def open(self, tab: Tab) -> None:
        """Mark this tab as open."""
        self.tab = tab
        self.rewrite()

    def show_counts(self, counts: TabCounts) -> None:
        """Show these numbers."""
        self.counts = counts
        self.rewrite()

    def get_content_width(self, *_: object) -> int:
        """Return the width of the tabs with the largest numbers so far."""
        self._room = max(self._room, self._tabs().cell_length)
        return self._room

    def rewrite(self) -> None:
        """Show tabs and numbers; only a new maximum width causes a layout."""
        tabs = self._tabs()
        if tabs.cell_length > self._room:
            self.refresh(layout=True)
        self.show(tabs)

    def _tabs(self) -> Content:
        tabs = Content(" ").join(self._label(tab) for tab in Tab)
        if not self.counts.other:
            return tabs
        other = Content.styled(f"  Other {format_number(self.counts.other)}", "$text-muted")
        has_room = tabs.cell_length + other.cell_length <= self.app.size.width
        return tabs + other if has_room else tabs

    def _label(self, tab: Tab) -> Content:
        is_open = tab is self.tab
        name = (TAB_NAMES[tab], "bold underline" if is_open else "")
        count = (format_number(self.counts.of(tab)), "bold" if is_open else "$text-muted")
        label = Content.assemble(" ", name, " ", count, " ")
        if is_open:
            label = label.stylize("$block-cursor-foreground on $block-cursor-background")
        return label.stylize(Style.from_meta({"@click": f"screen.tab_{tab.value}"}))
