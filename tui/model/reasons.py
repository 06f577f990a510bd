"""Why something happened or failed, as values. `tui.messages` turns them into sentences.

Everything below the screens returns and raises these codes, so that a sentence can be reworded without
touching what is stored, and so that no sentence names a key.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a reason's sentence can contain. Text from outside is made safe where the sentence is shown.
Param = str | int | float | date | datetime | timedelta


class Reason(StrEnum):
    """A reason code. Its values are unique in the program and, once stored, never change."""


class Notice(NamedTuple):
    """A reason with its parameters, from which a sentence is built."""

    reason: Reason
    params: Mapping[str, Param] = MappingProxyType({})

    def __hash__(self) -> int:
        """Make values with a notice hashable, such as a row of the contact table."""
        return hash(self.reason)

    def __str__(self) -> str:
        """Return the code and its parameters, for the log."""
        params = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.reason} ({params})" if params else str(self.reason)


def find_reason(code: str) -> Reason | None:
    """Return the reason of a stored code; None for one that this version doesn't know."""
    return _reasons().get(code)


@cache
def _reasons() -> dict[str, Reason]:
    return {str(reason): reason for kind in Reason.__subclasses__() for reason in kind}


class GeneralReason(Reason):
    """Reasons that belong to no particular part of the program."""

    BUG = "general.bug"
    BUG_NOT_LOGGED = "general.bug_not_logged"
    UNEXPECTED_ERROR = "general.unexpected_error"


class ReadOnlyReason(Reason):
    """Why changes are blocked: the connection's permissions, or the option `--read-only`."""

    CONNECTION = "read_only.connection"
    OPTION = "read_only.option"


class Service(StrEnum):
    """The service that a request was sent to, as a parameter: `tui.messages` has its name."""

    XERO = "xero"
    SIGN_IN = "sign_in"
    SIGN_IN_PAGE = "sign_in_page"
    FEED = "feed"
    UNIFIED = "unified"


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


class FileReason(Reason):
    """Why a file of contacts from Re-Leased can't be used."""

    CANT_OPEN = "file.cant_open"
    CANT_READ = "file.cant_read"
    NOT_A_FILE_NAME = "file.not_a_file_name"
    FOLDER = "file.folder"
    NOT_REGULAR = "file.not_regular"
    INVALID_MODIFIED_AT = "file.invalid_modified_at"
    CHANGED = "file.changed"
    EMPTY = "file.empty"
    BLANK = "file.blank"
    TOO_LARGE = "file.too_large"
    TOO_MANY_LINES = "file.too_many_lines"
    LINE_TOO_LONG = "file.line_too_long"
    FIELD_TOO_LONG = "file.field_too_long"
    EXCEL = "file.excel"
    SEVERAL_SHEETS = "file.several_sheets"
    UNKNOWN_SHEET = "file.unknown_sheet"
    NO_SHEETS = "file.no_sheets"
    TOO_MANY_CELLS = "file.too_many_cells"
    NO_HEADER_ROW = "file.no_header_row"
    OLD_EXCEL = "file.old_excel"
    PDF = "file.pdf"
    COMPRESSED = "file.compressed"
    RTF = "file.rtf"
    WEB_PAGE = "file.web_page"
    NOT_TEXT = "file.not_text"
    UNDECODABLE = "file.undecodable"
    UNKNOWN_ENCODING = "file.unknown_encoding"
    INVALID_DELIMITER = "file.invalid_delimiter"
    UNCLOSED_QUOTE = "file.unclosed_quote"
    STRAY_QUOTE = "file.stray_quote"
    INVALID_CSV = "file.invalid_csv"
    NO_CONTACT_COLUMN = "file.no_contact_column"
    NO_STATUS_COLUMN = "file.no_status_column"
    UNKNOWN_COLUMN = "file.unknown_column"
    DUPLICATE_COLUMN = "file.duplicate_column"
    NO_CONTACTS = "file.no_contacts"
    TOO_MANY_FIELDS = "file.too_many_fields"
    TOO_FEW_FIELDS = "file.too_few_fields"
    NO_STATUS = "file.no_status"
    UNKNOWN_STATUS = "file.unknown_status"
    OTHER_STATUS = "file.other_status"
    FUTURE_EXPORT_DATE = "file.future_export_date"
    EXPORT_DATE_AFTER_CHANGE = "file.export_date_after_change"
    FUTURE_FILE_DATE = "file.future_file_date"


