"""Practice controls: changes by somebody else, the clock, and the count of calls."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from importlib import import_module
from pkgutil import walk_packages
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from httpx import ASGITransport, AsyncClient
from support.practice import running_sandbox, until
from support.xero_calls import XeroCalls

import tui.sandbox
from tui.sandbox import server
from tui.sandbox.oauth.tokens import CLIENT_ID
from tui.sandbox.request_log import CallCount
from tui.sandbox.server import application

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from support.practice import PracticeXero

pytestmark = pytest.mark.slow

_JUST_NOW = timedelta(minutes=1)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path, "--contacts", "20", "--cycle", "5000") as running:
        yield running


def _moment(xero_date: str) -> datetime:
    found = re.fullmatch(r"/Date\((\d+)(?:\+0000)?\)/", xero_date)
    assert found
    return datetime.fromtimestamp(int(found[1]) / 1000, UTC)


# --- deleted contacts ---


def test_deleted_contact_leaves_no_trace(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Soon never there")
    other = practice.create("Still there")
    told = practice.somebody("vanish", contact_id)
    assert told["Name"] == "Soon never there"
    assert xero.call("GET", f"Contacts/{contact_id}").status == 404
    listed = xero.contacts(IDs=f"{contact_id},{other}", page=1, includeArchived="true")
    assert [one["ContactID"] for one in listed] == [other]
    assert xero.set_status(contact_id, other).status == 404
    assert xero.contact(other)["ContactStatus"] == "ACTIVE"


def test_number_of_contacts_follows_a_deletion(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Counted, then not")
    before = xero.call("GET", "Contacts", page=1).json()["pagination"]["itemCount"]
    practice.somebody("vanish", contact_id)
    assert xero.call("GET", "Contacts", page=1).json()["pagination"]["itemCount"] == before - 1
    practice.create("Counted, then not")


# --- the clock ---


@pytest.mark.parametrize("hours", [-3, 3])
def test_every_date_of_xero_follows_its_clock(own: PracticeXero, hours: int) -> None:
    contact_id = own.create("Dated")
    own.set_clock(ahead_seconds=hours * 3600)
    xero, theirs = XeroCalls.sign_in(own), datetime.now(UTC) + timedelta(hours=hours)
    reply = xero.call("GET", "Contacts", page=1)
    assert abs(parsedate_to_datetime(reply.headers["Date"]) - theirs) < _JUST_NOW
    assert len(reply.headers.get_all("Date", [])) == 1
    assert abs(_moment(reply.json()["DateTimeUTC"]) - theirs) < _JUST_NOW
    before = _moment(xero.contact(contact_id)["UpdatedDateUTC"])
    [archived] = xero.archive(contact_id)
    # A clock that was set back never makes an edit look older than the one before.
    assert _moment(archived["UpdatedDateUTC"]) > before
    if hours > 0:
        assert abs(_moment(archived["UpdatedDateUTC"]) - theirs) < _JUST_NOW


def test_clock_jump_expires_access_tokens(own: PracticeXero) -> None:
    xero = XeroCalls.sign_in(own)
    own.set_clock(ahead_seconds=3600)
    assert xero.call("GET", "Contacts", page=1).status == 401
    own.set_clock(ahead_seconds=0)
    assert xero.call("GET", "Contacts", page=1).status == 200


@pytest.mark.parametrize("hours", [-3, 3])
def test_clock_change_keeps_the_time_to_the_next_sync(own: PracticeXero, hours: int) -> None:
    def wait() -> timedelta:
        next_sync = datetime.fromisoformat(own.feed()["company"]["nextSyncAt"])
        return next_sync - datetime.now(UTC)

    before = wait()
    own.set_clock(ahead_seconds=hours * 3600)
    assert abs(wait() - before - timedelta(hours=hours)) < _JUST_NOW


async def test_two_servers_in_one_process_have_separate_clocks(tmp_path: Path) -> None:
    async with (
        _server(tmp_path / "practice.sqlite.one") as one,
        _server(tmp_path / "practice.sqlite.two") as two,
    ):
        assert (await one.post("/practice/clock", json={"aheadSeconds": 7200})).is_success
        for client, ahead in ((one, timedelta(hours=2)), (two, timedelta())):
            for moment in await _told_times(client):
                assert abs(moment - datetime.now(UTC) - ahead) < _JUST_NOW


def test_servers_in_one_process_share_no_mutable_state() -> None:
    names = [one.name for one in walk_packages(tui.sandbox.__path__, "tui.sandbox.")]
    shared = {
        f"{name}.{attribute}": value
        for name in names
        for attribute, value in vars(import_module(name)).items()
        if type(value).__module__.startswith("tui.") and not isinstance(value, Enum)
    }
    assert [name for name, value in shared.items() if not _is_frozen(value)] == []


def _is_frozen(value: Any) -> bool:
    parameters = getattr(value, "__dataclass_params__", None)
    return parameters is not None and bool(parameters.frozen)


@asynccontextmanager
async def _server(file: Path) -> AsyncIterator[AsyncClient]:
    """Serve practice services in this process, to one client that is signed in."""
    options = server.ServerOptions(data=file.parent, contacts=1)
    with closing(server._open(file, options)) as data:
        services = server._build_services(data, options)
        web = ASGITransport(application(services))
        async with AsyncClient(transport=web, base_url="http://127.0.0.1") as client:
            # Longer than any clock is set ahead.
            services.tokens.access_lifetime = 86_400
            form = {
                "grant_type": "refresh_token",
                "client_id": CLIENT_ID,
                "refresh_token": services.tokens.issue_refresh_token(),
            }
            token = (await client.post("/connect/token", data=form)).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            client.headers["xero-tenant-id"] = services.books.organisations[0].tenant_id
            yield client


async def _told_times(client: AsyncClient) -> list[datetime]:
    """List what each part of the services takes as the current time."""
    made = await client.put("/api.xro/2.0/Contacts", json={"Name": "Made now"})
    [contact] = made.json()["Contacts"]
    contacts = f"/api.xro/2.0/Contacts/{contact['ContactID']}"
    note = {"HistoryRecords": [{"Details": "Written now"}]}
    [written] = (await client.put(f"{contacts}/History", json=note)).json()["HistoryRecords"]
    log = (await client.get("/practice/requests")).json()["requests"]
    return [
        parsedate_to_datetime(made.headers["Date"]),
        _moment(made.json()["DateTimeUTC"]),
        _moment(contact["UpdatedDateUTC"]),
        _moment(written["DateUTC"]),
        datetime.fromisoformat(log[-1]["time"]),
    ]


@pytest.mark.parametrize("ahead", ["soon", None, 10**12])
def test_invalid_clock_is_refused_with_a_reason(own: PracticeXero, ahead: object) -> None:
    with pytest.raises(AssertionError, match="aheadSeconds must be a number"):
        own.control("POST", "clock", {"aheadSeconds": ahead})


# --- the count of calls ---


def test_every_request_is_counted_whatever_its_result(own: PracticeXero) -> None:
    xero = XeroCalls.sign_in(own)
    own.fault("503", count=1)
    own.fault("429-minute", count=1)
    statuses = [xero.call("GET", "Organisation").status for _ in range(3)]
    assert statuses == [503, 429, 200]
    assert own.budget() == {"calls": 3, "mostAtOnce": 1, "mostInAMinute": 3, "refused": {}}
    own.limits(minute=0)
    assert xero.call("GET", "Organisation").status == 429
    assert own.budget()["refused"] == {"minute": 1}
    own.control("DELETE", "budget")
    assert own.budget() == {"calls": 0, "mostAtOnce": 0, "mostInAMinute": 0, "refused": {}}


def test_simultaneous_requests_are_those_without_a_reply(own: PracticeXero) -> None:
    xero = XeroCalls.sign_in(own)
    own.fault("slow", seconds=1, count=3)
    callers = [Thread(target=xero.call, args=("GET", "Organisation")) for _ in range(3)]
    for caller in callers:
        caller.start()
    until(lambda: own.budget()["mostAtOnce"] == 3)
    for caller in callers:
        caller.join()
    own.control("DELETE", "budget")
    assert xero.call("GET", "Organisation").status == 200
    assert own.budget()["mostAtOnce"] == 1


def test_rate_limit_minute_is_a_sliding_window() -> None:
    spent = CallCount()
    for moment in (0.0, 30.0, 59.0, 60.0, 61.0):
        spent.begin(moment, 60.0)
    assert spent.most_in_a_minute == 4


def test_rate_limit_minute_can_be_shortened(own: PracticeXero) -> None:
    xero = XeroCalls.sign_in(own)
    own.limits(minute=1, minuteSeconds=0.5)
    assert xero.call("GET", "Organisation").status == 200
    refused = xero.call("GET", "Organisation")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    until(lambda: xero.call("GET", "Organisation").status == 200)
