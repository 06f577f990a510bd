from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.fake_account import CALLBACK, CLIENT_ID, URL, FakeAccount, organisation
from support.sample_contacts import NOW
from support.screen_test import Driver, browser_into, connecting, running
from textual import events
from textual.widgets import Button, Checkbox, Input, Static

from tui import messages
from tui.model.account import ConnectResult
from tui.model.errors import NoKeychainError, SignInError
from tui.model.reasons import SignInReason
from tui.screens.connect import formatting as words
from tui.screens.connect.connect import ConnectScreen
from tui.screens.connect.welcome import WelcomeScreen
from tui.screens.dialogs.ask import AskScreen
from tui.screens.dialogs.help import BugReportScreen
from tui.screens.main import MainScreen
from tui.system import browser
from tui.widgets import clock
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.idle_engine import IdleEngine

pytestmark = pytest.mark.slow

CLOSED = SignInError(SignInReason.DENIED)
KERERU = organisation(1, "Kererū Property Management")
BAY = organisation(2, "Bay Lettings", is_read_only=True)
BROUGHT = ConnectResult((KERERU, BAY), "the system's keychain")


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were opened in the user's browser."""
    pages: list[str] = []
    monkeypatch.setattr(browser, "open_page", browser_into(pages))
    return pages


@pytest.fixture
def account() -> FakeAccount:
    return FakeAccount(client_id=CLIENT_ID)


def connect_screen(person: Driver) -> ConnectScreen:
    assert isinstance(person.screen, ConnectScreen)
    return person.screen


def face(person: Driver) -> str | None:
    return connect_screen(person).views.current


def box(person: Driver, selector: str) -> Input:
    return person.screen.query_one(selector, Input)


def says(person: Driver, selector: str) -> str:
    return str(person.screen.query_one(selector, Static).visual)


def trouble(person: Driver) -> str:
    line = person.screen.query_one("#trouble", SafeLabel)
    return line.text if line.display else ""


def shows(person: Driver, wanted: str) -> Callable[[], bool]:
    return lambda: isinstance(person.screen, ConnectScreen) and face(person) == wanted


async def begin(person: Driver, account: FakeAccount) -> None:
    """Press Connect, and wait until the screen waits for the browser."""
    await person.pilot.press("enter")
    await person.until(lambda: bool(account.attempts) and bool(connect_screen(person).attempt.sign_in))


async def test_connecting_is_explained_in_three_steps() -> None:
    async with connecting(FakeAccount(is_sandbox=False)) as person:
        said = [says(person, f"#step-{number}") for number in (1, 2, 3)]
        assert "Press F7 for instructions" in said[0]
        assert "Xero asks which organisation" in said[1]
        assert "keychain" in said[2]
        # The empty field has the focus, so q is a letter there.
        assert person.app.focused is box(person, "#client-id")
        assert box(person, "#client-id").placeholder == "32 letters and digits"
        assert person.bottom_line == "F7 Instructions  F1 Help  esc Back"
        await person.pilot.press("q")
        assert box(person, "#client-id").value == "q"
        await person.press("escape")
        assert person.sees(WelcomeScreen)


async def test_q_goes_back_when_the_client_id_is_known(account: FakeAccount) -> None:
    async with connecting(account) as person:
        await person.press("q")
        assert person.sees(WelcomeScreen)


async def test_an_organisation_is_connected_and_opened(account: FakeAccount, opened: list[str]) -> None:
    async with connecting(account) as person:
        await begin(person, account)
        await person.until(lambda: opened == [URL])
        assert says(person, "#url") == URL
        assert "4:32 left" in says(person, "#left")
        account.connects(KERERU, BAY)
        account.attempt.ends(BROUGHT)
        await person.until(shows(person, "done"))
        assert "Kererū Property Management" in says(person, "#connected")
        assert "Bay Lettings  read-only" in says(person, "#connected")
        assert "keychain" in says(person, "#kept")
        assert says(person, "#clock") == ""
        await person.press("enter")
        assert person.sees(MainScreen)
        assert ("open", "t1") in account.calls
    [request] = account.requests
    assert (request.client_id, request.is_custom, request.is_read_only) == (CLIENT_ID, False, False)
    assert account.attempt.cancelled


