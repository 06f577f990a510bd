"""The date that an answer carries: Xero's own clock, in whole seconds."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tui.model import timestamps

if TYPE_CHECKING:
    from datetime import datetime

    import httpx


def response_date(response: httpx.Response) -> datetime | None:
    """Return an answer's `Date` (RFC 9110: cut to whole seconds), None where it has none that makes sense."""
    return parse_http_date(response.headers.get("Date", ""))


def parse_http_date(header: str) -> datetime | None:
    """Read the text of such a header; None for a moment that isn't believed (`moments.valid_timestamp`)."""
    try:
        # Without a zone it could be any place's time, and isn't known.
        return timestamps.valid_timestamp(parsedate_to_datetime(header))
    except (ValueError, TypeError, OverflowError):
        return None
