"""Every setting once: its default, its kind and its meaning.

Reading, writing, messages and `reshelve settings` follow from what is declared here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui.model.errors import SettingsError
from tui.settings.renamed import current_path
from tui.settings.validators import (
    ChoiceValidator,
    IntegerValidator,
    KeyNamesValidator,
    PatternValidator,
    SecondsValidator,
    TimeOfDayValidator,
    TimeZoneValidator,
    UrlValidator,
    printable,
)
from tui.system.paths import is_tenant_id

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tui.settings.validators import Validator

_T = TypeVar("_T")
PREFIX: Final = "RESHELVE_"
KEY_BINDINGS: Final = "keys"
ORGANISATIONS: Final = "organisations"
_ACTION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NEAR: Final = 0.7


def _setting(default: _T, kind: Validator, description: str) -> _T:
    return field(default=default, metadata={"kind": kind, "meaning": description})


@dataclass(frozen=True, slots=True)
class XeroSettings:
    """Where Xero is, how to sign in, and where tokens are kept."""

    login_url: str = _setting("https://login.xero.com", UrlValidator(), "Where Xero's page to sign in is.")
    identity_url: str = _setting(
        "https://identity.xero.com", UrlValidator(), "Where Xero issues, renews and ends sign-ins."
    )
    api_url: str = _setting("https://api.xero.com", UrlValidator(), "Where Xero's API is.")
    pages_url: str = _setting("https://go.xero.com", UrlValidator(), "Where Xero's pages of contacts are.")
    client_id: str = _setting(
        "",
        PatternValidator("at most 64 letters, digits and hyphens, as Xero writes client ids"),
        "The client id of your Xero app, proposed when connecting.",
    )
    callback_port: int = _setting(
        8742,
        IntegerValidator(1, 65_535),
        "The port on this machine to which the browser returns after signing in. The redirect URI of your"
        " Xero app has to name the same port.",
    )
    token_store: str = _setting(
        "keychain",
        ChoiceValidator("keychain", "file"),
        "Where tokens are kept: in the system's keychain, or in files that only you can read.",
    )


@dataclass(frozen=True, slots=True)
class ReLeasedSettings:
    """When Re-Leased's nightly sync runs, in each organisation's own zone, and a feed of it, if any."""

    feed_url: str = _setting(
        "",
        UrlValidator(),
        "The address of a feed of what Re-Leased has picked up. Without one, changes are expected at the"
        " end of the nightly window, and never shown as read.",
    )
    window_start: str = _setting(
        "00:00",
        TimeOfDayValidator(),
        "When Re-Leased's nightly sync starts at the earliest, in the organisation's time.",
    )
    window_end: str = _setting(
        "06:00",
        TimeOfDayValidator(),
        "When Re-Leased's nightly sync has ended at the latest, in the organisation's time.",
    )


@dataclass(frozen=True, slots=True)
class OrganisationSettings:
    """What differs for one organisation; empty is as for all others."""

    window_start: str = _setting(
        "",
        TimeOfDayValidator(),
        "When Re-Leased's nightly sync of this organisation starts at the earliest, where it isn't"
        " re_leased.window_start.",
    )
    window_end: str = _setting(
        "",
        TimeOfDayValidator(),
        "When Re-Leased's nightly sync of this organisation has ended at the latest, where it isn't"
        " re_leased.window_end.",
    )
    zone: str = _setting(
        "",
        TimeZoneValidator(),
        "The time zone of these times, where it isn't the one that Xero tells of the organisation.",
    )


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """How often to look for news, in seconds; Xero's daily limit can make it less often."""

    poll_seconds: float = _setting(
        15.0,
        SecondsValidator(3600),
        "Seconds between two looks for news in Xero. Xero's daily limit can make it less often.",
    )


