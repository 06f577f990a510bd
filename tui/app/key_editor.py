"""Custom keys, changed from within the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import error_message
from tui.app.keymap import refusal, to_textual_keymap
from tui.model.errors import ReshelveError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui.actions import KeyRefusal
    from tui.app.app import ReshelveApp


class KeyEditor:
    """Checks and saves custom keys, and uses them at once. `save_keys` writes an action's to the settings."""

    def __init__(
        self, app: ReshelveApp, keys: Mapping[str, str], save_keys: Callable[[str, str], None]
    ) -> None:
        self._app = app
        self._keys = dict(keys)
        self._save_keys = save_keys

    @property
    def keys(self) -> Mapping[str, str]:
        """The custom keys by action."""
        return self._keys

    def refusal(self, action_id: str, own: str) -> KeyRefusal | None:
        """Return why an action can't have these keys, or None if it can."""
        return refusal(action_id, own, self._keys)

    def save(self, action_id: str, own: str) -> str:
        """Save and use the keys of an action, the default ones if `own` is empty; return what went wrong."""
        try:
            self._save_keys(action_id, own)
        except ReshelveError as error:
            return error_message(self._app, error)
        except OSError as error:
            return f"The key wasn't saved: {error.strerror}."
        others = {name: keys for name, keys in self._keys.items() if name != action_id}
        self._keys = others | ({action_id: own} if own else {})
        self._app.set_keymap(to_textual_keymap(self._keys))
        return ""
