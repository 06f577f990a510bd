"""The state that the screen shows, as immutable values."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from tui.model.activity import ActivityStatus
from tui.model.evidence import LONGEST_SYNC, is_stalled
from tui.model.query import TabCounts

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from tui.model.change import Change
    from tui.model.contact import Organisation
    from tui.model.evidence import StatusSince, UserReport
    from tui.model.re_leased import ContactReading
    from tui.model.reasons import Notice


class ConnectionStatus(StrEnum):
    """The status of the connection to Xero; `REMOVED` is a sign-in that no longer covers this organisation.

    `UNEXPECTED` is an invalid reply: a refusal of the whole request, a gateway's page, or something
    unreadable. `KEYCHAIN` waits for the user to answer the prompt of the system's keychain.
    """

    STARTING = "starting"
    ONLINE = "online"
    OFFLINE = "offline"
    KEYCHAIN = "keychain"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"
    UNEXPECTED = "unexpected"
    RECONNECT = "reconnect"
    REMOVED = "gone"
    STANDBY = "elsewhere"


class XeroStatus(Struct, frozen=True):
    """The connection to Xero.

    `retry_at` is the time of the next attempt; `detail` is why Xero isn't called, or not for everything;
    calls left are from Xero's last reply (None before the first). `minute_full_until` is when the next call
    is within Xero's minute limit, None unless a call waits for that. `no_reply_since` is when a call was sent
    that has had no reply for long, None unless there is one.
    """

    status: ConnectionStatus = ConnectionStatus.STARTING
    last_reply_at: datetime | None = None
    retry_at: datetime | None = None
    detail: Notice | None = None
    minute_calls_left: int | None = None
    day_calls_left: int | None = None
    minute_full_until: datetime | None = None
    no_reply_since: datetime | None = None


class SyncProgress(Struct, frozen=True):
    """The progress of a full sync; `total` is None until Xero has returned it.

    `is_paused` means that the user has paused it; it resumes from there.
    """

    done: int
    total: int | None
    is_paused: bool = False


class ReLeasedStatus(Struct, frozen=True):
    """What is known about Re-Leased's syncs.

    `has_feed` is whether evidence can be read from a feed, `is_polled` whether the feed was read yet. `state`
    is one of the states of Re-Leased's Sync Overview, from the feed or as a user reported it at
    `state_reported_at`, else empty. `next_sync_at` is from the feed, or the end of the current or next
    nightly window, which starts at `window_start_at`; `cycle_started_at` is when its countdown started.
    `problem` is why the feed couldn't be read. `last_report` is the newest report about the company,
    `reported_sync_since` the start of a reported sync whose end isn't reported yet. `zone` is that of the
    nightly window, None for this machine's; `zone_note` is why, if another was wanted, and `is_zone_chosen`
    whether the user set it. `contacts` is about reading Re-Leased's own contacts, None without a connection.
    `sync_interval` is the time between two syncs, if they run around the clock instead of at night.
    """

    has_feed: bool = False
    is_polled: bool = True
    state: str = ""
    next_sync_at: datetime | None = None
    cycle_started_at: datetime | None = None
    is_syncing: bool = False
    last_sync_at: datetime | None = None
    problem: Notice | None = None
    state_reported_at: datetime | None = None
    last_report: UserReport | None = None
    reported_sync_since: datetime | None = None
    zone: tzinfo | None = None
    zone_note: Notice | None = None
    is_zone_chosen: bool = False
    window_start_at: datetime | None = None
    contacts: ContactReading | None = None
    sync_interval: timedelta | None = None

    @property
    def is_stalled(self) -> bool:
        """Whether no sync can be expected to bring anything, by the feed, its silence, or the user."""
        return self.problem is not None or is_stalled(self.state)

    def is_reported_running(self, now: datetime) -> bool:
        """Return whether a sync that the user has reported may still be running."""
        return self.reported_sync_since is not None and now - self.reported_sync_since < LONGEST_SYNC


class ChangeView(Struct, frozen=True):
    """A change and, once Xero has confirmed it, its sync status."""

    change: Change
    sync: StatusSince | None = None


class ChangeSummary(Struct, frozen=True):
    """The status pane: totals, and the newest few changes of each kind (never the whole change log).

    `in_progress` are queued, being sent or unknown; all but the queued ones count in `sent_total`. `pending`
    are confirmed and pending, missed or stalled. `synced` are those that Re-Leased was last seen or reported
    to have, or is expected to have, and those of unlinked contacts.

    `pending_total` includes missed and stalled changes; `unconfirmed_total` also those that are only
    expected, or reported for the company as a whole. `synced_total` counts all changes of which `synced` has
    the newest.
    """

    in_progress: tuple[ChangeView, ...] = ()
    manual_restores: tuple[ChangeView, ...] = ()
    refused: tuple[ChangeView, ...] = ()
    pending: tuple[ChangeView, ...] = ()
    synced: tuple[ChangeView, ...] = ()
    in_progress_total: int = 0
    sent_total: int = 0
    manual_restore_total: int = 0
    refused_total: int = 0
    pending_total: int = 0
    missed_total: int = 0
    stalled_total: int = 0
    unconfirmed_total: int = 0
    synced_total: int = 0

    @property
    def not_in_xero_total(self) -> int:
        """How many changes Xero hasn't confirmed yet: those in progress and the manual restores."""
        return self.in_progress_total + self.manual_restore_total


class Snapshot(Struct, frozen=True):
    """Everything the screen shows except the rows.

    `unreadable` is how many contacts from Xero couldn't be parsed: they are missing from the rows, or shown
    as they were before. `balances_read_at` is when all balances were last read. `storage_problem` is why the
    local database can't be written, or its change log backed up, or which background task had an unexpected
    error. `clock_ahead` is how far this machine's clock is ahead of Xero's, which all times here follow;
    negative if it is behind. `rows_version` increases whenever a row may look different, `order_version` when
    rows may have been added, removed or moved. `is_paused` means that nothing queued is sent until the user
    resumes.
    """

    organisation: Organisation
    counts: TabCounts = field(default_factory=TabCounts)
    unreadable: int = 0
    xero: XeroStatus = XeroStatus()
    progress: SyncProgress | None = None
    last_refresh_at: datetime | None = None
    balances_read_at: datetime | None = None
    storage_problem: Notice | None = None
    clock_ahead: timedelta = timedelta()
    is_paused: bool = False
    re_leased: ReLeasedStatus = ReLeasedStatus()
    summary: ChangeSummary | None = None
    activity: ActivityStatus = field(default_factory=ActivityStatus)
    rows_version: int = 0
    order_version: int = 0
