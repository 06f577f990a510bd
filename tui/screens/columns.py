"""Choose the columns of the contact list, their order and widths, and the sort."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from msgspec.structs import replace
from textual import getters, on
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen

from tui.actions import bindings
from tui.model.columns import ColumnKey, ListLayout, ShownColumn, Sort
from tui.screens.base_screen import EngineScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import SafeLabel
from tui.widgets.table_view import COLUMNS, SORT_MARKS, PlacedColumn
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.services import Backend

_TITLE: Final = "Columns and sort"
_AUTOMATIC: Final = "Reshelve shows the columns that fit your terminal."
_CHOSEN: Final = "Your columns in this organisation. In a narrow terminal, the last ones are left out."
_OF_AMOUNTS: Final = "Blank: Xero hasn't returned the balance. A dash is zero."
_AMOUNTS: Final = frozenset({ColumnKey.OWES, ColumnKey.OVERDUE, ColumnKey.YOU_OWE})
_TIMES: Final = frozenset({ColumnKey.UPDATED, ColumnKey.LAST_ACTIVITY, ColumnKey.SYNC_STATUS})
_WIDTH_STEP: Final = 2
_NAME_STAYS: Final = "The contact's name is always shown."


_LONGEST_DIRECTION: Final = "smallest first"


def _direction(sort: Sort) -> str:
    """Name the direction of a sort."""
    if sort.column in _AMOUNTS:
        return "largest first" if sort.is_descending else "smallest first"
    if sort.column in _TIMES:
        return "latest first" if sort.is_descending else "earliest first"
    return "Z to A" if sort.is_descending else "A to Z"


class ColumnList(VirtualList):
    """Columns with tick boxes: Space shows or hides one, Enter sorts by it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tick", "Show", id="table.select", show=False),
    ]

    class Toggled(Message):
        """The user wants to show or hide the column under the cursor."""

    def action_tick(self) -> None:
        """Show or hide the column under the cursor."""
        self.post_message(self.Toggled())


