"""What can be set: in `settings.toml`, overridden by `RESHELVE_…` environment variables.

The key `xero.api_url` is overridden by `RESHELVE_XERO_API_URL`, and so on.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, replace
from datetime import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tui.loopback import is_loopback
from tui.model.errors import SettingsError
from tui.paths import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class XeroSettings:
    """Where Xero is. The addresses default to Xero's own hosts; `client_id` is the registered app's."""

    login_url: str = "https://login.xero.com"
    identity_url: str = "https://identity.xero.com"
    api_url: str = "https://api.xero.com"
    pages_url: str = "https://go.xero.com"
    client_id: str = ""
    callback_port: int = 8742
    token_store: str = "keychain"


@dataclass(frozen=True, slots=True)
class ReleasedSettings:
    """When Re-Leased's nightly sync runs (local time), and a feed of what it has picked up, if any."""

    feed_url: str = ""
    window_start: str = "00:00"
    window_end: str = "06:00"


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """How often to look for news, in seconds; Xero's daily limit can make it less often."""

    poll_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, by the sections of the file."""

    xero: XeroSettings = field(default_factory=XeroSettings)
    released: ReleasedSettings = field(default_factory=ReleasedSettings)
    sync: SyncSettings = field(default_factory=SyncSettings)


def load(file: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises `SettingsError` naming the place, the key and what is allowed."""
    environment = os.environ if environment is None else environment
    sections: dict[str, Any] = {}
    stored = _read(file)
    for section in fields(Settings):
        default = getattr(Settings(), section.name)
        values = stored.pop(section.name, {})
        if not isinstance(values, dict):
            raise SettingsError(f"{file}: {section.name} has to be a section, written [{section.name}].")
        sections[section.name] = _section(section.name, default, values, file, environment)
    if stored:
        known = ", ".join(f"[{section.name}]" for section in fields(Settings))
        raise SettingsError(f"{file}: there is no section [{next(iter(stored))}]. The sections are {known}.")
    return Settings(**sections)


def save(settings: Settings, file: Path) -> None:
    """Write the settings that differ from the defaults. Raises `OSError` when the disk refuses."""
    import tomli_w  # noqa: PLC0415 - a start only reads

    changed: dict[str, dict[str, Any]] = {}
    for section in fields(Settings):
        values, default = getattr(settings, section.name), getattr(Settings(), section.name)
        for key in fields(values):
            value = getattr(values, key.name)
            if value != getattr(default, key.name):
                changed.setdefault(section.name, {})[key.name] = value
    write_atomically(file, tomli_w.dumps(changed).encode())


def window(settings: ReleasedSettings) -> tuple[time, time]:
    """Return start and end of the nightly window, which `load` has checked."""
    return time.fromisoformat(settings.window_start), time.fromisoformat(settings.window_end)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{file} can't be read: {error.strerror}.") from None
    import tomllib  # noqa: PLC0415 - most people have no such file

    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} can't be read as TOML: {error}.", "Mend or remove the file.") from None


def _section(
    name: str, default: Any, values: dict[str, Any], file: Path, environment: Mapping[str, str]
) -> Any:
    keys = [key.name for key in fields(default)]
    unknown = [key for key in values if key not in keys]
    if unknown:
        raise SettingsError(f"{file}: [{name}] has no key {unknown[0]}. Its keys are {', '.join(keys)}.")
    for key in keys:
        variable = f"RESHELVE_{name}_{key}".upper()
        place, value = f"{file}: {name}.{key}", values.get(key)
        if variable in environment:
            place, value = variable, environment[variable]
        if value is not None:
            default = replace(default, **{key: _checked(key, value, getattr(default, key), place)})
    return default


def _checked(key: str, value: Any, default: str | float, place: str) -> str | float:
    if isinstance(default, float):
        return _seconds(value, place)
    if not isinstance(value, str):
        raise SettingsError(f"{place} has to be text in quotes.")
    if not value:
        return default
    if key.endswith("_url"):
        return _url(value, place)
    if key.startswith("window_") and not _is_time(value):
        raise SettingsError(f'{place} is "{value}". It has to be a time such as "06:00".')
    return value


def _is_time(value: str) -> bool:
    try:
        return time.fromisoformat(value).tzinfo is None
    except ValueError:
        return False


def _seconds(value: Any, place: str) -> float:
    try:
        # True is a number to Python, and none to a person.
        seconds = 0.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds <= 3600:  # noqa: PLR2004 - an hour, said in the message
        raise SettingsError(f"{place} has to be a number of seconds above 0, at most 3600.")
    return seconds


def _url(value: str, place: str) -> str:
    if not _is_usable(value):
        raise SettingsError(
            f"{place} is not an address that can be used.",
            "It has to start with https:// (http:// is accepted for this machine alone).",
        )
    return value.rstrip("/")


def _is_usable(url: str) -> bool:
    # Paths are appended to it, and programs disagree on what hides a host: none of these is needed.
    if any(char in "?#@\\" or not char.isprintable() or char.isspace() for char in url):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    return bool(secure and parts.hostname)
