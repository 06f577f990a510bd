from __future__ import annotations

import json
import logging
import ssl
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from support.tls import tls_server

from tui import messages
from tui.model.change import Action
from tui.model.errors import (
    ForeignReplyError,
    MissingScopeError,
    NotConnectedError,
    OfflineError,
    RateLimitedError,
    ReconnectError,
    RejectedError,
    ReplyLostError,
    XeroError,
)
from tui.model.reasons import NetworkReason, XeroReason
from tui.xero.auth.token_store import FileTokenStore, Tokens
from tui.xero.client import XeroClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from xero.conftest import ClientFor

    from tui.xero.auth.tokens import TokenSource

ID = "5f4cbf2c-0000-4000-8000-00000000000a"
OK = {"Contacts": [{"ContactID": ID, "ContactStatus": "ARCHIVED", "UpdatedDateUTC": "/Date(0)/"}]}
HTML = httpx.Response(200, html="<html><b>Sign in</b></html>")


def fails(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer


async def archive(client: XeroClient) -> None:
    await client.change_status(Action.ARCHIVE, [ID], idempotency_key="key")


async def caught(client_for: ClientFor, response: httpx.Response) -> XeroError:
    """Return the error for a reply, which is the same for reads and writes."""
    async with client_for(lambda _: response) as client:
        with pytest.raises(XeroError) as writing:
            await archive(client)
        with pytest.raises(XeroError) as reading:
            await client.contacts(1)
    assert type(writing.value) is type(reading.value)
    assert writing.value.notice == reading.value.notice
    assert "<" not in messages.in_full(writing.value)
    assert messages.message(writing.value).strip()
    return writing.value


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("refused"), httpx.ConnectTimeout(""), httpx.PoolTimeout(""), httpx.ProxyError("")],
    ids=repr,
)
async def test_request_that_was_never_sent_is_offline(client_for: ClientFor, error: Exception) -> None:
    async with client_for(fails(error)) as client:
        with pytest.raises(OfflineError) as raised:
            await archive(client)
        assert raised.value.reason is XeroReason.OFFLINE


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout(""), httpx.WriteTimeout(""), httpx.ReadError(""), httpx.WriteError(""),
        httpx.RemoteProtocolError("cut"), httpx.DecodingError("gzip"), TimeoutError(),
        httpx.InvalidURL(""), httpx.StreamError(""), ssl.SSLError(""), OSError(24, "Too many open files"),
        UnicodeError("label too long"), ValueError(""), AssertionError(""),
    ],
    ids=repr,
)  # fmt: skip
async def test_request_that_may_have_been_sent_is_a_lost_reply(
    client_for: ClientFor, error: Exception
) -> None:
    async with client_for(fails(error)) as client:
        for ask in (archive(client), client.contacts(1)):
            with pytest.raises(ReplyLostError):
                await ask
        assert client.last_reply_at is None


@pytest.mark.parametrize(
    "response",
    [
        HTML,
        httpx.Response(200),
        httpx.Response(200, content=b'{"Contacts":[{"Con'),
        httpx.Response(200, json={"Status": "OK"}),
        httpx.Response(204),
        httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
        httpx.Response(500, html="<h1>oops</h1>"),
        httpx.Response(502),
        httpx.Response(503, json={"Title": "An error occurred"}),
    ],
    ids=repr,
)
async def test_ambiguous_replies_are_lost_replies(client_for: ClientFor, response: httpx.Response) -> None:
    assert isinstance(await caught(client_for, response), ReplyLostError)


@pytest.mark.parametrize("text", ["The Organisation is offline", '"The Organisation is offline"\r\n'])
async def test_an_organisation_that_is_offline_keeps_xeros_words(client_for: ClientFor, text: str) -> None:
    error = await caught(client_for, httpx.Response(503, text=text))
    assert (type(error), error.reason) == (ReplyLostError, XeroReason.SERVER_MESSAGE)
    assert error.notice.params["xero_message"] == "The Organisation is offline"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({"Retry-After": "17"}, 17), ({"Retry-After": "0"}, 1), ({"Retry-After": "-5"}, 1), ({}, 60),
        ({"Retry-After": "soon"}, 60), ({"Retry-After": "nan"}, 60), ({"Retry-After": "1e999"}, 60),
        ({"Retry-After": "99999999999"}, 86400), ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, 1),
    ],
)  # fmt: skip
async def test_rate_limit_has_a_wait_in_seconds(
    client_for: ClientFor, header: dict[str, str], seconds: float
) -> None:
    error = await caught(client_for, httpx.Response(429, headers=header | {"X-Rate-Limit-Problem": "day"}))
    assert isinstance(error, RateLimitedError)
    assert (error.retry_after, error.problem) == (seconds, "day")
    assert "daily" in messages.message(error)


