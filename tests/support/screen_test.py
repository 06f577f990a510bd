"""Helpers for tests of the screens."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from support.fake_account import FakeAccount
from support.idle_engine import IdleEngine
from textual.worker import WorkerFailed

from tui.app.app import ReshelveApp
from tui.screens.main import MainScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.sync_pane import SyncPane
from tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from textual.pilot import Pilot
    from textual.screen import Screen

    from tui.model.query import Tab


_GENEROUS = 30


class Driver:
    """A user of the app."""

    def __init__(
        self, app: ReshelveApp, pilot: Pilot[None], backend: IdleEngine, account: FakeAccount | None = None
    ) -> None:
        self.app = app
        self.account = account or FakeAccount.of(backend)
        self.pilot = pilot
        self.backend = backend

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until everything they started has ended."""
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Wait until no worker runs and no message waits."""
        await self.pilot.pause()
        with suppress(WorkerFailed):
            await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    def paint(self) -> None:
        """Paint the screens, which takes time: for tests of what widgets know only then."""
        for screen in self.app.screen_stack:
            screen._compositor.render_strips()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition while a worker still waits for something else."""
        async with asyncio.timeout(_GENEROUS):
            while not condition():
                await self.pilot.pause()
        await self.pilot.pause()

    async def hears(self, **parts: Any) -> None:
        """Publish a new snapshot."""
        self.backend.publish(**parts)
        await self.settle()

    async def hears_changes(self, **parts: Any) -> None:
        """Publish that changes have moved on."""
        self.backend.publish_changes(**parts)
        await self.settle()

    async def go_home(self) -> None:
        """Close every screen above the contacts, whatever its keys are."""
        while len(self.app.screen_stack) > 1:
            await self.app.pop_screen()
        await self.settle()

    @property
    def screen(self) -> Screen[Any]:
        return self.app.screen

    def sees(self, kind: type[Screen[Any]]) -> bool:
        """Whether a screen of this kind is on top."""
        return isinstance(self.app.screen, kind)

    @property
    def is_home(self) -> bool:
        """Whether the contacts are on top."""
        return self.app.screen is self.main

    @property
    def main(self) -> MainScreen:
        main = self.app.screen_stack[0]
        assert isinstance(main, MainScreen)
        return main

    @property
    def bottom_line(self) -> str:
        """The text of the key bar, without the marks at its end."""
        return self._bottom[0]

    @property
    def marks(self) -> list[str]:
        """The marks at the end of the key bar, outermost first."""
        return self._bottom[1]

    @property
    def _bottom(self) -> tuple[str, list[str]]:
        line, found = self.screen.query_one(KeyBar).text, []
        for mark in (" PRACTICE ", " DEMO COMPANY ", " READ ONLY "):
            if line.endswith(mark):
                line = line.removesuffix(mark).removesuffix(" ")
                found.append(mark.strip())
        return " ".join(part.strip() for part in line.split("\n")).strip(), found

    @property
    def title(self) -> str:
        return self.main.query_one(TitleBar).text

    @property
    def pane(self) -> str:
        return self.main.query_one(SyncPane).text

    @property
    def tab(self) -> Tab:
        return self.main.finder.tabs.tab

    @property
    def shown(self) -> int:
        """How many contacts the table holds."""
        found = self.main.finder._found
        return len(found.rows) if found else 0

    @property
    def cursor_name(self) -> str:
        row = self.main.table.cursor_row
        return row.name if row else ""


def browser_into(opened: list[str]) -> Callable[[str], bool]:
    """Return a browser that only records what it is asked to open."""

    def open_page(url: str) -> bool:
        opened.append(url)
        return True

    return open_page


def save_keys(_action: str, _keys: str) -> None:
    """Forget keys that are changed; a test may put something else in its place."""


@asynccontextmanager
async def running(
    backend: IdleEngine,
    size: tuple[int, int] = (120, 36),
    *,
    keys: Mapping[str, str] | None = None,
    notifications: str = "off",
) -> AsyncIterator[Driver]:
    """Run the app on this engine, past its start; `keys` are its custom keys, by action."""
    account = FakeAccount.of(backend)
    organisation = backend.snapshot.organisation
    app = ReshelveApp(
        account, organisation, keys=keys or {}, save_keys=save_keys, notifications=notifications
    )
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot, backend, account)
        await driver.settle()
        yield driver
        account.release()


@asynccontextmanager
async def connecting(account: FakeAccount, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Driver]:
    """Run the app with nothing connected yet, at the form to connect Xero."""
    async with welcomed(account, size) as driver:
        await driver.press("c")
        yield driver


@asynccontextmanager
async def welcomed(account: FakeAccount, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Driver]:
    """Run the app with nothing connected yet, at the welcome."""
    app = ReshelveApp(account)
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot, IdleEngine(()), account)
        await driver.settle()
        yield driver
        account.release()
