"""Compare Re-Leased's contacts, from a file or a connection, with Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.errors import ReshelveError
from tui.model.reasons import ComparisonReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tui.engine.clock import XeroClock
    from tui.engine.engine_factory import ClientFactory
    from tui.engine.services import WriteAccess
    from tui.engine.snapshot_publisher import SnapshotPublisher
    from tui.model.comparison import FileComparison, RecordedMatches
    from tui.model.contact_file import FileOptions
    from tui.model.re_leased import ConnectionTest
    from tui.store import Store


class ComparisonService:
    """Implements `model.services.ComparisonServiceProtocol`."""

    def __init__(
        self,
        store: Store,
        publisher: SnapshotPublisher,
        clock: XeroClock,
        access: WriteAccess,
        clients: ClientFactory,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._access = access
        self._clients = clients

    async def compare_file(self, file: Path, options: FileOptions) -> FileComparison:
        """Compare a file with saved contacts; nothing is recorded."""
        from tui.engine import comparison

        return await comparison.compare_file(self._store, file, options, self._clock)

    async def compare_contacts(self) -> FileComparison:
        """Read Re-Leased's contacts and compare them with saved contacts; nothing is recorded."""
        from tui.engine.comparison import require_all_contacts
        from tui.engine.re_leased_reader import compare_own_contacts

        require_all_contacts(self._store)
        # Dated too late, a comparison would confirm too much.
        if not self._clock.is_certain:
            raise ReshelveError(ComparisonReason.TIME_UNKNOWN)
        source = await self._clients.open_contact_source()
        return await compare_own_contacts(self._store, source, self._clock())

    async def test_connection(self, on_progress: Callable[[int], None]) -> ConnectionTest:
        """Read Re-Leased's contacts and return counts of what came back; nothing is recorded."""
        from tui.engine.comparison import require_all_contacts
        from tui.engine.re_leased_reader import try_connection

        require_all_contacts(self._store)
        source = await self._clients.open_contact_source()
        name = self._publisher.snapshot.organisation.name
        return await try_connection(self._store, source, name, self._clock(), on_progress)

    async def remember_matches(self, choices: Mapping[str, str | None]) -> None:
        """Remember which Xero contact a Re-Leased contact is."""
        self._access.require()
        from tui.engine.re_leased_reader import remember_matches

        await remember_matches(self._store, choices)

    async def record_matches(
        self, file_comparison: FileComparison, choices: Mapping[int, str | None]
    ) -> RecordedMatches:
        """Record the changes that the file confirms, given the choices for ambiguous lines."""
        self._access.require()
        from tui.engine import comparison

        recorded = await comparison.record_matches(self._store, file_comparison, choices)
        self._publisher.rows_changed()
        return recorded