async def test_connecting_works_with_the_mouse_alone(account: FakeAccount) -> None:
    async with connecting(account) as person:
        await person.pilot.click("#read-only")
        await person.pilot.click("#go")
        await person.until(lambda: bool(account.attempts))
        await person.pilot.click("#leave")
        await person.until(shows(person, "form"))
        assert account.requests[0].is_read_only
        await person.until(lambda: account.attempt.cancelled > 0)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("", words.NO_CLIENT_ID), ("not an id!", words.NOT_A_CLIENT_ID), ("a" * 65, words.NOT_A_CLIENT_ID)],
)
async def test_invalid_client_id_is_not_sent(typed: str, answer: str) -> None:
    account = FakeAccount(client_id=typed)
    async with connecting(account) as person:
        await person.pilot.press("enter")
        assert trouble(person) == answer
        assert person.app.focused is box(person, "#client-id")
    assert not account.requests


async def test_a_client_id_can_be_pasted_wherever_the_focus_is() -> None:
    account = FakeAccount()
    async with connecting(account) as person:
        person.screen.set_focus(person.screen.query_one("#go", Button))
        person.app.post_message(events.Paste(f"  {CLIENT_ID}\nmore"))
        await person.until(lambda: box(person, "#client-id").value == CLIENT_ID)
        await person.pilot.press("enter")
        await person.until(lambda: bool(account.requests))
    assert account.requests[0].client_id == CLIENT_ID


async def test_the_link_is_copied_with_a_key(account: FakeAccount) -> None:
    async with connecting(account) as person:
        await person.pilot.press("Y")
        assert person.app.clipboard == ""
        await begin(person, account)
        await person.pilot.press("f8")
        assert person.app.clipboard == URL


async def test_address_can_be_pasted_without_a_browser(
    account: FakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "open_page", lambda _: False)
    async with connecting(account) as person:
        await begin(person, account)
        await person.until(lambda: says(person, "#status") == words.NO_BROWSER)
        person.app.post_message(events.Paste("http://localhost:8742/wrong"))
        await person.until(lambda: bool(box(person, "#address").value))
        await person.pilot.press("enter")
        await person.until(lambda: "isn't the address" in trouble(person))
        box(person, "#address").value = CALLBACK
        await person.pilot.pause()
        await person.pilot.click("#go")
        await person.until(lambda: says(person, "#status") == words.READING)
        assert trouble(person) == ""
    assert account.attempt.pasted == [CALLBACK]


async def test_return_of_the_browser_is_shown(account: FakeAccount) -> None:
    async with connecting(account) as person:
        await begin(person, account)
        account.attempt.ends_at = None
        connect_screen(person).tick()
        assert says(person, "#status") == words.READING
        assert not person.screen.query_one("#by-hand").display


async def test_a_keychain_that_waits_for_the_user_is_reported(account: FakeAccount) -> None:
    async with connecting(account) as person:
        await begin(person, account)
        for _ in range(2):
            account.attempt.ends_at = None
            account.on_keychain_wait(True)  # noqa: FBT003 - its only argument
            connect_screen(person).tick()
            assert "check for its prompt" in says(person, "#status")
            account.on_keychain_wait(False)  # noqa: FBT003 - as above
            assert says(person, "#status") == words.READING


async def test_countdown_counts_down(account: FakeAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connecting(account) as person:
        await begin(person, account)
        monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=4))
        connect_screen(person).tick()
        assert "0:32 left" in says(person, "#left")


async def test_refusal_is_shown_in_place_and_the_form_stays_filled(account: FakeAccount) -> None:
    async with connecting(account) as person:
        await begin(person, account)
        account.attempt.ends(CLOSED)
        await person.until(shows(person, "form"))
        assert trouble(person) == messages.in_full(CLOSED)
        assert "Access was denied" in trouble(person)
        assert box(person, "#client-id").value == CLIENT_ID
        await person.pilot.press("enter")
        await person.until(lambda: len(account.attempts) == 2)
        assert trouble(person) == ""


async def test_attempt_that_cannot_start_shows_why(account: FakeAccount) -> None:
    account.fail("sign_in", SignInError(SignInReason.PORT_IN_USE, port=8742))
    async with connecting(account) as person:
        await person.pilot.press("enter")
        await person.until(lambda: trouble(person).startswith("Port 8742 is used by another program. Close"))
        assert face(person) == "form"


async def test_bug_during_an_attempt_leads_back_to_the_form(account: FakeAccount) -> None:
    account.fail("sign_in", ZeroDivisionError())
    async with connecting(account) as person:
        await person.pilot.press("enter")
        await person.until(lambda: person.sees(BugReportScreen))
        await person.pilot.press("enter")
        await person.until(shows(person, "form"))


