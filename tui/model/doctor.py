"""What `reshelve doctor` finds, as values. `tui.messages.doctor` turns them into sentences.

Nothing here names an organisation, a contact, a sign-in or a token: the findings are made to be pasted into
a support request.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.reasons import Notice, Param  # noqa: TC001 - msgspec reads the annotations that name them

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Health(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Check(StrEnum):
    """What was checked."""

    RESHELVE = "reshelve"
    PYTHON = "python"
    TEXTUAL = "textual"
    SQLITE = "sqlite"
    SYSTEM = "system"
    SETTINGS_FOLDER = "settings_folder"
    DATA_FOLDER = "data_folder"
    LOG_FOLDER = "log_folder"
    DISK = "disk"
    SETTINGS = "settings"
    TERMINAL = "terminal"
    ENCODING = "encoding"
    KEYCHAIN = "keychain"
    PROXY = "proxy"
    CERTIFICATES = "certificates"
    CONNECTIONS = "connections"
    SIGN_IN = "sign_in"
    XERO = "xero"
    CLOCK = "clock"
    DATABASE = "database"
    LOCK = "lock"
    RE_LEASED = "re_leased"


class Result(StrEnum):
    """What was found."""

    VALUE = "value"
    FAILED = "failed"
    SIGNED_OUT = "signed_out"
    NOT_CHECKED = "not_checked"
    # Folders and disk.
    FOLDER = "folder"
    FOLDER_NEW = "folder_new"
    FOLDER_NOT_WRITABLE = "folder_not_writable"
    FOLDER_NOT_PRIVATE = "folder_not_private"
    NOT_A_FOLDER = "not_a_folder"
    DISK_FREE = "disk_free"
    DISK_LOW = "disk_low"
    # Settings.
    SETTINGS_READ = "settings_read"
    SETTINGS_IGNORED = "settings_ignored"
    SETTINGS_INVALID = "settings_invalid"
    # Terminal.
    TERMINAL = "terminal"
    TERMINAL_SMALL = "terminal_small"
    TERMINAL_DUMB = "terminal_dumb"
    NO_TERMINAL = "no_terminal"
    ENCODING = "encoding"
    ENCODING_POOR = "encoding_poor"
    # Secrets.
    KEYCHAIN = "keychain"
    KEYCHAIN_UNUSED = "keychain_unused"
    KEYCHAIN_ASKS = "keychain_asks"
    NO_KEYCHAIN = "no_keychain"
    NO_KEYCHAIN_NEEDED = "no_keychain_needed"
    # Network.
    NO_PROXY = "no_proxy"
    PROXY = "proxy"
    CERTIFICATES = "certificates"
    # Connections.
    NOT_CONNECTED = "not_connected"
    CONNECTED = "connected"
    LIST_DAMAGED = "list_damaged"
    SIGNED_IN = "signed_in"
    SIGN_IN_OLD = "sign_in_old"
    TOKENS_NOT_PRIVATE = "tokens_not_private"
    XERO_ANSWERED = "xero_answered"
    XERO_LACKS_ORGANISATIONS = "xero_lacks_organisations"
    CLOCK_RIGHT = "clock_right"
    CLOCK_WRONG = "clock_wrong"
    CLOCK_UNKNOWN = "clock_unknown"
    # Saved data.
    NOTHING_SAVED = "nothing_saved"
    DATABASE = "database"
    DATABASE_NOT_BACKED_UP = "database_not_backed_up"
    DATABASE_NEWER = "database_newer"
    DATABASE_UNREADABLE = "database_unreadable"
    DATABASE_DAMAGED = "database_damaged"
    DISCONNECTED_DATA = "disconnected_data"
    LOCK_FREE = "lock_free"
    LOCK_HELD = "lock_held"
    # Re-Leased.
    NO_SOURCE = "no_source"
    FEED = "feed"
    UNIFIED = "unified"
    OWN_SOURCE = "own_source"
    SOURCE_NOT_INSTALLED = "source_not_installed"


class HealthFinding(Struct, frozen=True):
    """One finding. `number` tells sign-ins and organisations apart, from 1; 0 if there is only one of it.

    If `result` is `FAILED` or `SIGNED_OUT`, the text of `notice` says what was found.
    """

    check: Check
    health: Health
    result: Result
    params: Mapping[str, Param] = MappingProxyType({})
    number: int = 0
    notice: Notice | None = None


def count_health(findings: Sequence[HealthFinding], health: Health) -> int:
    """Return how many findings are that serious."""
    return sum(finding.health is health for finding in findings)
