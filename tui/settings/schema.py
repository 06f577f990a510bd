"""Each setting declared once: its default, its validator, and names of earlier versions.

Loading, writing and `reshelve settings` derive from it. Earlier names are still read, with a notice that
gives the new one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui.model.errors import SettingsError
from tui.model.reasons import SettingsReason
from tui.settings.validators import (
    ChoiceValidator,
    IntegerValidator,
    KeyNamesValidator,
    PatternValidator,
    SecondsValidator,
    TimeOfDayValidator,
    TimeZoneValidator,
    UnifiedUrlValidator,
    UrlValidator,
    WordsValidator,
    printable,
)
from tui.system.paths import is_tenant_id

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tui.settings.validators import Validator


_SECTIONS: Final = {"released": "re_leased"}
_ACTIONS: Final = {
    "activity": "changes",
    "group_waiting": "group_pending",
    "handoffs": "manual_restores",
    "hold_pull": "pause_sync",
    "press_restore": "simulate_restore",
    "reconcile": "compare",
    "record": "mark_synced",
    "retry_here": "retry_contact",
    "seen_in_released": "mark_checked",
    "take_back": "cancel_change",
    "unlinked": "mark_not_linked",
}
_KEYS: Final = "keys"


def current_path(path: str) -> str:
    """Return the current path of a key or section, such as `re_leased.feed_url`."""
    section, dot, name = path.partition(".")
    if section == _KEYS:
        return f"{section}{dot}{_ACTIONS.get(name, name)}"
    return f"{_SECTIONS.get(section, section)}{dot}{name}"


def with_current_names(stored: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a settings file's content under current names, and the old paths found with their new ones.

    If both names are set, the new one wins.
    """
    found: dict[str, str] = {}
    renamed: dict[str, Any] = {}
    for section, values in stored.items():
        current = _SECTIONS.get(section, section)
        if not isinstance(values, dict):
            renamed.setdefault(current, values)
            continue
        for name in values:
            path = f"{section}.{name}"
            if current_path(path) != path:
                found[path] = current_path(path)
        known = renamed.get(current, {})
        if not isinstance(known, dict):
            continue
        if section == _KEYS:
            old = {_ACTIONS[name]: value for name, value in values.items() if name in _ACTIONS}
            new = {name: value for name, value in values.items() if name not in _ACTIONS}
            renamed[current] = {**old, **new}
        else:
            renamed[current] = {**known, **values} if section == current else {**values, **known}
    return renamed, found


