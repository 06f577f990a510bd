"""Widgets that show text, each as one widget: a widget for each line would take long to lay out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import compress, zip_longest
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Static

from tui.widgets.text import content

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual import events
    from textual.geometry import Size


class SafeLabel(Static):
    """Plain text: no markup, no control characters, one line.

    `style` is a Textual style such as `bold $text-warning`.
    """

    def __init__(
        self,
        text: str = "",
        style: str = "",
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        super().__init__(content(text, style), markup=False, id=id, classes=classes)
        self._shown = (text, style)

    @property
    def text(self) -> str:
        """The original text."""
        return self._shown[0]

    def update_text(self, text: str, style: str = "") -> None:
        """Show other text; the same text is a no-op, and there is no layout unless the size is automatic."""
        if (text, style) == self._shown:
            return
        self._shown = (text, style)
        self.update(content(text, style), layout=self.styles.auto_dimensions)


class Details(Static):
    """Details of the row under a cursor. Other text causes no layout while both fit the room around it."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(markup=False, id=id)

    def show(self, text: Content) -> None:
        """Show other text."""
        self.update(text, layout=self.styles.auto_dimensions and not self._fits(text))

    def _fits(self, text: Content) -> bool:
        width, height = self.content_size
        lines = len(text.wrap(width)) if width else 0
        return lines == height or lines < height <= self.container_size.height


# Cells: in less, values are hard to read below one another.
_NARROWEST_VALUE: Final = 12


def wrap_hanging(line: Content, indent: int, width: int) -> list[Content]:
    """Wrap a line after a label of `indent` cells, so that all of its value is below its beginning."""
    if not indent or width - indent < _NARROWEST_VALUE:
        return line.wrap(max(1, width))
    label, blank = line[:indent], Content(" " * indent)
    return [
        (blank if number else label) + part for number, part in enumerate(line[indent:].wrap(width - indent))
    ]


class HangingText(Static):
    """Lines with labels: a wrapped value continues below its beginning."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(markup=False, id=id, classes=classes)
        self._lines: Sequence[tuple[int, Content]] = ()

    def show(self, lines: Sequence[tuple[int, Content]]) -> None:
        """Show lines, each with the cells that its label takes."""
        self._lines = lines
        self.update(Content("\n").join(line for _, line in lines))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of lines after wrapping."""
        del container, viewport
        return len(self._wrapped(width)) if width else 0

    def render(self) -> Content:
        """Return the lines, wrapped for the current width."""
        return Content("\n").join(self._wrapped(self.content_size.width))

    def _wrapped(self, width: int) -> list[Content]:
        return [part for indent, line in self._lines for part in wrap_hanging(line, indent, width)]


class StaticLine(Widget):
    """Shows content whose size is fixed by its style sheet, so that new content never causes a layout."""

    DEFAULT_CSS = """
    StaticLine { height: 1; width: 1fr; }
    """

    # Clickable text keeps its own colours instead of link colours.
    auto_links = False

    _shown: Content = Content("")

    def show(self, content: Content) -> None:
        """Show other content; the same content is a no-op."""
        if content.is_same(self._shown):
            return
        before, self._shown = self._shown, content
        self.refresh(*self._changed_lines(before, content))

    def _changed_lines(self, before: Content, after: Content) -> list[Region]:
        """Return the lines that changed; none if everything has to be repainted.

        Otherwise a countdown in a tall pane would repaint all of it every second, which is most of an idle
        program's CPU use.
        """
        old, new = before.split(allow_blank=True), after.split(allow_blank=True)
        width = self.content_size.width
        if len(old) != len(new) or max(line.cell_length for line in (*old, *new)) > width:
            return []
        pairs = enumerate(zip(old, new, strict=True))
        return [Region(0, y, width, 1) for y, (was, now) in pairs if not was.is_same(now)]

    @property
    def text(self) -> str:
        """The text without styles."""
        return self._shown.plain

    def rewrite(self) -> None:
        """Format the content for the current size; called when it changes."""

    def on_resize(self, event: events.Resize) -> None:
        """Format the content for the new size."""
        del event
        self.rewrite()

    def render(self) -> Content:
        """Return the content."""
        return self._shown


@dataclass(frozen=True, slots=True)
class TermSection:
    """A title above terms and their meanings. `term_width` is in cells, `style` that of the terms.

    `labels` are other words for the terms, for finding them; either none or one for each.
    """

    title: str
    terms: Sequence[tuple[str, str]]
    term_width: int
    style: str = ""
    labels: Sequence[str] = ()

    def texts(self) -> list[tuple[str, ...]]:
        """Return, for each term, everything by which it may be found."""
        labels = self.labels or [""] * len(self.terms)
        return [(self.title, label, *term) for label, term in zip(labels, self.terms, strict=True)]

    def keeping(self, keep: Sequence[bool]) -> TermSection:
        """Return the section with some of its terms."""
        return replace(self, terms=list(compress(self.terms, keep)), labels=list(compress(self.labels, keep)))


_INDENT: Final = "  "


class TermList(Widget):
    """Sections of terms and their meanings in two columns. Text too long for its column is wrapped."""

    DEFAULT_CSS = """
    TermList { height: auto; width: 1fr; }
    """

    def __init__(self, sections: Sequence[TermSection], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._sections = sections
        self._lines: tuple[int, list[Content]] = (0, [])

    def show(self, sections: Sequence[TermSection]) -> None:
        """Show other sections."""
        self._sections, self._lines = sections, (0, [])
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of lines at this width."""
        del container, viewport
        return len(self._lines_at(width))

    def render(self) -> Content:
        """Return all lines."""
        return Content("\n").join(self._lines_at(self.content_size.width))

    def _lines_at(self, width: int) -> list[Content]:
        if self._lines[0] != width:
            lines: list[Content] = []
            for section in self._sections:
                if lines:
                    lines.append(Content(""))
                lines.extend(content(section.title, "bold $text-primary").wrap(max(1, width)))
                lines.extend(_section_lines(section, width))
            self._lines = width, lines
        return self._lines[1]


def _section_lines(section: TermSection, width: int) -> Iterator[Content]:
    room = max(1, width - section.term_width - len(_INDENT))
    blank = Content(" " * section.term_width)
    for term, meaning in section.terms:
        left_lines = content(term, section.style).wrap(section.term_width - 1)
        for left, right in zip_longest(left_lines, content(meaning).wrap(room)):
            start = blank if left is None else left.pad_right(section.term_width - left.cell_length)
            yield Content(_INDENT) + (start if right is None else start + right)
