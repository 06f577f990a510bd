"""Read-only mode: no screen offers actions that write, and no key, click or command reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from engine.test_engine_read_only import WRITES
from support.comparisons import exported
from support.screen_test import Driver, running
from textual.widgets import Static

from tui.actions import ACTIONS, ActionCommands, current_key
from tui.model.errors import ReadOnlyError
from tui.model.reasons import ReadOnlyReason
from tui.screens.changes.changes import ChangesScreen
from tui.screens.compare.compare import CompareScreen
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.help import HelpScreen
from tui.screens.main import MainScreen
from tui.screens.manual_restores import ManualRestoresScreen
from tui.screens.re_leased.troubleshoot import TroubleshootScreen
from tui.screens.tenancy.tenant_groups import TenantGroupsScreen
from tui.screens.tidy.tidy import TidyScreen
from tui.widgets.banners import PausedBanner
from tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from pathlib import Path

    from support.idle_engine import IdleEngine
    from textual.screen import Screen

pytestmark = pytest.mark.slow

# Each screen, and the keys that open it from the contacts.
PLACES: dict[type[Screen[Any]], tuple[str, ...]] = {
    MainScreen: (),
    ContactScreen: ("home", "down", "down", "down", "down", "enter"),
    ChangesScreen: ("l",),
    ManualRestoresScreen: ("h",),
    TroubleshootScreen: ("t",),
    CompareScreen: ("f", "ctrl+u", *"~/x.csv", "enter"),
    HelpScreen: ("?",),
    TidyScreen: ("Z", "enter"),
}
# Actions that end the app or open dialogs of the system.
LEAVES = {"quit", "interrupt", "connect", "disconnect", "command_palette", "change_theme", "help"}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def reader(busy: IdleEngine) -> IdleEngine:
    exported(busy, proven=(26, 33))
    busy.publish(is_paused=True)
    busy.is_read_only = True
    return busy


def written(backend: IdleEngine) -> list[object]:
    return [call for call in backend.calls if call[0] in WRITES]


async def go(person: Driver, place: type[Screen[Any]]) -> Screen[Any]:
    await person.go_home()
    person.main.table.focus()
    await person.press(*PLACES[place])
    assert isinstance(person.screen, place)
    return person.screen


@pytest.mark.parametrize("place", PLACES)
async def test_no_action_of_any_screen_writes(reader: IdleEngine, place: type[Screen[Any]]) -> None:
    async with running(reader) as person:
        screen = await go(person, place)
        for item in ACTIONS:
            if item.id in LEAVES or not any(
                hasattr(node, f"action_{item.id}") for node in (screen, person.app)
            ):
                continue
            node = screen if hasattr(screen, f"action_{item.id}") else person.app
            # The app's own actions are the same everywhere.
            if node is person.app and place is not MainScreen:
                continue
            if person.screen is not screen:
                node = screen = await go(person, place)
            await person.app.run_action(item.id, node)
            await person.settle()
            assert not item.writes or person.screen is screen, item.id
            if person.screen is not screen:
                # Every question is answered with yes.
                await person.press("y", "down", "enter")
            assert not written(reader), item.id


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_no_screen_offers_a_key_that_writes(reader: IdleEngine, size: tuple[int, int]) -> None:
    async with running(reader, size=size) as person:
        for place in PLACES:
            screen = await go(person, place)
            keys = screen.query_one(KeyBar).text
            texts = "\n".join(str(part.content) for part in screen.query(Static))
            for item in ACTIONS:
                if item.writes:
                    assert not current_key(person.app, item.id)
                    assert f" {item.label} " not in f" {keys} ", (place, item.id)
                    assert item.help not in texts
            for said in ("records", "presses Restore", "tries again"):
                assert said not in texts, place
            commands = [item.id for item, _ in ActionCommands(screen)._offered()]
            assert not [item.id for item in ACTIONS if item.writes and item.id in commands], place


async def test_a_click_on_the_paused_line_sends_nothing(reader: IdleEngine) -> None:
    async with running(reader) as person:
        await person.pilot.click(PausedBanner, offset=(4, 0))
        await person.settle()
        assert "--read-only" in person.bottom_line
    assert not written(reader)


async def test_key_that_writes_explains_read_only_mode(reader: IdleEngine) -> None:
    async with running(reader) as person:
        for key in ("a", "r", "u", "U", "P", "m", "ctrl+g"):
            person.main.key_bar.end_flash()
            await person.press(key)
            assert person.is_home, key
            assert "--read-only" in person.bottom_line, key


async def test_refusal_of_the_engine_is_one_sentence(backend: IdleEngine) -> None:
    """For a dialog that was open already or a screen with a bug, the engine still refuses with a message."""
    backend.fail("mark_tenants", ReadOnlyError(ReadOnlyReason.CONNECTION))
    async with running(backend) as person:
        await person.press("ctrl+g", "space")
        assert person.sees(TenantGroupsScreen)
        assert person.bottom_line.startswith("Read-only connection")
