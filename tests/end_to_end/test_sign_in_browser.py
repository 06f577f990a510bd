"""A user signs in, with a real browser between the practice Xero's pages and the program's callback."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from support.browser import CHROMIUM, Tab, open_tab
from support.practice import PracticeXero, running_sandbox

from tui.model.errors import SignInError
from tui.xero.auth.sign_in import SCOPES, BrowserSignIn
from tui.xero.auth.token_store import FileTokenStore
from tui.xero.auth.tokens import TokenSource
from tui.xero.connections import list_organisations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    folder = tmp_path_factory.mktemp("practice")
    with running_sandbox(folder, "--contacts", "20", "--cycle", "3600") as practice:
        yield practice


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    with open_tab(tmp_path / "profile") as one:
        yield one


@asynccontextmanager
async def begun(practice: PracticeXero) -> AsyncIterator[BrowserSignIn]:
    sign_in = await BrowserSignIn.begin(
        login_url=practice.login,
        identity_url=practice.identity,
        client_id=practice.client_id,
        scope=SCOPES,
        port=0,
    )
    try:
        yield sign_in
    finally:
        await sign_in.aclose()


async def test_user_allows_access_in_the_browser(practice: PracticeXero, tab: Tab, tmp_path: Path) -> None:
    async with begun(practice) as sign_in:
        waiting = asyncio.create_task(sign_in.tokens())
        await asyncio.to_thread(tab.open, sign_in.url)
        assert "Harbour & Vine Property Trust (Practice)" in tab.text()
        await asyncio.to_thread(tab.press, "Allow access")
        assert "You can close this tab and return to Reshelve." in tab.text()
        granted = await waiting
    store = FileTokenStore(tmp_path / "tokens.json")
    store.save(granted.tokens)
    found = await list_organisations(
        api_url=practice.api,
        tokens=TokenSource(store, tmp_path / "tokens.lock", identity_url=practice.identity),
        sign_in=practice.client_id,
        is_custom=False,
        is_read_only=False,
    )
    assert [one.tenant_id for one in found] == [one.tenant_id for one in practice.organisations]


async def test_user_refuses_access_in_the_browser(practice: PracticeXero, tab: Tab) -> None:
    async with begun(practice) as sign_in:
        waiting = asyncio.create_task(sign_in.tokens())
        await asyncio.to_thread(tab.open, sign_in.url)
        await asyncio.to_thread(tab.press, "Cancel")
        assert "Access wasn't allowed" in tab.text()
        assert "Nothing changed. You can close this tab" in tab.text()
        with pytest.raises(SignInError, match="denied"):
            await waiting


async def test_user_who_chooses_no_organisation_is_told(practice: PracticeXero, tab: Tab) -> None:
    async with begun(practice) as sign_in:
        await asyncio.to_thread(tab.open, sign_in.url)
        for one in practice.organisations:
            await asyncio.to_thread(tab.tick, one.name)
        await asyncio.to_thread(tab.press, "Allow access")
        assert "Choose at least one organisation." in tab.text()
        await asyncio.to_thread(tab.tick, practice.organisations[1].name)
        await asyncio.to_thread(tab.press, "Allow access")
        assert "You can close this tab" in tab.text()
        assert (await sign_in.tokens()).tokens.refresh_token
