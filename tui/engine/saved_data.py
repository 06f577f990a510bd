"""The local database of an organisation, read without its engine: nothing is requested, loaded or locked."""

from __future__ import annotations

from contextlib import closing, contextmanager
from math import inf
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.engine.clock import XeroClock, utc_now
from tui.engine.comparison import open_store
from tui.engine.connectivity import ConnectionState, QuotaHighWaterMark, StorageHealth
from tui.engine.engine_factory import ClientFactory, sync_schedule
from tui.engine.re_leased_monitor import ReLeasedMonitor
from tui.engine.snapshot_publisher import SnapshotPublisher
from tui.model import timestamps
from tui.store.sync_state import FULL_SYNC_ENDED_AT, QUOTA_CALLS_LEFT, REFRESHED_UNTIL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tui.engine.re_leased_reader import ReLeasedReader
    from tui.model.change import Change
    from tui.model.contact import Organisation
    from tui.model.snapshot import ChangeView, Snapshot
    from tui.settings import Settings
    from tui.store import Store
    from tui.system.paths import Paths


class SavedData(Struct, frozen=True):
    """What is known of an organisation from saved data alone.

    `snapshot` is what the app would show before Xero's first reply. `refreshed_at` is when its contacts were
    last refreshed, in any copy of Reshelve, and `has_all_contacts` whether they were all loaded once.
    `calls_left` is how many calls Xero had left for the day at the last refresh, and when that was.
    """

    store: Store
    snapshot: Snapshot
    now: Callable[[], datetime]
    view: Callable[[Change], ChangeView]
    refreshed_at: datetime | None
    has_all_contacts: bool
    calls_left: QuotaHighWaterMark | None


@contextmanager
def open_saved_data(
    settings: Settings, paths: Paths, organisation: Organisation, *, now: Callable[[], datetime] = utc_now
) -> Iterator[SavedData]:
    """Open the local database for as long as the block runs. Raises `StoreError`, also if there is none."""
    with closing(open_store(paths, organisation)) as store:
        clock = XeroClock(now, store)
        clients = ClientFactory(settings, paths, organisation)
        schedule = sync_schedule(settings, organisation)
        monitor = ReLeasedMonitor(store, schedule, clock, has_feed=clients.has_feed)
        # The copy that reads the feed shares what it shows.
        monitor.reload(is_follower=True)
        publisher = SnapshotPublisher(
            organisation,
            store,
            ConnectionState(clock, _ignore),
            monitor,
            reader=_reader(store, clock, monitor) if clients.has_contact_source else None,
            storage=StorageHealth(_ignore),
            clock=clock,
        )
        calls_left = store.sync_state(QUOTA_CALLS_LEFT)
        yield SavedData(
            store,
            publisher.snapshot,
            clock,
            publisher.view,
            timestamps.from_iso_text(store.sync_state(REFRESHED_UNTIL)),
            store.sync_state(FULL_SYNC_ENDED_AT) is not None,
            None if calls_left is None else QuotaHighWaterMark.parse(calls_left),
        )


def _reader(store: Store, clock: XeroClock, monitor: ReLeasedMonitor) -> ReLeasedReader:
    from tui.engine.re_leased_reader import ReLeasedReader

    return ReLeasedReader(store, clock, lambda: monitor.knowledge, poll_seconds=inf, on_update=_ignore)


def _ignore() -> None:
    """Do nothing: this snapshot has no listeners."""