class FileNote(Reason):
    """What was assumed about a file of contacts, or looks wrong in it."""

    READ_AS_UTF_16 = "file_note.read_as_utf_16"
    READ_AS_CP1252 = "file_note.read_as_cp1252"
    HEADER_BELOW_TITLE = "file_note.header_below_title"
    SKIPPED_LINES = "file_note.skipped_lines"
    DELETED_CONTACTS = "file_note.deleted_contacts"
    READ_SHEET = "file_note.read_sheet"
    OTHER_ORGANISATION = "file_note.other_organisation"
    INVALID_IDS = "file_note.invalid_ids"
    NEWER_THAN_CONTACTS = "file_note.newer_than_contacts"


class ComparisonReason(Reason):
    """Why a file can't be compared with the saved contacts."""

    NOTHING_LOADED = "comparison.nothing_loaded"
    PARTLY_LOADED = "comparison.partly_loaded"
    TIME_UNKNOWN = "comparison.time_unknown"
    STOPPED = "comparison.stopped"


class FeedReason(Reason):
    """Why the Re-Leased feed can't be read."""

    UNREACHABLE = "feed.unreachable"
    HTTP_ERROR = "feed.http_error"
    TOO_LARGE = "feed.too_large"
    UNREADABLE = "feed.unreadable"
    NO_SUCH_ORGANISATION = "feed.no_such_organisation"
    OTHER_ORGANISATION = "feed.other_organisation"
    NO_TIME_ZONE = "feed.no_time_zone"
    #: For third-party evidence sources: `problem` is their message.
    SOURCE_PROBLEM = "feed.source_problem"
    FAILED = "feed.failed"


class ContactSourceReason(Reason):
    """Why Re-Leased's contacts can't be read from a source.

    `detail` is the message from the service, with a colon before it, or empty.
    """

    UNREACHABLE = "contact_source.unreachable"
    TIMED_OUT = "contact_source.timed_out"
    CUT_SHORT = "contact_source.cut_short"
    TOO_LARGE = "contact_source.too_large"
    WEB_PAGE = "contact_source.web_page"
    UNREADABLE = "contact_source.unreadable"
    HTTP_ERROR = "contact_source.http_error"
    KEY_REFUSED = "contact_source.key_refused"
    FORBIDDEN = "contact_source.forbidden"
    PAUSED = "contact_source.paused"
    NO_SUCH_CONNECTION = "contact_source.no_such_connection"
    RATE_LIMITED = "contact_source.rate_limited"
    # A list that can't be read as a whole.
    INCOMPLETE = "contact_source.incomplete"
    REPEATED_PAGE = "contact_source.repeated_page"
    TOO_MANY = "contact_source.too_many"
    # The contacts are those of a company that syncs with another Xero organisation.
    WRONG_COMPANY = "contact_source.wrong_company"
    # The contacts of several companies at once.
    SEVERAL_COMPANIES = "contact_source.several_companies"
    # Something is missing or wrong on this computer.
    INSECURE_URL = "contact_source.insecure_url"
    NO_CONNECTION_ID = "contact_source.no_connection_id"
    NO_KEY = "contact_source.no_key"
    KEY_VARIABLE_UNUSABLE = "contact_source.key_variable_unusable"
    KEY_UNUSABLE = "contact_source.key_unusable"
    KEYCHAIN_LOCKED = "contact_source.keychain_locked"
    KEY_NOT_SAVED = "contact_source.key_not_saved"
    KEY_NOT_REMOVED = "contact_source.key_not_removed"
    # Sources from other packages. `name` is their entry point, `problem` their message.
    SOURCE_PROBLEM = "contact_source.source_problem"
    UNKNOWN_SOURCE = "contact_source.unknown_source"
    DUPLICATE_SOURCE = "contact_source.duplicate_source"
    NOT_LOADED = "contact_source.not_loaded"
    BROKEN = "contact_source.broken"


class EvidenceReason(Reason):
    """Why what a user reports about Re-Leased isn't recorded."""

    FUTURE_SYNC_START = "evidence.future_sync_start"
    NO_SYNC_REPORTED = "evidence.no_sync_reported"
    CONTACT_CHANGED = "evidence.contact_changed"


class ConnectionReason(Reason):
    """Why Xero isn't called, or not for everything."""

    MINUTE_LIMIT = "connection.minute_limit"
    DAY_LIMIT = "connection.day_limit"
    CONCURRENT_LIMIT = "connection.concurrent_limit"
    APP_LIMIT = "connection.app_limit"
    CALLS_RESERVED = "connection.calls_reserved"
    REMOVED = "connection.removed"
    DISCONNECTED = "connection.disconnected"
    STANDBY = "connection.standby"


class TaskReason(Reason):
    """The background tasks: which of them had an unexpected error."""

    CHANGE_LOG_CHECK = "task.change_log_check"
    LOCK = "task.lock"
    BACKUP = "task.backup"
    CLOCK = "task.clock"
    SEARCH_INDEX = "task.search_index"
    CONNECTION = "task.connection"
    CONTACT_SYNC = "task.contact_sync"
    MANUAL_RESTORES = "task.manual_restores"
    RE_LEASED = "task.re_leased"
    RE_LEASED_CONTACTS = "task.re_leased_contacts"
    OUTBOX = "task.outbox"
    ACTIVITY = "task.activity"
    STATUS = "task.status"


