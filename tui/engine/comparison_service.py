"""What a person asks about files of contacts out of Re-Leased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.engine.read_only import writes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tui.engine.clock import XeroClock
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.comparison import FileComparison, RecordedMatches
    from tui.model.contact_file import FileOptions
    from tui.model.rows import Row
    from tui.store import Store


class ComparisonService:
    """The part of `model.backend.Backend` that reconciles."""

    _store: Store
    _publisher: SnapshotPublisher
    _clock: XeroClock

    async def compare_file(self, file: Path, options: FileOptions) -> FileComparison:
        """Hold a file against the local copy; nothing is recorded."""
        from tui.engine import comparison  # noqa: PLC0415 - as elsewhere in this file

        return await comparison.compare_file(self._store, file, options, self._clock)

    @writes
    async def record_matches(
        self, file_comparison: FileComparison, choices: Mapping[int, str | None]
    ) -> RecordedMatches:
        """Record what the file proves, after the choices for ambiguous lines."""
        from tui.engine import comparison  # noqa: PLC0415 - as elsewhere in this file

        recorded = await comparison.record_matches(self._store, file_comparison, choices)
        self._publisher.rows_changed()
        return recorded

    async def rows(self, contact_ids: Sequence[str]) -> Sequence[Row]:
        """Read contacts as the table shows them now."""
        return self._store.search.rows(contact_ids)
