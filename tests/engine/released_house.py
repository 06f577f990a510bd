"""An engine on a test clock, without Xero: what is known of Re-Leased, from end to end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from engine.model_xero import Clock, ModelXero, contact, tell_time

from tui.engine.engine import Engine
from tui.engine.engine_factory import nightly_window
from tui.model.change import Action, Transition
from tui.model.contact import Organisation
from tui.re_leased.feed import EvidenceReport
from tui.settings import OrganisationSettings, Settings
from tui.store import TransitionRequest
from tui.xero.rate_limiter import RateLimiter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime, timedelta

    from tui.model.change import Change
    from tui.model.snapshot import ChangeView, Snapshot
    from tui.re_leased.feed import EvidenceSource
    from tui.store import Store

PATIENCE = 30
_GLANCE = 0.002
#: The reply of a feed with nothing new, and nothing about the syncs themselves.
EMPTY_REPORT = EvidenceReport(
    pick_ups=(),
    cursor=None,
    state="",
    next_sync_at=None,
    cycle_seconds=None,
    last_sync_started_at=None,
    last_sync_finished_at=None,
    last_sync_clean=False,
    is_syncing=False,
    has_more=False,
)


class House:
    """What the engine publishes, and a clock that the test moves."""

    def __init__(self, engine: Engine, store: Store, clock: Clock) -> None:
        self.engine, self.store, self.clock = engine, store, clock

    async def confirmed(self, contact_id: str, at: datetime) -> Change:
        """Archive a contact; Xero confirms it at this moment."""
        await self.store.save_contacts([contact(contact_id)], at)
        [change] = await self.store.changes.add(Action.ARCHIVE, self.store.contacts([contact_id]), at)
        await self.store.record_transitions(
            [TransitionRequest(change.change_id, Transition.CONFIRM, confirmed_at=at)], at
        )
        self.engine._publisher.rows_changed()
        return change

    async def at(self, moment: datetime, *, is_new: Callable[[Snapshot], object] = bool) -> Snapshot:
        """Set the time; the engine notices it as after a laptop's sleep.

        Returns what it publishes once it has looked at the clock: also where nothing was to come of that.
        """
        self.clock.at = moment
        feed, publisher = self.engine._scheduler._feed_task, self.engine._publisher
        last_look = feed._last_run_ended
        # The engine sleeps in real time; the test only wakes it.
        feed.wake()
        async with asyncio.timeout(PATIENCE):
            while (  # noqa: ASYNC110 - a look that came to nothing tells nobody
                feed._last_run_ended is last_look or publisher._timer or not is_new(self.engine.snapshot)
            ):
                await asyncio.sleep(_GLANCE)
        return self.engine.snapshot

    def told_time(self, ahead: timedelta) -> None:
        """Let Xero reply while this computer's clock is this far ahead of Xero's."""
        tell_time(self.engine._clock, self.clock() - ahead)

    @property
    def view(self) -> ChangeView:
        """The only change, as shown in the pane."""
        pane = self.engine.snapshot.summary
        assert pane is not None
        [view] = [*pane.pending, *pane.synced]
        return view


class SilentPublisher:
    """A publisher without listeners; counts the reported changes of rows."""

    def __init__(self) -> None:
        self.versions = 0

    def rows_changed(self, *, order: bool = False) -> None:
        assert not order
        self.versions += 1

    def schedule(self) -> None:
        pass


class Bridge:
    """A bridge to Re-Leased whose replies the test sets."""

    def __init__(self, answer: EvidenceReport | Exception) -> None:
        self.answer = answer

    async def fetch(self, _cursor: str | None) -> EvidenceReport:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def aclose(self) -> None:
        pass


@asynccontextmanager
async def released_house(
    store: Store,
    now: datetime,
    *,
    own: OrganisationSettings | None = None,
    timezone: str = "",
    evidence_source: EvidenceSource | None = None,
) -> AsyncIterator[House]:
    """Run an engine in which only the Re-Leased monitor has work."""

    async def nothing() -> None:
        pass

    clock = Clock(now)
    xero = ModelXero(clock=clock)
    xero.rate_limiter = RateLimiter()  # type: ignore[attr-defined]
    connectors = SimpleNamespace(
        has_feed=evidence_source is not None, has_contact_source=False, is_sandbox=False,
        evidence_source=evidence_source, xero=xero,
        open=nothing, close=nothing, reload_sign_in=lambda: None,
    )  # fmt: skip
    organisation = Organisation("t1", "Books", "!abc", timezone=timezone)
    settings = Settings(organisations={"t1": own} if own is not None else {})
    engine = Engine(
        organisation,
        store,
        cast("Any", connectors),
        lock=cast("Any", SimpleNamespace(acquire=lambda: True, release=lambda: None)),
        window=nightly_window(settings, organisation),
        poll_seconds=3600,
        is_read_only=True,
        now=clock,
    )
    running = asyncio.create_task(engine.run())
    try:
        yield House(engine, store, clock)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await engine.stop()
