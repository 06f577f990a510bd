"""Writes `settings.toml`: whole, in one step, and never with a value that couldn't be read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.paths import write_atomically
from tui.settings.declared import KEYS, OWN_KEYS, SECTIONS, find_key
from tui.settings.reading import accept, no_section, read, section_of

if TYPE_CHECKING:
    from pathlib import Path

    from tui.settings.declared import Settings


def save(settings: Settings, file: Path) -> None:
    """Write the settings that differ from the defaults. Raises `OSError` when the disk refuses."""
    changed: dict[str, Any] = {}
    for key in KEYS:
        value = getattr(getattr(settings, key.section), key.name)
        if value != key.default:
            changed.setdefault(key.section, {})[key.name] = value
    if settings.keys:
        changed[OWN_KEYS] = dict(settings.keys)
    _write(file, changed)


def set_value(file: Path, path: str, text: str) -> None:
    """Write one key, such as `xero.api_url`, and leave the others as they are; comments are lost.

    Empty text takes the key out. Other mistakes in the file don't stand in the way. Raises `SettingsError`,
    without touching the file, for a key that doesn't exist and a value that isn't allowed, and `OSError`
    when the disk refuses.
    """
    key = find_key(path)
    if not text:
        unset(file, path)
        return
    value = accept(key, text, key.path)
    stored = read(file)
    if not isinstance(stored.get(key.section, {}), dict):
        raise no_section(file, key.section)
    _write(file, {**stored, key.section: {**section_of(stored, key.section), key.name: value}})


def unset(file: Path, path: str) -> bool:
    """Take a key out of the file, or what doesn't belong there; say whether it was in it.

    Raises `SettingsError` for a key that neither exists nor is in the file, and `OSError`.
    """
    stored = read(file)
    section, _, name = path.partition(".")
    values = section_of(stored, section)
    if path in stored and (path not in SECTIONS or not isinstance(stored[path], dict)):
        del stored[path]
    elif name in values:
        kept = {other: value for other, value in values.items() if other != name}
        stored = {**stored, section: kept} if kept else {k: v for k, v in stored.items() if k != section}
    else:
        find_key(path)
        return False
    _write(file, stored)
    return True


def _write(file: Path, content: dict[str, Any]) -> None:
    import tomli_w  # noqa: PLC0415 - a start only reads

    # Where it is a link, to a folder of settings kept elsewhere, it stays one.
    write_atomically(file.resolve(), tomli_w.dumps(content).encode())
