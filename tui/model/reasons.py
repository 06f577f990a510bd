"""Why something happened or failed, as values. `tui.messages` turns them into sentences.

Everything below the screens returns and raises these codes, so that a sentence can be reworded without
touching what is stored, and so that no sentence names a key.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache

from msgspec import Struct

#: What a reason's sentence can contain. Text from outside is made safe where the sentence is shown.
Param = str | int | float | date | datetime | timedelta


class Reason(StrEnum):
    """A reason code. Its values are unique in the program and, once stored, never change."""


class Notice(Struct, frozen=True):
    """A reason with its parameters: what a sentence is made of."""

    reason: Reason
    params: dict[str, Param] = {}

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
    OTHER_ORGANISATION = "file_note.other_organisation"
    INVALID_IDS = "file_note.invalid_ids"
    NEWER_THAN_CONTACTS = "file_note.newer_than_contacts"


class ComparisonReason(Reason):
    """Why a file can't be compared with the saved contacts."""

    NOTHING_LOADED = "comparison.nothing_loaded"
    PARTLY_LOADED = "comparison.partly_loaded"
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
    #: For evidence sources of others: `problem` is their message.
    SOURCE_PROBLEM = "feed.source_problem"
    FAILED = "feed.failed"


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
    OUTBOX = "task.outbox"
    STATUS = "task.status"


class SyncWindowReason(Reason):
    """What was assumed about the hours of Re-Leased's nightly sync."""

    UNKNOWN_ZONE = "sync_window.unknown_zone"
