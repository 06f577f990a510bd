"""The line under the search box: what isn't understood there, and what can be typed next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui.widgets.search_format import hint_text
from tui.widgets.static_line import StaticLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.query import QueryIssue


class QueryHint(StaticLine):
    """Lies over what is below the box while there is something to say, so that no row ever moves.

    The screen puts it on a layer of its own, and in its place.
    """

    DEFAULT_CSS = """
    QueryHint {
        display: none; height: 1; padding: 0 1; background: $surface; color: $text-muted;
        &.-shown { display: block; }
        &.-problem { background: $warning-muted; color: $text-warning; text-style: bold; }
    }
    """

    _issues: Sequence[QueryIssue] = ()
    _groups: Sequence[str] = ()

    def update_from(self, issues: Sequence[QueryIssue], groups: Sequence[str]) -> None:
        """Show what there is to say of what was typed; `groups` are those that can be named."""
        if (issues, groups) == (self._issues, self._groups):
            return
        self._issues, self._groups = issues, groups
        # A layout at the first remark and after the last, and none while words are typed.
        self.set_class(bool(issues), "-shown")
        self.rewrite()

    def rewrite(self) -> None:
        """Say as much as there is room for."""
        if not self._issues or not self.content_size.width:
            return
        hint = hint_text(self._issues, self.content_size.width, self._groups)
        self.set_class(hint.is_problem, "-problem")
        self.show(Content(hint.text))
