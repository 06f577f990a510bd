"""What can be read of Re-Leased, wherever it is read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.evidence import PickUp


@dataclass(frozen=True, slots=True)
class Report:
    """What one look at Re-Leased has shown.

    `cursor` is where the next look goes on; `has_more` says that it would find more at once. `state` is in
    the words of Re-Leased's Sync Overview. The last sync is the last one that has finished, cleanly or
    not; `cycle_seconds` is the time between two automatic ones.
    """

    pick_ups: tuple[PickUp, ...]
    cursor: str | None
    state: str
    next_sync_at: datetime | None
    cycle_seconds: float | None
    last_sync_started_at: datetime | None
    last_sync_finished_at: datetime | None
    last_sync_clean: bool
    is_syncing: bool
    has_more: bool


class Observer(Protocol):
    """Something that can tell what Re-Leased has picked up of one organisation."""

    async def look(self, cursor: str | None) -> Report:
        """Report what is new since the cursor; None starts at the beginning. Raises `FeedError`."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...
