"""Texts about Re-Leased: its feed, its nightly sync, and the user's reports."""

from __future__ import annotations

from typing import Final

from tui.messages.texts import Catalogue, Text
from tui.model.reasons import ContactSourceReason, EvidenceReason, FeedReason, SyncWindowReason

_RETRIED: Final = "Nothing is lost. Reshelve will retry automatically."
_CHECK_ADDRESS: Final = "Check re_leased.feed_url in the settings."

# No contact counts as seen unless the whole read succeeds.
_READ_AGAIN: Final = "Nothing was marked as synced. Reshelve will read the contacts again."
_NOT_SYNCED: Final = "Nothing was marked as synced."
_CHECK_CONNECTION: Final = "Open the connection in Unified.to"

_SOURCE_TEXTS: Final[Catalogue] = {
    ContactSourceReason.UNREACHABLE: Text("Can't reach Unified.to.", f"Check your network. {_READ_AGAIN}"),
    ContactSourceReason.TIMED_OUT: Text("Unified.to didn't reply in {seconds:second}.", _READ_AGAIN),
    ContactSourceReason.CUT_SHORT: Text("Unified.to's reply ended early.", _READ_AGAIN),
    ContactSourceReason.TOO_LARGE: Text(
        "Unified.to's reply was larger than {megabytes} MB.", f"{_NOT_SYNCED} Contact Unified.to's support."
    ),
    ContactSourceReason.WEB_PAGE: Text(
        "A web page came back instead of contacts (HTTP {status}).",
        f"Check that you are signed in to this network, and re_leased.unified_url in the settings. "
        f"{_NOT_SYNCED}",
    ),
    ContactSourceReason.UNREADABLE: Text("Unified.to's reply couldn't be read.", _READ_AGAIN),
    ContactSourceReason.HTTP_ERROR: Text(
        "Unified.to returned an error (HTTP {status}){detail}",
        f"{_READ_AGAIN} If it continues, check the connection in Unified.to.",
    ),
    ContactSourceReason.KEY_REFUSED: Text(
        "Unified.to refused the request (HTTP 401){detail}",
        "Check the API key in Unified.to and enter it again. If the key is right, open the connection there "
        f"and authorise Re-Leased again. {_NOT_SYNCED}",
    ),
    ContactSourceReason.FORBIDDEN: Text(
        "Access to Re-Leased's contacts is denied (HTTP 403){detail}",
        f"{_CHECK_CONNECTION} and check that it is allowed to read accounting contacts and organizations. "
        f"{_NOT_SYNCED}",
    ),
    ContactSourceReason.PAUSED: Text(
        "The connection to Re-Leased is paused in Unified.to (HTTP {status}){detail}",
        f"{_CHECK_CONNECTION} and resume it. {_NOT_SYNCED}",
    ),
    ContactSourceReason.NO_SUCH_CONNECTION: Text(
        "Unified.to has no connection with this ID (HTTP 404){detail}",
        "Check this organisation's unified_connection_id in the settings, and that re_leased.unified_url is "
        f"the region of your Unified.to account. {_NOT_SYNCED}",
    ),
    ContactSourceReason.RATE_LIMITED: Text(
        "The rate limit of Unified.to or Re-Leased was reached{detail}",
        "Reshelve will read the contacts again in {wait}. Nothing was marked as synced.",
    ),
    ContactSourceReason.INCOMPLETE: Text(
        "Re-Leased's contacts couldn't be read completely: the list changed or ended early.", _READ_AGAIN
    ),
    ContactSourceReason.REPEATED_PAGE: Text(
        "The connection returned the same contacts twice, so it can't be read page by page.",
        f"{_NOT_SYNCED} If it continues, contact Unified.to's support.",
    ),
    ContactSourceReason.TOO_MANY: Text(
        "The connection returned more than {most:contact}.",
        f"Choose the Re-Leased company of this organisation. {_NOT_SYNCED}",
    ),
    ContactSourceReason.WRONG_COMPANY: Text(
        "These look like another company's contacts: only {matched:contact} of {total:contact} in Re-Leased"
        " match this organisation.",
        "Nothing was marked as synced. Choose the right company: reshelve re-leased connect.",
    ),
    ContactSourceReason.SEVERAL_COMPANIES: Text(
        "These are the contacts of several companies in Re-Leased.",
        "Nothing was marked as synced. Choose this organisation's company: reshelve re-leased connect.",
    ),
    ContactSourceReason.INSECURE_URL: Text(
        "The URL of Unified.to isn't secure, so the API key wasn't sent.",
        "Set re_leased.unified_url to https://api.unified.to or https://api-eu.unified.to.",
    ),
    ContactSourceReason.NO_CONNECTION_ID: Text(
        "This organisation isn't connected to Re-Leased.",
        "Connect it on the command line: reshelve re-leased connect.",
    ),
    ContactSourceReason.NO_KEY: Text(
        "No API key for Unified.to is stored.",
        "Enter it on the command line: reshelve re-leased connect.",
    ),
    ContactSourceReason.KEY_UNUSABLE: Text(
        "This isn't an API key: it is empty, or has spaces or other characters that no key has.",
        "Copy the API key again from Unified.to.",
    ),
    ContactSourceReason.KEY_VARIABLE_UNUSABLE: Text(
        "RESHELVE_UNIFIED_API_KEY isn't an API key: it has spaces or other characters that no key has.",
        "Copy the API key again from Unified.to, or unset the variable.",
    ),
    ContactSourceReason.KEYCHAIN_LOCKED: Text(
        "The system's keychain is locked or unavailable, so the API key for Unified.to can't be read.",
        f"Unlock the keychain. {_NOT_SYNCED}",
    ),
    ContactSourceReason.KEY_NOT_SAVED: Text(
        "The API key for Unified.to can't be saved in the system's keychain.",
        "Unlock it, then try again. On a computer without a keychain, set RESHELVE_UNIFIED_API_KEY instead.",
    ),
    ContactSourceReason.KEY_NOT_REMOVED: Text(
        "The API key for Unified.to can't be removed from the system's keychain.",
        "Unlock it and try again, or remove its entry there yourself.",
    ),
    ContactSourceReason.SOURCE_PROBLEM: Text("{problem}", _NOT_SYNCED),
    ContactSourceReason.UNKNOWN_SOURCE: Text(
        "There is no source of Re-Leased contacts named “{name}”.",
        "Install the package that has it. Installed sources: {known}.",
    ),
    ContactSourceReason.DUPLICATE_SOURCE: Text(
        "Several packages have a source of Re-Leased contacts named “{name}”.",
        "Uninstall all but one of them.",
    ),
    ContactSourceReason.NOT_LOADED: Text(
        "The source of Re-Leased contacts “{name}” can't be loaded ({problem}).",
        "Update or uninstall its package. Details are in the log file.",
    ),
    ContactSourceReason.BROKEN: Text(
        "The source of Re-Leased contacts “{name}” failed ({problem}).",
        f"Update its package. Details are in the log file. {_NOT_SYNCED}",
    ),
}

TEXTS: Final[Catalogue] = {
    **_SOURCE_TEXTS,
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
