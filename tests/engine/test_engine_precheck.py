from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from engine.model_xero import START

from tui.engine.services import contacts
from tui.engine.services.contacts import ContactRefresher
from tui.model.reasons import ContactReason, Notice

if TYPE_CHECKING:
    import pytest


async def test_an_answer_that_takes_too_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = asyncio.Event()

    class SlowXero:
        async def look_up(self, _: object) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                given_up.set()

    monkeypatch.setattr(contacts, "TIMEOUT_SECONDS", 0.0)
    connectors = cast("Any", SimpleNamespace(xero=SlowXero()))
    unused, connection = cast("Any", None), cast("Any", SimpleNamespace(attempt=lambda: 1))
    refresher = ContactRefresher(
        store=unused,
        clients=connectors,
        connection=connection,
        publisher=unused,
        scheduler=unused,
        now=lambda: START,
    )
    reason = await refresher.refresh(["a"])
    assert reason.stale_reason == Notice(ContactReason.SLOW_REPLY)
    assert given_up.is_set()
