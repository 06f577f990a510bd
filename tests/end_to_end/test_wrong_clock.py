"""A computer whose clock is wrong: reports and expectations follow Xero's clock, on real parts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.house import House, open_house
from support.practice import running_sandbox

from tui.engine.clock import utc_now
from tui.model.evidence import SyncStatus
from tui.screens.base_screen import EngineScreen
from tui.store.sync_state import CLOCK_AHEAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from support.practice import PracticeXero

NEAR = timedelta(seconds=5)


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path / "sandbox", "--contacts", "60", "--cycle", "3600") as running:
        yield running


def grades(house: House) -> dict[str, SyncStatus]:
    views = [*house.pane.pending, *house.pane.synced]
    return {view.change.contact_id: view.sync.status for view in views if view.sync is not None}


def shown_time(house: House) -> datetime:
    screen = house.app.screen
    assert isinstance(screen, EngineScreen)
    return screen.now()


async def archived(house: House, practice: PracticeXero, contact_id: str, count: int) -> None:
    practice.somebody("archive", contact_id)
    await house.pilot.press("f5")
    await house.until(lambda: house.pane.unconfirmed_total == count, "seeing the archive")


@pytest.mark.parametrize("minutes", [10, -10])
async def test_sync_recorded_on_a_computer_with_a_wrong_clock_covers_only_earlier_changes(
    practice: PracticeXero, tmp_path: Path, minutes: int
) -> None:
    ahead = timedelta(minutes=minutes)
    # The sandbox keeps Xero's time, and this computer another.
    practice.set_clock(ahead_seconds=-ahead.total_seconds())
    before, after = practice.create("Numbat Before"), practice.create("Numbat After")
    async with open_house(practice, tmp_path / "home", has_feed=False) as house:
        store = house.engine._store
        await house.until(
            lambda: abs(house.engine.snapshot.clock_ahead - ahead) < NEAR, "several answers telling the time"
        )
        await house.until(lambda: abs(shown_time(house) - (utc_now() - ahead)) < NEAR, "showing Xero's time")
        await house.until(lambda: store.sync_state(CLOCK_AHEAD), "keeping it for the next start")
        await archived(house, practice, before, 1)
        [change] = house.engine._store.changes.of_contact(before)
        # Replies are dated to the second, and the time is never taken as later than it is.
        await house.until(
            lambda: shown_time(house) > (change.confirmed_at or shown_time(house)), "a second or two"
        )
        await house.pilot.press("m", "enter")
        await house.until_shown("sync started")
        await archived(house, practice, after, 2)
        await house.engine.evidence.report_sync_ended(is_clean=True)
        told = {before: SyncStatus.REPORTED, after: SyncStatus.PENDING}
        await house.until(lambda: grades(house) == told, "telling them apart")
        await house.pilot.press("t")
        where = "ahead of" if minutes > 0 else "behind"
        await house.until_shown(f"This computer's clock is 10 minutes {where} Xero's. Correct it.")
        await house.pilot.press("escape")

        # Once corrected, it is trusted again with the next replies.
        practice.set_clock(ahead_seconds=0)
        await house.pilot.press("f5")
        await house.until(lambda: not house.engine.snapshot.clock_ahead, "believing the clock")
        await house.until(lambda: store.sync_state(CLOCK_AHEAD) == "0.0", "forgetting it")
        await house.until(lambda: abs(shown_time(house) - utc_now()) < NEAR, "showing the time")
