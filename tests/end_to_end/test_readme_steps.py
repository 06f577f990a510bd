"""The steps in this repository's documents work as written."""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.consent import sign_in
from support.demo import Demo, reshelve
from support.house import House, settings_for
from support.practice import running_sandbox
from support.screen_test import browser_into
from support.steps import StepList, UnreadableStepError, carry_out, step_lists
from textual.keys import _character_to_key

from tui.app.app import ReshelveApp
from tui.engine.account import XeroAccount
from tui.screens.dialogs.confirm import CHECKING
from tui.settings import XeroSettings
from tui.system import browser
from tui.system.paths import Paths

if TYPE_CHECKING:
    from support.practice import PracticeXero
    from support.terminal import Terminal

ROOT = Path(__file__).parents[2]
#: Documents with steps at the screen; `docs/architecture.md` walks through the code.
PAGES = [ROOT / "README.md"]
LISTS = {steps.heading: steps for page in PAGES for steps in step_lists(page.read_text(encoding="utf-8"))}
AT_THE_TERMINAL = {"enter": "\r", "escape": "\x1b", "tab": "\t", "space": " "}
#: Seconds between two practice syncs, fewer than the README's 45.
CYCLE = 6


class AtTheDemo:
    """A user at the terminal in which `reshelve demo` runs."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    async def press(self, key: str) -> None:
        # A user reads a dialog before the next key, and continues when the last key has taken effect.
        self.terminal.until(lambda: CHECKING not in self.terminal.screen.text, "Xero's answer")
        if key == "y":
            self.terminal.until(
                lambda: re.search(r"\by [A-Z]", self.terminal.screen.text), "the key being offered"
            )
        before = self.terminal.screen.text
        self.terminal.write(AT_THE_TERMINAL.get(key, key))
        self.terminal.until(lambda: self.terminal.screen.text != before, f"any effect of {key}")

    async def see(self, words: str, *, in_row: bool) -> None:
        if in_row:
            self.terminal.until(lambda: words in self._row(), f"a row with {words!r}")
        else:
            self.terminal.until_shown(words)

    def _row(self) -> str:
        """The contact under the cursor, without the pane beside it."""
        lines = self.terminal.screen.text.splitlines()
        return next((line.partition("│")[0] for line in lines if line.startswith("▌")), "")

    def value(self, name: str) -> str:
        raise AssertionError(name)


class AtTheFirstStart:
    """A user who has connected nothing yet."""

    def __init__(self, house: House, practice: PracticeXero, port: int) -> None:
        self.house = house
        self.practice = practice
        self.port = port

    async def press(self, key: str) -> None:
        await self.house.pilot.press(_character_to_key(key) if len(key) == 1 else key)

    async def see(self, words: str, *, in_row: bool) -> None:
        assert not in_row
        await self.house.until_shown(words.replace(str(XeroSettings().callback_port), str(self.port)))

    def value(self, name: str) -> str:
        assert name == "its client ID"
        return self.practice.client_id


async def try_it(steps: StepList, folder: Path, _: pytest.MonkeyPatch) -> None:
    demo = Demo(folder)
    with reshelve(folder, "demo", "--cycle", str(CYCLE)) as terminal:
        terminal.until_shown("All 1,600 ")
        terminal.until_shown("100% Clean_Co")
        await carry_out(steps, AtTheDemo(terminal))
    assert [(action, state) for _, action, state in demo.changes()] == [
        ("archive", "confirmed"),
        ("restore", "confirmed"),
    ]


async def connect(steps: StepList, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(browser, "open_page", browser_into(opened))
    # The practice Xero is in the place of the user's own.
    monkeypatch.setattr(XeroAccount, "is_sandbox", False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running_sandbox(folder / "sandbox", "--contacts", "20", "--cycle", "3600") as practice:
        settings = settings_for(practice, poll_seconds=1)
        settings = replace(settings, xero=replace(settings.xero, client_id="", callback_port=port))
        async with ReshelveApp(XeroAccount(settings, Paths.under(folder / "home"))).run_test(
            size=(120, 36)
        ) as pilot:
            house = House(pilot)
            await carry_out(steps, AtTheFirstStart(house, practice, port))
            await house.until(lambda: opened, "opening the browser")
            await asyncio.to_thread(sign_in, opened[0])
            await house.until_shown(practice.organisations[0].name)


PLACES = {"Try it": try_it, "Your own organisations": connect}


@pytest.mark.parametrize("heading", sorted(LISTS | PLACES))
async def test_steps_in_the_readme_work(
    heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await PLACES[heading](LISTS[heading], tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "step",
    [
        "Type `/` and press a few letters.",
        "Look around.",
        "Press it.",
        "Press `a` and then press Enter.",
        "Press `hill`.",
        "Click `Restore`.",
        "Type a few letters and press `a`.",
    ],
)
def test_unknown_step_is_refused(step: str) -> None:
    [steps] = step_lists(f"## Here\n\n1. {step}\n")
    with pytest.raises(UnreadableStepError):
        list(steps.acts())


def test_skipped_step_number_is_refused() -> None:
    with pytest.raises(UnreadableStepError):
        step_lists("1. Press `a`.\n3. Press `y`.\n")
