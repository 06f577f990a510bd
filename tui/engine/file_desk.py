"""What a person asks about files of contacts out of Re-Leased."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.engine.read_only import writes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tui.engine.clock import XeroClock
    from tui.engine.publish import Publisher
    from tui.model.contact_file import FileOptions
    from tui.model.reconcile import Accepted, Reconciliation
    from tui.model.rows import Row
    from tui.store import Store


class FileDesk:
    """The part of `model.backend.Backend` that reconciles."""

    _store: Store
    _publisher: Publisher
    _clock: XeroClock

    async def reconcile(self, file: Path, options: FileOptions) -> Reconciliation:
        """Hold a file against the local copy; nothing is recorded."""
        from tui.engine import reconciling  # noqa: PLC0415 - seldom wanted, so not at each start

        return await reconciling.reconcile(self._store, file, options, self._clock)

    @writes
    async def accept(self, reconciliation: Reconciliation, choices: Mapping[int, str | None]) -> Accepted:
        """Record what the file proves, after the choices for ambiguous lines."""
        from tui.engine import reconciling  # noqa: PLC0415 - as above

        accepted = await reconciling.accept(self._store, reconciliation, choices)
        self._publisher.rows_changed()
        return accepted

    async def rows(self, contact_ids: Sequence[str]) -> Sequence[Row]:
        """Read contacts as the table shows them now."""
        return self._store.finder.rows(contact_ids)
