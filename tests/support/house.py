"""The whole program on a real sandbox: the app under Textual's pilot, the engine, the store, the files."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from support.practice import http
from textual._context import visible_screen_stack

from tui.app.app import ReshelveApp
from tui.engine.account import TOKENS_IN_FILE, XeroAccount
from tui.engine.clock import utc_now
from tui.engine.engine import Engine
from tui.model.query import Tab
from tui.model.query_parser import parse_query
from tui.settings import OrganisationSettings, ReLeasedSettings, Settings, SyncSettings, XeroSettings
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime
    from pathlib import Path

    from support.practice import PracticeXero
    from textual.pilot import Pilot
    from textual.strip import Strip

    from tui.model.contact import Row
    from tui.model.snapshot import ChangeSummary

PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class House:
    """An open app, and the engine behind what it shows."""

    pilot: Pilot[None]

    @property
    def engine(self) -> Engine:
        """The engine of the organisation that is shown."""
        service = self.app.service
        assert isinstance(service, Engine)
        return service

    @property
    def app(self) -> ReshelveApp:
        """The app under the pilot."""
        app = self.pilot.app
        assert isinstance(app, ReshelveApp)
        return app

    @property
    def pane(self) -> ChangeSummary:
        """What the status pane shows."""
        pane = self.engine.snapshot.summary
        assert pane is not None
        return pane

    def shown(self) -> str:
        """Return the words on the screen."""
        return "\n".join(strip.text for strip in self.strips())

    def strips(self) -> list[Strip]:
        """Return the lines on the screen."""
        # Without this, nothing is painted behind a dialog, and the empty lines are kept.
        visible_screen_stack.set(self.app._background_screens)
        return self.app.screen._compositor.render_strips()

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition; on failure, say what was awaited and what was shown."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                pause = 0.02
                while not condition():
                    await self.pilot.pause(pause)
                    # What doesn't happen at once depends on others, who need the processor.
                    pause = min(1.1 * pause, 0.1)
        except TimeoutError:
            raise AssertionError(f"{what} didn't happen. Shown:\n{self.shown()}") from None

    async def until_shown(self, words: str) -> None:
        """Wait until the words are on the screen."""
        await self.until(lambda: words in self.shown(), f"showing {words!r}")

    async def search(self, words: str) -> None:
        """Type into the search box, and move to the results."""
        await self.pilot.press("/", *words)
        await self.pilot.press("enter")

    async def archive(self, name: str) -> None:
        """Archive a contact, found by the first word of its name, and wait for the confirmation."""
        await self.search(name.split(maxsplit=1)[0])
        await self.until_shown("1 of ")
        await self.pilot.press("a")
        await self.until_shown("y Archive")
        await self.pilot.press("y")
        await self.until_shown("◷ Pending sync")

    async def find(self, words: str, tab: Tab = Tab.ALL) -> list[Row]:
        """Return the engine's search results, in all data stored by now."""
        await self.engine._store.search.load()
        rows: list[Row] = []
        async for found in self.engine.contacts.find(parse_query(tab, words)):
            if found.is_complete:
                rows = list(found.rows.window(0, len(found.rows)))
        return rows


def settings_for(
    practice: PracticeXero,
    *,
    poll_seconds: float,
    has_feed: bool = True,
    is_connected: bool = False,
    sync_seconds: float = 0,
) -> Settings:
    """Point the settings at a sandbox: at its feed, or as `reshelve demo` does at its Unified.to."""
    if is_connected:
        unified = practice.line["unified"]
        return replace(
            settings_for(practice, poll_seconds=poll_seconds, has_feed=False),
            re_leased=ReLeasedSettings(
                unified_url=unified["url"],
                xero_id_field="raw.xeroContactId",
                poll_seconds=poll_seconds,
                sync_seconds=sync_seconds,
            ),
            organisations={
                listed["tenantId"]: OrganisationSettings(
                    unified_connection_id=unified["connection_id"], re_leased_company_id=listed["companyId"]
                )
                for listed in practice.line["organisations"]
            },
        )
    return Settings(
        xero=XeroSettings(
            login_url=practice.login,
            identity_url=practice.identity,
            api_url=practice.api,
            pages_url=practice.pages,
            client_id=practice.client_id,
            token_store=TOKENS_IN_FILE,
        ),
        re_leased=ReLeasedSettings(feed_url=practice.released if has_feed else ""),
        sync=SyncSettings(poll_seconds=poll_seconds),
    )


def status_in_xero(practice: PracticeXero, contact_id: str) -> str:
    """Return a contact's status from the sandbox itself, not through the program under test."""
    headers = {
        "Authorization": f"Bearer {practice.access_token()}",
        "xero-tenant-id": practice.tenant_id,
        "Accept": "application/json",
    }
    reply = http("GET", f"{practice.api}/api.xro/2.0/Contacts/{contact_id}", headers=headers)
    status: str = reply.json()["Contacts"][0]["ContactStatus"]
    return status


@asynccontextmanager
async def open_house(
    practice: PracticeXero,
    home: Path,
    *,
    poll_seconds: float = 1.0,
    has_feed: bool = True,
    is_connected: bool = False,
    sync_seconds: float = 0,
    size: tuple[int, int] = (120, 36),
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[House]:
    """Connect, open the app and wait for all contacts; close everything at the end."""
    settings = settings_for(
        practice,
        poll_seconds=poll_seconds,
        has_feed=has_feed,
        is_connected=is_connected,
        sync_seconds=sync_seconds,
    )
    account = XeroAccount(settings, Paths.under(home), now=now)
    organisations = await account.import_refresh_token(practice.refresh_token, practice.client_id)
    async with ReshelveApp(account, organisations[0]).run_test(size=size) as pilot:
        house = House(pilot)
        await house.until(lambda: house.engine.snapshot.last_refresh_at, "reading the contacts")
        yield house
