"""The pane in each state, and each sync status wherever it is shown: in words, with a sign and an age."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.notices import notice
from support.pictures import text_of
from support.sample_contacts import NOW
from support.screen_test import Driver, running
from textual.widgets import Static

from tui.model.change import Action, State
from tui.model.evidence import CompanyState, SyncStatus
from tui.model.snapshot import ReLeasedStatus
from tui.screens.changes.changes import ChangesScreen
from tui.screens.contact import ContactScreen
from tui.widgets.tab_bar import ChangeGroupBar
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from textual.widget import Widget

pytestmark = pytest.mark.slow

FEED = ReLeasedStatus(
    has_feed=True,
    state="Successfully synced",
    next_sync_at=NOW + timedelta(seconds=32),
    cycle_started_at=NOW - timedelta(seconds=32),
)
NIGHTLY = ReLeasedStatus(
    next_sync_at=NOW + timedelta(hours=17),
    cycle_started_at=NOW - timedelta(hours=7),
    window_start_at=NOW + timedelta(hours=11),
)
# Sign, words and age, which don't depend on colours.
LOOKS = {
    SyncStatus.PENDING: "◷ Pending sync 12:40",
    SyncStatus.MISSED: "! Missed last sync 12:40",
    SyncStatus.EXPECTED: "~ Should be synced 5 Mar",
    SyncStatus.REPORTED: "◑ Reported synced 12:40",
    SyncStatus.CHECKED: "◕ Checked by you 12:40",
    SyncStatus.SYNCED: "✓ Synced 12:40",
    SyncStatus.STALLED: "‖ Sync not running 12:41",
    SyncStatus.NOT_LINKED: "⊘ Not linked 12:40",
    SyncStatus.SUPERSEDED: "· No sync needed 12:40",
    SyncStatus.FOREIGN_CURRENCY: "¤ Foreign currency 12:40",
}


# Statuses that can occur together, in the order in which they arise.
TOGETHER = (
    SyncStatus.MISSED, SyncStatus.REPORTED, SyncStatus.CHECKED, SyncStatus.SYNCED, SyncStatus.NOT_LINKED,
    SyncStatus.SUPERSEDED, SyncStatus.PENDING,
)  # fmt: skip


def painted(person: Driver, widget: Widget) -> str:
    """What a widget paints, as text."""
    person.paint()
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


def lines(person: Driver) -> list[str]:
    return [line.strip() for line in person.pane.splitlines()]


def said(person: Driver) -> str:
    return " ".join(person.pane.split())


def test_every_sync_status_looks_different() -> None:
    assert set(LOOKS) == set(SyncStatus)
    assert len({look[0] for look in LOOKS.values()}) == len(SyncStatus)


@pytest.mark.parametrize("grade", SyncStatus)
async def test_every_sync_status_is_shown_with_its_sign_and_age(
    grade: SyncStatus,
) -> None:
    is_expected = grade is SyncStatus.EXPECTED
    backend = IdleEngine.with_contacts(has_feed=not is_expected)
    at = NOW - timedelta(days=1) if is_expected else None
    change = backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, grade, at=at)
    backend.publish_changes()
    sign, _, words = LOOKS[grade].partition(" ")
    if grade is SyncStatus.SUPERSEDED:
        # It has no start time, and nothing to wait for.
        words = "No sync needed"
    async with running(backend) as person:
        # A narrow column omits the time; the pane has it.
        status = re.sub(r" (\d\d:\d\d|\d+ \w{3})$", "", words)
        [line] = [line for line in lines(person) if change.name[:8] in line]
        if grade is SyncStatus.SUPERSEDED:
            # The change that reversed it is shown instead.
            assert line.startswith("◷")
        else:
            assert f"{sign} {status}" in painted(person, person.main.table)
            assert line.startswith(sign)
            assert line.endswith(words)

        await person.press("enter")
        assert person.sees(ContactScreen)
        page = "\n".join(str(part.content) for part in person.screen.query(Static))
        assert f"{sign} Archived in Reshelve" in page
        assert words in page

        await person.press("escape", "l")
        assert person.sees(ChangesScreen)
        assert f"{sign} {status}" in painted(person, person.screen.query_one(VirtualList))
        if grade is SyncStatus.SUPERSEDED:
            await person.press("down")
        assert f"{sign} {words}" in str(person.screen.query_one("#details", Static).content)


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (60, 20)])
async def test_every_company_state_is_shown(backend: IdleEngine, size: tuple[int, int]) -> None:
    async with running(backend, size=size) as person:
        for state in CompanyState:
            reported_at = NOW - timedelta(hours=2)
            await person.hears(re_leased=replace(NIGHTLY, state=state.value, state_reported_at=reported_at))
            person.main.key_bar.end_flash()
            works = state in {CompanyState.SYNCED, CompanyState.IN_PROGRESS}
            if works:
                # A working company promises nothing more: the countdown continues.
                assert "nightly sync" in said(person)
                assert state.value not in said(person)
            else:
                assert "nightly sync" not in said(person)
                named = {"Sync has errors": "errors", "Incomplete onboarding": "onboarding"}.get(state.value)
                names = (named or state.value.split()[-1].lower(), f"Re-Leased: {state.value[:1].lower()}")
                assert any(name in said(person) for name in names)
                assert "‖" in person.title
                if size[0] == 120:
                    assert "Recorded 10:41." in said(person)


NEXT_SYNC: list[tuple[ReLeasedStatus, str]] = [
    (FEED, "Next practice sync in 0:32"),
    (replace(FEED, next_sync_at=NOW), "The next practice sync is due now"),
    (
        replace(FEED, next_sync_at=NOW - timedelta(hours=2)),
        "A practice sync was due at 10:41; the feed shows none since.",
    ),
    (replace(FEED, next_sync_at=None), "Re-Leased's feed doesn't say when the next sync is."),
    (replace(FEED, is_syncing=True), "Re-Leased is syncing"),
    (
        replace(FEED, problem=notice("It doesn't answer.")),
        "Re-Leased's feed can't be read: It doesn't answer. Reshelve will retry.",
    ),
    (NIGHTLY, "Re-Leased's nightly sync should finish by 05:41, in 17 h 00 min"),
    (
        replace(NIGHTLY, window_start_at=NOW - timedelta(hours=1)),
        "should finish by 05:41, in 17 h 00 min. Changes made since 11:41 wait for tomorrow night's sync",
    ),
    (ReLeasedStatus(), "Re-Leased syncs every night."),
    (
        replace(NIGHTLY, reported_sync_since=NOW - timedelta(minutes=20)),
        "You recorded a Re-Leased sync started at 12:21. Press m when it has finished.",
    ),
    (
        replace(NIGHTLY, reported_sync_since=NOW - timedelta(days=1)),
        "Record how the sync of 4 Mar 12:41 ended: press m.",
    ),
    (
        replace(
            NIGHTLY,
            state="Not connected",
            state_reported_at=NOW,
            reported_sync_since=NOW - timedelta(minutes=20),
        ),
        "Re-Leased isn't connected to Xero",
    ),
    (
        replace(
            NIGHTLY,
            state="Sync has errors",
            state_reported_at=NOW - timedelta(hours=3),
            reported_sync_since=NOW - timedelta(minutes=20),
        ),
        "You recorded a Re-Leased sync started at 12:21",
    ),
]


async def test_next_sync_is_shown_in_every_state(backend: IdleEngine) -> None:
    async with running(backend) as person:
        for released, words in NEXT_SYNC:
            await person.hears(re_leased=released)
            assert words in said(person)
            assert "synced" not in said(person)


async def test_countdown_and_pane_update_without_key_presses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = IdleEngine.with_contacts(has_feed=False)
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED)
    backend.publish_changes(re_leased=NIGHTLY)
    async with running(backend) as person:
        assert "in 17 h 00 min" in said(person)
        monkeypatch.setattr("tui.widgets.clock.now", lambda: NOW + timedelta(hours=2))
        person.main.tick()
        await person.settle()
        assert "in 15 h 00 min" in said(person)
        monkeypatch.setattr("tui.widgets.clock.now", lambda: NOW + timedelta(days=1))
        await person.hears_changes()
        assert "~ Should be synced" in painted(person, person.main.table)
        assert "Nothing pending" in said(person)


async def test_rows_show_the_day_after_midnight(backend: IdleEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, SyncStatus.SYNCED)
    backend.publish_changes()
    async with running(backend) as person:
        assert "✓ Synced 12:40" in painted(person, person.main.table)
        refreshed: list[object] = []
        monkeypatch.setattr(person.main.table, "refresh", lambda *regions, **_: refreshed.append(regions))
        person.main.tick()
        assert not refreshed
        monkeypatch.setattr("tui.widgets.clock.now", lambda: NOW + timedelta(hours=12))
        person.main.tick()
        assert refreshed == [()]
        monkeypatch.undo()


async def test_hints_of_the_pane_use_the_current_keys(backend: IdleEngine) -> None:
    backend.publish(re_leased=replace(NIGHTLY, reported_sync_since=NOW))
    async with running(backend) as person:
        person.app.set_keymap(
            {"manual_sync": "f7", "archive": "f8", "restore": "f9", "manual_restores": "f2"}
        )
        # As when the dialog that changes keys is closed.
        person.main.on_screen_resume()
        await person.settle()
        assert "Press F7 when it has finished." in said(person)
        assert "Archive with F8, restore with F9." in said(person)
        backend.put_change(5, Action.RESTORE, State.AWAITING_USER)
        await person.hears_changes()
        assert "click Restore in Xero (F2)" in said(person)


async def test_list_of_pending_changes_matches_its_count(backend: IdleEngine) -> None:
    for number, grade in enumerate(TOGETHER):
        backend.put_change(number, Action.ARCHIVE, State.CONFIRMED, grade)
    backend.publish_changes()
    pane = backend.snapshot.summary
    assert pane is not None
    # The change that reversed another waits too.
    assert (pane.pending_total, pane.unconfirmed_total) == (3, 4)
    async with running(backend) as person:
        await person.press("l")
        assert "Pending sync 4" in person.screen.query_one(ChangeGroupBar).text


# --- what the status under the cursor means ---


def legend(person: Driver) -> str:
    return str(person.main.status_legend.render())


async def test_the_status_under_the_cursor_is_explained(backend: IdleEngine) -> None:
    backend.put_change(1, Action.ARCHIVE, State.QUEUED)
    backend.put_change(2, Action.ARCHIVE, State.REFUSED, words="It is on a [repeating] invoice.")
    async with running(backend) as person:
        assert legend(person) == ""
        await person.press("down")
        assert legend(person).startswith("Queued: ")
        await person.press("down")
        assert legend(person).endswith(": It is on a [repeating] invoice.")
        await person.press("home")
        assert legend(person) == ""


async def test_the_explanation_follows_the_change(backend: IdleEngine) -> None:
    change = backend.put_change(0, Action.ARCHIVE, State.QUEUED)
    async with running(backend) as person:
        assert legend(person).startswith("Queued")
        backend.move(change, State.CONFIRMED)
        await person.hears_changes()
        assert legend(person).startswith("Pending sync: ")


async def test_on_80_columns_the_explanation_is_on_top_of_the_pane(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.QUEUED)
    async with running(backend, (80, 24)) as person:
        assert "─ Queued: not in Xero yet. ─" in text_of(person.screen)
        await person.press("down")
        assert "Queued: not" not in text_of(person.screen)
