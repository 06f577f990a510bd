"""The keys that move the cursor in every list: arrows and paging, and Vim's letters."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from textual.binding import Binding

from tui.actions import key_name

if TYPE_CHECKING:
    from collections.abc import Mapping

MOVES: Final = {
    "up": ("up,k", "Up"),
    "down": ("down,j", "Down"),
    "page_up": ("pageup", "Page up"),
    "page_down": ("pagedown", "Page down"),
    "home": ("home", "First"),
    "end": ("end,G", "Last"),
}
_VIM_MOVES: Final = {
    "half_up": ("ctrl+u", "Half a page up"),
    "half_down": ("ctrl+d", "Half a page down"),
    "top": ("H", "First visible"),
    "bottom": ("L", "Last visible"),
    "prefix": ("g", "First, if pressed twice"),
}
_HELP: Final = (
    (("up", "down"), "One row up or down"),
    (("page_up", "page_down"), "A page up or down"),
    (("half_up", "half_down"), "Half a page up or down"),
    (("home", "prefix"), "To the first row"),
    (("end",), "To the last row"),
    (("top", "bottom"), "To the first or last visible row"),
)
#: Keys that a custom key may take away from moving.
VIM_KEYS: Final = frozenset({"g", "G", "H", "L", "ctrl+d", "ctrl+u"})
# Textual ignores an empty list of keys; no terminal sends this one.
_NO_KEY: Final = "unbound"
_PREFIX_SECONDS: Final = 1.0


def without_keys(taken: frozenset[str]) -> dict[str, str]:
    """Return the moves that lose keys to custom ones, by binding ID, with the keys they keep."""
    kept: dict[str, str] = {}
    for where, (keys, _) in (MOVES | _VIM_MOVES).items():
        single = keys.split(",")
        if taken & VIM_KEYS & set(single):
            kept[f"table.{where}"] = ",".join(key for key in single if key not in taken) or _NO_KEY
    return kept


def moves_help(keymap: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return, for the help, the current keys that move the cursor, and where to."""
    defaults = {f"table.{where}": keys for where, (keys, _) in (MOVES | _VIM_MOVES).items()}
    listed = []
    for moves, text in _HELP:
        names = [(f"table.{where}", where == "prefix") for where in moves]
        keys = [
            key_name(key) * (2 if is_prefix else 1)
            for name, is_prefix in names
            for key in keymap.get(name, defaults[name]).split(",")
            if key != _NO_KEY
        ]
        listed.append((" ".join(keys), text))
    return [(keys, text) for keys, text in listed if keys]


def move_bindings() -> list[Binding]:
    """Return bindings of all moves to `action_move`."""
    return [
        Binding(keys, f"move('{where}')", label, id=f"table.{where}", show=False)
        for where, (keys, label) in (MOVES | _VIM_MOVES).items()
    ]


class MoveResolver:
    """Turns the name of a move into the row to go to; remembers the first `g` of `gg`."""

    def __init__(self) -> None:
        self._prefix_at: float | None = None
        self._prefix_row = -1

    def target(self, where: str, cursor: int, count: int, visible: tuple[int, int]) -> int:
        """Return the row to go to; it may be outside the list. `visible` are the first and last visible row.

        One `g` moves nothing. A second one goes to the first row, if it follows within a second and the
        cursor hasn't moved in between.
        """
        first, last = visible
        page = last - first + 1
        if where == "prefix":
            return self._after_prefix(cursor)
        self._prefix_at = None
        half = max(1, page // 2)
        steps = {
            "up": -1,
            "down": 1,
            "page_up": -page,
            "page_down": page,
            "half_up": -half,
            "half_down": half,
        }.get(where)
        if steps is not None:
            return cursor + steps
        return {"home": 0, "top": first, "bottom": min(last, count - 1)}.get(where, count - 1)

    def _after_prefix(self, cursor: int) -> int:
        now = monotonic()
        is_second = (
            self._prefix_at is not None
            and now - self._prefix_at <= _PREFIX_SECONDS
            and self._prefix_row == cursor
        )
        self._prefix_at, self._prefix_row = (None if is_second else now), cursor
        return 0 if is_second else cursor