@dataclass(frozen=True, slots=True)
class ScreenSettings:
    """What the screen looks like. The app knows which themes there are, and says so."""

    theme: str = _setting(
        "reshelve-dark", PatternValidator("a theme's name", r"[0-9A-Za-z_-]{1,64}"), "The colours."
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, by the sections of the file.

    `organisations` are by tenant id, as Xero's API names them; `keys` are the
    person's own keys by action.
    """

    xero: XeroSettings = field(default_factory=XeroSettings)
    re_leased: ReLeasedSettings = field(default_factory=ReLeasedSettings)
    sync: SyncSettings = field(default_factory=SyncSettings)
    screen: ScreenSettings = field(default_factory=ScreenSettings)
    organisations: Mapping[str, OrganisationSettings] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SettingKey:
    """One key of the settings as it is declared."""

    section: str
    name: str
    default: Any
    validator: Validator
    description: str

    @property
    def path(self) -> str:
        """The key with its section, as people name it: `xero.api_url`."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that overrides the file, empty where there is none."""
        return "" if self.section not in _FIXED else f"{PREFIX}{self.section}_{self.name}".upper()


SECTIONS: Final = tuple(section.name for section in fields(Settings))
# The others hold what people name: tenant ids and actions.
_FIXED: Final = frozenset(SECTIONS) - {KEY_BINDINGS, ORGANISATIONS}
# What is wrong in these is ignored with a warning. A default in another section could lead to another Xero,
# or show a change as synced that isn't.
_LENIENT: Final = frozenset({"screen", "sync", KEY_BINDINGS})
KEYS: Final = tuple(
    SettingKey(section, item.name, item.default, item.metadata["kind"], item.metadata["meaning"])
    for section in SECTIONS
    if section in _FIXED
    for item in fields(getattr(Settings(), section))
)
_BY_PATH: Final = {key.path: key for key in KEYS}


def find_key(path: str) -> SettingKey:
    """Return a key by its path, such as `xero.api_url`, also by the one it had in an earlier version.

    Raises `SettingsError` with the nearest there is.
    """
    path = current_path(path)
    section, _, name = path.partition(".")
    if section == KEY_BINDINGS and is_action(name):
        return key_binding(name)
    tenant_id, _, rest = name.partition(".")
    if section == ORGANISATIONS and is_tenant_id(tenant_id):
        return _organisation_key(tenant_id, rest)
    if path not in _BY_PATH:
        advice = suggestion(path, _BY_PATH) or "Run `reshelve settings` to see all there are."
        raise SettingsError(f"There is no setting {printable(path)}.", advice)
    return _BY_PATH[path]


def is_lenient(section: str) -> bool:
    """Return whether what is wrong in a section is ignored with a warning, and stops nothing."""
    return section in _LENIENT


def key_binding(action: str) -> SettingKey:
    """Return the key of `[keys]` for an action, whether there is such an action or not."""
    return SettingKey(KEY_BINDINGS, action, "", KeyNamesValidator(), f"Your keys for the action {action}.")


def organisation_keys(tenant_id: str) -> tuple[SettingKey, ...]:
    """Return the keys of one organisation, whether there is such an organisation or not."""
    section = f"{ORGANISATIONS}.{tenant_id}"
    return tuple(
        SettingKey(section, item.name, item.default, item.metadata["kind"], item.metadata["meaning"])
        for item in fields(OrganisationSettings)
    )


def _organisation_key(tenant_id: str, name: str) -> SettingKey:
    keys = {key.name: key for key in organisation_keys(tenant_id)}
    if name not in keys:
        advice = suggestion(name, keys) or f"An organisation's keys are {', '.join(keys)}."
        raise SettingsError(
            f"There is no setting {printable(f'{ORGANISATIONS}.{tenant_id}.{name}')}.", advice
        )
    return keys[name]


def is_action(name: str) -> bool:
    """Say whether an action could have the name; the app knows which there are."""
    return bool(_ACTION.fullmatch(name))


def suggestion(name: str, known: Collection[str], *, prefix: str = "") -> str:
    """Ask, in words, whether one of the known names was meant; empty where none is like it.

    What all of them begin with isn't counted as likeness.
    """
    import difflib

    inner = {one.removeprefix(prefix): one for one in known}
    found = difflib.get_close_matches(name.removeprefix(prefix), inner, n=1, cutoff=_NEAR)
    return f"Did you mean {inner[found[0]]}?" if found else ""


def sync_window(settings: Settings, tenant_id: str) -> tuple[time, time, str]:
    """Return start and end of an organisation's nightly window, and its zone, empty for its own.

    `load` has checked them.
    """
    overrides = settings.organisations.get(tenant_id, OrganisationSettings())
    start = overrides.window_start or settings.re_leased.window_start
    end = overrides.window_end or settings.re_leased.window_end
    return time.fromisoformat(start), time.fromisoformat(end), overrides.zone