class SyncWindowReason(Reason):
    """What was assumed about the hours of Re-Leased's nightly sync."""

    UNKNOWN_ZONE = "sync_window.unknown_zone"


class SystemReason(Reason):
    """Why a drive can't lock files, or a file that the user chose can't be saved.

    `most` is a number of rows.
    """

    CANNOT_LOCK = "system.cannot_lock"
    NOT_A_FILE = "system.not_a_file"
    NOT_A_FILE_NAME = "system.not_a_file_name"
    FILE_NOT_SAVED = "system.file_not_saved"
    TOO_MANY_ROWS = "system.too_many_rows"


class SettingsReason(Reason):
    """What is wrong with a setting. `place` is the file with the setting's path, or the variable."""

    # The file.
    NOT_A_FILE = "settings.not_a_file"
    FILE_UNREADABLE = "settings.file_unreadable"
    NOT_TOML = "settings.not_toml"
    NOT_TEXT_FILE = "settings.not_text_file"
    NOT_UTF8 = "settings.not_utf8"
    # Names. `closest` is the known name that was probably meant, if any.
    NOT_A_SECTION = "settings.not_a_section"
    UNKNOWN_SECTION = "settings.unknown_section"
    UNKNOWN_KEY = "settings.unknown_key"
    UNKNOWN_SETTING = "settings.unknown_setting"
    UNKNOWN_VARIABLE = "settings.unknown_variable"
    ORGANISATION_VARIABLE = "settings.organisation_variable"
    SHORTCUT_VARIABLE = "settings.shortcut_variable"
    NOT_A_TENANT_ID = "settings.not_a_tenant_id"
    NO_ORGANISATION_SECTION = "settings.no_organisation_section"
    NOT_AN_ACTION = "settings.not_an_action"
    RENAMED = "settings.renamed"
    # Values. `value` is left out if it could be a secret.
    NOT_TEXT = "settings.not_text"
    INVALID_URL = "settings.invalid_url"
    INVALID_CLIENT_ID = "settings.invalid_client_id"
    INVALID_THEME = "settings.invalid_theme"
    INVALID_CHOICE = "settings.invalid_choice"
    INVALID_TIME = "settings.invalid_time"
    INVALID_ZONE = "settings.invalid_zone"
    INVALID_SECONDS = "settings.invalid_seconds"
    INVALID_NUMBER = "settings.invalid_number"
    INVALID_KEYS = "settings.invalid_keys"
    INVALID_UNIFIED_URL = "settings.invalid_unified_url"
    INVALID_RE_LEASED_ID = "settings.invalid_re_leased_id"
    INVALID_RAW_FIELD = "settings.invalid_raw_field"
    INVALID_WORDS = "settings.invalid_words"


class StoreReason(Reason):
    """Why the local database can't be read, written, backed up or repaired.

    `problem` and `damage` are messages from SQLite or the system. `backup` is the newest good backup, if any,
    and `made_at` when it was made.
    """

    CLOSED = "store.closed"
    DISK_FULL = "store.disk_full"
    DISK_ERROR = "store.disk_error"
    READ_ONLY = "store.read_only"
    CANNOT_OPEN = "store.cannot_open"
    CANNOT_LOCK = "store.cannot_lock"
    NO_SHARED_MEMORY = "store.no_shared_memory"
    BUSY = "store.busy"
    UNUSABLE = "store.unusable"
    NEWER_VERSION = "store.newer_version"
    NO_DATABASE = "store.no_database"
    OPEN_ELSEWHERE = "store.open_elsewhere"
    # Damage.
    DAMAGED = "store.damaged"
    NOT_A_DATABASE = "store.not_a_database"
    CONTACTS_DAMAGED = "store.contacts_damaged"
    CHANGE_LOG_DAMAGED = "store.change_log_damaged"
    MISSING = "store.missing"
    # Files that were deleted, moved or replaced while in use.
    DISPLACED = "store.displaced"
    DISPLACED_STANDBY = "store.displaced_standby"
    NOT_RESTORED = "store.not_restored"
    FOLDER_MOVED = "store.folder_moved"
    REPLACED = "store.replaced"
    # Backups and repairs.
    DAMAGED_NOT_BACKED_UP = "store.damaged_not_backed_up"
    BACKUP_UNREADABLE = "store.backup_unreadable"
    BACKUP_FAILED = "store.backup_failed"
    REPAIR_UNREADABLE = "store.repair_unreadable"
    REPAIR_FAILED = "store.repair_failed"
    # Removal of an organisation's data.
    UNSENT_CHANGES = "store.unsent_changes"
    NOTHING_SAVED = "store.nothing_saved"
    NOT_FORGOTTEN = "store.not_forgotten"


