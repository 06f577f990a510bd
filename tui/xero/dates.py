"""The date that an answer carries: Xero's own clock, in whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


def date_of(response: httpx.Response) -> datetime | None:
    """Return an answer's `Date` (RFC 9110: cut to whole seconds), None where it has none that makes sense."""
    return date_in(response.headers.get("Date", ""))


def date_in(header: str) -> datetime | None:
    """Read the text of such a header."""
    try:
        date = parsedate_to_datetime(header)
        # Without a zone it could be anybody's.
        return None if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
