"""Replies of odd size, compression, charset or headers become errors with a reason."""

from __future__ import annotations

import gzip
import re
import ssl
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tui import messages
from tui.model.errors import FeedError, OfflineError, ReplyLostError, ReshelveError, XeroError
from tui.model.reasons import XeroReason
from tui.net import response_limit
from tui.re_leased.feed import FeedEvidenceSource
from tui.xero import errors
from tui.xero.auth.token_endpoint import refresh_tokens
from tui.xero.auth.token_store import Tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from xero.conftest import ClientFor

MIB: Final = 1024 * 1024
EMPTY_PAGE = b'{"Contacts":[]}'
Answer = httpx.Response
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes, "": bytes,
}  # fmt: skip
CHARSETS = [
    "undefined", "utf-16", "utf-32", "idna", "punycode", "hex", "base64", "rot13", "bz2", "zip", "uu",
    "quopri", "unicode_escape", "raw_unicode_escape", "mbcs", "utf-7", "nonsense", "",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "a" * 5000, "utf-8\x00", "'utf-8'", "cp037", "big5", "iso-8859-1",
]  # fmt: skip


class Stream(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A body that arrives in pieces, as over a network."""

    def __init__(self, body: bytes, size: int = 65_536) -> None:
        self._pieces = [body[start : start + size] for start in range(0, len(body), size)]

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def always(answer: Answer | Exception) -> Callable[[httpx.Request], httpx.Response]:
    def reply(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return reply


async def from_xero(answer: Answer | Exception, client_for: ClientFor) -> None:
    async with client_for(always(answer)) as client:
        await client.contacts(1)


async def from_identity(answer: Answer | Exception, _: ClientFor) -> None:
    refresh_tokens(
        "http://127.0.0.1:9", Tokens.from_refresh_token("r", "c"), httpx.MockTransport(always(answer))
    )


async def from_feed(answer: Answer | Exception, _: ClientFor) -> None:
    observer = FeedEvidenceSource(
        feed_url="http://127.0.0.1:9", tenant_id="t", transport=httpx.MockTransport(always(answer))
    )
    try:
        await observer.fetch(None)
    finally:
        await observer.aclose()


SOURCES = [from_xero, from_identity, from_feed]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "error",
    [
        httpx.InvalidURL("odd"), httpx.StreamError("odd"), ssl.SSLError("odd"), OSError(24, "no file left"),
        UnicodeError("label too long"), RuntimeError("odd"),
    ],
    ids=repr,
)  # fmt: skip
async def test_an_error_that_httpx_passes_on_gets_a_reason(
    source: Callable[..., Awaitable[None]], error: Exception, client_for: ClientFor
) -> None:
    with pytest.raises((XeroError, FeedError)) as caught:
        await source(error, client_for)
    assert messages.next_step(caught.value)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("packing", ["", "gzip", "deflate"])
async def test_reply_beyond_the_memory_limit_is_not_read(
    source: Callable[[Answer, ClientFor], Awaitable[None]],
    packing: str,
    client_for: ClientFor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(response_limit, "MAX_BYTES", MIB)
    body = EMPTY_PAGE + b" " * 40 * MIB
    packed = PACKERS[packing](body)
    answer = Answer(200, headers={"Content-Encoding": packing} if packing else {}, stream=Stream(packed))
    tracemalloc.start()
    try:
        with pytest.raises(ReshelveError) as failed:
            await source(answer, client_for)
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()
    assert re.search("larger than|too large", messages.message(failed.value))
    assert messages.next_step(failed.value)


@pytest.mark.parametrize("source", SOURCES)
async def test_only_supported_encodings_are_accepted(
    source: Callable[..., Awaitable[None]], client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on machines that have these packages for something else.
    monkeypatch.setattr("httpx._client.ACCEPT_ENCODING", "gzip, deflate, br, zstd")
    asked: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return Answer(500)

    monkeypatch.setattr(f"{__name__}.always", lambda _: reply)
    with pytest.raises(ReshelveError):
        await source(Answer(500), client_for)
    assert {request.headers["Accept-Encoding"] for request in asked} == {"gzip"}


async def test_the_limit_is_64_megabytes_unpacked(client_for: ClientFor) -> None:
    assert response_limit.MAX_BYTES == 64 * MIB
    body = gzip.compress(EMPTY_PAGE + b" " * 64 * MIB, 1)
    with pytest.raises(ReplyLostError) as raised:
        await from_xero(Answer(200, headers={"Content-Encoding": "gzip"}, stream=Stream(body)), client_for)
    assert raised.value.reason is XeroReason.REPLY_TOO_LARGE
    assert "64 MB" in messages.message(raised.value)


@pytest.mark.parametrize("packing", ["gzip", "deflate", "x-gzip", "identity", "GZIP"])
async def test_compressed_reply_within_the_limit_is_read(client_for: ClientFor, packing: str) -> None:
    packed = PACKERS[packing.lower().removeprefix("x-")](EMPTY_PAGE)
    answer = Answer(200, headers={"Content-Encoding": packing}, stream=Stream(packed, 3))
    async with client_for(lambda _: answer) as client:
        assert (await client.contacts(1)).contacts == ()


@pytest.mark.parametrize(
    ("packing", "body"),
    [
        ("gzip", b"not gzip"), ("gzip", gzip.compress(EMPTY_PAGE, mtime=0)[:-9]),
        ("gzip", gzip.compress(EMPTY_PAGE, mtime=0) + b"x"), ("br", EMPTY_PAGE), ("zstd", EMPTY_PAGE),
        ("gzip, gzip", gzip.compress(gzip.compress(EMPTY_PAGE, mtime=0), mtime=0)),
        ("odd", EMPTY_PAGE), ("gzip", b""),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("source", SOURCES)
async def test_a_broken_or_unknown_encoding_is_an_error_with_a_reason(
    source: Callable[[Answer, ClientFor], Awaitable[None]], packing: str, body: bytes, client_for: ClientFor
) -> None:
    answer = Answer(200, headers={"Content-Encoding": packing}, stream=Stream(body))
    with pytest.raises((ReplyLostError, OfflineError, FeedError)):
        await source(answer, client_for)


@pytest.mark.parametrize("charset", CHARSETS, ids=lambda charset: charset[:20])
@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
def test_error_in_any_charset_has_a_message(charset: str, status: int) -> None:
    content_type = f"text/plain; charset={charset}".encode("utf-8", "replace")
    for body in (b"The Organisation is offline", b"\xff\xfe\x00caf\xe9", b"%%%", b""):
        answer = Answer(status, headers=[(b"Content-Type", content_type)], content=body)
        error = errors.error_for(answer)
        assert isinstance(error, XeroError)
        assert messages.message(error)


@pytest.mark.parametrize(
    ("charset", "body"),
    [
        ("undefined", b"Offline caf\xc3\xa9"), ("utf-8", b"Offline caf\xc3\xa9"),
        ("", b"Offline caf\xc3\xa9"),
        ("ISO-8859-1", b"Offline caf\xe9"), ("windows-1252", b"Offline caf\xe9"),
        ("utf-16", "Offline café".encode("utf-16")),
    ],
)  # fmt: skip
def test_messages_are_decoded_in_their_charset(charset: str, body: bytes) -> None:
    headers = {"Content-Type": f"text/plain; charset={charset}"}
    assert errors.message_of(Answer(503, headers=headers, content=body)) == "Offline café"


@pytest.mark.parametrize("depth", [1_000, 100_000])
@pytest.mark.parametrize("status", [200, 400, 500])
async def test_an_endlessly_nested_reply_is_an_error_with_a_reason(
    client_for: ClientFor, status: int, depth: int
) -> None:
    for body in (b"[" * depth, b'{"a":' * depth, b"[" * depth + b"]" * depth):
        with pytest.raises(XeroError):
            await from_xero(Answer(status, content=body), client_for)


@pytest.mark.parametrize(
    "left",
    [
        "9" * 20,
        "9" * 5000,
        "-1",
        "NaN",
        "inf",
        "1e3",
        "0x10",
        "1_0",
        "",
        "many",
        " 5 5",
        "\N{SUPERSCRIPT TWO}",
    ],
    ids=lambda left: left[:20],
)
async def test_invalid_number_of_calls_is_unknown(client_for: ClientFor, left: str) -> None:
    names = (b"X-MinLimit-Remaining", b"X-DayLimit-Remaining")
    answer = Answer(200, headers=[(name, left.encode()) for name in names], content=EMPTY_PAGE)
    async with client_for(lambda _: answer) as client:
        await client.contacts(1)
        assert (client.calls_left.minute, client.calls_left.day) == (None, None)


@pytest.mark.parametrize(
    "after",
    ["9" * 20, "9" * 5000, "-5", "nan", "-inf", "1e400", "", "soon", "Mon, 01 Jan 0001 00:00:00 GMT",
     "Fri, 31 Dec 9999 23:59:59 -1400", "Fri, 31 Dec 9999 23:59:59 GMT"],
    ids=lambda after: after[:20],
)  # fmt: skip
@pytest.mark.parametrize("date", ["", "Mon, 01 Jan 0001 00:00:00 +1400", "Fri, 31 Dec 9999 23:59:59 -1400"])
def test_implausible_wait_is_capped(after: str, date: str) -> None:
    limited = errors.rate_limited(Answer(429, headers={"Retry-After": after, "Date": date}))
    assert 1 <= limited.retry_after <= 86_400