async def test_choosing_no_organisation_is_reported(account: FakeAccount) -> None:
    async with connecting(account) as person:
        await begin(person, account)
        account.attempt.ends(ConnectResult((), "a file"))
        await person.until(lambda: trouble(person) == words.NO_ORGANISATION)


async def test_a_custom_connection_asks_for_its_secret_and_needs_no_browser(
    account: FakeAccount, opened: list[str]
) -> None:
    account.is_sandbox = False
    async with connecting(account) as person:
        person.screen.query_one("#custom", Checkbox).toggle()
        await person.pilot.pause()
        assert person.app.focused is box(person, "#secret")
        assert "No browser opens" in says(person, "#step-2")
        await person.pilot.press("enter")
        assert trouble(person).startswith("A custom connection also needs its client secret")
        await person.pilot.press(*"s3cret")
        assert "s3cret" not in person.app.export_screenshot()
        await person.pilot.press("shift+home", "ctrl+x")
        assert person.app.clipboard == ""
        await person.pilot.press(*"s3cret", "enter")
        await person.until(lambda: bool(account.attempts))
        await person.until(lambda: says(person, "#status") == words.READING)
        account.attempt.ends(CLOSED)
        await person.until(shows(person, "form"))
        assert box(person, "#secret").value == ""
        assert person.app.focused is box(person, "#secret")
    assert account.requests[0].client_secret == "s3cret"
    assert "s3cret" not in repr(account.requests)
    assert not opened


@pytest.mark.parametrize("secret", ["two words", "Kererū"])
async def test_invalid_secret_is_not_sent(account: FakeAccount, secret: str) -> None:
    async with connecting(account) as person:
        person.screen.query_one("#custom", Checkbox).toggle()
        await person.pilot.pause()
        box(person, "#secret").value = secret
        await person.pilot.press("enter")
        assert trouble(person).startswith("Not a client secret")
    assert not account.requests


@pytest.mark.parametrize(("key", "attempts"), [("y", 1), ("n", 0), ("enter", 0), ("escape", 0)])
async def test_without_a_keychain_a_file_is_used_only_if_the_user_agrees(
    account: FakeAccount, key: str, attempts: int
) -> None:
    account.fail("sign_in", NoKeychainError(SignInReason.NO_KEYCHAIN))
    async with connecting(account) as person:
        await person.pilot.press("enter")
        await person.until(lambda: person.sees(AskScreen))
        await person.pilot.press(key)
        await person.until(lambda: person.sees(ConnectScreen))
        await person.until(lambda: len(account.attempts) == attempts)
        assert trouble(person) == ("" if attempts else words.NO_FILE)
    assert [request.allow_file for request in account.requests] == [False, True][: attempts + 1]


@pytest.mark.parametrize("key", ["escape", "ctrl+q"])
async def test_leaving_frees_the_port(account: FakeAccount, key: str) -> None:
    async with connecting(account) as person:
        await begin(person, account)
        await person.pilot.press(key)
        await person.until(lambda: account.attempt.cancelled > 0)


async def test_closing_the_screen_frees_the_port(backend: IdleEngine) -> None:
    async with running(backend) as person:
        account = person.account
        account.client_id = CLIENT_ID
        await person.pilot.press("c")
        await person.until(lambda: person.sees(ConnectScreen))
        await begin(person, account)
        person.app.pop_screen()
        await person.until(lambda: account.attempt.cancelled > 0)
        assert person.is_home


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(minutes=7), "7 minutes ahead of"),
        (timedelta(minutes=-3), "3 minutes behind"),
        (timedelta(hours=13), "13 hours ahead of"),
        (timedelta(days=-400), "400 days behind"),
    ],
)
async def test_wrong_clock_is_reported(account: FakeAccount, ahead: timedelta, said: str) -> None:
    async with connecting(account) as person:
        await begin(person, account)
        account.attempt.ends(ConnectResult((KERERU,), "a file", ahead))
        await person.until(shows(person, "done"))
        assert said in says(person, "#clock")


async def test_new_sign_in_returns_to_the_previous_screen(backend: IdleEngine) -> None:
    async with running(backend) as person:
        account = person.account
        account.client_id = CLIENT_ID
        await person.press("enter")
        before = person.screen
        await person.pilot.press("c")
        await person.until(lambda: person.sees(ConnectScreen))
        await begin(person, account)
        account.attempt.ends(ConnectResult((backend.snapshot.organisation,), "a file"))
        await person.until(shows(person, "done"))
        await person.press("enter")
        await person.until(lambda: person.screen is before)
    assert ("reconnected",) in backend.calls


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_back_returns_only_if_there_is_a_previous_screen(backend: IdleEngine, key: str) -> None:
    async with running(backend) as person:
        person.account.client_id = CLIENT_ID
        await person.press("c")
        assert person.sees(ConnectScreen)
        await person.press(key)
        assert person.is_home


