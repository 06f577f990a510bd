"""A widget that shows one piece of content and repaints only when it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

if TYPE_CHECKING:
    from textual import events


class Line(Widget):
    """Shows content of a size that its style sheet fixes, so that new content never costs a layout."""

    DEFAULT_CSS = """
    Line { height: 1; width: 1fr; }
    """

    # What can be clicked has colours of its own here, not those of a link.
    auto_links = False

    _shown: Content = Content("")

    def show(self, content: Content) -> None:
        """Show this instead; showing the same again costs nothing."""
        if content.is_same(self._shown):
            return
        self._shown = content
        self.refresh()

    @property
    def text(self) -> str:
        """What is shown, without its styles."""
        return self._shown.plain

    def rewrite(self) -> None:
        """Write the content for the present size; called when that changes."""

    def on_resize(self, event: events.Resize) -> None:
        """Write the content for the new size."""
        del event
        self.rewrite()

    def render(self) -> Content:
        """Return what is shown."""
        return self._shown
