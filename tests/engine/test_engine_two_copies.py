"""Two copies of the program whose lock file is deleted: neither makes a request that the other has begun."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from engine.test_engine_scheduler import PATIENCE, LiveXero, house

from tui.engine import scheduler as loops_module
from tui.engine.leader_lock import LeaderLock
from tui.model.change import Action, State
from tui.model.snapshot import ConnectionStatus
from tui.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tui.xero.results import ContactWriteResult, LookupResult

MANY = [f"{number:03}" for number in range(60)]


class SlowXero(LiveXero):
    """Slow in each write; counts those that have begun."""

    def __init__(self, *contact_ids: str) -> None:
        super().__init__(*contact_ids)
        self.begun: list[tuple[str, ...]] = []
        self.is_asked, self.is_read = asyncio.Event(), asyncio.Event()
        self.may_answer = asyncio.Event()

    async def look_up(self, contact_ids: Sequence[str]) -> LookupResult:
        self.is_read.set()
        return await super().look_up(contact_ids)

    async def change_status(
        self, action: Action, contact_ids: Sequence[str], *, idempotency_key: str
    ) -> list[ContactWriteResult]:
        self.begun.append(tuple(contact_ids))
        self.is_asked.set()
        await self.may_answer.wait()
        return await super().change_status(action, contact_ids, idempotency_key=idempotency_key)


@pytest.mark.parametrize("seconds", [0, 30])
async def test_request_in_progress_is_not_repeated_by_another_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr("tui.engine.snapshot_publisher._COALESCE", 0)
    monkeypatch.setattr(loops_module, "_LOCK_CHECK_SECONDS", 0.02)
    monkeypatch.setattr(loops_module, "_OUTBOX_SECONDS", 0.02)
    xero = SlowXero(*MANY)
    file, folder = tmp_path / "lease", tmp_path / "organisation"
    leases = LeaderLock(file), LeaderLock(file)
    with closing(Store.open(folder)) as one, closing(Store.open(folder)) as other:
        async with house(one, xero, lease=leases[0]) as first:
            await first.until(lambda it: it.last_refresh_at)
            async with house(other, xero, lease=leases[1]) as second:
                await first.engine.changes.request(Action.ARCHIVE, MANY)
                await asyncio.wait_for(xero.is_asked.wait(), PATIENCE)
                file.unlink()
                assert leases[1].acquire()
                second.clock.forward(seconds=seconds)
                await first.until(lambda it: it.xero.status is ConnectionStatus.STANDBY)
                # The second copy has read the contacts that the first is sending, and sent nothing.
                await asyncio.wait_for(xero.is_read.wait(), PATIENCE)
                assert [len(ids) for ids in xero.begun] in ([50], [50, 10])
                xero.may_answer.set()
                await second.until(lambda it: it.summary and it.summary.pending_total == len(MANY))
                states = {each.state for each in one.changes.in_states(*State)}
    assert states == {State.CONFIRMED}
    assert [len(ids) for ids in xero.begun] == [50, 10]