async def test_rate_limit_may_have_an_end_date(client_for: ClientFor) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    error = await caught(client_for, httpx.Response(429, headers={"Retry-After": until}))
    assert isinstance(error, RateLimitedError)
    assert 3500 < error.retry_after <= 3600
    assert error.problem == "minute"
    assert "minute" in messages.message(error)


NOT_CONNECTED = {
    "Type": None,
    "Title": "Forbidden",
    "Status": 403,
    "Detail": "AuthenticationUnsuccessful",
    "Instance": "3b9a",
}


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (httpx.Response(403, json=NOT_CONNECTED), XeroReason.NOT_CONNECTED),
        (httpx.Response(403, json={"Detail": "AuthorizationUnsuccessful"}), XeroReason.NOT_CONNECTED),
        (
            httpx.Response(403, headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'}),
            XeroReason.SCOPE_MISSING,
        ),
    ],
)
async def test_disconnected_organisation_needs_a_new_sign_in(
    client_for: ClientFor, response: httpx.Response, reason: XeroReason
) -> None:
    error = await caught(client_for, response)
    assert isinstance(error, NotConnectedError)
    assert error.reason is reason
    assert messages.next_step(error).startswith("Reconnect to Xero.")


async def test_a_new_sign_in_is_used_after_the_old_one_was_not_enough(
    client_for: ClientFor, tokens: TokenSource, tmp_path: Path
) -> None:
    shown: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        shown.append(request.headers["Authorization"])
        return httpx.Response(200, json=OK) if "new" in shown[-1] else httpx.Response(403, json=NOT_CONNECTED)

    async with client_for(answer) as client:
        with pytest.raises(NotConnectedError):
            await archive(client)
        expires_at = datetime.now(UTC) + timedelta(minutes=20)
        FileTokenStore(tmp_path / "tokens.json").save(Tokens("new", "new", expires_at, "client"))
        await archive(client)
    assert shown == ["Bearer access-1", "Bearer new"]
    assert await tokens.access_token() == "new"


async def test_a_custom_connection_names_no_tenant(tokens: TokenSource) -> None:
    calls: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(200, json=OK)

    transport = httpx.MockTransport(answer)
    client = XeroClient(api_url="http://127.0.0.1:9/api", tenant_id="", tokens=tokens, transport=transport)
    await archive(client)
    await client.aclose()
    assert "xero-tenant-id" not in calls[0].headers


@pytest.mark.parametrize("days", [-20, 5])
async def test_a_certificate_that_is_not_valid_today_points_to_the_clock(
    tokens: TokenSource, tmp_path: Path, days: int
) -> None:
    with tls_server(tmp_path, valid_from_days=days) as (url, trusted):
        transport = httpx.AsyncHTTPTransport(trusted)
        client = XeroClient(api_url=url, tenant_id="tenant", tokens=tokens, transport=transport)
        with pytest.raises(OfflineError) as failed:
            await archive(client)
        await client.aclose()
    assert failed.value.reason is NetworkReason.CERTIFICATE_DATE
    assert "the time on this computer" in messages.message(failed.value)
    assert "date and time" in messages.next_step(failed.value)


@pytest.mark.parametrize(
    ("response", "status", "words"),
    [
        (httpx.Response(403, json={"Detail": "Not your role"}), 403, "Not your role"),
        (httpx.Response(404, html=""), 404, ""),
        (httpx.Response(422, json={"Title": "Unprocessable"}), 422, "Unprocessable"),
        (httpx.Response(422, json={"Type": "ValidationException"}), 422, ""),
        (
            httpx.Response(400, json={"Type": "QueryParseException", "Message": "No property 'x'\n at 1"}),
            400,
            "No property 'x' at 1",
        ),
        (httpx.Response(400, json={"Message": "x" * 9999}), 400, "x" * 500),
    ],
)
async def test_refusal_of_the_whole_request_keeps_xeros_message(
    client_for: ClientFor, response: httpx.Response, status: int, words: str
) -> None:
    error = await caught(client_for, response)
    assert isinstance(error, RejectedError)
    without_words = XeroReason.NOT_FOUND if status == 404 else XeroReason.REJECTED_WITHOUT_MESSAGE
    assert error.reason is (XeroReason.REJECTED if words else without_words)
    assert error.status == status
    assert (words or f"(HTTP {status})") in messages.message(error)
    assert error.notice.params["xero_message"] == words


