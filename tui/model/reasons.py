"""Why something happened or failed, as values. `tui.messages` turns them into sentences.

Everything below the screens returns and raises these codes, so that a sentence can be reworded without
touching what is stored, and so that no sentence names a key.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a reason's sentence can contain. Text from outside is made safe where the sentence is shown.
Param = str | int | float | date | datetime | timedelta


class Reason(StrEnum):
    """A reason code. Its values are unique in the program and, once stored, never change."""


class Notice(NamedTuple):
    """A reason with its parameters: what a sentence is made of."""

    reason: Reason
    params: Mapping[str, Param] = MappingProxyType({})

    def __str__(self) -> str:
        """Return the code and its parameters, for the log."""
        params = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.reason} ({params})" if params else str(self.reason)


class GeneralReason(Reason):
    """Reasons that belong to no single part of the program."""

    BUG = "general.bug"
    BUG_NOT_LOGGED = "general.bug_not_logged"
    STORE_CLOSED = "general.store_closed"
    UNEXPECTED_ERROR = "general.unexpected_error"
    LEGACY = "general.legacy"


class ReadOnlyReason(Reason):
    """Why changes are blocked: the connection's permissions, or the option `--read-only`."""

    CONNECTION = "read_only.connection"
    OPTION = "read_only.option"


class Service(StrEnum):
    """What a request was sent to, as a parameter: `tui.messages` has its name."""

    XERO = "xero"
    SIGN_IN = "sign_in"
    SIGN_IN_PAGE = "sign_in_page"
    FEED = "feed"


class XeroReason(Reason):
    """Why a request to Xero failed. `xero_message` is Xero's own message."""

    OFFLINE = "xero.offline"
    NOT_READY = "xero.not_ready"
    NO_REPLY = "xero.no_reply"
    UNREADABLE_REPLY = "xero.unreadable_reply"
    REPLY_TOO_LARGE = "xero.reply_too_large"
    FOREIGN_REPLY = "xero.foreign_reply"
    SERVER_MESSAGE = "xero.server_message"
    SERVER_ERROR = "xero.server_error"
    RATE_LIMITED = "xero.rate_limited"
    REJECTED = "xero.rejected"
    REJECTED_WITHOUT_MESSAGE = "xero.rejected_without_message"
    NOT_FOUND = "xero.not_found"
    SIGN_IN_INVALID = "xero.sign_in_invalid"
    SCOPE_MISSING = "xero.scope_missing"
    NOT_CONNECTED = "xero.not_connected"
    NO_ORGANISATION = "xero.no_organisation"
    LINK_UNKNOWN = "xero.link_unknown"
    PRACTICE_OFFLINE = "xero.practice_offline"
    PRACTICE_REFUSED = "xero.practice_refused"


class SignInReason(Reason):
    """Why a sign-in can't be made, renewed, ended or stored."""

    # The attempt.
    PORT_IN_USE = "sign_in.port_in_use"
    PORT_UNUSABLE = "sign_in.port_unusable"
    PAGE_UNREACHABLE = "sign_in.page_unreachable"
    APP_NOT_ACCEPTED = "sign_in.app_not_accepted"
    WRONG_ADDRESS = "sign_in.wrong_address"
    NO_ADDRESS_NEEDED = "sign_in.no_address_needed"
    DENIED = "sign_in.denied"
    REFUSED = "sign_in.refused"
    TIMED_OUT = "sign_in.timed_out"
    CANCELLED = "sign_in.cancelled"
    NOT_ACCEPTED = "sign_in.not_accepted"
    # Xero's sign-in service.
    SERVICE_UNREACHABLE = "sign_in.service_unreachable"
    SERVICE_ERROR = "sign_in.service_error"
    SERVICE_REPLY_TOO_LARGE = "sign_in.service_reply_too_large"
    SERVICE_REPLY_UNREADABLE = "sign_in.service_reply_unreadable"
    CODE_EXPIRED = "sign_in.code_expired"
    CLIENT_UNKNOWN = "sign_in.client_unknown"
    APP_TYPE_WRONG = "sign_in.app_type_wrong"
    SCOPE_NOT_ALLOWED = "sign_in.scope_not_allowed"
    NOT_RENEWABLE = "sign_in.not_renewable"
    CUSTOM_CLIENT_REFUSED = "sign_in.custom_client_refused"
    CUSTOM_NOT_AUTHORISED = "sign_in.custom_not_authorised"
    CUSTOM_SCOPE_MISSING = "sign_in.custom_scope_missing"
    ENDED = "sign_in.ended"
    CLIENT_ENDED = "sign_in.client_ended"
    CUSTOM_ENDED = "sign_in.custom_ended"
    CUSTOM_CLIENT_ENDED = "sign_in.custom_client_ended"
    CUSTOM_SCOPE_ENDED = "sign_in.custom_scope_ended"
    # Where its tokens are stored.
    NOT_SIGNED_IN = "sign_in.not_signed_in"
    UNREADABLE = "sign_in.unreadable"
    NOT_SAVED = "sign_in.not_saved"
    NOT_REMOVED = "sign_in.not_removed"
    UNUSABLE = "sign_in.unusable"
    CANNOT_LOCK = "sign_in.cannot_lock"
    REFRESHED_ELSEWHERE = "sign_in.refreshed_elsewhere"
    NO_KEYCHAIN = "sign_in.no_keychain"
    KEYCHAIN_WAITING = "sign_in.keychain_waiting"
    KEYCHAIN_LOCKED = "sign_in.keychain_locked"
    KEYCHAIN_NOT_SAVED = "sign_in.keychain_not_saved"
    KEYCHAIN_NOT_REMOVED = "sign_in.keychain_not_removed"
    # The list of organisations.
    LIST_NOT_SAVED = "sign_in.list_not_saved"
    LIST_NOT_READ = "sign_in.list_not_read"
    LIST_DAMAGED = "sign_in.list_damaged"
    LIST_DAMAGED_IN_PLACE = "sign_in.list_damaged_in_place"


class NetworkReason(Reason):
    """Which setting or network prevents a connection. `source` is where the proxy is set."""

    PROXY_ADDRESS_INVALID = "network.proxy_address_invalid"
    PROXY_UNREACHABLE = "network.proxy_unreachable"
    PROXY_REFUSED = "network.proxy_refused"
    PROXY_LOGIN_REQUIRED = "network.proxy_login_required"
    PROXY_LOGIN_REFUSED = "network.proxy_login_refused"
    PROXY_NOT_SET = "network.proxy_not_set"
    NO_TLS = "network.no_tls"
    CERTIFICATE_FILE_MISSING = "network.certificate_file_missing"
    CERTIFICATE_FILE_IS_FOLDER = "network.certificate_file_is_folder"
    CERTIFICATE_FILE_IRREGULAR = "network.certificate_file_irregular"
    CERTIFICATE_FILE_INVALID = "network.certificate_file_invalid"
    CERTIFICATE_FILE_UNREADABLE = "network.certificate_file_unreadable"
    CERTIFICATE_FOLDER_MISSING = "network.certificate_folder_missing"
    CERTIFICATE_DATE = "network.certificate_date"
    CERTIFICATE_NAME = "network.certificate_name"
    CERTIFICATE_SELF_SIGNED = "network.certificate_self_signed"
    CERTIFICATE_UNTRUSTED = "network.certificate_untrusted"
    CERTIFICATE_UNVERIFIED = "network.certificate_unverified"
