"""An input that takes its keys in the order in which they were pressed."""

from __future__ import annotations

from textual import events
from textual.widgets import Input


class OrderedInput(Input):
    """An input for people who type faster than the screen is painted.

    Textual writes a letter at once, but lets backspace and the other bound keys travel up to the app
    first: of `x`, backspace, `y` that arrive together, `y` would be written before `x` is taken away.
    It also hands over keys that arrived together with the one that moved the focus elsewhere.
    """

    async def _on_key(self, event: events.Key) -> None:
        focused = self.screen.focused
        if focused is not self:
            event.stop()
            event.prevent_default()
            if focused is not None and self.screen.is_current:
                focused.post_message(events.Key(event.key, event.character))
            return
        if event.is_printable:
            return
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if not binding.priority and await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return
