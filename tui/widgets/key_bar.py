"""The bottom line: the main keys of the screen, or a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style
from textual.widgets import Input

from tui.actions import current_keys, is_offered, key_name, spec
from tui.widgets.labels import StaticLine
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.timer import Timer

_GAP = 2
_FLASH_SECONDS = 5.0
_TROUBLE_SECONDS = 12.0
_MOST_LINES = 4
_ALL_KEYS = "help"


class KeyBar(StaticLine):
    """Shows as many keys as fit in whole; the last one always stays.

    The key that shows all others stays as long as it has room beside the first and the last.

    Messages replace the keys for a few seconds, or until they are ended. Every key can be clicked. At the
    right end are badges that must always be visible in full, at any width and on every screen: the app's
    `environment_label`, such as PRACTICE, and read-only mode.
    """

    DEFAULT_CSS = """
    KeyBar {
        dock: bottom; height: 1; background: $footer-background; color: $footer-description-foreground;
        padding: 0 1;
        &.-news { background: $secondary-muted; color: $text-secondary; text-style: bold; }
        &.-trouble { background: $warning-muted; color: $text-warning; text-style: bold; }
        /* Muted colours are the same as those of text there. */
        &:ansi { background: transparent; }
    }
    """

    def __init__(self, *actions: str | tuple[str, str], id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._shown_actions: Sequence[str | tuple[str, str]] = actions
        self._flash_text: Content | None = None
        self._timer: Timer | None = None
        self._lines = 1

    def set_actions(self, *actions: str | tuple[str, str]) -> None:
        """Set the actions to show: an action's ID, or its ID and another label."""
        self._shown_actions = actions
        self.rewrite()

    def flash(self, text: str, *, is_problem: bool = False, stays: bool = False) -> None:
        """Show a message on several lines if needed, for a while or until `end_flash`.

        Text from outside is made safe.
        """
        if self._timer is not None:
            self._timer.stop()
        self._flash_text = Content(safe(text))
        self.set_class(is_problem, "-trouble")
        self.set_class(not is_problem, "-news")
        seconds = _TROUBLE_SECONDS if is_problem else _FLASH_SECONDS
        self._timer = None if stays else self.set_timer(seconds, self.end_flash)
        self.rewrite()

    def end_flash(self) -> None:
        """Show the keys again."""
        self._flash_text = None
        self.remove_class("-trouble", "-news")
        self.rewrite()

    def on_mount(self) -> None:
        """Update when keys are remapped."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.rewrite())

    def rewrite(self) -> None:
        """Show as many keys as fit."""
        width = self.size.width
        if not width:
            return
        badges = self._badges()
        room = max(0, width - badges.cell_length)
        lines = [self._keys(room)] if self._flash_text is None else self._flash_lines(self._flash_text, room)
        # Only a message that needs several lines costs a layout.
        if self._lines != len(lines):
            self._lines = len(lines)
            self.styles.height = len(lines)
        gap = " " * (room - lines[-1].cell_length) if badges else ""
        self.show(Content("\n").join([*lines[:-1], Content.assemble(lines[-1], gap, badges)]))

    def _flash_lines(self, text: Content, width: int) -> list[Content]:
        """Wrap a message, and cut it where it would take more than a part of the screen."""
        most = max(1, min(_MOST_LINES, self.screen.size.height // 5))
        lines = text.wrap(width) if text.cell_length > width > 0 else [text]
        if len(lines) > most:
            kept = lines[:most]
            rest = Content(" ").join(lines[most - 1 :])
            return [*kept[:-1], rest.truncate(width, ellipsis=True)]
        return [line.rstrip() for line in lines]

    def _badges(self) -> Content:
        mark, badges = getattr(self.app, "environment_label", ""), []
        if getattr(self.app, "is_read_only", False):
            badges.append(Content.styled(" READ ONLY ", "bold reverse $accent"))
        if mark:
            badges.append(Content.styled(f" {mark} ", "bold reverse $text-warning"))
        return Content.assemble(*(part for badge in badges for part in (" ", badge)))

    def _keys(self, width: int) -> Content:
        bound: dict[str | None, list[str]] = {}
        for active in self.screen.active_bindings.values():
            bound.setdefault(active.binding.id, []).append(active.binding.key)
        is_typing = isinstance(self.screen.focused, Input)
        items = []
        for action in self._shown_actions:
            action_id, label = action if isinstance(action, tuple) else (action, spec(action).label)
            item = spec(action_id)
            if not is_offered(self.app, item):
                continue
            keys = bound.get(item.binding_id) or current_keys(self.app, item).split(",")
            items.append((action_id, _item(_usable_key(keys, is_typing=is_typing), label)))
        while len(items) > 1 and sum(len(item) + _GAP for _, item in items) - _GAP > width:
            others = [place for place, (action_id, _) in enumerate(items[:-1]) if action_id != _ALL_KEYS]
            del items[others[-1] if len(others) > 1 else -2]
        return Content(" " * _GAP).join([item for _, item in items]).truncate(width, ellipsis=True)


def _usable_key(keys: Sequence[str], *, is_typing: bool) -> str:
    """Return the key to show; while typing, the first that doesn't insert text, if any."""
    others = [key for key in keys if key.startswith(("ctrl+", "f")) and len(key) > 1] if is_typing else []
    return (others or [*keys])[0]


def _item(key: str, label: str) -> Content:
    click = Style.from_meta({"@click": f"app.simulate_key({key!r})"})
    item = Content.assemble((key_name(key), "bold $footer-key-foreground"), " ", label)
    return item.stylize(click)
