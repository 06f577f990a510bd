"""Setting names of earlier versions: still read, with a notice that gives the new name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

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
