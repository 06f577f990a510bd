from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.consent import decide
from support.house import settings_for
from support.keychain import keychain_in
from support.practice import PracticeXero, running_sandbox

from tui.engine.account import TOKENS_IN_FILE, XeroAccount
from tui.model.account import ConnectRequest
from tui.model.activity import ActivityAccess
from tui.model.change import Action
from tui.model.contact import Contact, ContactStatus
from tui.model.errors import (
    NoKeychainError,
    OfflineError,
    ReadOnlyError,
    ReconnectError,
    SignInError,
)
from tui.model.organisation_search import ContactMatches, SearchState
from tui.model.query import Query, Tab
from tui.model.query_parser import parse_query
from tui.model.reasons import ReadOnlyReason, SignInReason
from tui.model.snapshot import ConnectionStatus
from tui.sandbox.oauth.tokens import CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET
from tui.settings import load
from tui.system.paths import Paths
from tui.xero.auth.token_store import KeychainTokenStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tui.engine.engine import Engine
    from tui.model.activity import ActivityStatus
    from tui.model.contact import Organisation
    from tui.settings import Settings

CONTACT = Contact("c1", "Bayside Club", ContactStatus.ACTIVE, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    folder = tmp_path_factory.mktemp("sandbox")
    with running_sandbox(folder, "--contacts", "20", "--cycle", "3600") as practice:
        yield practice


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.under(tmp_path)


@pytest.fixture
def settings(practice: PracticeXero) -> Settings:
    settings = settings_for(practice, poll_seconds=60)
    return replace(settings, xero=replace(settings.xero, callback_port=0))


@pytest.fixture
async def account(practice: PracticeXero, settings: Settings, paths: Paths) -> XeroAccount:
    for one in practice.organisations:
        practice.control("POST", f"connections/{one.tenant_id}", {"connected": True})
    account = XeroAccount(settings, paths)
    # Not with the token of the sandbox's first line, which one test revokes.
    attempt = await account.sign_in(ConnectRequest(practice.client_id))
    attempt.paste(decide(attempt.url))
    await attempt.finish()
    return account


@asynccontextmanager
async def running(account: XeroAccount) -> AsyncIterator[Engine]:
    """Run the engine of the first organisation."""
    engine = account.open(account.organisations()[0].organisation)
    task = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        await engine.stop()
        await asyncio.gather(task, return_exceptions=True)


async def until(engine: Engine, status: ConnectionStatus) -> None:
    """Wait until a snapshot shows this status."""
    reached = asyncio.Event()
    unsubscribe = engine.subscribe(lambda it: reached.set() if it.xero.status is status else None)
    if engine.snapshot.xero.status is not status:
        await asyncio.wait_for(reached.wait(), 60)
    unsubscribe()


async def test_sign_in_opens_organisations_and_is_kept_for_the_next_start(
    practice: PracticeXero, settings: Settings, paths: Paths
) -> None:
    account = XeroAccount(settings, paths)
    assert account.last_opened is None
    attempt = await account.sign_in(ConnectRequest(practice.client_id))
    attempt.paste(decide(attempt.url))
    connected = await attempt.finish()
    assert [one.name for one in connected.organisations] == [one.name for one in practice.organisations]
    assert connected.token_storage == str(paths.token_file(practice.client_id))
    again = XeroAccount(settings, paths)
    assert [one.organisation for one in again.organisations()] == list(connected.organisations)
    assert again.last_opened == connected.organisations[0]
    assert {one.sign_in for one in connected.organisations} == {practice.client_id}


async def test_the_organisation_open_last_is_opened_first(account: XeroAccount, paths: Paths) -> None:
    second = account.organisations()[1].organisation
    account.record_opened(second)
    assert XeroAccount(account._settings, paths).last_opened == second


async def until_activity(engine: Engine, is_reached: Callable[[ActivityStatus], bool]) -> None:
    """Wait until a snapshot shows such a status."""
    reached = asyncio.Event()
    unsubscribe = engine.subscribe(lambda it: reached.set() if is_reached(it.activity) else None)
    if not is_reached(engine.snapshot.activity):
        await asyncio.wait_for(reached.wait(), 60)
    unsubscribe()


@pytest.mark.parametrize("is_set", [False, True], ids=["asked for", "by the settings"])
async def test_transactions_are_read_once_the_sign_in_allows_it(
    practice: PracticeXero, settings: Settings, paths: Paths, account: XeroAccount, *, is_set: bool
) -> None:
    async with running(account) as engine:
        await until_activity(engine, lambda status: status.access is ActivityAccess.NOT_ALLOWED)
        assert not [entry for entry in practice.requests() if entry["path"].endswith("/Invoices")]
        again = XeroAccount(replace(settings, xero=replace(settings.xero, activity="yes")), paths)
        attempt = await (again if is_set else account).sign_in(
            ConnectRequest(practice.client_id, with_activity=not is_set)
        )
        attempt.paste(decide(attempt.url))
        await attempt.finish()
        engine.reconnected()
        await until_activity(engine, lambda status: status.read_until is not None)
        [contact] = await engine.contacts.rows([engine.contacts.first_rows(Query()).rows.ids(0, 1)[0]])
        assert (await engine.contacts.details(contact.contact_id)).activity is not None
    practice.control("DELETE", "requests")


async def test_read_only_scopes_make_read_only_organisations(
    practice: PracticeXero, settings: Settings, paths: Paths
) -> None:
    account = XeroAccount(settings, paths)
    attempt = await account.sign_in(ConnectRequest(practice.client_id, is_read_only=True))
    attempt.paste(decide(attempt.url))
    connected = await attempt.finish()
    assert all(one.is_read_only for one in connected.organisations)
    engine = account.open(connected.organisations[0])
    assert engine.is_read_only
    await engine.stop()


async def test_a_custom_connection_needs_no_browser(
    practice: PracticeXero, settings: Settings, paths: Paths
) -> None:
    account = XeroAccount(settings, paths)
    attempt = await account.sign_in(ConnectRequest(CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET))
    assert attempt.url == ""
    [organisation] = (await attempt.finish()).organisations
    assert organisation.tenant_id == practice.tenant_id
    assert organisation.is_custom
    with pytest.raises(SignInError) as raised:
        attempt.paste("http://localhost/callback")
    assert raised.value.reason is SignInReason.NO_ADDRESS_NEEDED


async def test_several_sign_ins_are_kept(practice: PracticeXero, account: XeroAccount) -> None:
    attempt = await account.sign_in(ConnectRequest(CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET))
    await attempt.finish()
    found = {one.organisation.tenant_id: one.organisation.sign_in for one in account.organisations()}
    assert found == {
        practice.organisations[0].tenant_id: CUSTOM_CLIENT_ID,
        practice.organisations[1].tenant_id: practice.client_id,
    }


async def test_a_wrong_secret_leaves_what_was_connected_as_it_was(account: XeroAccount, paths: Paths) -> None:
    before = paths.organisations_file.read_bytes()
    attempt = await account.sign_in(ConnectRequest(CUSTOM_CLIENT_ID, "wrong"))
    with pytest.raises(SignInError) as raised:
        await attempt.finish()
    assert raised.value.reason is SignInReason.CUSTOM_CLIENT_REFUSED
    assert paths.organisations_file.read_bytes() == before
    assert not paths.token_file(CUSTOM_CLIENT_ID).exists()


async def test_without_a_keychain_a_file_is_used_only_if_the_user_agrees(
    practice: PracticeXero, settings: Settings, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(_: XeroAccount) -> str:
        return ""

    monkeypatch.setattr(XeroAccount, "keychain_name", none)
    account = XeroAccount(replace(settings, xero=replace(settings.xero, token_store="keychain")), paths)
    with pytest.raises(NoKeychainError) as raised:
        await account.sign_in(ConnectRequest(practice.client_id))
    assert raised.value.reason is SignInReason.NO_KEYCHAIN
    assert not paths.settings_file.exists()
    attempt = await account.sign_in(ConnectRequest(practice.client_id, allow_file=True))
    attempt.paste(decide(attempt.url))
    await attempt.finish()
    assert load(paths.settings_file, {}).xero.token_store == TOKENS_IN_FILE
    assert paths.token_file(practice.client_id).stat().st_mode & 0o777 == 0o600


async def test_a_waiting_keychain_is_reported_and_waited_for(
    practice: PracticeXero, settings: Settings, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.system.keychain._KEYCHAIN_TIMEOUT", 0.1)
    account = XeroAccount(replace(settings, xero=replace(settings.xero, token_store="keychain")), paths)
    with keychain_in(paths.data / "keychain.json") as keychain:
        said: list[bool] = []

        def told(is_waiting: bool) -> None:  # noqa: FBT001 - as accounts call it
            said.append(is_waiting)
            if is_waiting:
                prompt.set()

        account.on_keychain_wait = told
        keychain.prompt = prompt = threading.Event()
        attempt = await account.sign_in(ConnectRequest(practice.client_id))
        assert said == [True, False]
        attempt.paste(decide(attempt.url))
        keychain.prompt = prompt = threading.Event()
        connected = await attempt.finish()
        assert said == [True, False] * 2
        assert KeychainTokenStore(paths.data, practice.client_id).load().access_token
        keychain.prompt = prompt = threading.Event()
        await account.disconnect(connected.organisations[0].sign_in)
        assert said == [True, False] * 3
        with pytest.raises(ReconnectError):
            KeychainTokenStore(paths.data, practice.client_id).load()


async def test_organisation_removed_in_xero_is_marked_until_it_is_back(
    practice: PracticeXero, account: XeroAccount, paths: Paths
) -> None:
    practice.control("POST", f"connections/{practice.tenant_id}", {"connected": False})
    assert [one.is_removed for one in await account.refresh()] == [True, False]
    assert [one.is_removed for one in XeroAccount(account._settings, paths).organisations()] == [True, False]
    practice.control("POST", f"connections/{practice.tenant_id}", {"connected": True})
    assert [one.is_removed for one in await account.refresh()] == [False, False]


async def test_organisations_newly_listed_by_xero_are_found(
    practice: PracticeXero, account: XeroAccount
) -> None:
    second = practice.organisations[1].tenant_id
    practice.control("POST", f"connections/{second}", {"connected": False})
    account._save_connections(account._connections.without_sign_in(practice.client_id))
    assert len(await account.import_refresh_token(practice.refresh_token, practice.client_id)) == 1
    practice.control("POST", f"connections/{second}", {"connected": True})
    assert [one.organisation.tenant_id for one in await account.refresh()][-1] == second


async def test_unreadable_organisation_keeps_its_known_details(
    practice: PracticeXero, account: XeroAccount
) -> None:
    before = [one.organisation for one in account.organisations()]
    practice.fault("offline", path="/api.xro/2.0/Organisation", count=2)
    attempt = await account.sign_in(ConnectRequest(practice.client_id))
    attempt.paste(decide(attempt.url))
    assert list((await attempt.finish()).organisations) == before
    assert [one.organisation for one in account.organisations()] == before


async def test_a_sign_in_made_elsewhere_is_imported(paths: Paths, tmp_path: Path) -> None:
    with running_sandbox(tmp_path / "fresh", "--contacts", "20", "--cycle", "3600") as fresh:
        account = XeroAccount(settings_for(fresh, poll_seconds=60), paths)
        assert len(await account.import_refresh_token(fresh.refresh_token, fresh.client_id)) == 2
        assert len(await account.refresh()) == 2


async def test_organisation_disconnected_during_a_request_stays_disconnected(
    practice: PracticeXero, account: XeroAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(**_: object) -> frozenset[str]:
        await account.disconnect(practice.client_id)
        return frozenset(one.tenant_id for one in practice.organisations)

    monkeypatch.setattr("tui.xero.connections.connected_tenants", slow)
    assert await account.refresh() == []


async def test_organisation_disconnected_while_another_is_read_stays_disconnected(
    practice: PracticeXero, account: XeroAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(**_: object) -> tuple[Organisation, ...]:
        found = account._connections.of(practice.client_id)
        await account.disconnect(practice.client_id)
        return found

    async def with_another(**_: object) -> frozenset[str]:
        return frozenset({"another", *(one.tenant_id for one in practice.organisations)})

    monkeypatch.setattr("tui.xero.connections.connected_tenants", with_another)
    monkeypatch.setattr("tui.xero.connections.list_organisations", slow)
    assert await account.refresh() == []
    assert account.connected == ()


async def test_connections_are_listed_without_reading_a_store(
    practice: PracticeXero, account: XeroAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a store was read")

    monkeypatch.setattr("tui.engine.account.read_summary", refuse)
    tenant_ids = [one.tenant_id for one in practice.organisations]
    assert [one.tenant_id for one in account.connected] == tenant_ids
    assert [one.organisation.tenant_id for one in account.organisations()] == tenant_ids
    assert not any(one.is_counted for one in account.organisations())


async def test_stores_are_read_outside_the_event_loop(
    account: XeroAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()
    monkeypatch.setattr("tui.engine.account.read_summary", lambda *_: threads.add(threading.get_ident()))
    assert all(one.is_counted for one in await account.organisations_with_counts())
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_stopped_engine_is_released(account: XeroAccount) -> None:
    engine = account.open(account.connected[0])
    assert list(account._engines.values()) == [engine]
    await engine.stop()
    del engine
    gc.collect()
    assert not account._engines


async def test_changes_are_counted_without_opening_organisations(account: XeroAccount) -> None:
    listed = (await account.organisations_with_counts())[0]
    assert (listed.pending, listed.not_in_xero) == (None, None)
    engine = account.open(listed.organisation)
    await engine._store.save_contacts([CONTACT], CONTACT.updated_at)
    await engine.changes.request(Action.ARCHIVE, [CONTACT.contact_id])
    await engine.stop()
    listed = (await account.organisations_with_counts())[0]
    assert (listed.pending, listed.not_in_xero) == (0, 1)


async def test_contacts_are_found_without_opening_organisations(account: XeroAccount) -> None:
    engine = account.open(account.connected[0])
    await engine._store.save_contacts([CONTACT], CONTACT.updated_at)
    await engine.changes.request(Action.ARCHIVE, [CONTACT.contact_id])
    await engine.stop()
    found = await account.find_everywhere(parse_query(Tab.ALL, "club"), 20)
    assert [each.organisation for each in found] == list(account.connected)
    first, *others = (each.found for each in found)
    assert [row.name for row in first.contacts] == [CONTACT.name]
    assert first.contacts[0].last_change is not None
    assert {each.state for each in others} == {SearchState.NOT_LOADED}
    assert len(account._engines) <= 1


async def test_a_search_that_is_replaced_ends_outside_the_event_loop(
    account: XeroAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    has_begun, has_ended = threading.Event(), threading.Event()

    def search(*_: object, is_cancelled: Callable[[], bool]) -> ContactMatches:
        asked.append(threading.get_ident())
        has_begun.set()
        while not is_cancelled():
            time.sleep(0.001)
        has_ended.set()
        return ContactMatches(SearchState.SEARCHED)

    monkeypatch.setattr("tui.store.read_only_search.find_contacts", search)
    task = asyncio.create_task(account.find_everywhere(parse_query(Tab.ALL, "club"), 20))
    await asyncio.to_thread(has_begun.wait, 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await asyncio.to_thread(has_ended.wait, 30)
    assert len(asked) == 1
    assert threading.get_ident() not in asked


async def test_disconnecting_keeps_the_change_log(
    practice: PracticeXero, account: XeroAccount, paths: Paths
) -> None:
    engine = account.open(account.organisations()[0].organisation)
    await engine.stop()
    await account.disconnect(practice.client_id)
    assert account.organisations() == []
    assert not paths.token_file(practice.client_id).exists()
    assert (paths.organisation(practice.tenant_id) / "contacts.db").exists()


async def test_an_open_organisation_shows_at_once_that_it_is_disconnected(
    practice: PracticeXero, account: XeroAccount
) -> None:
    async with running(account) as engine:
        await until(engine, ConnectionStatus.ONLINE)
        await account.disconnect(practice.client_id)
        await until(engine, ConnectionStatus.REMOVED)
        attempt = await account.sign_in(ConnectRequest(practice.client_id))
        attempt.paste(decide(attempt.url))
        await attempt.finish()
        engine.reconnected()
        await until(engine, ConnectionStatus.ONLINE)


async def test_an_open_organisation_follows_what_the_list_of_organisations_finds(
    practice: PracticeXero, account: XeroAccount
) -> None:
    async with running(account) as engine:
        await until(engine, ConnectionStatus.ONLINE)
        for is_connected, status in ((False, ConnectionStatus.REMOVED), (True, ConnectionStatus.ONLINE)):
            practice.control("POST", f"connections/{practice.tenant_id}", {"connected": is_connected})
            await account.refresh()
            await until(engine, status)


async def test_a_revoked_sign_in_can_be_disconnected_too(
    practice: PracticeXero, account: XeroAccount
) -> None:
    practice.control("POST", "tokens", {"revokeAll": True})
    with pytest.raises(ReconnectError) as raised:
        await account.refresh()
    assert raised.value.reason is SignInReason.ENDED
    await account.disconnect(practice.client_id)
    assert account.organisations() == []


async def test_read_only_mode_can_connect_but_not_disconnect(
    account: XeroAccount, practice: PracticeXero, paths: Paths
) -> None:
    reader = XeroAccount(account._settings, paths, is_read_only=True)
    token = paths.token_file(practice.client_id).read_bytes()
    with pytest.raises(ReadOnlyError) as raised:
        await reader.disconnect(practice.client_id)
    assert raised.value.reason is ReadOnlyReason.OPTION
    assert paths.token_file(practice.client_id).read_bytes() == token
    assert len(await reader.refresh()) == len(practice.organisations)
    attempt = await reader.sign_in(ConnectRequest(practice.client_id))
    attempt.paste(decide(attempt.url))
    assert (await attempt.finish()).organisations


async def test_a_connection_that_is_read_only_can_be_disconnected(
    practice: PracticeXero, settings: Settings, paths: Paths
) -> None:
    account = XeroAccount(settings, paths)
    attempt = await account.sign_in(ConnectRequest(practice.client_id, is_read_only=True))
    attempt.paste(decide(attempt.url))
    await attempt.finish()
    await account.disconnect(practice.client_id)
    assert not account.connected


async def test_disconnecting_fails_while_offline(
    account: XeroAccount, practice: PracticeXero, settings: Settings, paths: Paths
) -> None:
    away = replace(settings, xero=replace(settings.xero, identity_url="http://127.0.0.1:9"))
    offline = XeroAccount(away, paths)
    with pytest.raises(OfflineError) as raised:
        await offline.disconnect(practice.client_id)
    assert raised.value.reason is SignInReason.SERVICE_UNREACHABLE
    assert offline.organisations() == account.organisations()
    assert paths.token_file(practice.client_id).exists()


def test_unknown_entries_of_a_newer_version_are_ignored(settings: Settings, paths: Paths) -> None:
    paths.data.mkdir(parents=True)
    stored = {"tenant_id": "t", "name": "N", "short_code": "!a", "colour": "blue"}
    paths.organisations_file.write_text(json.dumps({"organisations": [stored], "gone": [], "last": "t"}))
    [listed] = XeroAccount(settings, paths).organisations()
    assert listed.organisation.name == "N"
