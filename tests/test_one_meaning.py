"""A key means the same wherever it works: on every screen, in every list and in every dialog."""

from __future__ import annotations

import pkgutil
from collections import defaultdict
from importlib import import_module
from typing import TYPE_CHECKING, Final

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from tui import screens, widgets
from tui.actions import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The meanings that several actions have, so that they may share a key. Every other action has its own.
SHARED: Final = {
    "show this tab of the list": (
        *("tab_all", "tab_active", "tab_archived"),
        *("group_all", "group_open", "group_refused", "group_pending", "group_done"),
        *("kind_differ", "kind_unclear", "kind_agree", "kind_file", "kind_xero"),
    ),
    "copy": ("copy", "copy_report", "copy_address"),
    "retry what Xero refused": ("retry", "retry_contact"),
    "cancel, or stop waiting": ("cancel_change", "stop_waiting"),
    "save to a file": ("export", "save_report", "save_instructions"),
    "record what Re-Leased shows": ("mark_checked", "mark_synced", "sync_overview", "approve_drafts"),
    "copy more than the link": ("copy_all", "copy_field", "copy_instructions", "copy_group"),
    "open several contacts in Xero": ("open_next", "open_group"),
    "one step back": ("clear", "cancel", "back"),
    "leave this screen, or the program from the first one": ("back", "quit"),
    "open or choose": ("open", "pick", "changes", "leave", "use"),
    "remove what was changed or saved here": ("reset_keys", "delete_search"),
    "select or choose": ("select", "pick"),
    "the one before": ("previous_contact", "previous_year"),
    "the one after": ("next_contact", "next_year"),
    "extend the selection": ("extend", "extend_up", "extend_down"),
    "move up": (
        "up",
        "older",
        "move_list('up')",
        "app.focus_previous",
        "scroll_face('up')",
        "scroll_said('up')",
    ),
    "move down": (
        *("down", "newer", "app.focus_next", "scroll_face('down')", "scroll_said('down')"),
        *("list", "leave", "move_list('down')"),
    ),
    "move a page up": ("page_up", "move_list('page_up')", "scroll_face('pageup')", "scroll_said('pageup')"),
    "move a page down": (
        "page_down",
        "move_list('page_down')",
        "scroll_face('pagedown')",
        "scroll_said('pagedown')",
    ),
}


def subclasses(kind: type) -> Iterator[type]:
    found: list[type] = kind.__subclasses__()
    for subclass in found:
        yield subclass
        yield from subclasses(subclass)


def uses() -> Iterator[tuple[str, str]]:
    """Yield every key with each action that it runs somewhere."""
    for package in (screens, widgets):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    declared = [Binding(item.keys, item.id, id=item.binding_id) for item in ACTIONS if item.keys]
    for kind in subclasses(DOMNode):
        if kind.__module__.startswith("tui."):
            declared += [one for one in vars(kind).get("BINDINGS", ()) if isinstance(one, Binding)]
    for binding in declared:
        for single in Binding.make_bindings([binding]):
            yield single.key, (binding.id or binding.action).removeprefix("table.")


def conflicts(used: Iterator[tuple[str, str]]) -> dict[str, set[str]]:
    """Return the keys that have several meanings, with their actions."""
    actions: dict[str, set[str]] = defaultdict(set)
    for key, action in used:
        actions[key].add(action)
    return {
        key: found
        for key, found in actions.items()
        if len(found) > 1 and not any(found <= set(shared) for shared in SHARED.values())
    }


def test_no_key_has_two_meanings() -> None:
    assert conflicts(uses()) == {}


@pytest.mark.parametrize(
    ("key", "first", "second"),
    [
        ("y", "copy", "confirm"),
        ("k", "up", "mark_not_linked"),
        ("r", "restore", "retry"),
        ("x", "pick", "up"),
    ],
)
def test_two_meanings_are_found(key: str, first: str, second: str) -> None:
    assert conflicts(iter([(key, first), (key, second), ("q", "back")])) == {key: {first, second}}


def test_the_table_names_actions_that_have_keys() -> None:
    used = {action for _, action in uses()}
    assert {action for shared in SHARED.values() for action in shared} <= used
