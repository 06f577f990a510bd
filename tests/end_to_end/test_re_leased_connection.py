"""Re-Leased's own contacts on the screens, on real parts: pane, test of the connection, comparison."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.house import open_house
from support.practice import running_sandbox

from tui.engine.clock import utc_now
from tui.screens.compare.compare import CompareScreen
from tui.settings.schema import UNIFIED_KEY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.house import House
    from support.practice import PracticeXero

    from tui.model.re_leased import ContactReading


@pytest.fixture
def practice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path / "sandbox", "--contacts", "250", "--cycle", "3600") as running:
        monkeypatch.setenv(UNIFIED_KEY_VARIABLE, running.line["unified"]["api_key"])
        yield running


def reading(house: House) -> ContactReading:
    contacts = house.engine.snapshot.re_leased.contacts
    assert contacts is not None
    return contacts


async def until_read(house: House) -> None:
    await house.until_shown("Re-Leased last")


async def test_an_archive_is_synced_once_re_leased_shows_it(practice: PracticeXero, tmp_path: Path) -> None:
    practice.create("Numbat Lettings")
    practice.sync_released()
    async with open_house(practice, tmp_path / "home", is_connected=True) as house:
        await until_read(house)
        await house.archive("Numbat Lettings")
        before = reading(house).last_began_at
        await house.until(lambda: reading(house).last_began_at not in {None, before}, "reading")
        assert house.pane.pending_total == 1
        practice.sync_released()
        await house.until_shown("✓ Synced")
        assert house.pane.pending_total == 0


async def test_a_key_that_is_refused_later_leaves_changes_as_they_are(
    practice: PracticeXero, tmp_path: Path
) -> None:
    practice.create("Numbat Lettings")
    practice.sync_released()
    async with open_house(practice, tmp_path / "home", is_connected=True) as house:
        await until_read(house)
        practice.fault("unified-401", path="/accounting/", times=1000)
        await house.archive("Numbat Lettings")
        practice.sync_released()
        await house.pilot.press("f5")
        await house.until(lambda: reading(house).problem, "seeing the refusal")
        await house.until_shown("Unified.to")
        assert "✓ Synced" not in house.shown()
        assert house.pane.pending_total == 1


async def test_a_contact_without_a_status_is_expected_but_never_synced(
    practice: PracticeXero, tmp_path: Path
) -> None:
    contact_id = practice.create("Numbat Lettings")
    last_sync = practice.feed()["company"]["lastSync"]
    practice.sync_released()
    ahead = timedelta(0)
    async with open_house(
        practice, tmp_path / "home", is_connected=True, now=lambda: utc_now() + ahead
    ) as house:
        await until_read(house)
        await house.until(lambda: practice.feed()["company"]["lastSync"] != last_sync, "the sync")
        # Otherwise the next sync would set the status again.
        practice.unlink(contact_id)
        practice.set_returned(contact_id, status_in="")
        await house.archive("Numbat Lettings")
        reason = "Re-Leased doesn't return this contact's status"
        await house.until_shown(reason)
        ahead = timedelta(days=2)
        practice.set_clock(ahead_seconds=ahead.total_seconds())
        before = reading(house).last_began_at
        await house.pilot.press("f5")
        await house.until_shown("Should be synced")
        await house.until(lambda: reading(house).last_began_at != before, "reading again")
        assert reason in house.shown()
        assert "✓ Synced" not in house.shown()


async def test_the_connection_is_tested_and_compared(practice: PracticeXero, tmp_path: Path) -> None:
    async with open_house(practice, tmp_path / "home", is_connected=True) as house:
        await until_read(house)
        await house.pilot.press("t", "T")
        await house.until_shown("matched with a contact in Xero")
        await house.until_shown("Values are hidden")
        assert "raw.isArchived" in house.shown()
        await house.pilot.press("V")
        await house.until(lambda: "Values are hidden" not in house.shown(), "showing the values")
        await house.pilot.press("escape", "escape", "f")
        await house.until_shown("Compare what with Xero?")
        await house.pilot.press("enter")
        await house.until(lambda: isinstance(house.app.screen, CompareScreen), "comparing")
        await house.until_shown("Different 0")
        await house.until_shown("came without a status")
        assert "of the file" not in house.shown()
