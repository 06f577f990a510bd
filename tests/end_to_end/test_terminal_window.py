"""The terminal around the app: its title, its colours, and what it tells a user who looks elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.demo import Demo
from support.effort import some
from support.terminal import SHELL, Terminal

from tui.settings import load, set_value

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

FIRST_CONTACT = "100% Clean_Co"
UNFOCUSED, FOCUSED = "\x1b[O", "\x1b[I"


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return Demo(tmp_path / "home")


def until_ready(terminal: Terminal) -> None:
    terminal.until_shown(FIRST_CONTACT)
    terminal.until_shown("The practice Re-Leased syncs")


def archive_first(terminal: Terminal) -> None:
    terminal.write("a")
    terminal.until_shown("Up to date with Xero")
    terminal.write("y")


def quit_(terminal: Terminal) -> None:
    terminal.write("q")
    assert terminal.wait() == 0
    assert terminal.is_as_found


def test_the_title_counts_pending_changes_and_is_the_shells_again_at_the_end(demo: Demo) -> None:
    # Long enough between two syncs to see that the change is pending.
    with demo.open("--cycle", "30") as terminal:
        until_ready(terminal)
        name = "Reshelve – Harbour & Vine Property Trust (Practice)"
        assert terminal.screen.title == name
        archive_first(terminal)
        terminal.until(lambda: terminal.screen.title == f"{name} (1 pending)", "counting")
        terminal.until(lambda: terminal.screen.title == name, "the sync")
        quit_(terminal)
        assert terminal.screen.title == SHELL


@pytest.mark.parametrize(("value", "is_coloured"), [("1", False), ("", True)])
def test_no_color_means_no_colour(demo: Demo, value: str, *, is_coloured: bool) -> None:
    with demo.open("--cycle", "30", NO_COLOR=value) as terminal:
        until_ready(terminal)
        archive_first(terminal)
        terminal.until_shown("◷ Pending sync")
        terminal.write("*")
        terminal.until_shown("200 selected")
        assert bool(terminal.screen.colours) == is_coloured
        quit_(terminal)


@pytest.mark.parametrize(
    ("kind", "shown"),
    some(
        [
            ("off", []),
            ("bell", []),
            ("osc9", ["Reshelve: Harbour & Vine Property Trust (Practice): 1 synced"]),
            ("osc777", ["notify;Reshelve;Harbour & Vine Property Trust (Practice): 1 synced"]),
        ],
        every=2,
    ),
)
def test_a_sync_is_announced_while_another_window_has_the_focus(
    demo: Demo, kind: str, shown: list[str]
) -> None:
    set_value(demo.paths.settings_file, "screen.notifications", kind)
    with demo.open("--cycle", "10") as terminal:
        until_ready(terminal)
        archive_first(terminal)
        terminal.until_shown("◷ Pending sync")
        terminal.write(UNFOCUSED)
        terminal.until_shown("✓ Synced")
        terminal.until(lambda: kind == "off" or terminal.screen.bells, "the bell")
        assert terminal.screen.notifications == shown
        assert terminal.screen.bells == (kind != "off")
        terminal.write(FOCUSED)
        quit_(terminal)


def test_a_theme_is_kept_in_read_only_mode_too(demo: Demo) -> None:
    with demo.open("--read-only") as terminal:
        until_ready(terminal)
        terminal.write("\x10")
        terminal.until_shown("Search for commands")
        terminal.write("colours")
        terminal.until_shown("Change colours")
        terminal.write("\r")
        terminal.until_shown("Search for themes")
        terminal.write("reshelve-light")
        terminal.until(lambda: "monokai" not in terminal.words, "finding one theme")
        terminal.write("\r")
        file = demo.paths.settings_file
        terminal.until(lambda: load(file, {}).screen.theme == "reshelve-light", "keeping the theme")
        quit_(terminal)
    with demo.open(COLORTERM="truecolor") as terminal:
        until_ready(terminal)
        # The background of the light theme.
        assert "48;2;251;251;253" in terminal.screen.colours
        quit_(terminal)
