"""The whole engine with random faults: no task ends, and every change completes afterwards."""

from __future__ import annotations

import asyncio
import functools
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pytest
from support.house import PATIENCE_SECONDS, settings_for
from support.practice import running_sandbox
from support.xero_books import XeroBooks, differences

from tui.engine.account import XeroAccount
from tui.model.change import Action
from tui.model.errors import ReshelveError
from tui.model.snapshot import ConnectionStatus
from tui.store import Store
from tui.system.paths import Paths
from tui.xero import rate_limiter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from support.practice import PracticeXero

    from tui.model.services import RunnableBackend
    from tui.model.snapshot import Snapshot

CALLS: Final = 300
PLENTY: Final = 1_000_000
# Shares of all calls. Waits that the user can't end are kept short.
WEATHER: Final[tuple[tuple[float, dict[str, Any]], ...]] = (
    (0.02, {"kind": "429-minute", "retryAfter": 1}),
    (0.02, {"kind": "429-concurrent", "retryAfter": 1}),
    (0.03, {"kind": "offline", "carriedOut": True}),
    (0.03, {"kind": "malformed", "carriedOut": True}),
    (0.03, {"kind": "html"}),
    (0.03, {"kind": "cut"}),
    (0.03, {"kind": "cut-gzip"}),
    (0.04, {"kind": "drop-before"}),
    (0.04, {"kind": "drop-after"}),
    (0.10, {"kind": "drop-after", "path": "/connect/token"}),
    (0.10, {"kind": "500", "path": "/released/"}),
)


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    options = ("--contacts", "400", "--cycle", "2", "--sync-seconds", "0.1")
    with running_sandbox(tmp_path / "sandbox", *options, "--day-limit", str(PLENTY)) as running:
        running.limits(minute=PLENTY, appMinute=PLENTY)
        yield running


@pytest.fixture
async def engine(
    practice: PracticeXero, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunnableBackend]:
    monkeypatch.setattr(
        rate_limiter, "MinuteWindow", functools.partial(rate_limiter.MinuteWindow, calls=PLENTY)
    )
    settings = settings_for(practice, poll_seconds=0.1)
    account = XeroAccount(settings, Paths.under(tmp_path / "home"))
    organisations = await account.import_refresh_token(practice.refresh_token, practice.client_id)
    service = account.open(organisations[0])
    running = asyncio.create_task(service.run())
    yield service
    # A task that ended because of a fault would have ended this.
    assert not running.done()
    await service.stop()
    await asyncio.gather(running, return_exceptions=True)


async def until(condition: Callable[[], object], person: Callable[[], Any], what: str) -> None:
    """Wait for a condition while the user works."""
    try:
        async with asyncio.timeout(2 * PATIENCE_SECONDS):
            while not await asyncio.to_thread(condition):
                await person()
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{what} didn't happen") from None


class Person:
    """Works on despite the faults, and presses F5 instead of waiting."""

    def __init__(self, engine: RunnableBackend, practice: PracticeXero) -> None:
        self._engine = engine
        self._books = XeroBooks(practice, practice.tenant_id)
        self._chance = random.Random(20_260_303)  # noqa: S311 - repeatable on purpose
        self.said: set[ConnectionStatus] = set()
        engine.subscribe(self._note)

    async def work(self) -> None:
        self._engine.record_user_activity()
        books = self._books.read()
        chosen = self._chance.sample([*books], 2)
        action = self._chance.choice((Action.ARCHIVE, Action.ARCHIVE, Action.RESTORE))
        await self._engine.changes.request(
            action, [one for one in chosen if books[one].status != action.target_status]
        )
        # Reported to the user. Any other error is a bug.
        with suppress(ReshelveError):
            await self._engine.contacts.history(chosen[0])
            await self._engine.contacts.refresh_one(chosen[1])
        await self.refresh()

    async def refresh(self) -> None:
        await self._engine.contacts.refresh()

    def _note(self, snapshot: Snapshot) -> None:
        self.said.add(snapshot.xero.status)


@pytest.mark.timeout(200)
async def test_every_change_completes_after_the_faults_end(
    engine: RunnableBackend, practice: PracticeXero, tmp_path: Path
) -> None:
    def pane_is_quiet() -> bool:
        pane = engine.snapshot.summary
        return (
            engine.snapshot.xero.status is ConnectionStatus.ONLINE
            and pane is not None
            and not pane.in_progress_total
        )

    person = Person(engine, practice)
    await until(lambda: engine.snapshot.last_refresh_at, person.refresh, "the first reading")
    for seed, (chance, wish) in enumerate(WEATHER):
        practice.fault(**wish, probability=chance, seed=seed)
    await until(lambda: practice.budget()["calls"] >= CALLS, person.work, "so many calls")
    practice.clear_faults()
    await until(pane_is_quiet, person.refresh, "quiet")
    pulled_at = engine.snapshot.last_refresh_at
    await until(
        lambda: engine.snapshot.last_refresh_at != pulled_at, person.refresh, "one more look for news"
    )

    assert {ConnectionStatus.ONLINE, ConnectionStatus.LIMITED, ConnectionStatus.UNAVAILABLE} <= person.said
    spent = practice.budget()
    assert spent["refused"] == {}
    assert spent["mostAtOnce"] <= 5
    store = Store.open(Paths.under(tmp_path / "home").organisation(practice.tenant_id))
    try:
        found = differences(store, XeroBooks(practice, practice.tenant_id).read())
    finally:
        store.close()
    assert not found, "\n".join(found)
