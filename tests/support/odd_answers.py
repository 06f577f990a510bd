"""Odd replies of Xero or a server in between: each changes the correct reply."""

from __future__ import annotations

import gzip
import json
import ssl
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Oddity = Callable[[httpx.Request, httpx.Response], httpx.Response]

_FULL: Final[dict[str, Any]] = {
    "FirstName": "Ana",
    "EmailAddress": "ana@example.com",
    "AccountNumber": "A-1",
    "IsCustomer": True,
    "Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": "5551234", "PhoneAreaCode": "02"}],
    "ContactGroups": [{"Name": "Tenants"}],
    "Balances": {"AccountsReceivable": {"Outstanding": 1.5, "Overdue": 0}},
    "MergedToContactID": "",
}
_FIELDS: Final = (
    "ContactID", "ContactStatus", "UpdatedDateUTC", "Name", "AccountNumber", "IsCustomer", "Phones",
    "Phones.0.PhoneNumber", "ContactGroups", "ContactGroups.0", "Balances",
    "Balances.AccountsReceivable.Outstanding", "MergedToContactID", "ValidationErrors",
    "HasValidationErrors", "StatusAttributeString",
)  # fmt: skip
_ENVELOPE: Final = (
    "Contacts", "Contacts.0", "DateTimeUTC", "pagination", "pagination.page", "pagination.pageCount",
    "pagination.itemCount",
)  # fmt: skip
# As JSON text, so that it includes what no encoder would write.
_VALUES: Final = {
    "null": "null", "number": "77", "huge": "1e400", "text": '"odd"', "list": "[null]", "NaN": "NaN",
    "half an emoji": r'"\ud83d"', "deep": "[" * 2_000 + "]" * 2_000,
}  # fmt: skip
_STATUSES: Final = (
    201, 204, 206, 300, 304, 400, 401, 402, 403, 404, 405, 407, 408, 409, 410, 412, 413, 415, 421, 422, 425,
    429, 431, 451, 499, 500, 502, 503, 504, 520, 599,
)  # fmt: skip
_PROBLEM: Final = {"Title": "Odd", "Detail": "An odd thing", "Elements": None, "Message": 7}
_BODIES: Final = {
    "nothing": b"", "null": b"null", "list": b"[]", "text": b'"odd"', "number": b"7", "HTML": b"<html>odd",
    "cut": b'{"Contacts":[{"ContactID":', "mark": b'\xef\xbb\xbf{"Contacts":[]}', "bytes": b"\xff\xfe\x00",
    "no contacts": b"{}", "empty page": b'{"Contacts":[]}', "nested": b"[" * 100_000, "spaces": b" " * 99,
    "two": b'{"Contacts":[]}{"Contacts":[]}', "other names": b'{"contacts":[],"Items":[]}',
    "UTF-16": '{"Contacts":[]}'.encode("utf-16"),
}  # fmt: skip
_HEADERS: Final = {
    "Content-Type": ("application/json; charset=undefined", "text/html; charset=idna", "\u00e9", ""),
    "Content-Encoding": ("gzip", "br", "odd"),
    "Date": ("Mon, 01 Jan 0001 00:00:00 +1400", "Fri, 31 Dec 9999 23:59:59 -1400", "yesterday"),
    "X-MinLimit-Remaining": ("9" * 5_000, "9" * 20, "-1"),
    "X-DayLimit-Remaining": ("9" * 5_000, "9" * 20, "NaN"),
    "Retry-After": ("9" * 5_000, "-1", "soon"),
    "Location": ("http://[", "//\x00"),
    "Content-Length": ("-1", "9" * 400),
    "Set-Cookie": ("a" * 70_000,),
}
_RAISED: Final[tuple[Exception, ...]] = (
    httpx.ConnectError("odd"), httpx.ConnectTimeout("odd"), httpx.ReadError("odd"),
    httpx.ReadTimeout("odd"), httpx.WriteError("odd"), httpx.WriteTimeout("odd"), httpx.CloseError("odd"),
    httpx.PoolTimeout("odd"), httpx.ProxyError("407 odd"), httpx.RemoteProtocolError("odd"),
    httpx.LocalProtocolError("odd"), httpx.UnsupportedProtocol("odd"), httpx.DecodingError("odd"),
    httpx.TooManyRedirects("odd"), httpx.InvalidURL("odd"), httpx.StreamError("odd"),
    httpx.CookieConflict("odd"), ssl.SSLError("odd"), ssl.SSLCertVerificationError("odd"),
    ConnectionResetError("odd"), BrokenPipeError("odd"), OSError(24, "Too many open files"),
    TimeoutError("odd"), UnicodeError("label too long"), ValueError("odd"), EOFError("odd"),
)  # fmt: skip


