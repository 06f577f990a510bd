"""Custom keys: validation against known keys, the action's rules, and keys already in use."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from string import punctuation
from typing import TYPE_CHECKING, Any, Final

from textual.binding import Binding
from textual.keys import Keys
from textual.screen import ModalScreen

from tui.actions import ACTIONS, OF_THE_APP, KeyFault, KeyRefusal, spec
from tui.messages.settings import did_you_mean
from tui.screens.base_screen import BaseScreen
from tui.screens.main import MainScreen
from tui.settings.schema import closest
from tui.settings.validators import printable
from tui.widgets.contact_table import ContactTable
from tui.widgets.movement import VIM_KEYS, without_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tui.actions import ActionSpec

_MODIFIERS: Final = ("alt", "ctrl", "shift", "super")
# Textual's list includes some keys that terminals don't send, or send as others.
_TEXTUALS: Final = [str(key.value) for key in Keys.__members__.values()]
_NAMED: Final = {key for key in _TEXTUALS if not set("<+-") & set(key)} - {"return"}
_KEY_ALIASES: Final = {
    "cmd": "super", "control": "ctrl", "del": "delete", "esc": "escape", "ins": "insert", "option": "alt",
    "page_down": "pagedown", "page_up": "pageup", "pgdn": "pagedown", "pgup": "pageup", "return": "enter",
}  # fmt: skip
_TERMINAL_EQUIVALENTS: Final = {
    "ctrl+h": "backspace", "ctrl+i": "tab", "ctrl+left_square_bracket": "escape", "ctrl+m": "enter",
    "ctrl+space": "ctrl+at",
}  # fmt: skip
_FIXED_ACTION: Final = "extend"
_FAULTS: Final = {
    KeyFault.NOT_SENT: ("no terminal can send", ""),
    KeyFault.MOVES: ("moves the cursor", "Choose another key."),
    KeyFault.TYPED: (
        "you would no longer be able to type",
        "Choose a function key, or a key with ctrl or alt.",
    ),
}
_OUTSIDE_DIALOGS: Final = "outside dialogs"


def problems(keys: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield problems with custom keys as (action, problem, advice)."""
    known = {item.id for item in ACTIONS}
    for action_id, own in keys.items():
        if action_id not in known:
            yield (
                action_id,
                f"[keys] has no action {printable(action_id)}.",
                did_you_mean(closest(action_id, known)) or "Run `reshelve settings keys` to see them all.",
            )
        else:
            yield from _problems_of(spec(action_id), own)
    for mine, others, key in _collisions({name: own for name, own in keys.items() if name in known}):
        yield (
            mine,
            f'keys.{mine} is "{key}", which {others} already uses.',
            f"Choose another key, or give {others} another one.",
        )


def refusal(action_id: str, own: str, keys: Mapping[str, str]) -> KeyRefusal | None:
    """Return why an action can't have these keys beside the custom keys of the others, or None if it can."""
    fault = next(_faults(spec(action_id), own), None)
    if fault is not None:
        return fault
    conflict = next(_conflicts(action_id, {**keys, action_id: own}), None)
    if conflict is None:
        return None
    other, key = conflict
    places = [kind.PLACE for kind in _screens_with(frozenset((action_id, other)))]
    return KeyRefusal(KeyFault.USED, key, other, min(filter(None, places), key=_main_first, default=""))


def to_textual_keymap(keys: Mapping[str, str]) -> dict[str, str]:
    """Return custom keys by binding ID, as Textual expects them.

    When an action gives up a key, Textual removes it from all actions of the screen that share it, so those
    are set to their default keys explicitly. Vim's keys for moving give way to custom keys.
    """
    freed_keys = {key for name in keys for key in _keys(spec(name).keys)}
    sharing = {item.binding_id: item.keys for item in ACTIONS if item.keys and freed_keys & _keys(item.keys)}
    moves = without_keys(frozenset(key for own in keys.values() for key in _keys(own)))
    return moves | sharing | {spec(name).binding_id: own for name, own in keys.items()}


def _problems_of(item: ActionSpec, own: str) -> Iterator[tuple[str, str, str]]:
    if not item.keys:
        yield item.id, f"keys.{item.id}: {item.label} can't have a key.", "Use the command palette."
        return
    if item.id == _FIXED_ACTION:
        yield (
            item.id,
            f"keys.{item.id}: {item.label} can't have other keys.",
            "Use shift with an arrow key.",
        )
        return
    for found in _faults(item, own):
        problem, advice = _FAULTS[found.fault]
        named = f'keys.{item.id} is "{printable(found.key)}"'
        yield item.id, f"{named}, which {problem}.", advice or _hint(found.key)


def _faults(item: ActionSpec, own: str) -> Iterator[KeyRefusal]:
    """Yield what is wrong with keys of an action, whatever keys the others have."""
    for key in own.split(","):
        if not _is_valid_key(key):
            yield KeyRefusal(KeyFault.NOT_SENT, key)
        elif _keys(key) <= _keys(item.keys):
            continue
        elif _keys(key) <= _navigation_keys():
            yield KeyRefusal(KeyFault.MOVES, key)
        elif item.priority and _is_typed(key):
            yield KeyRefusal(KeyFault.TYPED, key)


def _keys(keys: str) -> set[str]:
    """Return keys by Textual's long names."""
    return {binding.key for binding in _make_bindings(keys)}