def old_variables(variables: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Map the old names of environment variables to the current ones.

    `variables` maps each key's path to its current variable.
    """
    old = {new: name for name, new in _SECTIONS.items()}
    return {
        f"{prefix}{old[section]}_{name}".upper(): variable
        for path, variable in variables.items()
        for section, _, name in (path.partition("."),)
        if section in old
    }


_T = TypeVar("_T")
PREFIX: Final = "RESHELVE_"
KEY_BINDINGS: Final = "keys"
NO, YES = "no", "yes"
ORGANISATIONS: Final = "organisations"
#: The environment variable with the API key for Unified.to: not a setting, as no file may contain the key.
UNIFIED_KEY_VARIABLE: Final = "RESHELVE_UNIFIED_API_KEY"
#: Unified.to's URL in each region.
UNIFIED_URLS: Final = {"us": "https://api.unified.to", "eu": "https://api-eu.unified.to"}
_RE_LEASED_ID: Final = PatternValidator(SettingsReason.INVALID_RE_LEASED_ID, r"[0-9A-Za-z_-]{1,128}")
_RAW_FIELD: Final = PatternValidator(SettingsReason.INVALID_RAW_FIELD, r"raw(?:\.[\w -]{1,64}){1,8}")
_SOURCE_NAME: Final = PatternValidator(SettingsReason.INVALID_RE_LEASED_ID, r"[0-9A-Za-z_.-]{1,128}")
_ACTION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NEAR: Final = 0.7


def _setting(default: _T, validator: Validator) -> _T:
    return field(default=default, metadata={"validator": validator})


@dataclass(frozen=True, slots=True)
class XeroSettings:
    """Xero's URLs, the sign-in, and token storage."""

    login_url: str = _setting("https://login.xero.com", UrlValidator())
    identity_url: str = _setting("https://identity.xero.com", UrlValidator())
    api_url: str = _setting("https://api.xero.com", UrlValidator())
    pages_url: str = _setting("https://go.xero.com", UrlValidator())
    client_id: str = _setting("", PatternValidator(SettingsReason.INVALID_CLIENT_ID, r"[0-9A-Za-z-]{1,64}"))
    callback_port: int = _setting(8742, IntegerValidator(1, 65_535))
    token_store: str = _setting("keychain", ChoiceValidator("keychain", "file"))
    activity: str = _setting(NO, ChoiceValidator(NO, YES))

    @property
    def wants_activity(self) -> bool:
        """Whether connecting asks for read access to transactions too."""
        return self.activity == YES


@dataclass(frozen=True, slots=True)
class ReLeasedSettings:
    """How Re-Leased is read, and when it syncs: in a nightly window, in each organisation's time zone.

    `sync_seconds` above 0 is the time between two syncs around the clock, instead of the nightly one.
    `archived_field` and `xero_id_field` are paths in a contact's raw record; see `unified_connection`.
    """

    feed_url: str = _setting("", UrlValidator())
    window_start: str = _setting("00:00", TimeOfDayValidator())
    window_end: str = _setting("06:00", TimeOfDayValidator())
    sync_seconds: float = _setting(0.0, SecondsValidator(86_400))
    unified_url: str = _setting(UNIFIED_URLS["us"], UnifiedUrlValidator(*UNIFIED_URLS.values()))
    archived_field: str = _setting("", _RAW_FIELD)
    archived_values: str = _setting("", WordsValidator())
    xero_id_field: str = _setting("", _RAW_FIELD)
    source: str = _setting("", _SOURCE_NAME)
    poll_seconds: float = _setting(300.0, SecondsValidator(86_400))


@dataclass(frozen=True, slots=True)
class OrganisationSettings:
    """The settings of one organisation: where it is in Re-Leased, and overrides.

    An empty override means the general setting.
    """

    window_start: str = _setting("", TimeOfDayValidator())
    window_end: str = _setting("", TimeOfDayValidator())
    zone: str = _setting("", TimeZoneValidator())
    unified_connection_id: str = _setting("", _RE_LEASED_ID)
    re_leased_company_id: str = _setting("", _RE_LEASED_ID)


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """How often to refresh; Xero's daily limit can make it less often."""

    poll_seconds: float = _setting(15.0, SecondsValidator(3600))


@dataclass(frozen=True, slots=True)
class ScreenSettings:
    """Appearance, and notifications while another window has the focus. The app validates the theme."""

    theme: str = _setting(
        "reshelve-dark", PatternValidator(SettingsReason.INVALID_THEME, r"[0-9A-Za-z_-]{1,64}")
    )
    notifications: str = _setting("off", ChoiceValidator("off", "bell", "osc9", "osc777"))


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, by section of the file.

    `organisations` maps tenant IDs, as in Xero's API; `keys` maps actions to custom shortcuts.
    """

    xero: XeroSettings = field(default_factory=XeroSettings)
    re_leased: ReLeasedSettings = field(default_factory=ReLeasedSettings)
    sync: SyncSettings = field(default_factory=SyncSettings)
    screen: ScreenSettings = field(default_factory=ScreenSettings)
    organisations: Mapping[str, OrganisationSettings] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettingKey:
    """The declaration of one setting."""

    section: str
    name: str
    default: Any
    validator: Validator

    @property
    def path(self) -> str:
        """The key with its section, such as `xero.api_url`."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that overrides the file, empty if there is none."""
        return "" if self.section not in _FIXED else f"{PREFIX}{self.section}_{self.name}".upper()


SECTIONS: Final = tuple(section.name for section in fields(Settings))
# The names in the others come from the user: tenant IDs and actions.
_FIXED: Final = frozenset(SECTIONS) - {KEY_BINDINGS, ORGANISATIONS}
# Invalid values in these are ignored with a warning. In other sections, falling back to a default could
# connect to the wrong Xero, or show a change as synced that isn't.
_LENIENT: Final = frozenset({"screen", "sync", KEY_BINDINGS})
KEYS: Final = tuple(
    SettingKey(section, item.name, item.default, item.metadata["validator"])
    for section in SECTIONS
    if section in _FIXED
    for item in fields(getattr(Settings(), section))
)
_BY_PATH: Final = {key.path: key for key in KEYS}


def find_key(path: str) -> SettingKey:
    """Return a key by its path, such as `xero.api_url`, or by its path in an earlier version.

    Raises `SettingsError` with the closest one.
    """
    path = current_path(path)
    section, _, name = path.partition(".")
    if section == KEY_BINDINGS and is_action(name):
        return key_binding(name)
    tenant_id, _, rest = name.partition(".")
    if section == ORGANISATIONS and is_tenant_id(tenant_id):
        return _find(rest, {key.name: key for key in organisation_keys(tenant_id)}, path)
    return _find(path, _BY_PATH, path)


def _find(name: str, keys: Mapping[str, SettingKey], path: str) -> SettingKey:
    if name not in keys:
        raise SettingsError(SettingsReason.UNKNOWN_SETTING, path=printable(path), closest=closest(name, keys))
    return keys[name]


def is_lenient(section: str) -> bool:
    """Whether problems in a section are only warnings."""
    return section in _LENIENT


def key_binding(action: str) -> SettingKey:
    """Return the key of `[keys]` for an action, even if the action doesn't exist."""
    return SettingKey(KEY_BINDINGS, action, "", KeyNamesValidator())


def organisation_keys(tenant_id: str) -> tuple[SettingKey, ...]:
    """Return the keys of one organisation, even if it isn't connected."""
    section = f"{ORGANISATIONS}.{tenant_id}"
    return tuple(
        SettingKey(section, item.name, item.default, item.metadata["validator"])
        for item in fields(OrganisationSettings)
    )


def is_action(name: str) -> bool:
    """Whether the name could be an action; the app knows which exist."""
    return bool(_ACTION.fullmatch(name))


def closest(name: str, known: Collection[str], *, prefix: str = "") -> str:
    """Return the closest known name, empty if none is close.

    A common prefix doesn't count towards similarity.
    """
    import difflib

    inner = {candidate.removeprefix(prefix): candidate for candidate in known}
    found = difflib.get_close_matches(name.removeprefix(prefix), inner, n=1, cutoff=_NEAR)
    return inner[found[0]] if found else ""


@dataclass(frozen=True, slots=True)
class UnifiedConnection:
    """One organisation's connection to Re-Leased in Unified.to; an empty company means all of them."""

    url: str
    connection_id: str
    company_id: str
    archived_field: str
    archived_values: tuple[str, ...]
    xero_id_field: str


def unified_connection(settings: Settings, tenant_id: str) -> UnifiedConnection | None:
    """Return an organisation's connection to Re-Leased; None if it has none. `load` has validated it."""
    organisation = settings.organisations.get(tenant_id, OrganisationSettings())
    if not organisation.unified_connection_id:
        return None
    general = settings.re_leased
    return UnifiedConnection(
        url=general.unified_url,
        connection_id=organisation.unified_connection_id,
        company_id=organisation.re_leased_company_id,
        archived_field=general.archived_field,
        archived_values=tuple(filter(None, general.archived_values.split(","))),
        xero_id_field=general.xero_id_field,
    )


def sync_window(settings: Settings, tenant_id: str) -> tuple[time, time, str]:
    """Return the start, end and time zone of an organisation's sync window; empty means its zone in Xero.

    `load` has validated them.
    """
    overrides = settings.organisations.get(tenant_id, OrganisationSettings())
    start = overrides.window_start or settings.re_leased.window_start
    end = overrides.window_end or settings.re_leased.window_end
    return time.fromisoformat(start), time.fromisoformat(end), overrides.zone
