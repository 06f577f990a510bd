"""Why something happened or failed, as values. `tui.messages` turns them into sentences.

Everything below the screens returns and raises these codes, so that a sentence can be reworded without
touching what is stored, and so that no sentence names a key.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum

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


class GeneralReason(Reason):
    """Reasons that belong to no single part of the program."""

    BUG = "general.bug"
    BUG_NOT_LOGGED = "general.bug_not_logged"
    UNEXPECTED_ERROR = "general.unexpected_error"
    LEGACY = "general.legacy"


class ReadOnlyReason(Reason):
    """Why changes are blocked: the connection's permissions, or the option `--read-only`."""

    CONNECTION = "read_only.connection"
    OPTION = "read_only.option"


class SystemReason(Reason):
    """Why a drive can't lock files, or a file that the user chose can't be saved."""

    CANNOT_LOCK = "system.cannot_lock"
    NOT_A_FILE = "system.not_a_file"
    NOT_A_FILE_NAME = "system.not_a_file_name"
    FILE_NOT_SAVED = "system.file_not_saved"


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


class StoreReason(Reason):
    """Why the local database can't be read, written, backed up or repaired.

    `problem` and `damage` are SQLite's or the system's words. `backup` is the newest good backup, if any, and
    `made_at` when it was made.
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