def _make_bindings(keys: str) -> Iterable[Binding]:
    return Binding.make_bindings([Binding(keys, "")]) if keys else ()


def _is_valid_key(key: str) -> bool:
    if len(key) == 1:
        return key.isprintable()
    *modifiers, base = key.split("+")
    if key in _TERMINAL_EQUIVALENTS or modifiers != sorted(set(modifiers) & set(_MODIFIERS)):
        return False
    # Shift produces another character, so it can't be combined; capitals have no other name.
    is_character = base in _punctuation() or (base.isalnum() and len(base) == 1 and base == base.lower())
    return base in _NAMED or (is_character and "shift" not in modifiers)


def _hint(key: str) -> str:
    parts = key.replace("^", "ctrl+").replace("-", "+").split("+")
    *modifiers, base = (_KEY_ALIASES.get(word.lower(), word) for word in parts)
    if modifiers == ["shift"] and len(base) == 1:
        return did_you_mean(base.upper())
    meant = "+".join([*sorted({modifier.lower() for modifier in modifiers}), base.lower()])
    meant = _TERMINAL_EQUIVALENTS.get(meant, meant)
    if _is_valid_key(meant):
        return did_you_mean(meant)
    names = [key for key in _TEXTUALS if _is_valid_key(key)]
    return did_you_mean(closest(key.lower(), names)) or "Such as f2, ctrl+r, space, or a single character."


def _is_typed(key: str) -> bool:
    return len(key) == 1 or key in {"space", *_punctuation()}


@cache
def _punctuation() -> frozenset[str]:
    """Return Textual's names of punctuation characters, such as the comma's."""
    return frozenset(
        binding.key for mark in punctuation for binding in _make_bindings(mark.replace(",", "comma"))
    )


@cache
def _navigation_keys() -> set[str]:
    """Return the keys that move in lists and between widgets."""
    moves = {
        binding.key
        for binding in Binding.make_bindings(ContactTable.BINDINGS)
        if binding.action.startswith(("move(", "extend("))
    }
    return {*moves, "tab", "shift+tab"} - VIM_KEYS


def _collisions(keys: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield pairs of actions with a common key on the same screen, and the key; each pair once."""
    seen: set[frozenset[str]] = set()
    for mine in keys:
        for other, key in _conflicts(mine, keys):
            pair = frozenset((mine, other))
            if pair not in seen:
                seen.add(pair)
                yield mine, other, key


def _conflicts(mine: str, keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the actions that have a key in common with this one on the same screen, and the key."""
    for other in ACTIONS:
        shared = _keys(keys[mine]) & _keys(keys.get(other.id, other.keys))
        # Actions that share a key by default are distinguished by the screen.
        shared -= _keys(spec(mine).keys) & _keys(other.keys)
        if mine != other.id and shared and any(_screens_with(frozenset((mine, other.id)))):
            yield other.id, min(shared)


def _screens_with(pair: frozenset[str]) -> Iterator[type[BaseScreen[Any]]]:
    return (kind for kind, ids in _actions_by_screen().items() if pair <= ids)


def _main_first(place: str) -> tuple[bool, str]:
    return place != MainScreen.PLACE, place


def places_with(key: str, keymap: Mapping[str, str]) -> tuple[str, ...]:
    """Return where a key works, such as "in Changes": in the contacts first, then in order of the alphabet.

    `key` has Textual's long name, `keymap` the current keys by binding ID.
    """
    bound = {item.binding_id for item in ACTIONS if key in _keys(keymap.get(item.binding_id, item.keys))}
    found = {kind.PLACE for kind in _screens() if bound & _ids(kind)}
    if any(item.bound_by_widget and item.binding_id in bound for item in ACTIONS):
        found.add(MainScreen.PLACE)
    if bound & set(OF_THE_APP):
        found.add(_OUTSIDE_DIALOGS)
    return tuple(sorted(found - {""}, key=_main_first))


@cache
def _screens() -> tuple[type[BaseScreen[Any]], ...]:
    """Return all screens. This imports them."""
    from tui import screens

    for module in pkgutil.walk_packages(screens.__path__, f"{screens.__name__}."):
        import_module(module.name)
    return tuple(kind for kind in _subclasses(BaseScreen) if kind.__module__.startswith(screens.__name__))


@cache
def _actions_by_screen() -> Mapping[type[BaseScreen[Any]], frozenset[str]]:
    """Return, for each screen, the actions that may have a key there; called only if keys could collide."""
    everywhere = set(OF_THE_APP)
    urgent = {item.id for item in ACTIONS if item.priority} & everywhere
    modal = {screen for screen in _screens() if issubclass(screen, ModalScreen)}
    in_lists = {item.id for item in ACTIONS if item.bound_by_widget}
    return {
        screen: frozenset(_ids(screen) | in_lists | (urgent if screen in modal else everywhere))
        for screen in _screens()
    }


def _ids(node: type) -> set[str]:
    found = (binding for base in node.__mro__ for binding in vars(base).get("BINDINGS", ()))
    return {binding.id for binding in found if isinstance(binding, Binding) and binding.id}


def _subclasses(kind: type) -> Iterator[type]:
    subclasses: list[type] = kind.__subclasses__()
    for subclass in subclasses:
        yield subclass
        yield from _subclasses(subclass)