class RepairReason(Reason):
    """What a repair of the local database will do, and what it did."""

    NOT_NEEDED = "repair.not_needed"
    CONTACTS_DAMAGED = "repair.contacts_damaged"
    CHANGE_LOG_DAMAGED = "repair.change_log_damaged"
    DATABASE_MISSING = "repair.database_missing"
    CONTACTS_REMOVED = "repair.contacts_removed"
    BACKUP_RESTORED = "repair.backup_restored"
    ENTRIES_ADDED = "repair.entries_added"
    NOTHING_LOST = "repair.nothing_lost"
    LOST_SINCE_BACKUP = "repair.lost_since_backup"
    ENTRIES_LOST = "repair.entries_lost"
    CHANGES_UNKNOWN = "repair.changes_unknown"
    RESULTS_CHECKED = "repair.results_checked"
    DAMAGED_FILE_KEPT = "repair.damaged_file_kept"


class ContactReason(Reason):
    """Warnings about contacts before they are changed, and why they can't be. Some are stored."""

    MERGED = "contacts.merged"
    GDPR = "contacts.gdpr"
    DELETED = "contacts.deleted"
    NOT_LOADED = "contacts.not_loaded"
    ALREADY_ARCHIVED = "contacts.already_archived"
    ALREADY_ACTIVE = "contacts.already_active"
    # Warnings. Amounts are in hundredths.
    NAME_TAKEN = "contacts.name_taken"
    THEY_OWE = "contacts.they_owe"
    YOU_OWE = "contacts.you_owe"
    ACTIVE_ELSEWHERE = "contacts.active_elsewhere"
    FOREIGN_CURRENCY = "contacts.foreign_currency"
    PROTECTED = "contacts.protected"
    # Left out by the user, because of its warnings.
    HAS_WARNINGS = "contacts.has_warnings"
    # Why saved data is shown.
    UNREADABLE = "contacts.unreadable"
    SOME_UNREADABLE = "contacts.some_unreadable"
    TOO_MANY = "contacts.too_many"
    SLOW_REPLY = "contacts.slow_reply"
    INCOMPLETE_REPLY = "contacts.incomplete_reply"
    NOT_SAVED = "contacts.not_saved"


class ChangeReason(Reason):
    """What happened to a change, besides Xero's own message; stored with the change and in its log."""

    # Results of requests.
    NO_REPLY = "changes.no_reply"
    UNREACHABLE = "changes.unreachable"
    NOT_CONFIRMED = "changes.not_confirmed"
    NOT_APPLIED = "changes.not_applied"
    NEVER_ARRIVED = "changes.never_arrived"
    INTERRUPTED = "changes.interrupted"
    INTERRUPTED_BY_BUG = "changes.interrupted_by_bug"
    CONFIRMED_LATE = "changes.confirmed_late"
    # What someone did in Xero.
    DETECTED_IN_XERO = "changes.detected_in_xero"
    ARCHIVED_FIRST = "changes.archived_first"
    MERGED_AWAY = "changes.merged_away"
    RESTORED_SINCE = "changes.restored_since"
    RESTORED_BEFORE = "changes.restored_before"
    CHANGED_SINCE = "changes.changed_since"
    RENAMED = "changes.renamed"
    # What the user did in Reshelve.
    OPPOSITE_REQUESTED = "changes.opposite_requested"
    UNDONE = "changes.undone"
    REDONE = "changes.redone"
    NOTHING_TO_UNDO = "changes.nothing_to_undo"
    UNDONE_FIRST = "changes.undone_first"
    UNLINKED = "changes.unlinked"
    LINKED = "changes.linked"
    NO_NET_EFFECT = "changes.no_net_effect"
    # After a repair.
    FROM_BACKUP = "changes.from_backup"
    REPAIRED = "changes.repaired"
    # Shown in place of a stored reason that this version doesn't know.
    UNKNOWN = "changes.unknown"


class UndoReason(Reason):
    """Why an undo or redo leaves a contact, or everything, as it is."""

    CHANGED_AGAIN = "undo.changed_again"
    CHANGED_IN_XERO = "undo.changed_in_xero"
    STATUS_DIFFERS = "undo.status_differs"
    NOT_CARRIED_OUT = "undo.not_carried_out"
    NO_CHANGE_NEEDED = "undo.no_change_needed"
    PLAN_OUTDATED = "undo.plan_outdated"
    ALREADY_PROCESSED = "undo.already_processed"
