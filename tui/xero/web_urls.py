"""Xero's own web pages: the address of a contact's page, and the practice Restore button."""

from __future__ import annotations

import re
from contextlib import suppress
from html.parser import HTMLParser
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from tui.model.errors import OfflineError, RejectedError, XeroError
from tui.net.loopback import is_loopback
from tui.xero import errors

_ID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LIVE: Final = frozenset({"alert", "status"})
_SHORT_CODE: Final = re.compile(r"![0-9A-Za-z]{1,20}|[0-9A-Za-z]{1,20}")


def contact_url(pages_url: str, short_code: str, contact_id: str) -> str:
    """Return the address of a contact's page, such as `https://go.xero.com/app/!Qj35V/contacts/contact/…`.

    Built from this template and checked parts alone, as it will be opened in a browser. Raises
    `ValueError` for a short code or an id that can't be Xero's.
    """
    if not _SHORT_CODE.fullmatch(short_code):
        raise ValueError("not a short code as Xero writes them")
    if not _ID.fullmatch(contact_id):
        raise ValueError("not a contact's id")
    return f"{pages_url.rstrip('/')}/app/{short_code}/contacts/contact/{contact_id}"


async def simulate_restore(url: str) -> None:
    """Press Restore on a contact's page of the practice Xero, as the person would.

    Only on this machine: Xero's own pages are the person's to press. Raises `ValueError` for any other
    host, `RejectedError` with the page's words when it refuses, `OfflineError` and `ReplyLostError`.
    """
    from tui.xero.http_client import HttpClient

    if urlsplit(url).scheme not in {"http", "https"} or not is_loopback(url):
        raise ValueError("only a practice page on this machine can be pressed from here")
    client = HttpClient(url, None)
    try:
        response = await client.send("POST", "/restore", headers={"Accept": "text/html"})
    finally:
        await client.aclose()
    if isinstance(response, OfflineError):
        # Unlike a change in the journal, a press isn't made again by itself.
        raise OfflineError(
            "The practice Xero can't be reached.", "Nothing was pressed.", action="simulate_restore"
        )
    if isinstance(response, XeroError):
        raise response
    if response.status_code in {HTTPStatus.OK, HTTPStatus.SEE_OTHER}:
        return
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise errors.error_for(response)
    message = page_message(errors.text_of(response)) or "The practice Xero refused to restore this contact."
    raise RejectedError(message, response.status_code)


def page_message(html: str) -> str:
    """Find the news on a page, where screen readers look for it too; plain text, empty when there is none."""
    parser = _LiveRegionParser()
    # What the parser raises for marked sections that aren't HTML's.
    with suppress(AssertionError):
        parser.feed(html)
        parser.close()
    return " ".join("".join(parser.parts).split())


class _LiveRegionParser(HTMLParser):
    """Collects the text of live regions, which hold no element of their own kind."""

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
