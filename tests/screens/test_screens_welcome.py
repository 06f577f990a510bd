from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.fake_account import FakeAccount
from support.screen_test import Driver, connecting, welcomed
from textual.widgets import Checkbox, OptionList, Static

from tui.model.errors import SignInError
from tui.model.reasons import SignInReason
from tui.screens.connect.connect import ConnectScreen
from tui.screens.connect.instructions import AppInstructionsScreen
from tui.screens.connect.welcome import HowItWorksScreen, WelcomeScreen
from tui.screens.dialogs.ask import FileNameScreen
from tui.screens.dialogs.help import HelpScreen
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from pathlib import Path

DEVELOPERS = "https://developer.xero.com/app/manage"
REDIRECT = "http://localhost:8742/callback"


@pytest.fixture
def account() -> FakeAccount:
    """An installation in which nothing was ever connected."""
    return FakeAccount(is_sandbox=False)


def ways(person: Driver) -> list[str]:
    options = person.screen.query_one("#ways", OptionList).options
    return [str(option.prompt).split("\n")[0] for option in options]


def text(person: Driver) -> str:
    return str(person.screen.query_one("#text", Static).visual)


async def test_the_first_start_offers_three_ways(account: FakeAccount) -> None:
    async with welcomed(account) as person:
        assert ways(person) == ["Try the demo", "Connect Xero", "How it works"]
        assert person.bottom_line == "enter Choose  c Connect  ? Help  q Quit"
        assert not person.app.is_demo_requested


async def test_trying_the_demo_closes_the_app_and_asks_for_it(account: FakeAccount) -> None:
    async with welcomed(account) as person:
        await person.pilot.press("enter")
        await person.until(lambda: person.app._exit)
        assert person.app.is_demo_requested


@pytest.mark.parametrize("keys", [("c",), ("down", "enter")], ids=["key", "list"])
async def test_connecting_is_one_way(account: FakeAccount, keys: tuple[str, ...]) -> None:
    async with welcomed(account) as person:
        await person.press(*keys)
        assert person.sees(ConnectScreen)
        await person.press("escape")
        assert person.sees(WelcomeScreen)


async def test_how_it_works_says_what_is_stored_where(account: FakeAccount) -> None:
    async with welcomed(account) as person:
        await person.press("end", "enter")
        assert person.sees(HowItWorksScreen)
        shown = "\n".join(strip.text for strip in person.screen._compositor.render_strips())
        for words in ("What it may do in Xero", "keychain", "isn't encrypted", "no telemetry"):
            assert words in shown


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_the_first_screen_leaves_the_program(account: FakeAccount, key: str) -> None:
    async with welcomed(account) as person:
        await person.pilot.press(key)
        assert person.app._exit
        assert not person.app.is_demo_requested


@pytest.mark.parametrize("key", ["escape", "q"])
@pytest.mark.parametrize(
    ("keys", "place", "below"),
    [
        (("end", "enter"), HowItWorksScreen, WelcomeScreen),
        (("c", "f7"), AppInstructionsScreen, ConnectScreen),
    ],
    ids=["how", "instructions"],
)
async def test_pages_go_back_and_have_help(
    account: FakeAccount, key: str, keys: tuple[str, ...], place: type, below: type
) -> None:
    async with welcomed(account) as person:
        await person.press(*keys)
        assert person.sees(place)
        await person.press("question_mark")
        assert person.sees(HelpScreen)
        await person.press("escape")
        assert person.sees(place)
        await person.press(key)
        assert person.sees(below)


async def test_the_practice_xero_offers_no_demo_and_no_app() -> None:
    async with welcomed(FakeAccount(is_sandbox=True)) as person:
        assert ways(person) == ["Connect the practice Xero", "How it works"]
        await person.press("c", "f7")
        assert person.sees(ConnectScreen)
        assert "needs no app" in person.bottom_line
        said = " ".join(str(part.visual) for part in person.screen.query(Static))
        assert "xero.com" not in said


async def test_in_the_practice_xero_no_error_leads_to_xeros_pages() -> None:
    account = FakeAccount(is_sandbox=True, client_id="0" * 32)
    account.fail("sign_in", SignInError(SignInReason.APP_NOT_ACCEPTED, redirect_uri=REDIRECT))
    async with connecting(account) as person:
        await person.press("enter")
        trouble = person.screen.query_one("#trouble", SafeLabel).text
        assert trouble.endswith("Connect with the client ID that was filled in.")
        assert "xero.com" not in trouble


# --- instructions to send ---


async def test_instructions_are_copied_to_send_them(account: FakeAccount) -> None:
    async with connecting(account) as person:
        # The client ID has the focus: F7 also works while typing.
        await person.press("f7", "C")
        for words in (
            DEVELOPERS,
            f"redirect URI: {REDIRECT}\n",
            "Mobile or desktop app",
            "accounting.contacts",
        ):
            assert words in person.app.clipboard
        assert person.app.clipboard.endswith(text(person).lstrip() + "\n")
        await person.press("Y")
        assert person.app.clipboard == REDIRECT


async def test_instructions_for_a_custom_connection(account: FakeAccount) -> None:
    async with connecting(account) as person:
        person.screen.query_one("#custom", Checkbox).toggle()
        await person.press("f7")
        assert "Custom connection" in text(person)
        assert REDIRECT not in text(person)
        assert "redirect" not in person.bottom_line
        await person.press("Y")
        assert person.app.clipboard == ""


def saved_in(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


async def test_instructions_are_saved_to_a_file(
    account: FakeAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with connecting(account) as person:
        await person.press("f7", "e")
        assert person.sees(FileNameScreen)
        await person.press("escape")
        assert not saved_in(tmp_path)
        await person.press("e", "enter")
        assert "Instructions saved to" in person.bottom_line
    [(name, instructions)] = saved_in(tmp_path).items()
    assert name == "reshelve-xero-app.txt"
    assert f"redirect URI: {REDIRECT}\n" in instructions
