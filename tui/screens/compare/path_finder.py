"""A box for the path of a file, with what lies in the folder below it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on, work
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from tui.screens.compare import choose_file_format as words
from tui.screens.compare import file_paths
from tui.screens.compare.file_paths import FolderListing, completed, split
from tui.widgets import clock
from tui.widgets.ordered_input import OrderedInput
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content

    from tui.screens.compare.file_paths import PathEntry


@dataclass
class _Listed(Message, bubble=False):
    listing: FolderListing


class _PathBox(OrderedInput):
    """The path as it is typed; tab, or going right at its end, completes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False),
        Binding("down", "list", show=False),
    ]

    def __init__(self, typed: str, complete: Callable[[], None], to_list: Callable[[], None]) -> None:
        super().__init__(typed, compact=True, select_on_focus=False, id="path")
        self._do_complete = complete
        self._to_list = to_list

    def action_complete(self) -> None:
        """Complete the path."""
        self._do_complete()

    def action_list(self) -> None:
        """Go to the list, before the next key that is typed already."""
        self._to_list()

    def action_cursor_right(self, select: bool = False) -> None:  # noqa: FBT001, FBT002 - Textual's own signature
        """Complete the path at its end."""
        if self.cursor_position == len(self.value) and not select:
            self.action_complete()
        else:
            super().action_cursor_right(select)


class PathFinder(Vertical):
    """Lets somebody find a file who doesn't know its name: the newest files of the folder are on top."""

    DEFAULT_CSS = """
    PathFinder {
        height: auto;
        #path { width: 1fr; background: $foreground 12%; padding: 0 1; }
        #files { height: 6; margin: 0 0 1 0; }
    }
    """

    box = getters.query_one("#path", Input)
    files = getters.query_one("#files", VirtualList)

    class Changed(Message):
        """Another file is meant, or more is known of it."""

    class Chosen(Message):
        """A file was chosen; `enters` says that it was by name, ready to be used."""

        def __init__(self, *, enters: bool) -> None:
            super().__init__()
            self.enters = enters

    def __init__(self, typed: str) -> None:
        super().__init__()
        self._typed = typed
        self._listing = FolderListing("")
        self._completes = False

    def compose(self) -> ComposeResult:
        """Put the box above the list."""
        yield _PathBox(self._typed, self._complete_soon, self._to_list)
        yield VirtualList(self._write, id="files")

    def on_mount(self) -> None:
        """List the folder."""
        self._list(self._typed)

    @property
    def path(self) -> Path | None:
        """The path that is meant; None where nothing is typed."""
        # A name that can't be shown as it is isn't the one that stands in the box.
        if (one := self._meant()) is not None:
            return one.path
        return file_paths.real(self.box.value) if self.box.value.strip() else None

    @property
    def changed_at(self) -> datetime | None:
        """When the file that is meant was last changed, None where there is no such file."""
        one = self._meant()
        return one.changed_at if one is not None and not one.is_folder else None

    def _meant(self) -> PathEntry | None:
        """Return the entry that is typed in full."""
        if self._listing.typed != self.box.value:
            return None
        _, name = split(self.box.value)
        return next((one for one in self._listing.entries if one.name == name), None)

    # --- what lies there ---

    @work(exclusive=True, group="listing", exit_on_error=False)
    async def _list(self, typed: str) -> None:
        self.post_message(_Listed(await asyncio.to_thread(file_paths.listing, typed)))

    @on(_Listed)
    def _listed(self, message: _Listed) -> None:
        listing = message.listing
        if listing.typed != self.box.value:
            return
        self._listing = listing
        self.files.empty_text = listing.trouble or words.NOTHING_HERE
        self.files.scroll_to(y=0, animate=False, force=True)
        self.files.show(len(listing.entries))
        if self._completes:
            self._complete()
        self.post_message(self.Changed())

    def _write(self, index: int, width: int) -> Sequence[Content]:
        return (words.entry(self._listing.entries[index], width, clock.now()),)

    @on(Input.Changed, "#path")
    def _typed_on(self, event: Input.Changed) -> None:
        event.stop()
        self._list(event.value)
        self.post_message(self.Changed())

    # --- keys ---

    def _to_list(self) -> None:
        if self._listing.entries:
            self.screen.set_focus(self.files)

    def _complete_soon(self) -> None:
        if self._listing.typed == self.box.value:
            self._complete()
        else:
            # What is typed is still being listed.
            self._completes = True

    def _complete(self) -> None:
        self._completes = False
        typed = completed(self.box.value, self._listing.entries)
        if typed == self.box.value:
            self.screen.focus_next()
        else:
            self._put(typed)

    def _put(self, typed: str) -> None:
        self.box.value = typed
        self.box.cursor_position = len(typed)

    @on(VirtualList.Opened)
    def _opened(self, message: VirtualList.Opened) -> None:
        message.stop()
        entries, cursor = self._listing.entries, self.files.cursor
        # Not of a list that is about to be another: the key may be pressed faster than a folder is read.
        if self._listing.typed == self.box.value and cursor < len(entries):
            self._enter(entries[cursor], enters=False)

    @on(Input.Submitted, "#path")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        one = self._meant()
        if self._listing.typed == event.value and event.value.endswith("/"):
            self.screen.set_focus(self.files)
        elif one is not None:
            self._enter(one, enters=True)
        else:
            self.post_message(self.Chosen(enters=True))

    def _enter(self, one: PathEntry, *, enters: bool) -> None:
        folder, _ = split(self.box.value)
        if one.is_folder:
            self._put(f"{folder}{one.name}/")
            self.screen.set_focus(self.files)
        else:
            self._put(f"{folder}{one.name}")
            self.post_message(self.Chosen(enters=enters))
