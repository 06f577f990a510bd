"""Request bodies of the Accounting API, and its responses: the envelope, and every kind of error.

Bodies have a size limit, and JSON that is nested no deeper than any of Xero's.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, PlainTextResponse

from tui.sandbox.books import new_id
from tui.sandbox.context import xero_date

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --go: #0b6bcb; --stop: #b3261e; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main { max-width: 46rem; margin: 0 auto; padding: .75rem 1rem; }
.practice { background: #ffd54a; color: #222; text-align: center; padding: .35rem 1rem; font-size: .9rem; }
nav a { margin-right: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .25rem; }
a { color: var(--go); }
.badge { display: inline-block; border: 1px solid currentColor; border-radius: 1rem; padding: 0 .7rem;
  font-size: .85rem; }
.said { border-left: .3rem solid var(--go); background: var(--soft); padding: .6rem .9rem; margin: 1rem 0; }
.said.refused { border-color: var(--stop); }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .25rem 1rem; }
dt { opacity: .75; } dd { margin: 0; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; padding: .4rem .5rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
.keep { white-space: nowrap; }
button, input, select { font: inherit; padding: .5rem .9rem; border-radius: .4rem;
  border: 1px solid var(--line); }
button { cursor: pointer; background: var(--soft); color: inherit; }
button.go { background: var(--go); border-color: var(--go); color: #fff; }
form.row { display: flex; flex-wrap: wrap; gap: .5rem; margin: .75rem 0; }
form.row input { flex: 1 1 12rem; min-width: 0; }
label { display: block; padding: .3rem 0; }
:focus-visible { outline: .2rem solid var(--go); outline-offset: .1rem; }
@media (prefers-color-scheme: dark) { :root { --go: #6cb2f7; --stop: #f2877f; } button.go { color: #111; } }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_MOST_SHOWN = 300
_PRACTICE = (
    "Practice Xero and Re-Leased on this computer, with invented contacts. Not connected to the real ones."
)


def page(
    title: str, body: str, *, status: int = 200, nav: str = "", form_targets: str = "'self'"
) -> HTMLResponse:
    """Return a page; `title` is escaped here, `body` and `nav` are HTML.

    `form_targets` are the permitted targets of forms, including redirects (CSP `form-action`).
    """
    document = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f'<p class="practice">{_PRACTICE}</p>'
        f"{nav and f'<header><nav>{nav}</nav></header>'}<main>{body}</main></body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_targets}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(document, status, headers)


def escaped(text: str) -> str:
    """Escape external text and limit its length."""
    return escape(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")


def isolated(text: str) -> str:
    """Escape a name and isolate its writing direction."""
    return f"<bdi>{escaped(text)}</bdi>"


def link(address: str, label: str) -> str:
    """Return a link; `label` is HTML."""
    return f'<a href="{escape(address)}">{label}</a>'


def details(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a definition list without empty items. Values are HTML."""
    return f"<dl>{''.join(f'<dt>{escape(term)}</dt><dd>{value}</dd>' for term, value in pairs if value)}</dl>"


