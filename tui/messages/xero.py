"""Texts about Xero's replies to requests, and why there was none."""

from __future__ import annotations

from typing import Final

from tui.messages.texts import Catalogue, Text
from tui.model.reasons import XeroReason

RETRIED: Final = "Nothing is lost. Reshelve will retry automatically."
RECONNECT: Final = "Reconnect to Xero. Queued changes are kept."
_CHECKED: Final = "Nothing is lost. Reshelve will check the result with Xero."
_MINUTE_LIMIT: Final = "Xero's call limit for this minute is reached."
_LIMITS: Final = {
    "day": "Xero's daily call limit is reached. Queued changes are kept.",
    "concurrent": "Too many calls to Xero at once.",
    "appminute": "The Xero app's limit for this minute is reached, counting everyone who uses the app.",
}

TEXTS: Final[Catalogue] = {
    XeroReason.OFFLINE: Text("Can't reach Xero.", RETRIED),
    XeroReason.NOT_READY: Text("The connection to Xero isn't ready yet.", "Try again in a moment."),
    XeroReason.NO_REPLY: Text("No reply from Xero.", _CHECKED),
    XeroReason.UNREADABLE_REPLY: Text("Xero's reply couldn't be read.", _CHECKED),
    XeroReason.REPLY_TOO_LARGE: Text("Xero's reply was larger than 64 MB and wasn't read.", _CHECKED),
    XeroReason.FOREIGN_REPLY: Text(
        "The reply didn't come from Xero (HTTP {status}). It may come from a proxy or gateway.", _CHECKED
    ),
    XeroReason.SERVER_MESSAGE: Text("{xero_message}", _CHECKED),
    XeroReason.SERVER_ERROR: Text("Xero has a problem (HTTP {status}).", _CHECKED),
    XeroReason.RATE_LIMITED: lambda params: Text(_LIMITS.get(str(params["problem"]), _MINUTE_LIMIT)),
    XeroReason.REJECTED: Text("{xero_message}"),
    XeroReason.REJECTED_WITHOUT_MESSAGE: Text("Xero refused the request (HTTP {status})."),
    XeroReason.NOT_FOUND: Text("Xero didn't find what was requested (HTTP {status})."),
    XeroReason.SIGN_IN_INVALID: Text("The sign-in to Xero is no longer valid.", RECONNECT),
    XeroReason.SCOPE_MISSING: Text(
        "This connection doesn't have the permission (scope) for that.", RECONNECT
    ),
    XeroReason.NOT_CONNECTED: Text(
        "This organisation is no longer connected in Xero, or a permission is missing.", RECONNECT
    ),
    XeroReason.NO_ORGANISATION: Text(
        "No organisation was selected.",
        "Sign in again and select at least one organisation on Xero's page.",
    ),
    XeroReason.LINK_UNKNOWN: Text(
        "The link to this organisation in Xero isn't available yet.",
        "Open the list of organisations to refresh it.",
        "organisations",
    ),
    XeroReason.PRACTICE_OFFLINE: Text(
        "Can't reach the practice Xero.", "Nothing changed.", "simulate_restore"
    ),
    XeroReason.PRACTICE_REFUSED: Text("The practice Xero refused to restore this contact."),
}