GATEWAY_BODIES = {
    "page": {"html": "<h1>Blocked</h1>"},
    "text": {"text": "request blocked"},
    "lower-case JSON": {"json": {"message": "Forbidden", "title": "no", "status": 400}},
    "another service's JSON": {"json": {"error": {"code": 4}}},
    "JSON list": {"json": ["odd"]},
    "half of it": {"content": b'{"Message": "A valid'},
    "nothing": {},
}


@pytest.mark.parametrize("body", GATEWAY_BODIES)
@pytest.mark.parametrize(
    "status", [400, 401, 402, 403, 404, 405, 408, 413, 415, 421, 422, 425, 429, 451, 499]
)
async def test_reply_from_something_else_decides_nothing(
    client_for: ClientFor, status: int, body: str
) -> None:
    if not GATEWAY_BODIES[body] and status in {401, 404, 429}:
        pytest.skip("so answers Xero itself (seen)")
    error = await caught(client_for, httpx.Response(status, **GATEWAY_BODIES[body]))  # type: ignore[arg-type]
    assert isinstance(error, ForeignReplyError)
    assert str(status) in messages.message(error)


@pytest.mark.parametrize(
    "response",
    [
        *(httpx.Response(one, json={"Message": "Timed out"}) for one in (408, 421, 425, 431, 460, 499)),
        httpx.Response(408, json={"Type": "about:blank", "Title": "Request Timeout", "Status": 408}),
        httpx.Response(403, json={"Message": "User is not authorized to access this resource"}),
        httpx.Response(401, json={"Message": "Unauthorized"}),
    ],
    ids=repr,
)
async def test_json_that_only_resembles_xeros_decides_nothing(
    client_for: ClientFor, response: httpx.Response
) -> None:
    assert isinstance(await caught(client_for, response), ForeignReplyError)


async def test_gateway_page_is_not_a_reply_of_xero(client_for: ClientFor) -> None:
    dated: list[datetime] = []
    headers = {"Date": "Mon, 02 Mar 2026 12:00:00 GMT"}
    async with client_for(lambda _: httpx.Response(403, html="<b>no</b>", headers=headers)) as client:
        client.on_server_time(lambda date, _: dated.append(date))
        with pytest.raises(ForeignReplyError):
            await archive(client)
        assert (client.last_reply_at, dated) == (None, [])


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(401, json={"Title": "Unauthorized", "Status": 401, "Detail": "Scope is missing"}),
        httpx.Response(
            401, json={"Title": "Unauthorized", "Detail": "insufficient_scope: accounting.contacts"}
        ),
        httpx.Response(401, json={"Title": "Unauthorized", "Detail": "AuthorizationUnsuccessful"}),
        httpx.Response(401, headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'}),
        httpx.Response(403, headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'}),
    ],
)
async def test_missing_scope_is_not_an_expired_sign_in(
    client_for: ClientFor, response: httpx.Response
) -> None:
    calls: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return response

    async with client_for(answer) as client:
        with pytest.raises(MissingScopeError) as raised:
            await archive(client)
    assert raised.value.reason is XeroReason.SCOPE_MISSING
    # A new token of the same sign-in would lack it, too.
    assert len(calls) == 1


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(401),
        httpx.Response(401, json={"Title": "Unauthorized", "Detail": "TokenExpired: token expired at 06/01"}),
        httpx.Response(401, text="oauth_problem=token_expired&oauth_problem_advice=The%20token"),
        httpx.Response(401, html="<p>", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}),
    ],
)
async def test_expired_sign_in_is_not_a_missing_scope(
    client_for: ClientFor, response: httpx.Response
) -> None:
    assert type(await caught(client_for, response)) is ReconnectError


async def test_a_validation_exception_of_the_whole_call_is_read_per_element(client_for: ClientFor) -> None:
    whole = {
        "ErrorNumber": 10,
        "Type": "ValidationException",
        "Message": "A validation exception occurred",
        "Elements": [
            {"ContactID": ID, "ValidationErrors": [{"Message": "Archived contacts cannot be edited."}]},
            {"ContactID": ID[:-1] + "b", "ContactStatus": "ACTIVE", "UpdatedDateUTC": "/Date(0)/"},
        ],
    }
    async with client_for(lambda _: httpx.Response(400, json=whole)) as client:
        first, second = await client.change_status(Action.RESTORE, [ID, ID[:-1] + "b"], idempotency_key="key")
        with pytest.raises(RejectedError) as raised:
            await client.contacts(1)
    assert raised.value.notice.params["xero_message"] == "A validation exception occurred"
    assert (first.contact, first.message) == (None, "Archived contacts cannot be edited.")
    # It only echoes the request, which wasn't carried out.
    assert (second.contact, second.message) == (None, "")