def button(address: str, label: str, *, is_primary: bool = False, **fields: str) -> str:
    """Return a form with one button, without scripts."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    look = ' class="go"' if is_primary else ""
    return (
        f'<form method="post" action="{escape(address)}">{hidden}'
        f'<button type="submit"{look}>{escape(label)}</button></form>'
    )


def notice(message: str, *, refused: bool = False) -> str:
    """Return a notice; `message` is HTML."""
    return f'<p class="said{" refused" if refused else ""}" role="status">{message}</p>'


JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
PROVIDER = "Reshelve practice"

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """One HTTP response."""

    status: int
    body: bytes = b""
    content_type: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """Ends a call with a 400 in Xero's `Error` format (OpenAPI, v16.1)."""

    def __init__(self, number: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.kind = kind

    def answer(self) -> ApiResponse:
        """Return the response."""
        return ApiResponse(400, encode({"ErrorNumber": self.number, "Type": self.kind, "Message": str(self)}))


class EvaluationError(Exception):
    """Ends a call with the 500 seen for a filter that calls a method on an empty field."""


class UnknownIdError(Exception):
    """Ends a call with the empty HTML 404 seen for an id that the organisation never issued."""


def validation(message: str) -> ApiError:
    """Return the error for a whole call, with a reason that belongs to no element."""
    return ApiError(10, "ValidationException", message)


def query_error(message: str) -> ApiError:
    """Return the error for an invalid `where`, `order` or page."""
    return ApiError(16, "QueryParseException", message)


def server_error() -> ApiResponse:
    """Return the 500 seen if Xero's own evaluation of a request fails."""
    detail = (
        "An error occurred in Xero. "
        "Check the API Status page http://status.developer.xero.com for current service status."
    )
    title = "An error occurred"
    return ApiResponse(500, encode({"Title": title, "Detail": detail, "Status": 500, "Instance": new_id()}))


def unreadable_body(message: str) -> ApiError:
    """Return the error for a body that the endpoint can't parse."""
    return ApiError(17, "PostDataInvalidException", message)


def high_volume() -> ApiError:
    """Return the error for an unoptimised request over 100,000 contacts (according to Xero)."""
    message = (
        "You are requesting a high volume of records. "
        "Please use paging and only optimised filters and orders for this organisation."
    )
    return ApiError(51, "HighVolumeException", message)


def invalid_elements(elements: list[dict[str, Any]]) -> ApiResponse:
    """Return the 400 for a call with invalid elements, if it was sent without `summarizeErrors=false`."""
    return ApiResponse(
        400,
        encode(
            {
                "ErrorNumber": 10,
                "Type": "ValidationException",
                "Message": "A validation exception occurred",
                "Elements": elements,
            }
        ),
    )


def envelope(
    now: int, name: str, items: list[bytes], pagination: dict[str, int] | None = None
) -> ApiResponse:
    """Wrap encoded JSON items as in every successful response; only `pagination` is lower case.

    `now` is in milliseconds since 1970.
    """
    head: dict[str, Any] = {
        "Id": new_id(),
        "Status": "OK",
        "ProviderName": PROVIDER,
        "DateTimeUTC": xero_date(now, offset=False),
    }
    if pagination is not None:
        head["pagination"] = pagination
    body = b"".join((encode(head)[:-1], b',"', name.encode(), b'":[', b",".join(items), b"]}"))
    return ApiResponse(200, body)


def forbidden() -> ApiResponse:
    """Return the 403 seen for an organisation that isn't connected and for a missing scope."""
    return _problem(403, "Forbidden", "AuthenticationUnsuccessful")


def unauthorized(detail: str) -> ApiResponse:
    """Return the 401 seen for an invalid access token; the detail is the reason."""
    return _problem(401, "Unauthorized", detail, Extensions={})


def _problem(status: int, title: str, detail: str, **more: Any) -> ApiResponse:
    shape = {"Type": None, "Title": title, "Status": status, "Detail": detail, "Instance": new_id()}
    return ApiResponse(status, encode(shape | more))


def not_found() -> ApiResponse:
    """Return the 404 seen for an unknown ContactID: HTML, and empty."""
    return ApiResponse(404, b"", HTML)


def too_many(problem_name: str, retry_after: int) -> ApiResponse:
    """Return the 429 as seen: no body, no content type, everything in the headers."""
    return ApiResponse(
        429, b"", None, {"Retry-After": str(retry_after), "X-Rate-Limit-Problem": problem_name}
    )


#: Xero's limit for a request, in bytes.
MAX_BYTES: Final = 3_500_000


class RequestLimit:
    """ASGI middleware that returns 413 for larger requests, whether or not they announce their size."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body read, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        try:
            body = None if _is_too_large(length) else await _read(receive)
        except ClientDisconnect:
            return
        if body is None:
            await PlainTextResponse("Request Entity Too Large", 413)(scope, receive, send)
            return
        await self._app(scope, _Read(body, receive), send)


class _Read:
    """Returns the body once, and then whatever else arrives."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._message: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._receive = receive

    async def __call__(self) -> Message:
        message, self._message = self._message, None
        return message or await self._receive()


def _is_too_large(length: str) -> bool:
    # A number with more digits than the limit is larger; checked first, as it may be very long.
    return length.isdecimal() and (len(length) > len(str(MAX_BYTES)) or int(length) > MAX_BYTES)


async def _read(receive: Receive) -> bytes | None:
    """Read the body; None if it is too large. Raises `ClientDisconnect`."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BYTES:
            return None
    return bytes(body)


#: How deeply lists and objects may be nested.
DEEPEST: Final = 64
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


class BodyError(ValueError):
    """The body isn't JSON, or is nested too deeply."""


def decode(body: bytes) -> Any:
    """Decode a body. Raises `BodyError`."""
    depth = 0
    for token in _STRUCTURE.finditer(body):
        depth += (token[0] in b"[{") - (token[0] in b"]}")
        if depth > DEEPEST:
            raise BodyError("too deep")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BodyError(str(error)) from error


async def read_body(request: Request) -> dict[str, Any]:
    """Parse a body that is JSON or a form; anything else counts as empty."""
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode("utf-8", "replace")))
    try:
        content = decode(body or b"{}")
    except BodyError:
        return {}
    return content if isinstance(content, dict) else {}
