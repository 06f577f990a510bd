"""What the screen shows, frozen at one moment."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from tui.model.evidence import LONGEST_SYNC, is_stalled
from tui.model.query import TabCounts

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from tui.model.change import Change
    from tui.model.contact import Organisation
    from tui.model.evidence import StatusSince, UserReport
    from tui.model.reasons import Notice


class ConnectionStatus(StrEnum):
    """How the connection to Xero stands; `REMOVED` is a sign-in that no longer opens this organisation.

    `UNEXPECTED` is an answer that isn't one: a refusal of the whole request, a gateway's page, or no sense.
    `KEYCHAIN` waits for the person to answer the prompt of the system's keychain.
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

    `retry_at` is when the next attempt is made; `detail` is why Xero isn't called, or not for everything;
    calls left are what Xero's last answer said (None before the first). `minute_full_until` is when the next
    call fits into Xero's minute, None unless some call waits for that. `no_reply_since` is when a call that
    has been without an answer for long was made, None unless there is one.
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
    """How far a full read of all contacts has come; `total` is None until Xero has said it.

    `is_paused` says that the person has put it off; it goes on from there.
    """

    done: int
    total: int | None
    is_paused: bool = False


class ReLeasedStatus(Struct, frozen=True):
    """What is known of Re-Leased's syncs.

    `has_feed` says whether evidence can be *read*, `is_polled` whether the feed was read yet. `state` is one
    of the states of Re-Leased's Sync Overview, from the feed or as a user reported it at `state_reported_at`,
    else empty. `next_sync_at` comes from the feed, or is the end of the nightly window that is under way or
    comes next, which begins at `window_start_at`; `cycle_started_at` is when its countdown began. `problem`
    is why the feed couldn't be read. `last_report` is the newest report about the company,
    `reported_sync_since` the start of a reported sync whose end isn't reported yet. `zone` is the one the
    nightly window is in, None for this machine's; `zone_note` says why, where another was wanted.
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
    window_start_at: datetime | None = None

    @property
    def is_stalled(self) -> bool:
        """Whether no sync can be expected to bring anything, by the feed, its silence, or a person."""
        return self.problem is not None or is_stalled(self.state)

    def is_reported_running(self, now: datetime) -> bool:
        """Whether a sync that somebody has started may still be running, as far as anybody told."""
        return self.reported_sync_since is not None and now - self.reported_sync_since < LONGEST_SYNC


class ChangeView(Struct, frozen=True):
    """A change and, once Xero has confirmed it, how it stands with Re-Leased."""

    change: Change
    sync: StatusSince | None = None


class ChangeSummary(Struct, frozen=True):
    """The status pane: totals, and the newest few of each kind (never the whole journal).

    `in_progress` are queued, being sent or unclear, and all but the queued ones count in `sent_total`;
    `pending` are confirmed and pending, overdue or stalled; `synced` are those that Re-Leased was last
    seen or told to have, or is expected to have, and those of contacts that its syncs leave out.
    `pending_total` counts what is overdue or stalled, too; `unconfirmed_total` all that as well that is only
    expected, or reported for the company as a whole. `synced_total` counts all that `synced` holds the
    newest of.
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
        """How many changes Xero has yet to confirm: those on the way, and restores that wait for a person."""
        return self.in_progress_total + self.manual_restore_total


class Snapshot(Struct, frozen=True):
    """Everything the screen shows but the rows themselves.

    `unreadable` is how many contacts Xero sent that couldn't be read: they are missing from the rows, or
    shown as they were before. `balances_read_at` is when all balances were last read; `storage_problem` says
    why the local database can't be written, or its change log backed up, or which background task had an
    unexpected error. `clock_ahead` is how far this machine's clock is ahead of Xero's, by which all moments
    here are; negative where it is behind. `rows_version` grows whenever a row may look different,
    `order_version` when rows may have come, gone or moved. `is_paused` says that nothing queued is sent until
    a person says so.
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
    rows_version: int = 0
    order_version: int = 0
