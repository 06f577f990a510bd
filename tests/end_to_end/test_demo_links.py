"""No link, key or message of the demo leads to the real Xero, or anywhere else outside this computer."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin

import pytest
from support.house import House
from support.practice import http
from support.screen_test import browser_into

from tui.app.app import ReshelveApp
from tui.cli.demo import demo_settings
from tui.cli.sandbox import SandboxProcess
from tui.engine.account import XeroAccount
from tui.net.loopback import is_loopback
from tui.settings.schema import UNIFIED_KEY_VARIABLE
from tui.system import browser
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

#: Hosts that the demo names on purpose, such as those of public help articles.
PUBLIC: frozenset[str] = frozenset()

#: Also within a link, as the address that another page leads to.
_LINK_HOST = re.compile(r"https?://(?:[^\s/@]*@)?(\[[^\]]+\]|[^\s/:?#\"'<>│…]+)")
_LINK = re.compile(r"https?://[^\s\"'<>│]+")
#: A host without a scheme, which many terminals make a link of. Invented e-mail addresses, whole or cut,
#: aren't links.
_BARE_HOST = re.compile(
    r"(?<![\w@.-])(?:[a-z0-9-]+\.)+(?:com|io|to|net|org|dev|nz|au|uk)\b(?![@…])", re.IGNORECASE
)
_TARGET = re.compile(r"(?:href|action|src)=\"([^\"]*)\"")
_MOST_PAGES = 40


def hosts(text: str) -> set[str]:
    """Return the hosts that a text names: of its links, and without a scheme."""
    return {*_LINK_HOST.findall(unquote(text)), *_BARE_HOST.findall(_LINK.sub(" ", text))}


def outside(*texts: str) -> set[str]:
    """Return the hosts in texts that are neither on this computer nor public on purpose."""
    named = {host for text in texts for host in hosts(text)}
    return {host for host in named if not is_loopback(f"http://{host}")} - PUBLIC


class Walker:
    """A user of the demo, who notes all that is shown, opened and copied."""

    def __init__(self, house: House, opened: list[str], copied: list[str]) -> None:
        self.house = house
        self.opened = opened
        self.copied = copied
        self.shown: list[str] = []

    async def press(self, *keys: str, shows: str = "") -> None:
        """Press keys one by one, and look at the screen after each."""
        for key in keys:
            await self.house.pilot.press(key)
            self.shown.append(self.house.shown())
        if shows:
            await self.house.until_shown(shows)
            self.shown.append(self.house.shown())


@pytest.fixture
async def walker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Walker]:
    """The demo as `reshelve demo` sets it up, without a terminal."""
    opened: list[str] = []
    copied: list[str] = []
    monkeypatch.setattr(browser, "open_page", browser_into(opened))
    monkeypatch.setattr(ReshelveApp, "copy_to_clipboard", lambda _, text: copied.append(text))
    paths = Paths.under(tmp_path).demo
    with SandboxProcess(paths.sandbox, contacts=20, cycle=3600, fresh=False) as sandbox:
        monkeypatch.setitem(os.environ, UNIFIED_KEY_VARIABLE, sandbox.unified["api_key"])
        account = XeroAccount(demo_settings(sandbox, paths, 3600), paths)
        organisations = await account.import_refresh_token(sandbox.refresh_token, sandbox.client_id)
        async with ReshelveApp(account, organisations[0]).run_test(size=(120, 36)) as pilot:
            house = House(pilot)
            await house.until(lambda: house.engine.snapshot.last_refresh_at, "reading the contacts")
            yield Walker(house, opened, copied)


async def walk(walker: Walker) -> None:
    """Go to every place that opens, copies or shows a link."""
    await walker.press("o", shows="Opened in your browser")
    await walker.press("Y", shows="Copied: ")
    await walker.press("enter", shows="History in Xero")
    await walker.press("o", "Y", "i")
    await walker.press("escape", "3", "home", "r", shows="y Restore")
    await walker.press("y", shows="finish in Xero")
    await walker.press("o", "O", "Y", "C", "?", "escape", "escape", "1")
    await walker.press("t", shows="4. ")
    await walker.press("Y", "i", "T", shows="Test the connection")
    await walker.press("escape", "escape", "?", "escape")
    await walker.press("c", shows="Connect to the practice Xero")
    await walker.press("f7", shows="needs no app")
    await walker.press("enter", shows="Link for another computer")
    await walker.press("f8", "escape", "escape")
    await walker.press("ctrl+o", "d", shows="y Disconnect")
    await walker.press("y", shows="Disconnected")
    await walker.press("escape", shows="Connect the practice Xero")
    await walker.press("end", "enter", shows="What leaves this computer")


def crawl(addresses: list[str]) -> tuple[set[str], int]:
    """Follow the links of the practice Xero's pages; return the hosts outside, and how many were read."""
    waiting, seen, found = [*addresses], set[str](), set[str]()
    while waiting and len(seen) < _MOST_PAGES:
        address = waiting.pop()
        if address in seen or not is_loopback(address):
            continue
        seen.add(address)
        reply = http("GET", address, headers={"Accept": "text/html"})
        targets = [urljoin(address, target) for target in _TARGET.findall(reply.body.decode())]
        if "Location" in reply.headers:
            targets.append(urljoin(address, reply.headers["Location"]))
        found |= outside(*targets)
        # Actions of forms aren't carried out.
        waiting += [target for target in targets if "/practice/" not in target]
    return found, len(seen)


async def test_no_link_of_the_demo_leaves_this_computer(walker: Walker) -> None:
    await walk(walker)
    assert len(walker.opened) >= 4
    assert len(walker.copied) >= 7
    assert outside(*walker.opened) == set()
    assert outside(*walker.copied) == set()
    assert outside(*walker.shown) == set()
    found, pages = crawl(walker.opened)
    assert found == set()
    assert pages >= 3


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("See https://go.xero.com/app/!x", "go.xero.com"),
        ("check the app at developer.xero.com.", "developer.xero.com"),
        ("http://127.0.0.1:99/x?to=https%3A%2F%2Flogin.xero.com%2Fy", "login.xero.com"),
        ("Mail accounts@club.co.nz", None),
        ("http://localhost:8742/callback", None),
    ],
)
def test_hosts_outside_are_found(text: str, host: str | None) -> None:
    assert outside(text) == ({host} if host else set())


async def test_the_settings_of_the_demo_name_no_other_computer(walker: Walker) -> None:
    account: Any = walker.house.app.account
    settings = account._settings
    assert outside(repr(settings.xero), settings.re_leased.unified_url, settings.re_leased.feed_url) == set()
