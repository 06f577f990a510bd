"""A label that takes its text literally."""

from __future__ import annotations

from textual.widgets import Static

from tui.widgets.text import content


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