def oddities() -> Iterator[tuple[str, Oddity]]:
    """Yield all of them, each with its own name."""
    yield from _odd_fields()
    for status in _STATUSES:
        yield f"{status} as it was", _with_status(status)
        yield f"{status} page", _whole(status, b"<html>odd</html>", "text/html")
        yield f"{status} problem", _whole(status, json.dumps(_PROBLEM).encode())
        yield f"{status} bare", _whole(status, b"")
    for name, body in _BODIES.items():
        yield f"200 {name}", _whole(200, body)
        yield f"400 {name}", _whole(400, body)
    for header, values in _HEADERS.items():
        for value in values:
            for status in (200, 429, 503):
                yield (
                    f"{status} {header}: {value[:12]!r} of {len(value)}",
                    _with_header(status, header, value),
                )
    for error in _RAISED:
        yield f"raised {type(error).__name__}", _raise(error)
    yield "packed twice", _whole(200, gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0))


def _odd_fields() -> Iterator[tuple[str, Oddity]]:
    for value, text in _VALUES.items():
        for path in _FIELDS:
            yield f"{path} = {value}", _in_each_contact(path.split("."), text)
        for path in _ENVELOPE:
            yield f"{path} = {value}", _in_answer(path.split("."), text)
    for path in _FIELDS[:3]:
        yield f"{path} missing", _in_each_contact(path.split("."), "")


def _in_each_contact(path: list[str], text: str) -> Oddity:
    def change(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
        body = _json(answer)
        for place, contact in enumerate(body.get("Contacts", ())):
            body["Contacts"][place] = full = json.loads(json.dumps(_FULL | contact))
            _put(full, path)
        return _said(answer.status_code, body, text)

    return change


def _in_answer(path: list[str], text: str) -> Oddity:
    def change(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
        body = _json(answer)
        _put(body, path)
        return _said(answer.status_code, body, text)

    return change


_HERE: Final = "the odd value goes here"


def _put(into: Any, path: list[str]) -> None:
    *outer, last = path
    for name in outer:
        into = (into[0] if into else {}) if isinstance(into, list) else into.get(name, {})
    if isinstance(into, dict):
        into[last] = _HERE
    elif into:
        into[0] = _HERE


def _said(status: int, body: Any, text: str) -> httpx.Response:
    written = json.dumps(body)
    if not text:
        for field in _FIELDS[:3]:
            written = written.replace(f'"{field}": "{_HERE}", ', "").replace(f'"{field}": "{_HERE}"', "")
    content = written.replace(f'"{_HERE}"', text).encode()
    return httpx.Response(status, content=content, headers={"Content-Type": "application/json"})


def _json(answer: httpx.Response) -> Any:
    return answer.json() if answer.content else {}


def _with_status(status: int) -> Oddity:
    return lambda _, answer: httpx.Response(status, content=answer.content)


def _whole(status: int, content: bytes, kind: str = "application/json") -> Oddity:
    return lambda _request, _answer: httpx.Response(status, content=content, headers={"Content-Type": kind})


def _with_header(status: int, name: str, value: str) -> Oddity:
    class Body(httpx.AsyncByteStream):
        def __init__(self, content: bytes) -> None:
            self.content = content

        async def __aiter__(self) -> Any:
            yield self.content

    headers = [(name.encode(), value.encode())]
    return lambda _, answer: httpx.Response(status, stream=Body(answer.content), headers=headers)


def _raise(error: Exception) -> Oddity:
    def change(_request: httpx.Request, _answer: httpx.Response) -> httpx.Response:
        raise error

    return change
