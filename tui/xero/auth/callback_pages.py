"""What a browser is shown at the end of a sign-in. No scripts, nothing from elsewhere, nothing remembered."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from http import HTTPStatus
from typing import Final

from msgspec import Struct

_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:18px/1.5 system-ui,sans-serif;max-width:36rem;"
    "margin:15vh auto 0;padding:0 1rem}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    # The address of this page holds the code.
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Connection": "close",
}
_GO_BACK: Final = "You can close this tab and go back to Reshelve."
_PASTE: Final = (
    "If this is the end of your sign-in, reload this page. If it stays so, copy its address and paste it "
    "where Reshelve asks for it."
)
_REJECTIONS: Final = {
    HTTPStatus.BAD_REQUEST: (
        f"This isn't the reply that Reshelve is waiting for. It may belong to an earlier attempt. {_PASTE}"
    ),
    HTTPStatus.GONE: "This sign-in has been answered already.",
    HTTPStatus.NOT_FOUND: "There is nothing here.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: _PASTE,
    HTTPStatus.SERVICE_UNAVAILABLE: _PASTE,
}


class Reply(Struct, frozen=True):
    """One HTTP reply, written with `bytes()`."""

    status: HTTPStatus
    heading: str
    message: str

    def __bytes__(self) -> bytes:
        body = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Reshelve</title>'
            f"<style>{_STYLE}</style></head><body><h1>{escape(self.heading)}</h1>"
            f"<p>{escape(self.message)}</p></body></html>"
        ).encode()
        headers = _HEADERS | {"Content-Length": str(len(body))}
        if self.status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = "GET"
        lines = [f"HTTP/1.1 {self.status} {self.status.phrase}", *map(": ".join, headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


def result_page(error: str) -> Reply:
    """Thank for an answer; `error` is OAuth's name for a refusal, empty for none."""
    if not error:
        return Reply(HTTPStatus.OK, "Reshelve has Xero's answer", _GO_BACK)
    if error == "access_denied":
        return Reply(HTTPStatus.OK, "No access was given", f"Nothing has changed. {_GO_BACK}")
    return Reply(HTTPStatus.OK, f"Xero refused the sign-in ({error})", f"Nothing has changed. {_GO_BACK}")


def rejection_page(status: HTTPStatus) -> Reply:
    """Say why this was not the answer that is waited for."""
    return Reply(status, status.phrase, _REJECTIONS.get(status, "This request makes no sense here."))