@pytest.mark.parametrize("ended", [1, 2])
async def test_request_is_retried_once_with_a_new_token_after_a_401(
    client_for: ClientFor, ended: int
) -> None:
    """Also twice: the first new token may have been for another request, and have expired since."""
    shown: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        shown.append(request.headers["Authorization"])
        return httpx.Response(200, json=OK) if len(shown) > ended else httpx.Response(401)

    async with client_for(answer) as client:
        await archive(client)
    assert shown == [f"Bearer access-{number}" for number in range(1, ended + 2)]


async def test_third_401_needs_a_new_sign_in(client_for: ClientFor) -> None:
    shown: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        shown.append(request.headers["Authorization"])
        return httpx.Response(401)

    async with client_for(answer) as client:
        with pytest.raises(ReconnectError):
            await archive(client)
    assert shown == ["Bearer access-1", "Bearer access-2", "Bearer access-3"]


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
async def test_no_other_failure_is_retried(client_for: ClientFor, status: int) -> None:
    calls: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(status)

    async with client_for(answer) as client:
        with pytest.raises(XeroError):
            await archive(client)
    assert len(calls) == 1


async def test_requests_have_the_expected_headers(client_for: ClientFor) -> None:
    calls: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        return httpx.Response(
            200, json=OK, headers={"X-MinLimit-Remaining": "57", "X-DayLimit-Remaining": "odd"}
        )

    async with client_for(answer) as client:
        await archive(client)
        since = datetime(2026, 3, 1, 12, 0, 0, 999999, UTC).astimezone()
        await client.contacts(3, page_size=200, modified_since=since)
        await client.look_up([ID] * 51)
        assert (client.calls_left.minute, client.calls_left.day) == (57, None)
        assert client.last_reply_at is not None
    write, read, *fresh = calls
    assert json.loads(write.content) == {"Contacts": [{"ContactID": ID, "ContactStatus": "ARCHIVED"}]}
    assert dict(write.url.params) == {"summarizeErrors": "false"}
    assert (write.headers["Idempotency-Key"], write.headers["xero-tenant-id"]) == ("key", "tenant")
    assert write.headers["User-Agent"].startswith("reshelve/")
    assert "gzip" in write.headers["Accept-Encoding"]
    assert read.url.path == "/api/api.xro/2.0/Contacts"
    assert dict(read.url.params) == {
        "page": "3", "pageSize": "200", "includeArchived": "true", "order": "ContactID",
    }  # fmt: skip
    assert read.headers["If-Modified-Since"] == "2026-03-01T12:00:00Z"
    assert [len(one.url.params["IDs"].split(",")) for one in fresh] == [50, 1]


@pytest.mark.parametrize(("ids", "key"), [([], "k"), ([ID] * 51, "k"), ([ID], ""), ([ID], "k" * 129)])
async def test_request_that_xero_would_reject_is_not_sent(
    client_for: ClientFor, ids: list[str], key: str
) -> None:
    async with client_for(fails(AssertionError("sent"))) as client:
        with pytest.raises(ValueError, match="one to"):
            await client.change_status(Action.ARCHIVE, ids, idempotency_key=key)


def crash_report(error: BaseException | None) -> str:
    """Print an error as Textual's crash report would, with all causes and local variables."""
    report = ""
    while error is not None:
        frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), capture_locals=True)
        ours = [frame for frame in frames if "/tui/" in frame.filename]
        report += f"{error!r} {vars(error)} {[(frame.name, frame.locals) for frame in ours]}"
        error = error.__cause__ or error.__context__
    return report


@pytest.mark.parametrize("status", [None, 400, 401, 403, 429, 500, 200])
async def test_no_token_reaches_an_error_or_the_log(
    client_for: ClientFor, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    caplog.set_level(logging.DEBUG, "reshelve")

    def answer(request: httpx.Request) -> httpx.Response:
        if status is None:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(status)

    async with client_for(answer) as client:
        with pytest.raises(XeroError) as failed:
            await archive(client)
    told = crash_report(failed.value) + caplog.text
    assert "change_status" in told
    assert "access-" not in told
    assert "refresh-" not in told
