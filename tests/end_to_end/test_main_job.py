"""The main job, from a key press to Re-Leased, on real parts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.house import open_house, status_in_xero
from support.practice import NO_DAILY_LIMIT, running_sandbox

from tui.model.change import Action, Origin, State
from tui.model.contact import ContactStatus
from tui.model.query import Tab
from tui.widgets.contact_table import ContactTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.house import House
    from support.practice import PracticeXero


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(
        tmp_path / "sandbox", "--contacts", "400", "--cycle", "3600", *NO_DAILY_LIMIT
    ) as running:
        yield running


async def released_syncs(house: House, practice: PracticeXero) -> None:
    """Run a sync of the practice Re-Leased, and wait until its feed has been read."""
    practice.sync_released()
    await house.pilot.press("f5")


async def test_one_contact_is_archived(practice: PracticeXero, tmp_path: Path) -> None:
    contact_id = practice.create("Quokka Joinery")
    async with open_house(practice, tmp_path / "home") as house:
        await house.archive("Quokka Joinery")
        assert status_in_xero(practice, contact_id) == "ARCHIVED"
        assert house.pane.pending_total == 1
        # The counts follow, while the row stays where the user looks at it.
        await house.until_shown("All 1   Active 0   Archived 1")

        await released_syncs(house, practice)
        await house.until_shown("✓ Synced")
        assert house.pane.pending_total == 0


async def test_many_contacts_are_archived_at_once(practice: PracticeXero, tmp_path: Path) -> None:
    async with open_house(practice, tmp_path / "home") as house:
        await house.pilot.press("2")
        rows = [row.contact_id for row in await house.find("", Tab.ACTIVE)][:120]
        table = house.app.screen.query_one(ContactTable)
        await house.until(lambda: table.cursor_id == rows[0], "the first active contact under the cursor")
        table.focus()
        for _ in range(119):
            await house.pilot.press("shift+down")
        assert len(table.selected) == 120

        await house.pilot.press("a")
        await house.until_shown("Type 120")
        await house.pilot.press(*"120", "enter")
        await house.until(lambda: house.pane.pending_total + house.pane.refused_total == 120, "120 changes")

        posts = [
            call for call in practice.requests() if call["method"] == "POST" and "Contacts" in call["path"]
        ]
        assert len(posts) == 3
        assert len({call["idempotencyKey"] for call in posts}) == 3
        for row in await house.find("", Tab.ALL):
            if row.last_change is not None:
                is_archived = row.status is ContactStatus.ARCHIVED
                assert is_archived == (row.last_change.change.state is State.CONFIRMED)


async def test_one_of_three_is_refused(practice: PracticeXero, tmp_path: Path) -> None:
    for name in ("Numbat One", "Numbat Two", "Numbat Three"):
        contact_id = practice.create(name)
        if name == "Numbat Two":
            practice.somebody("repeating", contact_id)
    async with open_house(practice, tmp_path / "home") as house:
        await house.search("numbat")
        await house.until_shown("3 of ")
        await house.pilot.press("*", "a")
        await house.until_shown("y Archive 3")
        await house.pilot.press("y")
        await house.until(lambda: house.pane.refused_total == 1, "the refusal")
        await house.until(lambda: house.pane.pending_total == 2, "the two others")
        [refused] = house.pane.refused
        assert refused.change.name == "Numbat Two"
        assert "repeating invoices" in refused.change.message
        await house.until_shown("✗ Refused by Xero")
        statuses = {row.name: row.status for row in await house.find("numbat")}
        assert statuses["Numbat Two"] is ContactStatus.ACTIVE


async def test_restore_is_tried_once_and_then_waits_for_the_user(
    practice: PracticeXero, tmp_path: Path
) -> None:
    ids = [practice.create(f"Bilby {number}", ContactStatus="ARCHIVED") for number in ("One", "Two")]
    async with open_house(practice, tmp_path / "home") as house:
        await house.pilot.press("3")
        for name in ("one", "two"):
            await house.search(f"bilby {name}")
            await house.until_shown("1 of ")
            await house.pilot.press("r")
            await house.until_shown("y Restore")
            await house.pilot.press("y")
            await house.until(lambda: house.pane.manual_restore_total == 1, "the hand-off")
            await house.until_shown("Restore in Xero")
            await house.pilot.press("p")
            await house.until(lambda: house.pane.manual_restore_total == 0, "the restore being seen")
            await house.pilot.press("escape", "escape")
        assert [status_in_xero(practice, contact_id) for contact_id in ids] == ["ACTIVE", "ACTIVE"]
        tries = [
            call
            for call in practice.requests()
            if call["method"] == "POST" and call["path"].endswith("/Contacts")
        ]
        assert len(tries) == 1


async def test_restore_in_xero_is_refused_while_the_name_is_taken(
    practice: PracticeXero, tmp_path: Path
) -> None:
    archived = practice.create("Quoll Electrical", ContactStatus="ARCHIVED")
    practice.create("Quoll Electrical")
    async with open_house(practice, tmp_path / "home") as house:
        await house.pilot.press("3")
        await house.search("quoll")
        await house.until_shown("1 of ")
        await house.pilot.press("r")
        await house.until_shown("is named “Quoll Electrical”")
        await house.pilot.press("y")
        await house.until(lambda: house.pane.manual_restore_total == 1, "the hand-off")
        await house.until_shown("Quoll Electrical")
        await house.pilot.press("p")
        await house.until_shown("already")
        assert status_in_xero(practice, archived) == "ARCHIVED"
        assert house.pane.manual_restore_total == 1


async def test_archive_made_in_xero_appears_as_pending(practice: PracticeXero, tmp_path: Path) -> None:
    contact_id = practice.create("Potoroo Plumbing")
    async with open_house(practice, tmp_path / "home") as house:
        await house.search("potoroo")
        await house.until_shown("1 of ")
        practice.somebody("archive", contact_id)
        await house.pilot.press("f5")
        await house.until_shown("◷ Pending sync")
        await house.until(lambda: house.pane.pending_total == 1, "the change being counted")
        [view] = house.pane.pending
        assert (view.change.origin, view.change.action) == (Origin.XERO, Action.ARCHIVE)


async def test_changes_wait_while_xero_is_away(practice: PracticeXero, tmp_path: Path) -> None:
    contact_id = practice.create("Dunnart Roofing")
    async with open_house(practice, tmp_path / "home") as house:
        await house.search("dunnart")
        await house.until_shown("1 of ")
        practice.stop()
        await house.pilot.press("a")
        await house.until_shown("Dunnart Roofing")
        await house.until_shown("Cancel")
        await house.pilot.press("y")
        await house.until(lambda: house.pane.in_progress_total == 1, "the change being queued")
        await house.until(
            lambda: house.engine.snapshot.xero.status == "offline", "noticing that Xero is away"
        )

        practice.restart_same_port()
        await house.pilot.press("f5")
        await house.until(lambda: house.pane.pending_total == 1, "the change being confirmed")
        assert status_in_xero(practice, contact_id) == "ARCHIVED"


async def test_queued_changes_survive_the_end_of_the_program(
    practice: PracticeXero, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first attempt to send, which failed at once, may have been recorded as begun.
    monkeypatch.setattr("tui.engine.outbox.MAX_CALL_DURATION", timedelta(seconds=3))
    contact_id = practice.create("Wambenger Glazing")
    async with open_house(practice, tmp_path / "home") as house:
        practice.stop()
        await house.engine.changes.request(Action.ARCHIVE, [contact_id])
    practice.restart_same_port()
    async with open_house(practice, tmp_path / "home") as house:
        await house.until(lambda: house.pane.pending_total == 1, "the change being confirmed")
    assert status_in_xero(practice, contact_id) == "ARCHIVED"
