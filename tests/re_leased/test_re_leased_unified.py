"""Unified.to's client against a local server that answers with the models of Unified.to's own SDK."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import traceback
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from importlib.metadata import EntryPoint
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.effort import examples
from support.keychain import FileKeychain, keychain_in
from unified_python_sdk.models.operations import ListAccountingContactsQueryParamFields as Fields
from unified_python_sdk.models.shared import AccountingContact, AccountingEmail, AccountingOrganization

from tui import messages
from tui.model.errors import ContactSourceError, KeychainError
from tui.model.re_leased import FieldMapping, Page, ReLeasedCompany, ReLeasedContact
from tui.model.reasons import ContactSourceReason, SignInReason
from tui.re_leased import source as sources
from tui.re_leased import unified
from tui.re_leased.source import SourceOptions, installed_sources, load_source
from tui.re_leased.unified import UnifiedKey, UnifiedSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

KEY = "practice-key-5f2a"
XERO_ID = "0f1e2d3c-4b5a-4697-8899-aabbccddeeff"
UPDATED = datetime(2026, 11, 3, 9, 30, 15, tzinfo=UTC)
NAMED = FieldMapping("raw.isArchived", (), "raw.externalId")


@dataclass
class Answer:
    """What the server sends; `cut` bytes of the body are promised and never sent."""

    body: bytes = b"[]"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    never: bool = False


@dataclass
class Server:
    """A server on a socket. `reply` gets the path and the query of each request."""

    reply: Callable[[str, dict[str, list[str]]], Answer]
    url: str = ""
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                parts = urlsplit(first.split(" ")[1])
                self.headers.append(dict(line.lower().split(": ", 1) for line in lines if line))
                query = parse_qs(parts.query, keep_blank_values=True)
                self.asked.append((parts.path, query))
                answer = self.reply(parts.path, query)
                if answer.never:
                    await reader.read()
                    return
                headers = {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(answer.body) + answer.cut),
                    **answer.headers,
                }
                text = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
                writer.write(f"HTTP/1.1 {answer.status} X\r\n{text}\r\n".encode() + answer.body)
                await writer.drain()
                if answer.cut or not headers["Content-Length"]:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(reply: Callable[[str, dict[str, list[str]]], Answer]) -> AsyncIterator[Server]:
    server = Server(reply)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


@asynccontextmanager
async def reading(server: Server, **options: Any) -> AsyncIterator[UnifiedSource]:
    source = UnifiedSource(
        **{
            "base_url": server.url,
            "connection_id": "68f0",
            "api_key": lambda: KEY,
            "mapping": NAMED,
            **options,
        }
    )
    try:
        yield source
    finally:
        await source.aclose()


async def read_all(source: UnifiedSource, updated_since: datetime | None = None) -> list[Page]:
    pages = [await source.list_contacts(updated_since, None)]
    while pages[-1].next_cursor is not None:
        pages.append(await source.list_contacts(updated_since, pages[-1].next_cursor))
    return pages


def as_json(*models: Any) -> bytes:
    return b"[" + b",".join(model.model_dump_json(exclude_unset=True).encode() for model in models) + b"]"


def contacts(count: int, start: int = 0) -> list[AccountingContact]:
    return [
        AccountingContact(id=str(number), name=f"Contact {number}", is_active=number % 2 == 0)
        for number in range(start, start + count)
    ]


def listing(
    found: Sequence[AccountingContact], *, most: int = 100, headers: dict[str, str] | None = None
) -> Callable[[str, dict[str, list[str]]], Answer]:
    """Reply with pages of at most so many contacts."""

    def reply(_: str, query: dict[str, list[str]]) -> Answer:
        offset, limit = int(query["offset"][0]), min(int(query["limit"][0]), most)
        return Answer(as_json(*found[offset : offset + limit]), headers=headers or {})

    return reply


async def contact_of(element: bytes, mapping: FieldMapping = NAMED) -> tuple[ReLeasedContact | None, int]:
    async with (
        serving(
            lambda _, query: Answer(b"[" + element + b"]" if query["offset"] == ["0"] else b"[]")
        ) as server,
        reading(server, mapping=mapping) as source,
    ):
        first = await source.list_contacts(None, None)
        return next(iter(first.contacts), None), first.unreadable


async def failure(answer: Answer, **options: Any) -> ContactSourceError:
    async with serving(lambda _path, _query: answer) as server, reading(server, **options) as source:
        with pytest.raises(ContactSourceError) as caught:
            await source.list_contacts(None, None)
        with pytest.raises(ContactSourceError) as again:
            await source.companies()
        assert again.value.reason is caught.value.reason
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in messages.in_full(caught.value)
    assert messages.message(caught.value)
    assert messages.next_step(caught.value)
    return caught.value


# --- what is read ---


async def test_a_contact_of_the_sdk_is_read_in_full() -> None:
    model = AccountingContact(
        id="17",
        name="Bay Ltd",
        first_name="Ada",
        last_name="Bay",
        emails=[AccountingEmail(email=" ada@bay.example "), AccountingEmail(email="ada@bay.example")],
        currency="NZD",
        is_active=False,
        updated_at=UPDATED,
        organization_id="702",
        raw={"externalId": XERO_ID, "isArchived": True, "links": [{"id": 7}], "note": None},
    )
    found, _ = await contact_of(as_json(model)[1:-1])
    assert found == ReLeasedContact(
        id="17",
        xero_id=XERO_ID,
        name="Bay Ltd",
        people=("Ada Bay",),
        emails=("ada@bay.example",),
        archived=True,
        updated_at=UPDATED,
        company_id="702",
        currency="NZD",
        raw=model.raw or {},
    )
    assert found.raw_fields() == {
        "raw.externalId": XERO_ID, "raw.isArchived": "true", "raw.links.0.id": "7", "raw.note": "null",
    }  # fmt: skip


async def test_requests_use_only_what_the_sdk_has() -> None:
    async with serving(listing(contacts(3))) as server, reading(server, company_id="702") as source:
        await source.list_contacts(
            datetime(2026, 3, 1, 13, 0, 0, 999_999, timezone(timedelta(hours=13))), None
        )
    path, query = server.asked[0]
    assert path == "/accounting/68f0/contact"
    assert query["updated_gte"] == ["2026-03-01T00:00:00Z"]
    assert (query["org_id"], query["limit"], query["offset"]) == (["702"], ["100"], ["0"])
    assert {"id", "is_active", "organization_id", "updated_at", "raw"} <= set(query["fields"])
    assert {Fields(name).value for name in query["fields"]} == set(query["fields"])
    assert server.headers[0]["authorization"] == f"bearer {KEY}"


async def test_a_connection_id_stays_one_part_of_the_path() -> None:
    async with serving(listing(())) as server, reading(server, connection_id="a/../b?c") as source:
        await source.list_contacts(None, None)
    assert server.asked[0][0] == "/accounting/a%2F..%2Fb%3Fc/contact"


async def test_companies_are_read_with_their_zone() -> None:
    model = AccountingOrganization(id="702", name="Bay", currency="NZD", timezone="Pacific/Auckland")
    async with (
        serving(lambda _, query: Answer(as_json(model) if query["offset"] == ["0"] else b"[]")) as server,
        reading(server) as source,
    ):
        assert await source.companies() == [ReLeasedCompany("702", "Bay", "NZD", "Pacific/Auckland")]
    assert server.asked[0][0] == "/accounting/68f0/organization"


async def test_an_unreadable_company_is_an_error() -> None:
    async with (
        serving(lambda *_: Answer(b'[{"id":"1"},{"name":"Bay"}]')) as server,
        reading(server) as source,
    ):
        with pytest.raises(ContactSourceError) as caught:
            await source.companies()
    assert caught.value.reason is ContactSourceReason.UNREADABLE


async def test_contacts_of_another_company_are_left_out_and_counted() -> None:
    models = contacts(3)
    models[1].organization_id, models[2].organization_id = "702", "701"
    async with serving(listing(models)) as server, reading(server, company_id="702") as source:
        page = await source.list_contacts(None, None)
    assert ([one.id for one in page.contacts], page.other_company) == (["0", "1"], 1)


@pytest.mark.parametrize(
    ("element", "mapping", "archived"),
    [
        ({"is_active": True}, NAMED, False),
        ({"is_active": False}, FieldMapping(), True),
        ({}, NAMED, None),
        ({"is_active": None}, NAMED, None),
        ({"is_active": None, "raw": {"isArchived": True}}, NAMED, True),
        ({"raw": {"isArchived": False}}, NAMED, False),
        ({"raw": {"isArchived": True}}, FieldMapping(), None),
        ({"raw": {"isarchived": True}}, NAMED, None),
        ({"raw": {"isArchived": None}}, NAMED, None),
        ({"raw": {"isArchived": "true"}}, NAMED, None),
        ({"raw": {"isArchived": 1}}, NAMED, None),
        ({"raw": []}, NAMED, None),
        ({"is_active": True, "raw": {"isArchived": True}}, NAMED, None),
        ({"is_active": "false"}, NAMED, None),
        ({"is_active": 0}, NAMED, None),
        ({"is_active": "no", "raw": {"isArchived": True}}, NAMED, True),
        ({"raw": {"state": {"name": " ARCHIVED "}}}, FieldMapping("raw.state.name", ("archived",)), True),
        ({"raw": {"state": {"name": "Live"}}}, FieldMapping("raw.state.name", ("archived",)), False),
        ({"raw": {"state": {"name": ""}}}, FieldMapping("raw.state.name", ("archived",)), None),
        ({"raw": {"state": {"name": True}}}, FieldMapping("raw.state.name", ("archived",)), None),
        ({"raw": {"state": {}}}, FieldMapping("raw.state", ("archived",)), None),
        ({"raw": {"active": False}}, FieldMapping("raw.active", ("false",)), True),
        ({"raw": {"active": True}}, FieldMapping("raw.active", ("False",)), False),
        ({"raw": {"active": "Live"}}, FieldMapping("raw.active", ("false",)), None),
        ({"raw": {"code": 3}}, FieldMapping("raw.code", ("3", "4")), True),
        ({"raw": {"code": 3.0}}, FieldMapping("raw.code", ("3",)), True),
        ({"raw": {"tabs": ["x", "Archived"]}}, FieldMapping("raw.tabs.1", ("Archived",)), True),
        ({"raw": {"tabs": ["x"]}}, FieldMapping("raw.tabs.1", ("Archived",)), None),
    ],
    ids=repr,
)
async def test_a_status_comes_only_from_the_contact(
    element: dict[str, Any], mapping: FieldMapping, *, archived: bool | None
) -> None:
    found, _ = await contact_of(json.dumps({"id": "1", **element}).encode(), mapping)
    assert found is not None
    assert found.archived is archived


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (b'{"id":7,"name":"A"}', ("7", "A", None)),
        (b'{"id":"1","name":5,"company_name":"B","is_active":true}', ("1", "B", False)),
        (
            b'{"id":"1","first_name":"Ada","last_name":"Bay","emails":"x","is_active":false}',
            ("1", "Ada Bay", True),
        ),
        (b'{"id":"1","name":"\\ud83d half","is_active":false}', ("1", "\ufffd half", True)),
        (b'{"id":"1","name":"A\xff","is_active":true}', ("1", "A\ufffd", False)),
        # `NaN` is no status, least of all "archived".
        (b'{"id":"1","name":"A","is_active":NaN}', ("1", "A", None)),
        (b'{"id":"1","name":"A","raw":{"isArchived":NaN}}', ("1", "A", None)),
        (b'{"id":"1","name":"A","raw":{"isArchived":true,"n":1e999}}', ("1", "A", None)),
        (b'{"id":"1","name":"A","unknown":' + b"[" * 5000 + b"]" * 5000 + b"}", ("1", "A", None)),
        (b'{"id":"1","name":"A","emails":[null,7,{"email":null},{"email":"a@b.example"}]}', ("1", "A", None)),
        (b"{}", None),
        (b'{"id":null,"name":"A"}', None),
        (b'{"id":true,"name":"A"}', None),
        (b'{"id":" ","name":"A"}', None),
        (b"17", None),
        (b"null", None),
        (b"[]", None),
        (b'"x"', None),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_odd_contacts_lose_the_odd_field_or_are_counted(
    element: bytes, expected: tuple[str, str, bool | None] | None
) -> None:
    found, unreadable = await contact_of(element)
    assert (found and (found.id, found.name, found.archived), unreadable) == (expected, int(expected is None))


async def test_one_bad_contact_doesnt_spoil_its_page() -> None:
    body = as_json(*contacts(2))[:-1] + b',{"name":"no id","is_active":true},7]'
    async with (
        serving(lambda *_: Answer(body, headers={"X-Total-Count": "4"})) as server,
        reading(server) as source,
    ):
        page = await source.list_contacts(None, None)
    assert (len(page.contacts), page.unreadable, page.next_cursor) == (2, 2, None)


# --- whole lists ---


@pytest.mark.parametrize(
    ("count", "most", "requests"),
    [
        (0, 100, 1), (1, 100, 2), (99, 100, 2), (100, 100, 2), (101, 100, 3), (200, 100, 3), (250, 100, 4),
        # Re-Leased's own page size may be smaller.
        (250, 50, 6), (120, 50, 4), (30, 50, 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("since", [None, UPDATED])
async def test_a_list_is_read_to_its_end(
    count: int, most: int, requests: int, since: datetime | None
) -> None:
    async with serving(listing(contacts(count), most=most)) as server, reading(server) as source:
        pages = await read_all(source, since)
    assert [one.id for page in pages for one in page.contacts] == [str(number) for number in range(count)]
    offsets = [int(query["offset"][0]) for _, query in server.asked]
    # A full list is proved to have ended: its empty page is read again, and the one beyond it.
    beyond = [count, count + max(1, min(count, most))] if since is None else []
    assert offsets[requests:] == beyond
    assert all(earlier < later for earlier, later in pairwise(offsets[:requests]))


@pytest.mark.parametrize(("empty_at", "is_noticed"), [(100, False), (200, True)])
async def test_empty_page_in_the_middle_is_not_the_end(*, empty_at: int, is_noticed: bool) -> None:
    """An accident is read again; a page that stays empty with more beyond it makes the list incomplete."""
    found = contacts(320)
    failures = 0

    def reply(path: str, query: dict[str, list[str]]) -> Answer:
        nonlocal failures
        if int(query["offset"][0]) == empty_at and (is_noticed or not failures):
            failures += 1
            return Answer()
        return listing(found)(path, query)

    async with serving(reply) as server, reading(server) as source:
        if is_noticed:
            with pytest.raises(ContactSourceError) as caught:
                await read_all(source)
            assert caught.value.reason is ContactSourceReason.INCOMPLETE
        else:
            assert sum(len(page.contacts) for page in await read_all(source)) == 320
    assert failures == (2 if is_noticed else 1)


@hypothesis_settings(max_examples=examples(100))
@given(
    rows=st.integers(0, 420),
    sizes=st.lists(st.integers(1, 100), min_size=1, max_size=12),
    accident_at=st.none() | st.integers(0, 12),
)
async def test_pages_of_any_size_are_read_to_the_end(
    rows: int, sizes: list[int], accident_at: int | None
) -> None:
    """Each page has a size of its own, and one reply is empty by accident."""
    asked = 0

    def reply(_: str, query: dict[str, list[str]]) -> Answer:
        nonlocal asked
        asked += 1
        offset = int(query["offset"][0])
        shown = max(0, min(rows - offset, sizes[asked % len(sizes)]))
        return Answer() if asked - 1 == accident_at else Answer(as_json(*contacts(shown, offset)))

    async with serving(reply) as server, reading(server) as source:
        pages = await read_all(source)
    assert [one.id for page in pages for one in page.contacts] == [str(row) for row in range(rows)]


@hypothesis_settings(max_examples=examples(100))
@given(rows=st.integers(0, 420), most=st.integers(10, 100), data=st.data())
async def test_rows_left_out_of_pages_never_make_a_part_the_whole(
    rows: int, most: int, data: st.DataObject
) -> None:
    """Rows are counted and then left out, up to a whole page of them."""
    first = data.draw(st.integers(0, 420))
    hidden = range(first, first + data.draw(st.integers(0, most)))

    def reply(_: str, query: dict[str, list[str]]) -> Answer:
        offset = int(query["offset"][0])
        shown = range(offset, min(rows, offset + most))
        return Answer(as_json(*(contacts(1, row)[0] for row in shown if row not in hidden)))

    async with serving(reply) as server, reading(server) as source:
        failed: ContactSourceError | None = None
        pages: list[Page] = []
        try:
            pages = await read_all(source)
        except ContactSourceError as error:
            failed = error
    if failed is None:
        found = {one.id for page in pages for one in page.contacts}
        assert found == {str(row) for row in range(rows) if row not in hidden}
    else:
        assert failed.reason in {ContactSourceReason.INCOMPLETE, ContactSourceReason.REPEATED_PAGE}
        # Without rows that are left out, everything can be read.
        assert any(row in hidden for row in range(rows))


async def test_a_total_shows_that_a_short_page_is_not_the_last() -> None:
    headers = {"X-Total-Count": "12"}
    async with serving(listing(contacts(12), most=5, headers=headers)) as server, reading(server) as source:
        assert sum(len(page.contacts) for page in await read_all(source)) == 12
    assert len(server.asked) == 3


@pytest.mark.parametrize("total", ["", "-1", "x", "9" * 400, "3"])
async def test_a_total_never_makes_a_list_shorter(total: str) -> None:
    async with (
        serving(listing(contacts(150), headers={"X-Total-Count": total})) as server,
        reading(server) as source,
    ):
        assert sum(len(page.contacts) for page in await read_all(source)) == 150


async def test_a_list_that_ends_before_its_total_is_incomplete() -> None:
    headers = {"X-Total-Count": "130"}
    async with serving(listing(contacts(120), headers=headers)) as server, reading(server) as source:
        with pytest.raises(ContactSourceError) as caught:
            await read_all(source)
    assert caught.value.reason is ContactSourceReason.INCOMPLETE


@pytest.mark.parametrize("count", [40, 100, 250])
async def test_a_connection_without_pages_is_noticed(count: int) -> None:
    body = as_json(*contacts(count))
    async with serving(lambda *_: Answer(body)) as server, reading(server) as source:
        with pytest.raises(ContactSourceError) as caught:
            await read_all(source)
    assert caught.value.reason is ContactSourceReason.REPEATED_PAGE
    assert len(server.asked) == 2


async def test_a_list_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unified, "MOST_CONTACTS", 250)
    async with (
        serving(lambda _, query: Answer(as_json(*contacts(100, int(query["offset"][0]))))) as server,
        reading(server) as source,
    ):
        with pytest.raises(ContactSourceError) as caught:
            await read_all(source)
    assert (caught.value.reason, len(server.asked)) == (ContactSourceReason.TOO_MANY, 3)


@pytest.mark.parametrize("cursor", ["", "1", "x.y.z", "1.2.3.4", "-", "1.a.2.7"])
async def test_an_unknown_cursor_is_rejected(cursor: str) -> None:
    async with serving(listing(contacts(3))) as server, reading(server) as source:
        with pytest.raises(ContactSourceError):
            await source.list_contacts(None, cursor)
    assert server.asked == []


# --- failures ---

_PAGE = b"<!DOCTYPE html><title>Sign in</title>"
_HTML = {"Content-Type": "text/html"}
_PAUSED = b'{"statusCode":403,"error":"Forbidden","message":"Connection is paused"}'
_FULL = as_json(*contacts(5))
R = ContactSourceReason
FAILURES: list[tuple[Answer, ContactSourceReason]] = [
    (Answer(b'{"message":"Unauthorized"}', 401), R.KEY_REFUSED),
    (Answer(b"", 401), R.KEY_REFUSED),
    (Answer(b'{"message":7}', 403), R.FORBIDDEN),
    (Answer(b'{"error":"Connection not found"}', 404), R.NO_SUCH_CONNECTION),
    (Answer(_PAUSED, 403), R.PAUSED),
    (Answer(_PAUSED, 401), R.PAUSED),
    (Answer(b'{"message":"slow down"}', 429), R.RATE_LIMITED),
    (Answer(_PAGE, 429, _HTML), R.RATE_LIMITED),
    (Answer(_PAGE, 200, _HTML), R.WEB_PAGE),
    (Answer(_PAGE, 200), R.WEB_PAGE),
    (Answer(_PAGE, 403, _HTML), R.WEB_PAGE),
    (Answer(b"", 302, {"Location": "https://elsewhere.example/"}), R.HTTP_ERROR),
    (Answer(b"[]", 206), R.HTTP_ERROR),
    (Answer(b"", 204), R.HTTP_ERROR),
    (Answer(b'{"message":"bad"}', 400), R.HTTP_ERROR),
    (Answer(_PAGE, 502, _HTML), R.HTTP_ERROR),
    (Answer(b"[]", 503), R.HTTP_ERROR),
    (Answer(b"", 200), R.UNREADABLE),
    (Answer(b"null"), R.UNREADABLE),
    (Answer(b'{"data":[]}'), R.UNREADABLE),
    (Answer(b'"[]"'), R.UNREADABLE),
    (Answer(b"[] []"), R.UNREADABLE),
    (Answer(b"\xff\xfe[\0]\0"), R.UNREADABLE),
    (Answer(_FULL[:-1]), R.UNREADABLE),
    (Answer(_FULL[: _FULL.rindex(b",{")]), R.UNREADABLE),
    (Answer(_FULL[:-40], headers={"Content-Length": ""}), R.UNREADABLE),
    (Answer(_FULL, cut=10), R.CUT_SHORT),
    (Answer(gzip.compress(_FULL, mtime=0)[:-9], headers={"Content-Encoding": "gzip"}), R.CUT_SHORT),
    (Answer(_FULL, headers={"Content-Encoding": "br"}), R.CUT_SHORT),
]


@pytest.mark.parametrize(("answer", "reason"), FAILURES, ids=lambda value: repr(value)[:70])
async def test_each_failure_has_its_reason(answer: Answer, reason: ContactSourceReason) -> None:
    failed = await failure(answer)
    assert failed.reason is reason
    # Only failures that the user has to fix aren't retried.
    assert failed.retryable is (reason not in {R.KEY_REFUSED, R.FORBIDDEN, R.NO_SUCH_CONNECTION})


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60), ({"Retry-After": "7"}, 7), ({"Retry-After": "0"}, 1), ({"Retry-After": "nan"}, 60),
        ({"Retry-After": "soon"}, 60), ({"Retry-After": "9" * 30}, 86_400), ({"Retry-After": "-5"}, 1),
        (
            {"Date": "Sun, 29 Nov 2026 10:00:00 GMT", "Retry-After": "Sun, 29 Nov 2026 10:02:00 GMT"},
            120,
        ),
    ],
)  # fmt: skip
async def test_a_rate_limit_has_the_wait(headers: dict[str, str], seconds: float) -> None:
    failed = await failure(Answer(b'{"message":"Vendor: too many"}', 429, headers))
    assert (failed.retry_after, failed.notice.params["detail"]) == (seconds, ": Vendor: too many")


async def test_error_messages_never_contain_the_key() -> None:
    failed = await failure(Answer(json.dumps({"message": f"Bad key {KEY}.\n\nTry"}).encode(), 401))
    assert failed.notice.params["detail"] == ": Bad key …. Try"


async def test_a_response_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.net.response_limit.MAX_BYTES", 1_000)
    assert (await failure(Answer(as_json(*contacts(90))))).reason is R.TOO_LARGE


async def test_a_server_that_never_replies_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unified, "LONGEST_WAIT", 0.05)
    assert (await failure(Answer(never=True))).reason is R.TIMED_OUT


async def test_a_server_that_isnt_there_is_unreachable() -> None:
    async with serving(listing(())) as server:
        pass
    async with reading(server) as source:
        with pytest.raises(ContactSourceError) as caught:
            await source.list_contacts(None, None)
    assert caught.value.reason is R.UNREACHABLE


@pytest.mark.parametrize(
    "url", ["http://api.unified.to", "http://localhost.evil.example", "ftp://127.0.0.1x", ""]
)
def test_the_key_is_only_sent_over_tls_or_to_this_computer(url: str) -> None:
    with pytest.raises(ContactSourceError) as caught:
        UnifiedSource(base_url=url, connection_id="1", api_key=lambda: KEY)
    assert caught.value.reason is R.INSECURE_URL


@pytest.mark.parametrize("key", ["", "a b", "a\nb", "é", "x" * 5_000])
async def test_nothing_is_requested_without_a_key(key: str) -> None:
    async with serving(listing(())) as server, reading(server, api_key=lambda: key) as source:
        with pytest.raises(ContactSourceError) as caught:
            await source.list_contacts(None, None)
    assert (caught.value.reason, server.asked) == (R.NO_KEY, [])


async def test_the_log_has_no_keys_names_or_addresses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "reshelve")
    body = b'[{"name":"Ada Bay","emails":[{"email":"ada@bay.example"}]}]'
    async with serving(lambda *_: Answer(body)) as server, reading(server) as source:
        await source.list_contacts(None, None)
    await failure(Answer(_FULL, cut=3))
    assert caplog.messages
    assert not any(word in caplog.text for word in (KEY, "Ada", "bay.example"))


# --- the key's keychain ---


@pytest.fixture
def keychain(tmp_path: Path) -> Any:
    with keychain_in(tmp_path / "keychain.json") as found:
        yield found


def test_a_key_is_stored_until_it_is_removed(keychain: FileKeychain, tmp_path: Path) -> None:
    key = UnifiedKey(tmp_path)
    with pytest.raises(ContactSourceError) as caught:
        key.load()
    assert caught.value.reason is R.NO_KEY
    key.save(f" {KEY}\n")
    assert (key.load(), repr(key.load())) == (KEY, "'…'")
    assert UnifiedKey(tmp_path / "other")._entry.load() == ""
    assert list(keychain._read().values()) == [KEY]
    key.delete()
    key.delete()
    assert keychain._read() == {}


def test_a_key_in_the_environment_is_used_without_the_keychain(
    keychain: FileKeychain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = UnifiedKey(tmp_path)
    keychain.trouble = OSError("no keychain here")
    monkeypatch.setenv("RESHELVE_UNIFIED_API_KEY", f" {KEY}\n")
    assert (key.is_in_environment, key.load(), repr(key.load())) == (True, KEY, "'…'")
    monkeypatch.setenv("RESHELVE_UNIFIED_API_KEY", "two words")
    with pytest.raises(ContactSourceError) as caught:
        key.load()
    assert (caught.value.reason, caught.value.retryable) == (R.KEY_VARIABLE_UNUSABLE, False)
    monkeypatch.setenv("RESHELVE_UNIFIED_API_KEY", " ")
    with pytest.raises(ContactSourceError) as caught:
        key.load()
    assert (key.is_in_environment, caught.value.reason) == (False, R.KEYCHAIN_LOCKED)


@pytest.mark.parametrize("wrong", ["", "  ", "two words", "naïve"])
def test_an_invalid_key_is_not_stored(keychain: FileKeychain, tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ContactSourceError) as caught:
        UnifiedKey(tmp_path).save(wrong)
    assert caught.value.reason is R.KEY_UNUSABLE
    assert keychain._read() == {}


def test_each_keychain_failure_has_its_reason(keychain: FileKeychain, tmp_path: Path) -> None:
    key = UnifiedKey(tmp_path)
    keychain.trouble = OSError(KEY)
    calls = {
        R.KEYCHAIN_LOCKED: key.load,
        R.KEY_NOT_SAVED: lambda: key.save(KEY),
        R.KEY_NOT_REMOVED: key.delete,
    }
    for reason, call in calls.items():
        with pytest.raises(ContactSourceError) as caught:
            call()
        assert caught.value.reason is reason
        assert KEY not in "".join(traceback.format_exception(caught.value))


async def test_the_key_is_read_once_for_each_list() -> None:
    keys = iter(["first", "second"])
    async with (
        serving(listing(contacts(250))) as server,
        reading(server, api_key=lambda: next(keys)) as source,
    ):
        for _ in range(2):
            await read_all(source)
    assert [line["authorization"] for line in server.headers] == ["bearer first"] * 6 + ["bearer second"] * 6


async def test_a_waiting_keychain_isnt_a_missing_key() -> None:
    def wait() -> str:
        raise KeychainError(SignInReason.KEYCHAIN_WAITING)

    async with serving(listing(())) as server, reading(server, api_key=wait) as source:
        with pytest.raises(ContactSourceError) as caught:
            await source.list_contacts(None, None)
    assert (caught.value.reason, caught.value.retryable) == (SignInReason.KEYCHAIN_WAITING, True)


# --- sources of other packages ---


class PackageSource:
    """A source of another package."""

    page: Any = Page((ReLeasedContact("1", archived=True),), None)

    def __init__(self, options: SourceOptions) -> None:
        self.options = options

    async def list_contacts(self, _updated_since: datetime | None, _cursor: str | None) -> Page:
        if isinstance(self.page, BaseException):
            raise self.page
        found: Page = self.page
        return found

    async def companies(self) -> list[ReLeasedCompany]:
        return [ReLeasedCompany(self.options.tenant_id)]


def not_async(_options: SourceOptions) -> Any:
    return type("Old", (), {"list_contacts": lambda: None, "companies": lambda: None})


def leaves(_options: SourceOptions) -> Any:
    raise SystemExit


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    found: list[EntryPoint] = []
    monkeypatch.setattr(sources, "_entry_points", lambda: tuple(found))
    return found


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, f"{__name__}:{value}" if value.isidentifier() else value, sources.GROUP)


async def test_a_source_is_found_by_its_entry_point(installed: list[EntryPoint]) -> None:
    installed += [entry("ours", "PackageSource"), entry("broken", "no.such.module:X")]
    assert installed_sources() == ["broken", "ours"]
    source = load_source("ours", SourceOptions("tenant"))
    assert await source.list_contacts(None, None) == PackageSource.page
    assert await source.companies() == [ReLeasedCompany("tenant")]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("no.such.module:X", "ModuleNotFoundError"),
        ("Missing", "AttributeError"),
        ("not_async", "TypeError"),
        ("leaves", "SystemExit"),
        ("KEY", "TypeError"),
    ],
)
def test_a_source_that_cant_be_loaded_is_named(installed: list[EntryPoint], value: str, problem: str) -> None:
    installed.append(entry("theirs", value))
    with pytest.raises(ContactSourceError) as caught:
        load_source("theirs", SourceOptions("tenant"))
    assert caught.value.reason is R.NOT_LOADED
    assert caught.value.notice.params == {"name": "theirs", "problem": problem}
    assert not caught.value.retryable


def test_an_unknown_or_ambiguous_source_name_loads_nothing(installed: list[EntryPoint]) -> None:
    installed += [entry("twice", "PackageSource"), entry("twice", "leaves")]
    for name, reason in {"twice": R.DUPLICATE_SOURCE, "none": R.UNKNOWN_SOURCE}.items():
        with pytest.raises(ContactSourceError) as caught:
            load_source(name, SourceOptions("tenant"))
        assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        (None, "TypeError"),
        ([], "TypeError"),
        (Page([], None), "TypeError"),  # type: ignore[arg-type]
        (Page((ReLeasedContact("1", archived="no"),), None), "TypeError"),  # type: ignore[arg-type]
        (Page((ReLeasedContact(1),), None), "TypeError"),  # type: ignore[arg-type]
        (Page((ReLeasedContact("1", updated_at=datetime(2026, 1, 1)),), None), "TypeError"),  # noqa: DTZ001 - as above
        (Page((), "7"), "ValueError"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (asyncio.CancelledError(), "CancelledError"),
    ],
    ids=repr,
)
async def test_a_sources_mistake_is_an_error_with_a_message(
    installed: list[EntryPoint], monkeypatch: pytest.MonkeyPatch, page: Any, problem: str
) -> None:
    installed.append(entry("ours", "PackageSource"))
    monkeypatch.setattr(PackageSource, "page", page)
    with pytest.raises(ContactSourceError) as caught:
        await load_source("ours", SourceOptions("tenant")).list_contacts(None, "7")
    assert caught.value.reason is R.BROKEN
    assert caught.value.notice.params == {"name": "ours", "problem": problem}


async def test_a_sources_own_message_is_shown(
    installed: list[EntryPoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.append(entry("ours", "PackageSource"))
    monkeypatch.setattr(
        PackageSource, "page", ContactSourceError(R.SOURCE_PROBLEM, problem="The gateway is closed.")
    )
    with pytest.raises(ContactSourceError) as caught:
        await load_source("ours", SourceOptions("tenant")).list_contacts(None, None)
    assert messages.message(caught.value) == "The gateway is closed."


# --- any response ---

_ODD = st.sampled_from(
    [None, 0, 1, "true", "false", "", "Archived", [], {}, [True], {"a": True}, 1e300, "\ud83d"]
) | st.booleans()  # fmt: skip
_ELEMENT = st.fixed_dictionaries(
    {"id": st.integers(1, 10**6).map(str) | _ODD},
    optional={
        "name": _ODD,
        "is_active": _ODD,
        "emails": _ODD,
        "updated_at": _ODD,
        "organization_id": _ODD,
        "raw": _ODD | st.fixed_dictionaries({}, optional={"isArchived": _ODD, "externalId": _ODD}),
    },
)
_SPOIL: list[Callable[[Answer], Answer]] = [
    lambda answer: Answer(answer.body[: max(len(answer.body) - 1, 0)]),
    lambda answer: Answer(answer.body[: len(answer.body) // 2]),
    lambda answer: Answer(answer.body, cut=5),
    lambda answer: Answer(answer.body, 206),
    lambda answer: Answer(answer.body, 500),
    lambda _: Answer(_PAGE, 200, _HTML),
    lambda _: Answer(_PAUSED, 403),
    lambda _: Answer(b'{"message":"later"}', 429),
    lambda _: Answer(b"{}"),
]


def _statuses(element: dict[str, Any]) -> set[bool]:
    """Return the statuses that an element may be read as."""
    raw = element.get("raw")
    named = raw.get("isArchived") if isinstance(raw, dict) else None
    found = {not element["is_active"]} if isinstance(element.get("is_active"), bool) else set()
    return found | ({named} if isinstance(named, bool) else set())


@hypothesis_settings(max_examples=examples(100))
@given(
    elements=st.lists(_ELEMENT, max_size=12),
    most=st.integers(1, 5),
    spoiled_at=st.none() | st.integers(0, 6),
    spoil=st.sampled_from(_SPOIL),
    has_total=st.booleans(),
)
async def test_no_status_is_invented_and_no_partial_read_succeeds(
    elements: list[dict[str, Any]],
    most: int,
    spoiled_at: int | None,
    spoil: Callable[[Answer], Answer],
    *,
    has_total: bool,
) -> None:
    # Each has its own name, by which it is recognised.
    elements = [{**element, "currency": f"C{number}"} for number, element in enumerate(elements)]
    spoiled = False

    def reply(_: str, query: dict[str, list[str]]) -> Answer:
        nonlocal spoiled
        offset = int(query["offset"][0])
        body = json.dumps(elements[offset : offset + most]).encode()
        answer = Answer(body, headers={"X-Total-Count": str(len(elements))} if has_total else {})
        if spoiled_at is not None and offset >= spoiled_at * most:
            spoiled = True
            return spoil(answer)
        return answer

    found: list[ReLeasedContact] = []
    unreadable = 0
    async with serving(reply) as server, reading(server) as source:
        failed: ContactSourceError | None = None
        try:
            for page in await read_all(source):
                found += page.contacts
                unreadable += page.unreadable
        except ContactSourceError as error:
            failed = error
    for contact in found:
        told = _statuses(elements[int((contact.currency or "")[1:])])
        assert contact.archived is None or told == {contact.archived}
    if failed is None:
        assert not spoiled
        assert len(found) + unreadable == len(elements)
    else:
        # Two pages of unreadable contacts can be the same.
        assert spoiled or failed.reason is ContactSourceReason.REPEATED_PAGE
