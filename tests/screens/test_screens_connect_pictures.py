"""Pictures of connecting and of the list of organisations; see `test_screens_pictures` for updating them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.fake_account import CLIENT_ID, FakeAccount, organisation
from support.idle_engine import IdleEngine
from support.pictures import LARGE, SIZES
from support.screen_test import Driver
from textual.widgets import Checkbox, Input

from tui.app.app import ReshelveApp
from tui.model.account import ConnectResult, OrganisationSummary
from tui.model.errors import NoKeychainError, OfflineError, SignInError
from tui.model.reasons import SignInReason, XeroReason
from tui.screens.connect import formatting as words
from tui.screens.connect.connect import ConnectScreen
from tui.screens.dialogs.ask import AskScreen
from tui.system import browser
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot

    Compare = Callable[..., bool]
    Doing = Callable[[Driver, FakeAccount], Awaitable[None]]

TAKEN = SignInError(SignInReason.PORT_IN_USE, port=8742)
BROUGHT = ConnectResult(
    (
        organisation(1, "Kererū Property Management"),
        organisation(2, "Demo Company (NZ)", is_demo=True),
        organisation(3, "Bay Lettings", is_read_only=True),
    ),
    "the system's keychain",
    timedelta(minutes=7),
)


@pytest.fixture(autouse=True)
def _no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "open_page", lambda _: False)


def picture(
    compare: Compare,
    account: FakeAccount,
    doing: Doing,
    *,
    size: tuple[int, int],
    is_first: bool = True,
) -> bool:
    app = ReshelveApp(account, None if is_first else account.listed[0].organisation)

    async def act(pilot: Pilot[None]) -> None:
        person = Driver(app, pilot, IdleEngine(()), account)
        if is_first:
            await person.press("c")
        await doing(person, account)
        for box in app.screen.query(Input):
            box.cursor_blink = False
        await pilot.pause()

    return compare(app, terminal_size=size, run_before=act, as_text=size != LARGE)


async def look(person: Driver, _: FakeAccount) -> None:
    await person.settle()


async def ask_for_secret(person: Driver, _: FakeAccount) -> None:
    await person.settle()
    person.screen.query_one("#custom", Checkbox).toggle()
    await person.press(*"s3cret")


async def wait_for_browser(person: Driver, _: FakeAccount) -> None:
    await person.pilot.press("enter")
    await person.until(lambda: _status(person) == words.NO_BROWSER)


async def be_refused(person: Driver, account: FakeAccount) -> None:
    account.fail("sign_in", TAKEN)
    await person.press("enter")


async def lack_a_keychain(person: Driver, account: FakeAccount) -> None:
    account.fail("sign_in", NoKeychainError(SignInReason.NO_KEYCHAIN))
    await person.pilot.press("enter")
    await person.until(lambda: person.sees(AskScreen))


async def be_done(person: Driver, account: FakeAccount) -> None:
    await wait_for_browser(person, account)
    account.attempt.ends(BROUGHT)
    await person.until(lambda: _face(person) == "done")


async def switch(person: Driver, _: FakeAccount) -> None:
    await person.press("ctrl+o", "down")


async def switch_offline(person: Driver, account: FakeAccount) -> None:
    account.fail("refresh", OfflineError(XeroReason.OFFLINE))
    await person.press("ctrl+o", "down")


async def disconnect(person: Driver, _: FakeAccount) -> None:
    await person.press("ctrl+o", "d")


def _status(person: Driver) -> str:
    screen = person.screen
    return screen.query_one("#status", SafeLabel).text if isinstance(screen, ConnectScreen) else ""


def _face(person: Driver) -> str | None:
    screen = person.screen
    return screen.views.current if isinstance(screen, ConnectScreen) else None


def connected(more: int = 0) -> FakeAccount:
    """Organisations of every kind, and some more."""
    listed = [
        OrganisationSummary(organisation(1, "Demo Company (NZ)", sign_in="a", is_demo=True), 3, 2),
        OrganisationSummary(organisation(2, "Kererū Property Management Limited", sign_in="a"), 0, 0),
        OrganisationSummary(organisation(3, "Bay of Plenty Lettings", sign_in="b", is_read_only=True)),
        OrganisationSummary(organisation(4, "Old Mill Trust", sign_in="a"), 0, 1, is_removed=True),
        OrganisationSummary(
            organisation(5, "[b]物件[/b] \x1b[31m管理", sign_in="c", is_custom=True), 1402, 12
        ),
    ]
    listed += [
        OrganisationSummary(organisation(10 + one, f"Client {one}", sign_in="a"), one % 3, 0)
        for one in range(more)
    ]
    return FakeAccount(listed, is_sandbox=False)


@pytest.mark.parametrize("keys", [(), ("end", "enter"), ("c", "f7")], ids=["ways", "how", "instructions"])
@pytest.mark.parametrize("size", SIZES)
def test_welcome(snap_compare: Compare, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[None]) -> None:
        await Driver(app, pilot, IdleEngine(())).press(*keys)

    app = ReshelveApp(FakeAccount(is_sandbox=False))
    assert snap_compare(app, terminal_size=size, run_before=act, as_text=size != LARGE)


@pytest.mark.parametrize("size", SIZES)
def test_a_first_start(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, FakeAccount(is_sandbox=False), look, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_secret(snap_compare: Compare, size: tuple[int, int]) -> None:
    account = FakeAccount(client_id=CLIENT_ID)
    assert picture(snap_compare, account, ask_for_secret, size=size)


@pytest.mark.parametrize(
    "doing",
    [wait_for_browser, be_refused, lack_a_keychain, be_done],
    ids=["waiting", "refused", "keychain", "done"],
)
@pytest.mark.parametrize("size", SIZES)
def test_attempt(snap_compare: Compare, doing: Doing, size: tuple[int, int]) -> None:
    assert picture(snap_compare, FakeAccount(client_id=CLIENT_ID), doing, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_switcher(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, connected(), switch, size=size, is_first=False)


@pytest.mark.parametrize("size", SIZES)
def test_switcher_of_many_offline(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, connected(200), switch_offline, size=size, is_first=False)


@pytest.mark.parametrize("size", SIZES)
def test_disconnect(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert picture(snap_compare, connected(), disconnect, size=size, is_first=False)