class ColumnsScreen(ModalScreen[None], EngineScreen[None]):
    """The columns of the list, shown ones first; each key takes effect in the list behind at once.

    `placed` are the columns that the list shows now, which are kept once the user changes one of them.
    """

    PLACE = "in Columns"
    CSS_PATH: ClassVar = ["dialogs/dialog.tcss", "columns.tcss"]
    AUTO_FOCUS = "#columns"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("column_left", "column_right", "wider", "narrower", "usual_columns", "back")
    ]

    rows = getters.query_one(ColumnList)

    def __init__(
        self,
        backend: Backend,
        layout: ListLayout,
        placed: Sequence[PlacedColumn],
        use: Callable[[ListLayout], None],
    ) -> None:
        super().__init__()
        self.backend = backend
        self._list_layout = layout
        self._placed = placed
        self._use = use
        shown = [column.key for column in layout.columns] or [column.column.key for column in placed]
        self._keys = [*shown, *(key for key in COLUMNS if key not in shown)]

    def compose(self) -> ComposeResult:
        """Lay out what is shown now above the columns."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = _TITLE
            yield SafeLabel(id="about", classes="paragraph")
            yield ColumnList(self._format_row, id="columns")
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the columns."""
        self._show()

    def on_resize(self) -> None:
        """Fit the list to the screen."""
        self.rows.styles.height = max(1, min(len(self._keys), self.size.height - 9))

    @property
    def _key(self) -> ColumnKey:
        return self._keys[self.rows.cursor]

    def _show(self) -> None:
        self.rows.show(len(self._keys), self.rows.cursor)
        self._update_about()

    @on(VirtualList.Moved)
    def _update_about(self) -> None:
        """Show what the column under the cursor means, if its values need that, and what can be done."""
        general = _CHOSEN if self._list_layout.columns else _AUTOMATIC
        self.query_one("#about", SafeLabel).update_text(_OF_AMOUNTS if self._key in _AMOUNTS else general)
        is_sorted = self._key is self._list_layout.sort.column
        self.key_bar.set_actions(
            ("select", "Hide" if self._is_shown(self._key) else "Show"),
            ("open", "Reverse" if is_sorted else "Sort by this"),
            "column_left",
            "column_right",
            "wider",
            "narrower",
            "usual_columns",
            ("back", "Close"),
        )

    def _is_shown(self, key: ColumnKey) -> bool:
        if self._list_layout.columns:
            return self._list_layout.shows(key)
        return any(placed.column.key is key for placed in self._placed)

    def _format_row(self, index: int, width: int) -> Sequence[Content]:
        key = self._keys[index]
        sort = self._list_layout.sort
        tick = ("[✓] ", "bold $text-success") if self._is_shown(key) else ("[ ] ", "$text-muted")
        row = Content.assemble(tick, COLUMNS[key].title.ljust(18))
        notes: list[tuple[str, str]] = []
        if key is sort.column:
            mark = SORT_MARKS[sort.is_descending]
            is_narrow = row.cell_length + len(_LONGEST_DIRECTION) + 2 > width
            notes.append((mark if is_narrow else f"{mark} {_direction(sort)}", "$text-accent"))
        chosen = next((column.width for column in self._list_layout.columns if column.key is key), 0)
        if chosen:
            notes.append((f"  {chosen} wide", "$text-muted"))
        return (Content.assemble(row, *notes).truncate(width),)

    # --- keys ---

    def _change(self, layout: ListLayout) -> None:
        self._list_layout = layout
        self._use(layout)
        self._show()

    def _own(self) -> ListLayout:
        """Return the layout with columns of the user's own: at first, those that are shown."""
        if self._list_layout.columns:
            return self._list_layout
        shown = tuple(ShownColumn(placed.column.key) for placed in self._placed)
        return replace(self._list_layout, columns=shown)

    @on(ColumnList.Toggled)
    def _toggle(self) -> None:
        if self._key is ColumnKey.NAME:
            self.flash(_NAME_STAYS)
        else:
            self._change(self._own().toggled(self._key))

    @on(VirtualList.RowOpened)
    def _sort(self) -> None:
        self._change(replace(self._list_layout, sort=self._list_layout.sort.by(self._key)))

    def action_column_left(self) -> None:
        """Move the column to the left."""
        self._move(-1)

    def action_column_right(self) -> None:
        """Move the column to the right."""
        self._move(1)

    def _move(self, steps: int) -> None:
        key, before = self._key, self._own()
        layout = (before if before.shows(key) else before.toggled(key)).moved(key, steps)
        if layout == before:
            self.flash("The column is already at this end.")
        shown = [column.key for column in layout.columns]
        self._keys = [*shown, *(each for each in self._keys if each not in shown)]
        self._change(layout)
        self.rows.put_cursor(self._keys.index(key))

    def action_wider(self) -> None:
        """Make the column wider."""
        self._resize(_WIDTH_STEP)

    def action_narrower(self) -> None:
        """Make the column narrower."""
        self._resize(-_WIDTH_STEP)

    def _resize(self, cells: int) -> None:
        key, layout = self._key, self._own()
        if not layout.shows(key):
            self.flash("This column isn't shown.")
            return
        chosen = next(column.width for column in layout.columns if column.key is key)
        placed = next((each.width for each in self._placed if each.column.key is key), COLUMNS[key].width)
        resized = layout.resized(key, (chosen or placed) + cells)
        if resized == layout:
            self.flash("The column can't be wider." if cells > 0 else "The column can't be narrower.")
        self._change(resized)

    def action_usual_columns(self) -> None:
        """Show the columns that fit the terminal, in order of names."""
        if self._list_layout == ListLayout():
            self.flash("These are the usual columns.")
        self._keys = [*COLUMNS]
        self._change(ListLayout(has_preview=self._list_layout.has_preview))

    def action_back(self) -> None:
        """Close the dialog."""
        self.dismiss()
