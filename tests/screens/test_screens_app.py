from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from support.screen_test import running

from tui.actions import ACTIONS
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.screens.dialogs.help import BugReportScreen, HelpScreen

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_quitting_stops_the_engine(backend: IdleEngine, key: str) -> None:
    async with running(backend) as person:
        await person.pilot.press(key)
    assert backend.calls[-1] == ("stop",)
    assert not backend.listeners


@pytest.mark.parametrize("keys", [("/", "x"), ("a",), ("h",), ("enter",), ("?",)])
async def test_quitting_is_reachable_from_everywhere(backend: IdleEngine, keys: tuple[str, ...]) -> None:
    async with running(backend) as person:
        await person.press(*keys)
        await person.pilot.press("ctrl+c")
        assert not person.app.is_running or person.app._exit
    assert backend.calls[-1] == ("stop",)


async def test_selected_text_is_copied_instead(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("/", *"bay", "shift+home", "ctrl+c")
        assert person.app.clipboard == "bay"
        assert not person.app._exit


async def test_bug_shows_a_screen_and_no_traceback(
    backend: IdleEngine, caplog: pytest.LogCaptureFixture
) -> None:
    backend.fail("refresh", ZeroDivisionError("secret detail"))
    with caplog.at_level(logging.ERROR, logger="reshelve"):
        async with running(backend) as person:
            await person.press("f5")
            assert person.sees(BugReportScreen)
            await person.press("enter")
            assert person.is_home
    assert any("failed" in record.message for record in caplog.records)


async def test_engine_that_cannot_start_is_reported(backend: IdleEngine) -> None:
    backend.fail("run", StoreError(StoreReason.CANNOT_OPEN, problem="locked", file="a.db"))
    async with running(backend) as person:
        assert person.sees(BugReportScreen)


async def test_bug_at_the_start_of_an_engine_is_reported(backend: IdleEngine) -> None:
    backend.fail("run", ZeroDivisionError())
    async with running(backend) as person:
        assert person.sees(BugReportScreen)
        await person.press("escape")
        assert person.is_home


async def test_engine_that_cannot_stop_does_not_block_quitting(backend: IdleEngine) -> None:
    backend.fail("stop", StoreError(StoreReason.DISK_FULL))
    async with running(backend) as person:
        await person.pilot.press("q")
    assert backend.calls[-1] == ("stop",)


async def test_help_opens_and_closes(backend: IdleEngine) -> None:
    async with running(backend) as person:
        for opens, closes in (("question_mark", "question_mark"), ("f1", "f1"), ("f1", "escape")):
            await person.press(opens)
            assert person.sees(HelpScreen)
            await person.press(closes)
            assert person.is_home


async def test_the_palette_runs_commands_by_name(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("ctrl+p", *"refresh from", "enter")
        await person.settle()
        assert ("refresh",) in backend.calls


async def test_palette_offers_only_available_commands(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("ctrl+p")
        options = person.screen.query_one("CommandList")
        shown = [str(options.get_option_at_index(i).prompt) for i in range(options.option_count)]  # type: ignore[attr-defined]
        assert any("Restores" in line for line in shown)
        assert not any("Stop waiting" in line for line in shown)


async def test_keys_can_be_remapped(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.app.set_keymap({"archive": "x", "table.select": "v"})
        await person.settle()
        assert person.bottom_line.startswith("x Archive")
        assert "v Select" in person.bottom_line
        await person.press("x", "y")
        assert [call for call in backend.calls if call[0] == "request"]


@pytest.mark.parametrize("theme", ["reshelve-dark", "reshelve-light", "reshelve-contrast", "ansi-light"])
async def test_every_theme_renders(backend: IdleEngine, theme: str) -> None:
    async with running(backend) as person:
        person.app.theme = theme
        await person.press("a")
        assert person.app.theme == theme


def test_actions_are_declared_once() -> None:
    ids = [item.id for item in ACTIONS]
    assert len(set(ids)) == len(ids)
    assert all(item.help and item.label for item in ACTIONS)
