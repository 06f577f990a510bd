"""What the live service, or something on the way to it, was seen or said to answer on a bad day."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json; charset=utf-8"
_PAGE = "text/html; charset=utf-8"
_MALFORMED = b'{"Id":"b1f2c1d0-0000-4000-8000-000000000000","Status":"OK","Contacts":[{"ContactID":"5f'
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"


@dataclass(frozen=True, slots=True)
class FaultResponse:
    """An answer made up instead of Xero's own."""

    status: int
    content_type: str | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def _limited(problem: str) -> FaultResponse:
    # Seen: nothing in the body, no content type, all in the headers.
    return FaultResponse(429, headers={"X-Rate-Limit-Problem": problem})


FAULT_RESPONSES: Final[Mapping[str, FaultResponse]] = {
    **{f"429-{problem}": _limited(problem) for problem in ("minute", "day", "concurrent", "appminute")},
    "500": FaultResponse(500, _TEXT, b"An unexpected error occurred"),
    "503": FaultResponse(503, _TEXT, b"Service Unavailable"),
    "offline": FaultResponse(503, _TEXT, b"The Organisation is offline"),
    "malformed": FaultResponse(200, _JSON, _MALFORMED),
    "empty-200": FaultResponse(200, _JSON),
    "json-list": FaultResponse(200, _JSON, b"[]"),
    "html": FaultResponse(200, _PAGE, _HTML),
    "redirect": FaultResponse(302, _PAGE, headers={"Location": "/identity/connect/authorize"}),
    "bad-gzip": FaultResponse(200, _JSON, b"not gzip at all", {"Content-Encoding": "gzip"}),
}