async def test_keys_scroll_and_buttons_stay_on_the_smallest_terminal(account: FakeAccount) -> None:
    async with connecting(account, size=(40, 15)) as person:
        buttons = person.screen.query_one("#buttons")
        before = buttons.region
        await person.pilot.press("pagedown")
        await person.until(lambda: connect_screen(person).form.scroll_offset.y > 0)
        await person.pilot.press("up")
        assert buttons.region == before
        assert buttons.region.bottom <= 14


# --- one consent for one organisation ---


def another(person: Driver) -> Button:
    return person.screen.query_one("#another", Button)


async def connect_first(person: Driver, account: FakeAccount, **parts: object) -> None:
    await begin(person, account)
    account.connects(KERERU, BAY)
    account.attempt.ends(ConnectResult((replace(KERERU, sign_in=CLIENT_ID, **parts),), "a file"))
    await person.until(shows(person, "done"))


async def test_connecting_another_follows_the_first(account: FakeAccount) -> None:
    async with connecting(account) as person:
        assert not another(person).display
        await connect_first(person, account)
        assert "one organisation for each sign-in" in says(person, "#more")
        await person.pilot.click("#another")
        await person.until(
            lambda: len(account.attempts) == 2 and bool(connect_screen(person).attempt.sign_in)
        )
        # Xero lists all organisations of the app each time, in an order of its own.
        both = (replace(BAY, sign_in=CLIENT_ID), replace(KERERU, sign_in=CLIENT_ID))
        account.attempt.ends(ConnectResult(both, "a file"))
        await person.until(lambda: "Bay Lettings" in says(person, "#connected"))
        assert says(person, "#connected").count("Kererū") == 1
        # The first one is opened.
        await person.press("enter")
        assert person.sees(MainScreen)
        assert ("open", "t1") in account.calls
    assert [request.client_id for request in account.requests] == [CLIENT_ID, CLIENT_ID]


@pytest.mark.parametrize("ends", ["denied", "stopped", "nothing"])
async def test_what_is_connected_stays_when_another_isnt(account: FakeAccount, ends: str) -> None:
    async with connecting(account) as person:
        await connect_first(person, account)
        await person.pilot.click("#another")
        await person.until(
            lambda: len(account.attempts) == 2 and bool(connect_screen(person).attempt.sign_in)
        )
        if ends == "stopped":
            await person.pilot.press("escape")
        else:
            account.attempt.ends(CLOSED if ends == "denied" else ConnectResult((), "a file"))
        await person.until(shows(person, "done"))
        assert "Kererū" in says(person, "#connected")
        # Xero shows the reason on its own page.
        assert ("5 connections" in trouble(person)) == ("two uncertified apps" in trouble(person))
        assert bool(trouble(person)) == (ends != "stopped")
        await person.press("enter")
        assert person.sees(MainScreen)


async def test_another_custom_connection_has_a_secret_of_its_own(account: FakeAccount) -> None:
    async with connecting(account) as person:
        person.screen.query_one("#custom", Checkbox).toggle()
        await person.pilot.pause()
        box(person, "#secret").value = "hush"
        await connect_first(person, account, is_custom=True)
        assert says(person, "#more") == ""
        await person.pilot.click("#another")
        await person.until(shows(person, "form"))
        assert box(person, "#secret").value == ""
        await person.pilot.press("escape")
        await person.until(shows(person, "done"))
        await person.press("enter")
        assert person.sees(MainScreen)


@pytest.mark.parametrize(("number", "is_said"), [(4, False), (5, True), (6, True)])
def test_the_starter_tiers_connections_are_counted(number: int, is_said: bool) -> None:  # noqa: FBT001 - pytest hands it over
    found = tuple(organisation(each, sign_in=CLIENT_ID) for each in range(number))
    custom = tuple(organisation(10 + each, sign_in="other", is_custom=True) for each in range(9))
    said = words.more_organisations(ConnectResult((*found, *custom), "a file"))
    assert ("Starter" in said) == is_said
    assert not is_said or f"{number} connections" in said
