"""Cached counts of contacts by filter: every page of a list includes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tui.sandbox.database import SandboxDatabase

_KEPT = 64


class CountCache:
    """Counts by filter; any write clears the cache."""

    def __init__(self, database: SandboxDatabase) -> None:
        self._database = database
        self._known: dict[Any, int] = {}
        self._writes = -1

    def get(self, key: Any) -> int | None:
        """Return a count that is still valid."""
        return self._known.get(key) if self._writes == self._database.writes else None

    def put(self, key: Any, count: int) -> None:
        """Cache a count."""
        if self._writes != self._database.writes or len(self._known) >= _KEPT:
            self._known.clear()
            self._writes = self._database.writes
        self._known[key] = count
