"""Write `settings.toml` atomically, with validated values only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.settings.loader import no_section, read, section_of, validate_value
from tui.settings.schema import (
    KEY_BINDINGS,
    KEYS,
    ORGANISATIONS,
    SECTIONS,
    current_path,
    find_key,
    organisation_keys,
)
from tui.system.paths import write_atomically

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from tui.settings.schema import Settings


def save(settings: Settings, file: Path, sections: Collection[str] = SECTIONS) -> None:
    """Write the settings that differ from the defaults; other sections of the file are unchanged.

    Raises `SettingsError` if the file can't be parsed, and `OSError` if it can't be written.
    """
    changed: dict[str, Any] = {}
    for key in KEYS:
        value = getattr(getattr(settings, key.section), key.name)
        if value != key.default:
            changed.setdefault(key.section, {})[key.name] = value
    for tenant_id, own in settings.organisations.items():
        some = {key.name: value for key in organisation_keys(tenant_id) if (value := getattr(own, key.name))}
        if some:
            changed.setdefault(ORGANISATIONS, {})[tenant_id] = some
    if settings.keys:
        changed[KEY_BINDINGS] = dict(settings.keys)
    kept = {name: values for name, values in read(file).items() if name not in sections}
    _write(file, {**kept, **{name: values for name, values in changed.items() if name in sections}})


def set_value(file: Path, path: str, text: str) -> None:
    """Write one key, such as `xero.api_url`, and keep the others; see `set_values`."""
    set_values(file, {path: text})


def set_values(file: Path, texts: Mapping[str, str]) -> None:
    """Write several keys at once, or none of them, and keep the others; comments are lost.

    Empty text removes a key. Other problems in the file don't matter. Raises `SettingsError`, without
    changing the file, for an unknown key or an invalid value, and `OSError` if the file can't be written.
    """
    before = stored = read(file)
    for path, text in texts.items():
        if text:
            stored = _with_value(file, stored, path, text)
        else:
            remaining = _without_key(stored, path)
            stored = stored if remaining is None else remaining
    if stored is not before:
        _write(file, stored)


def unset(file: Path, path: str) -> bool:
    """Remove a key, or an unknown entry, from the file; return whether it was there.

    Raises `SettingsError` for a key that neither exists nor is in the file, and `OSError`.
    """
    stored = _without_key(read(file), path)
    if stored is None:
        return False
    _write(file, stored)
    return True


def _with_value(file: Path, stored: dict[str, Any], path: str, text: str) -> dict[str, Any]:
    key = find_key(path)
    value = validate_value(key, text, key.path)
    outer, _, inner = key.section.partition(".")
    section = stored.get(outer, {})
    if not isinstance(section, dict) or not isinstance(section.get(inner, {}), dict):
        raise no_section(file, outer)
    values = {**section_of(stored, key.section), key.name: value}
    return {**stored, outer: {**section, inner: values} if inner else values}


def _without_key(stored: dict[str, Any], path: str) -> dict[str, Any] | None:
    """Return the content without a key; None if it wasn't there."""
    path = current_path(path)
    section, _, name = path.rpartition(".") if path.startswith(f"{ORGANISATIONS}.") else path.partition(".")
    if path in stored and (path not in SECTIONS or not isinstance(stored[path], dict)):
        return {other: value for other, value in stored.items() if other != path}
    if name in section_of(stored, section):
        return _without(stored, [*section.split("."), name])
    find_key(path)
    return None


def _without(stored: dict[str, Any], path: list[str]) -> dict[str, Any]:
    """Remove the value at a path, and every section left empty."""
    first, *rest = path
    kept = {name: value for name, value in stored.items() if name != first}
    inner = _without(stored[first], rest) if rest else None
    return {**kept, first: inner} if inner else kept


def _write(file: Path, content: dict[str, Any]) -> None:
    import tomli_w

    # A symbolic link, such as to a dotfiles folder, is kept.
    write_atomically(file.resolve(), tomli_w.dumps(content).encode())
