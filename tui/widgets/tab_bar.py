"""The three tabs of Xero's contacts screen, with the number of contacts in each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from textual.content import Content
from textual.style import Style

from tui.messages.formats import format_number
from tui.model.change_list import ChangeGroup
from tui.model.query import Tab, TabCounts
from tui.widgets.labels import StaticLine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.model.snapshot import ChangeSummary


TAB_NAMES: Final = {Tab.ALL: "All", Tab.ACTIVE: "Active", Tab.ARCHIVED: "Archived"}

# From this width, the search box is beside the tabs, and needs room for a search and for how many it finds.
_SEARCH_BESIDE: Final = 80
_USUAL_SEARCH: Final = 36
_SHORT_SEARCH: Final = 28


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
        self._screen_width = 0
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
        """Return the width of the tabs with the largest numbers so far on a screen of this width."""
        if self._screen_width != self.app.size.width:
            self._screen_width, self._room = self.app.size.width, 0
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
        width = self.app.size.width
        for name, for_search in (("GDPR or deleted", _USUAL_SEARCH), ("other", _SHORT_SEARCH)):
            other = Content.styled(f"  {format_number(self.counts.other)} {name}", "$text-muted")
            room = width if width < _SEARCH_BESIDE else width - for_search
            if tabs.cell_length + other.cell_length <= room:
                return tabs + other
        return tabs

    def _label(self, tab: Tab) -> Content:
        is_open = tab is self.tab
        name = (TAB_NAMES[tab], "bold underline" if is_open else "")
        count = (format_number(self.counts.of(tab)), "bold" if is_open else "$text-muted")
        label = Content.assemble(" ", name, " ", count, " ")
        if is_open:
            label = label.stylize("$block-cursor-foreground on $block-cursor-background")
        return label.stylize(Style.from_meta({"@click": f"screen.tab_{tab.value}"}))


G = TypeVar("G", bound=StrEnum)


class GroupBar(StaticLine, Generic[G]):
    """Shows the groups; colour, weight and underline mark the open one. Each can be clicked.

    `NAMES` maps groups to their full and short names. The screen's action that opens a group is `ACTION`
    followed by the group's value.
    """

    NAMES: ClassVar[Mapping[Any, tuple[str, str]]] = {}
    ACTION: ClassVar[str] = "group"

    DEFAULT_CSS = """
    GroupBar { height: 1; padding: 0 1; }
    """

    def __init__(self, group: G) -> None:
        super().__init__()
        self.group = group
        self._counts: Mapping[G, int] = {}

    def open(self, group: G) -> None:
        """Mark this group as open."""
        self.group = group
        self.rewrite()

    def show_counts(self, counts: Mapping[G, int]) -> None:
        """Show the number of rows in these groups; groups left out show none."""
        self._counts = counts
        self.rewrite()

    def rewrite(self) -> None:
        """Format the groups: with short names, or only those beside the open one, if there isn't room."""
        room = self.content_size.width
        full = Content(" ").join(self._labels(0))
        self.show(full if full.cell_length <= room else self._beside_the_open(self._labels(1), room))

    def _labels(self, which: int) -> list[Content]:
        return [self._label(group, names[which]) for group, names in self.NAMES.items()]

    def _beside_the_open(self, labels: list[Content], room: int) -> Content:
        """Leave out whole labels at the end that is further from the open one, until the rest fits."""
        place, first, stop = list(self.NAMES).index(self.group), 0, len(labels)

        def joined() -> Content:
            before, after = Content("…" if first else ""), Content("…" if stop < len(labels) else "")
            return Content.assemble(before, Content(" ").join(labels[first:stop]), after)

        while stop - first > 1 and joined().cell_length > room:
            first, stop = (first + 1, stop) if place - first > stop - 1 - place else (first, stop - 1)
        return joined()

    def _label(self, group: G, name: str) -> Content:
        is_open = group is self.group
        count = self._counts.get(group)
        parts = [(name, "bold underline" if is_open else "")]
        if count is not None:
            parts.append((f" {format_number(count)}", "bold" if is_open else "$text-muted"))
        label = Content.assemble(" ", *parts, " ")
        if is_open:
            label = label.stylize("$block-cursor-foreground on $block-cursor-background")
        return label.stylize(Style.from_meta({"@click": f"screen.{self.ACTION}_{group.value}"}))


class ChangeGroupBar(GroupBar[ChangeGroup]):
    """Shows how many changes need attention."""

    NAMES: ClassVar[Mapping[StrEnum, tuple[str, str]]] = {
        ChangeGroup.ALL: ("All", "All"),
        ChangeGroup.OPEN: ("In progress", "In progress"),
        ChangeGroup.REFUSED: ("Refused by Xero", "Refused"),
        ChangeGroup.PENDING: ("Pending sync", "Pending"),
        ChangeGroup.DONE: ("Done", "Done"),
    }

    def __init__(self) -> None:
        super().__init__(ChangeGroup.ALL)

    def update_from(self, summary: ChangeSummary | None) -> None:
        """Show the totals of the summary."""
        if summary is None:
            self.show_counts({})
            return
        totals = {
            ChangeGroup.OPEN: summary.in_progress_total + summary.manual_restore_total,
            ChangeGroup.REFUSED: summary.refused_total,
            ChangeGroup.PENDING: summary.unconfirmed_total,
        }
        self.show_counts({group: total for group, total in totals.items() if total})
