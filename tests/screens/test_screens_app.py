from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from support.screen_test import running
from textual.css import stylesheet
from textual.screen import Screen

from tui.actions import ACTIONS
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.screens.dialogs.help import BugReportScreen, HelpScreen

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine
    from textual.geometry import Size

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


def test_actions_are_declared_once() -> None:
    ids = [item.id for item in ACTIONS]
    assert len(set(ids)) == len(ids)
    assert all(item.help and item.label for item in ACTIONS)


async def test_opening_a_screen_parses_no_style_sheet(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(backend) as person:
        preloading = [worker for worker in person.app.workers if worker.group == "preload"]
        await person.app.workers.wait_for_complete(preloading)
        # Each module's callback adds one for each widget, after those of the other modules.
        is_done = asyncio.Event()
        person.app.call_later(person.app.call_later, is_done.set)
        await is_done.wait()
        parsed: list[object] = []
        parse = vars(stylesheet)["parse"]

        def noted(*arguments: object, **named: object) -> object:
            parsed.append(arguments[2])
            return parse(*arguments, **named)

        monkeypatch.setattr(stylesheet, "parse", noted)
        for key in ("question_mark", "l", "enter"):
            await person.press(key)
            assert len(person.app.screen_stack) == 2
            await person.press("escape")
        assert parsed == []


async def test_a_screen_is_not_laid_out_again_for_the_size_it_was_laid_out_for(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(backend, (100, 30)) as person:
        layouts: list[object] = []
        resized = Screen._screen_resized

        def noted(screen: Screen[object], size: Size) -> None:
            layouts.append(screen)
            resized(screen, size)

        monkeypatch.setattr(Screen, "_screen_resized", noted)
        await person.press("l")
        assert layouts == []
        await person.pilot.resize_terminal(120, 40)
        await person.settle()
        assert person.screen in layouts
        assert person.screen.size == person.app.screen_stack[0].size == (120, 40)
        assert person.screen.has_class("-wide")
