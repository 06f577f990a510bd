from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from engine.model_xero import START

from tui.engine import precheck

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

    monkeypatch.setattr(precheck, "TIMEOUT_SECONDS", 0.0)
    connectors = cast("Any", SimpleNamespace(xero=SlowXero()))
    store = cast("Any", None)
    reason = await precheck.refresh_contacts(store, connectors, lambda: START, lambda _: None, ["a"])
    assert reason.stale_reason.startswith("Xero's answer takes long")
    assert given_up.is_set()
