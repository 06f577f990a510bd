"""Contacts and times for the tests of the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tui.model.contact import Contact, ContactStatus
from tui.model.query import Tab
from tui.model.query_parser import parse_query

if TYPE_CHECKING:
    from tui.model.contact import SearchResult
    from tui.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTIVE, ARCHIVED, GDPR = ContactStatus.ACTIVE, ContactStatus.ARCHIVED, ContactStatus.GDPRREQUEST


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def contact(number: int = 1, status: ContactStatus = ACTIVE, at: float = 0, **fields: Any) -> Contact:
    given: dict[str, Any] = {"name": f"Contact {number}", "updated_at": minutes(at)}
    return Contact(contact_id=f"id-{number}", status=status, **(given | fields))


async def search(store: Store, text: str, tab: Tab = Tab.ALL) -> SearchResult:
    """Return the complete result."""
    answers = [found async for found in store.search.find(parse_query(tab, text))]
    assert answers[-1].is_complete
    return answers[-1]


def names(found: SearchResult) -> list[str]:
    return [row.name for row in found.rows.window(0, len(found.rows))]
