"""An input that takes its keys in the order in which they were pressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

if TYPE_CHECKING:
    from textual import events


class TypingBox(Input):
    """An input for people who type faster than the screen is painted.

    Textual writes a letter at once, but lets backspace and the other bound keys travel up to the app
    first: of `x`, backspace, `y` that arrive together, `y` would be written before `x` is taken away.
    """

    async def _on_key(self, event: events.Key) -> None:
        if event.is_printable:
            return
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if not binding.priority and await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return
