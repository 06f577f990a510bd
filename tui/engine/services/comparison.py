"""Compare contact files from Re-Leased with Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tui.engine.clock import XeroClock
    from tui.engine.services import WriteAccess
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.comparison import FileComparison, RecordedMatches
    from tui.model.contact_file import FileOptions
    from tui.store import Store


class ComparisonService:
    """Implements `model.services.ComparisonServiceProtocol`."""

    def __init__(
        self,
        store: Store,
        publisher: SnapshotPublisher,
        clock: XeroClock,
        access: WriteAccess,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._access = access

    async def compare_file(self, file: Path, options: FileOptions) -> FileComparison:
        """Compare a file with saved contacts; nothing is recorded."""
        from tui.engine import comparison

        return await comparison.compare_file(self._store, file, options, self._clock)

    async def record_matches(
        self, file_comparison: FileComparison, choices: Mapping[int, str | None]
    ) -> RecordedMatches:
        """Record the changes that the file confirms, given the choices for ambiguous lines."""
        self._access.require()
        from tui.engine import comparison

        recorded = await comparison.record_matches(self._store, file_comparison, choices)
        self._publisher.rows_changed()
        return recorded
