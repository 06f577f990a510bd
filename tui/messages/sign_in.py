"""Texts about signing in to Xero, token storage, and the list of organisations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.messages.texts import Catalogue, Text
from tui.model.reasons import SignInReason, XeroReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui.model.reasons import Param

_NOTHING_CHANGED: Final = "Nothing changed."
_CONNECT: Final = "Connect to Xero. Queued changes are kept."
_OTHER_PORT: Final = "Or set xero.callback_port to another port and update the redirect URI of your Xero app."
_CHECK_APP: Final = (
    "On the app's page at developer.xero.com, check that the client ID is the same, that the redirect URI is "
    "exactly {redirect_uri} and that it is a mobile or desktop app."
)
_APPS: Final = "https://developer.xero.com/app/manage"
# Xero shows these refusals on its own page, and may send the browser back as if access was denied.
_LIMITS_SHOWN: Final = (
    "If Xero's page named a limit: an app on the free Starter tier has 5 connections, and an organisation"
    " takes at most two uncertified apps. Disconnect one first, or use a custom connection."
)
_FIX: Final = "Fix it, then try again."


def _service(message: str) -> Callable[[Mapping[str, Param]], Text]:
    """Return the text of a failed exchange with Xero's sign-in service, which Reshelve may retry."""
    return lambda params: Text(
        message, RETRIED if params["is_retried"] else f"{_NOTHING_CHANGED} Try again in a moment."
    )


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
    SignInReason.PORT_IN_USE: Text(
        "Port {port} is used by another program.",
        f"Close that program; it may be another Reshelve waiting for a sign-in. {_OTHER_PORT}",
    ),
    SignInReason.PORT_UNUSABLE: Text("Can't open port {port}: {problem}.", f"Try again. {_OTHER_PORT}"),
    SignInReason.PAGE_UNREACHABLE: Text(
        "Can't reach Xero's sign-in page.",
        f"{_NOTHING_CHANGED} Check your internet connection, then try again.",
    ),
    SignInReason.APP_NOT_ACCEPTED: Text(
        "Xero doesn't accept the client ID or the redirect URI.", f"{_NOTHING_CHANGED} {_CHECK_APP}"
    ),
    SignInReason.WRONG_ADDRESS: Text(
        "This isn't the address that the browser ended at.",
        "Copy all of it from the browser's address bar. It starts with {redirect_uri}?",
    ),
    SignInReason.NO_ADDRESS_NEEDED: Text("A custom connection doesn't need an address.", _NOTHING_CHANGED),
    SignInReason.DENIED: Text(
        "Access was denied on Xero's page.",
        f"{_NOTHING_CHANGED} To connect, sign in again and click Allow access. {_LIMITS_SHOWN}",
    ),
    SignInReason.REFUSED: Text(
        "Xero refused the sign-in ({error}).",
        f"{_NOTHING_CHANGED} Try again. If that doesn't help, check the app at developer.xero.com."
        f" {_LIMITS_SHOWN}",
    ),
    SignInReason.TIMED_OUT: Text(
        "The sign-in wasn't finished within {length}.",
        f"{_NOTHING_CHANGED} Try again. If the browser showed an error about the client ID or the redirect "
        f"URI: {_CHECK_APP} {_LIMITS_SHOWN}",
    ),
    SignInReason.CANCELLED: Text("The sign-in was cancelled.", _NOTHING_CHANGED),
    SignInReason.NOT_ACCEPTED: Text(
        "Xero doesn't accept the new sign-in.", "Try again. Your existing connections haven't changed."
    ),
    SignInReason.SERVICE_UNREACHABLE: _service("Can't reach Xero's sign-in service."),
    SignInReason.SERVICE_ERROR: _service("Xero's sign-in service has a problem (HTTP {status})."),
    SignInReason.SERVICE_REPLY_TOO_LARGE: _service("The reply from Xero's sign-in service was too large."),
    SignInReason.SERVICE_REPLY_UNREADABLE: _service(
        "The reply from Xero's sign-in service couldn't be read."
    ),
    SignInReason.CODE_EXPIRED: Text(
        "This sign-in has expired. It has to be finished within five minutes.", "Sign in again."
    ),
    SignInReason.CLIENT_UNKNOWN: Text(
        "Xero doesn't recognise this client ID.", f"Copy it again from your app's page, {_APPS}"
    ),
    SignInReason.APP_TYPE_WRONG: Text(
        "Xero doesn't allow this sign-in for this type of app.",
        "Create a mobile or desktop app (Auth code with PKCE) and use its client ID.",
    ),
    SignInReason.SCOPE_NOT_ALLOWED: Text(
        "Xero doesn't allow this app the permissions it needs.", "Use another client ID."
    ),
    SignInReason.NOT_RENEWABLE: Text("Xero returned a sign-in that can't be renewed.", "Sign in again."),
    SignInReason.CUSTOM_CLIENT_REFUSED: Text(
        "Xero doesn't accept this client ID and secret.", f"Copy both again from your app's page, {_APPS}"
    ),
    SignInReason.CUSTOM_NOT_AUTHORISED: Text(
        "This app isn't a custom connection, or its organisation hasn't authorised it yet.",
        f"Check the app's page, {_APPS}",
    ),
    SignInReason.CUSTOM_SCOPE_MISSING: Text(
        "This custom connection is missing a permission that Reshelve needs.",
        "Select the contacts and settings permissions on the app's page, then authorise it again.",
    ),
    SignInReason.ENDED: Text("The sign-in to Xero has ended.", RECONNECT),
    SignInReason.CLIENT_ENDED: Text(
        "Xero doesn't recognise the client ID.", "Check `xero.client_id`, then reconnect."
    ),
    SignInReason.CUSTOM_ENDED: Text("The custom connection to Xero has ended.", RECONNECT),
    SignInReason.CUSTOM_CLIENT_ENDED: Text(
        "Xero no longer accepts this custom connection's client ID and secret.", RECONNECT
    ),
    SignInReason.CUSTOM_SCOPE_ENDED: Text(
        "This custom connection no longer has its permissions in Xero.", RECONNECT
    ),
    SignInReason.NOT_SIGNED_IN: Text("You aren't signed in to Xero.", _CONNECT),
    SignInReason.UNREADABLE: Text("The sign-in to Xero can't be read.", _CONNECT),
    SignInReason.NOT_SAVED: Text(
        "The sign-in to Xero can't be saved: {problem}.",
        "Check that the disk has free space, then try again.",
    ),
    SignInReason.NOT_REMOVED: Text(
        "The sign-in to Xero can't be removed: {problem}.", "Delete the file {file}."
    ),
    SignInReason.UNUSABLE: Text(
        "The sign-in to Xero can't be used: {problem}.", "Check the folder {folder}."
    ),
    # Without a next step: commands add their own for requests that never reached Xero.
    SignInReason.REFRESHED_ELSEWHERE: Text("Another Reshelve is refreshing the sign-in to Xero.", RETRIED),
    SignInReason.NO_KEYCHAIN: Text(
        "This system has no keychain to store the sign-in in.",
        "It can be stored in a file that only you can read.",
    ),
    SignInReason.KEYCHAIN_WAITING: Text("Waiting for the keychain: check for its prompt."),
    SignInReason.KEYCHAIN_LOCKED: Text(
        "The system's keychain is locked or unavailable, so Reshelve can't connect to Xero.",
        f"Unlock it. {RETRIED}",
    ),
    SignInReason.KEYCHAIN_NOT_SAVED: Text(
        "The sign-in to Xero can't be saved in the system's keychain.", "Unlock it, then try again."
    ),
    SignInReason.KEYCHAIN_NOT_REMOVED: Text(
        "The sign-in to Xero can't be removed from the system's keychain.",
        "Unlock it, then try again, or remove its entry “{entry}” yourself.",
    ),
    SignInReason.LIST_NOT_SAVED: Text("Can't write {file}: {problem}.", f"Nothing else changed. {_FIX}"),
    SignInReason.LIST_NOT_READ: Text("Can't read {file}: {problem}.", f"{_NOTHING_CHANGED} {_FIX}"),
    SignInReason.LIST_DAMAGED: Text(
        "The list of organisations was damaged. It is kept as {file}.",
        "Contacts, change logs and sign-ins are unaffected. Restart Reshelve and connect again.",
    ),
    SignInReason.LIST_DAMAGED_IN_PLACE: Text(
        "{file} is damaged and can't be moved aside: {problem}.",
        f"{_NOTHING_CHANGED} Move it to another folder, then restart Reshelve.",
    ),
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
        f"Sign in again and select at least one organisation on Xero's page. {_LIMITS_SHOWN}",
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
