"""Files out of Re-Leased, in the engine in memory: whatever is chosen, the comparison is the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.model.comparison import FileComparison, RecordedMatches, resolve_ambiguous
from tui.model.contact_file import ContactFileError
from tui.model.evidence import StatusSince, SyncStatus
from tui.model.reasons import FileReason

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tui.model.contact import Contact, Row
    from tui.model.contact_file import FileOptions


class FakeComparison:
    """Answers with `compared`, once `compare_gate` is open; without one, every file is a wrong one."""

    compared: FileComparison | None = None
    compare_gate: asyncio.Event | None = None
    known: dict[str, Contact]
    standings: dict[int, StatusSince]

    async def rows(self, contact_ids: Sequence[str]) -> Sequence[Row]:
        self._called("rows", len(contact_ids))
        return [self.row(each) for each in contact_ids if each in self.known]

    async def compare_file(self, file: Path, options: FileOptions) -> FileComparison:
        self._called("compare_file", file, options)
        if self.compare_gate is not None:
            await self.compare_gate.wait()
        if self.compared is None:
            raise ContactFileError(FileReason.UNKNOWN_STATUS, line=3, word="Gone")
        return self.compared

    async def record_matches(
        self, comparison: FileComparison, choices: Mapping[int, str | None]
    ) -> RecordedMatches:
        self._called("record_matches", dict(choices))
        found = resolve_ambiguous(comparison, choices)
        for change in found.newly_synced:
            self.standings[change.change_id] = StatusSince(SyncStatus.SYNCED, found.source.exported_at)
        self.publish_changes()
        return RecordedMatches(found, len(found.newly_synced))

    def row(self, contact_id: str) -> Row:
        raise NotImplementedError

    def publish_changes(self, **parts: Any) -> None:
        raise NotImplementedError

    def _called(self, call: str, *arguments: Any) -> None:
        raise NotImplementedError
