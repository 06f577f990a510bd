"""Reads transactions until it has all, or is killed: `python -m support.activity_child FOLDER URL TENANT`.

The token is read from standard input.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tui.engine.activity_scan import ActivityScan
from tui.model.activity import ACTIVITY_SCOPES
from tui.store import Store
from tui.store.sync_state import FULL_SYNC_ENDED_AT
from tui.xero.client import XeroClient
from tui.xero.rate_limiter import MinuteWindow, RateLimiter

if TYPE_CHECKING:
    from tui.model.activity import ActivityStatus
    from tui.xero.auth.tokens import TokenSource


#: As the practice Xero has it, in place of 60.
MINUTE_SECONDS = 4.0


class FixedToken:
    """The token source of a sign-in that never ends."""

    def __init__(self, token: str, scopes: frozenset[str] = frozenset(ACTIVITY_SCOPES)) -> None:
        self.token, self.granted = token, scopes

    async def access_token(self, *, stale: str | None = None) -> str:
        """Return the token."""
        del stale
        return self.token

    async def scopes(self) -> frozenset[str]:
        """Return what was granted."""
        return self.granted

    def invalidate(self) -> None:
        """No-op."""


def client(url: str, tenant_id: str, tokens: FixedToken) -> XeroClient:
    """Return a client that keeps Xero's limits, with a shorter minute."""
    xero = XeroClient(api_url=url, tenant_id=tenant_id, tokens=cast("TokenSource", tokens))
    xero._api.rate_limiter = RateLimiter(MinuteWindow(seconds=MINUTE_SECONDS))
    return xero


async def read(store: Store, xero: XeroClient) -> list[ActivityStatus]:
    """Read what has changed, and return every status that was shown."""
    shown: list[ActivityStatus] = []
    if store.sync_state(FULL_SYNC_ENDED_AT) is None:
        await store.set_sync_state(FULL_SYNC_ENDED_AT, datetime.now(UTC).isoformat())
    scan = ActivityScan(
        store,
        xero,
        lambda: datetime.now(UTC),
        may_call=lambda: True,
        on_update=lambda: shown.append(scan.status),
        on_read=lambda: None,
        overlap=timedelta(minutes=1),
    )
    await scan.read()
    return shown


async def _main(folder: str, url: str, tenant_id: str, token: str) -> None:
    store, xero = Store.open(Path(folder)), client(url, tenant_id, FixedToken(token))
    try:
        await read(store, xero)
    finally:
        await xero.aclose()
        store.close()


if __name__ == "__main__":
    _, into, api_url, tenant = sys.argv
    asyncio.run(_main(into, api_url, tenant, sys.stdin.readline().strip()))
