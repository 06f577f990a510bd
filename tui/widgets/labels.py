"""A widget that shows one piece of content and repaints only when it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Static

from tui.widgets.text import content

if TYPE_CHECKING:
    from textual import events


class SafeLabel(Static):
    """Text as it is: no markup, no control characters, one line.

    `style` is a Textual style such as `bold $text-warning`.
    """

    def __init__(
        self,
        text: str = "",
        style: str = "",
        *,
        id: str | None = None,  # noqa: A002 - Textual's name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(content(text, style), markup=False, id=id, classes=classes)
        self._shown = (text, style)

    @property
    def text(self) -> str:
        """The text as it was given."""
        return self._shown[0]

    def update_text(self, text: str, style: str = "") -> None:
        """Show other text; costs nothing when it is the same, and no layout unless the size follows it."""
        if (text, style) == self._shown:
            return
        self._shown = (text, style)
        self.update(content(text, style), layout=self.styles.auto_dimensions)


class StaticLine(Widget):
    """Shows content of a size that its style sheet fixes, so that new content never costs a layout."""

    DEFAULT_CSS = """
    StaticLine { height: 1; width: 1fr; }
    """

    # What can be clicked has colours of its own here, not those of a link.
    auto_links = False

    _shown: Content = Content("")

    def show(self, content: Content) -> None:
        """Show this instead; showing the same again costs nothing."""
        if content.is_same(self._shown):
            return
        before, self._shown = self._shown, content
        self.refresh(*self._changed_lines(before, content))

    def _changed_lines(self, before: Content, after: Content) -> list[Region]:
        """Return the lines that look different; none where all have to be painted.

        A countdown in a tall pane would otherwise repaint all of it every second, which is most of what
        an idle program costs.
        """
        old, new = before.split(allow_blank=True), after.split(allow_blank=True)
        width = self.content_size.width
        if len(old) != len(new) or max(line.cell_length for line in (*old, *new)) > width:
            return []
        pairs = enumerate(zip(old, new, strict=True))
        return [Region(0, y, width, 1) for y, (was, now) in pairs if not was.is_same(now)]

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
