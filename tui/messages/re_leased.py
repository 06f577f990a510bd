"""Texts about Re-Leased: its feed, its nightly sync, and the user's reports."""

from __future__ import annotations

from typing import Final

from tui.messages.texts import Catalogue, Text
from tui.model.reasons import EvidenceReason, FeedReason, SyncWindowReason

_RETRIED: Final = "Nothing is lost. Reshelve will retry automatically."
_CHECK_ADDRESS: Final = "Check re_leased.feed_url in the settings."

TEXTS: Final[Catalogue] = {
    FeedReason.UNREACHABLE: Text("Can't reach the Re-Leased feed.", _RETRIED),
    FeedReason.HTTP_ERROR: Text("The Re-Leased feed returned an error (HTTP {status}).", _RETRIED),
    FeedReason.TOO_LARGE: Text("The Re-Leased feed's reply was larger than {megabytes} MB.", _RETRIED),
    FeedReason.UNREADABLE: Text("The Re-Leased feed's reply couldn't be read.", _RETRIED),
    FeedReason.NO_SUCH_ORGANISATION: Text(
        "The Re-Leased feed doesn't have this organisation.",
        f"Check that Re-Leased is connected to it. {_CHECK_ADDRESS}",
    ),
    FeedReason.OTHER_ORGANISATION: Text("The Re-Leased feed is for another organisation.", _CHECK_ADDRESS),
    FeedReason.NO_TIME_ZONE: Text("Re-Leased's data has a time without a time zone.", _RETRIED),
    FeedReason.SOURCE_PROBLEM: Text("{problem}"),
    FeedReason.FAILED: Text("Reading Re-Leased's data failed. Details are in the log file.", _RETRIED),
    EvidenceReason.FUTURE_SYNC_START: Text(
        "That time is in the future. Nothing was recorded.", "Enter the time when the sync started."
    ),
    EvidenceReason.NO_SYNC_REPORTED: Text(
        "You haven't recorded a sync. Nothing was recorded.",
        "Start one in Re-Leased and record it first.",
        "manual_sync",
    ),
    EvidenceReason.CONTACT_CHANGED: Text(
        "This contact was changed again. Nothing was recorded.", "Check it again."
    ),
    SyncWindowReason.UNKNOWN_ZONE: Text(
        "Unknown time zone in Xero: {zone}. Reshelve uses this computer's time zone."
    ),
}
