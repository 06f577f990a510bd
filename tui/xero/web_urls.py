"""Links to Xero's web pages, and the sandbox's Restore button."""

from __future__ import annotations

import re
from contextlib import suppress
from html.parser import HTMLParser
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from tui.model.errors import OfflineError, RejectedError, XeroError
from tui.model.reasons import XeroReason
from tui.net.loopback import is_loopback
from tui.xero import errors

_ID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LIVE: Final = frozenset({"alert", "status"})
_SHORT_CODE: Final = re.compile(r"![0-9A-Za-z]{1,20}|[0-9A-Za-z]{1,20}")


def contact_url(pages_url: str, short_code: str, contact_id: str) -> str:
    """Return the URL of a contact's page, such as `https://go.xero.com/app/!Qj35V/contacts/contact/…`.

    Built only from this template and validated parts, because it is opened in a browser. Raises `ValueError`
    for an invalid short code or ID.
    """
    if not _SHORT_CODE.fullmatch(short_code):
        raise ValueError("not a short code as Xero writes them")
    if not _ID.fullmatch(contact_id):
        raise ValueError("not a contact's id")
    return f"{pages_url.rstrip('/')}/app/{short_code}/contacts/contact/{contact_id}"


async def simulate_restore(url: str) -> None:
    """Click Restore on a contact's page in the sandbox, as the user would.

    Only on this computer: in the real Xero, the user clicks Restore. Raises `ValueError` for any other host,
    `RejectedError` with the page's message if it refuses, `OfflineError` and `ReplyLostError`.
    """
    from tui.xero.http_client import HttpClient

    if urlsplit(url).scheme not in {"http", "https"} or not is_loopback(url):
        raise ValueError("Restore can only be simulated on this computer")
    client = HttpClient(url, None)
    try:
        response = await client.send("POST", "/restore", headers={"Accept": "text/html"})
    finally:
        await client.aclose()
    if isinstance(response, OfflineError):
        # Unlike a change in the change log, this isn't retried.
        raise OfflineError(XeroReason.PRACTICE_OFFLINE)
    if isinstance(response, XeroError):
        raise response
    if response.status_code in {HTTPStatus.OK, HTTPStatus.SEE_OTHER}:
        return
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise errors.error_for(response)
    message = page_message(errors.text_of(response))
    reason = XeroReason.REJECTED if message else XeroReason.PRACTICE_REFUSED
    raise RejectedError(reason, status=response.status_code, xero_message=message)


def page_message(html: str) -> str:
    """Return the message in a page's live region as plain text, empty if there is none."""
    parser = _LiveRegionParser()
    # Raised by the parser for non-HTML marked sections.
    with suppress(AssertionError):
        parser.feed(html)
        parser.close()
    return " ".join("".join(parser.parts).split())


class _LiveRegionParser(HTMLParser):
    """Collects the text of live regions; they never contain an element of the same tag."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._inside and dict(attrs).get("role") in _LIVE:
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.parts.append(data)
