"""Every setting once: its default, its kind and its meaning.

Reading, writing, messages and `reshelve settings` follow from what is declared here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui.model.errors import SettingsError
from tui.paths import is_tenant_id
from tui.settings.kinds import Address, Choice, KeyNames, Seconds, TimeOfDay, Whole, Word, Zone, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tui.settings.kinds import Kind

_T = TypeVar("_T")
PREFIX: Final = "RESHELVE_"
OWN_KEYS: Final = "keys"
ORGANISATIONS: Final = "organisations"
_ACTION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NEAR: Final = 0.7


def _key(default: _T, kind: Kind, meaning: str) -> _T:
    return field(default=default, metadata={"kind": kind, "meaning": meaning})


@dataclass(frozen=True, slots=True)
class XeroSettings:
    """Where Xero is, how to sign in, and where tokens are kept."""

    login_url: str = _key("https://login.xero.com", Address(), "Where Xero's page to sign in is.")
    identity_url: str = _key(
        "https://identity.xero.com", Address(), "Where Xero issues, renews and ends sign-ins."
    )
    api_url: str = _key("https://api.xero.com", Address(), "Where Xero's API is.")
    pages_url: str = _key("https://go.xero.com", Address(), "Where Xero's pages of contacts are.")
    client_id: str = _key(
        "",
        Word("at most 64 letters, digits and hyphens, as Xero writes client ids"),
        "The client id of your Xero app, proposed when connecting.",
    )
    callback_port: int = _key(
        8742,
        Whole(1, 65_535),
        "The port on this machine to which the browser returns after signing in. The redirect URI of your"
        " Xero app has to name the same port.",
    )
    token_store: str = _key(
        "keychain",
        Choice("keychain", "file"),
        "Where tokens are kept: in the system's keychain, or in files that only you can read.",
    )


@dataclass(frozen=True, slots=True)
class ReleasedSettings:
    """When Re-Leased's nightly sync runs, in each organisation's own zone, and a feed of it, if any."""

    feed_url: str = _key(
        "",
        Address(),
        "The address of a feed of what Re-Leased has picked up. Without one, changes are expected at the"
        " end of the nightly window, and never shown as read.",
    )
    window_start: str = _key(
        "00:00",
        TimeOfDay(),
        "When Re-Leased's nightly sync starts at the earliest, in the organisation's time.",
    )
    window_end: str = _key(
        "06:00",
        TimeOfDay(),
        "When Re-Leased's nightly sync has ended at the latest, in the organisation's time.",
    )


@dataclass(frozen=True, slots=True)
class OrganisationSettings:
    """What differs for one organisation; empty is as for all others."""

    window_start: str = _key(
        "",
        TimeOfDay(),
        "When Re-Leased's nightly sync of this organisation starts at the earliest, where it isn't"
        " released.window_start.",
    )
    window_end: str = _key(
        "",
        TimeOfDay(),
        "When Re-Leased's nightly sync of this organisation has ended at the latest, where it isn't"
        " released.window_end.",
    )
    zone: str = _key(
        "",
        Zone(),
        "The time zone of these times, where it isn't the one that Xero tells of the organisation.",
    )


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """How often to look for news, in seconds; Xero's daily limit can make it less often."""

    poll_seconds: float = _key(
        15.0,
        Seconds(3600),
        "Seconds between two looks for news in Xero. Xero's daily limit can make it less often.",
    )


@dataclass(frozen=True, slots=True)
class ScreenSettings:
    """What the screen looks like. The app knows which themes there are, and says so."""

    theme: str = _key("reshelve-dark", Word("a theme's name", r"[0-9A-Za-z_-]{1,64}"), "The colours.")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, by the sections of the file.

    `organisations` are by tenant id, as Xero's API names them; `keys` are the
    person's own keys by action.
    """

    xero: XeroSettings = field(default_factory=XeroSettings)
    released: ReleasedSettings = field(default_factory=ReleasedSettings)
    sync: SyncSettings = field(default_factory=SyncSettings)
    screen: ScreenSettings = field(default_factory=ScreenSettings)
    organisations: Mapping[str, OrganisationSettings] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the settings as it is declared."""

    section: str
    name: str
    default: Any
    kind: Kind
    meaning: str

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
_FIXED: Final = frozenset(SECTIONS) - {OWN_KEYS, ORGANISATIONS}
# What is wrong in these is ignored with a warning. A default in another section could lead to another Xero,
# or show a change as synced that isn't.
_LENIENT: Final = frozenset({"screen", "sync", OWN_KEYS})
KEYS: Final = tuple(
    Key(section, item.name, item.default, item.metadata["kind"], item.metadata["meaning"])
    for section in SECTIONS
    if section in _FIXED
    for item in fields(getattr(Settings(), section))
)
_BY_PATH: Final = {key.path: key for key in KEYS}


def find_key(path: str) -> Key:
    """Return a key by its path, such as `xero.api_url`. Raises `SettingsError` with the nearest there is."""
    section, _, name = path.partition(".")
    if section == OWN_KEYS and is_action(name):
        return own_key(name)
    tenant_id, _, rest = name.partition(".")
    if section == ORGANISATIONS and is_tenant_id(tenant_id):
        return _organisation_key(tenant_id, rest)
    if path not in _BY_PATH:
        advice = near(path, _BY_PATH) or "Run `reshelve settings` to see all there are."
        raise SettingsError(f"There is no setting {shown(path)}.", advice)
    return _BY_PATH[path]


def is_lenient(section: str) -> bool:
    """Return whether what is wrong in a section is ignored with a warning, and stops nothing."""
    return section in _LENIENT


def own_key(action: str) -> Key:
    """Return the key of `[keys]` for an action, whether there is such an action or not."""
    return Key(OWN_KEYS, action, "", KeyNames(), f"Your keys for the action {action}.")


def organisation_keys(tenant_id: str) -> tuple[Key, ...]:
    """Return the keys of one organisation, whether there is such an organisation or not."""
    section = f"{ORGANISATIONS}.{tenant_id}"
    return tuple(
        Key(section, item.name, item.default, item.metadata["kind"], item.metadata["meaning"])
        for item in fields(OrganisationSettings)
    )


def _organisation_key(tenant_id: str, name: str) -> Key:
    keys = {key.name: key for key in organisation_keys(tenant_id)}
    if name not in keys:
        advice = near(name, keys) or f"An organisation's keys are {', '.join(keys)}."
        raise SettingsError(f"There is no setting {shown(f'{ORGANISATIONS}.{tenant_id}.{name}')}.", advice)
    return keys[name]


def is_action(name: str) -> bool:
    """Say whether an action could have the name; the app knows which there are."""
    return bool(_ACTION.fullmatch(name))


def near(name: str, known: Collection[str], *, prefix: str = "") -> str:
    """Ask, in words, whether one of the known names was meant; empty where none is like it.

    What all of them begin with isn't counted as likeness.
    """
    import difflib  # noqa: PLC0415 - only mistakes need it

    inner = {one.removeprefix(prefix): one for one in known}
    found = difflib.get_close_matches(name.removeprefix(prefix), inner, n=1, cutoff=_NEAR)
    return f"Did you mean {inner[found[0]]}?" if found else ""


def window(settings: Settings, tenant_id: str) -> tuple[time, time, str]:
    """Return start and end of an organisation's nightly window, and its zone, empty for its own.

    `load` has checked them.
    """
    own = settings.organisations.get(tenant_id, OrganisationSettings())
    start = own.window_start or settings.released.window_start
    end = own.window_end or settings.released.window_end
    return time.fromisoformat(start), time.fromisoformat(end), own.zone
