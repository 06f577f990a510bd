from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.idle_engine import IdleEngine
from support.sample_contacts import NOW, contact_id
from support.screen_test import Driver, running
from textual.widgets import Input, OptionList

from tui import messages
from tui.model.change import Action, State
from tui.model.errors import ReshelveError
from tui.model.evidence import ReportKind
from tui.model.reasons import EvidenceReason
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.ask import AskScreen, ChooseScreen
from tui.screens.re_leased.sync_start import SyncStartScreen, parse_time_today
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

SINCE = NOW - timedelta(minutes=20)


@pytest.fixture
def running_sync() -> IdleEngine:
    backend = IdleEngine.with_contacts(has_feed=False)
    backend.report(ReportKind.SYNC_STARTED, SINCE)
    return backend


@pytest.fixture
def in_auckland(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def told(backend: IdleEngine) -> list[tuple[object, ...]]:
    return [call for call in backend.calls if call[0].startswith("report_")]


def said(person: Driver) -> str:
    return "\n".join(one.text for one in person.screen.query(SafeLabel))


async def choose(person: Driver, answer: str) -> None:
    answers = person.screen.query_one(OptionList)
    answers.highlighted = answers.get_option_index(answer)
    await person.press("enter")


async def test_sync_started_just_now_is_recorded() -> None:
    backend = IdleEngine.with_contacts(has_feed=False)
    async with running(backend) as person:
        await person.press("m")
        assert person.sees(SyncStartScreen)
        assert person.screen.query_one(Input).placeholder == "now, 12:41"
        assert "connected to Demo Company (NZ)" in said(person)
        assert "changes that Xero confirmed before it started" in said(person)
        await person.press("enter")
        assert told(backend) == [("report_sync_started", NOW)]
        assert person.bottom_line.startswith("Recorded: sync started at 12:41.")
        assert "Press m when it has finished" in " ".join(person.pane.split())


async def test_now_means_when_the_dialog_was_opened(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(backend) as person:
        await person.press("m")
        # A change that Xero confirms while the dialog is open isn't in a sync started before.
        monkeypatch.setattr("tui.widgets.clock.now", lambda: NOW + timedelta(minutes=9))
        await person.press("enter")
    assert told(backend) == [("report_sync_started", NOW)]


async def test_now_follows_a_clock_that_turns_out_to_be_ahead(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(backend) as person:
        await person.press("m")
        monkeypatch.setattr("tui.widgets.clock.now", lambda: NOW - timedelta(minutes=9))
        await person.press("enter")
    assert told(backend) == [("report_sync_started", NOW - timedelta(minutes=9))]


@pytest.mark.parametrize(
    ("ahead", "typed", "minutes"),
    [
        # This computer's clock shows 12:51, and the user may have looked at it or at another.
        (10, "12:50", -10),
        (10, "12:41", -10),
        (-10, "12:30", 0),
    ],
)
async def test_typed_time_on_a_wrong_clock_counts_as_the_earlier_one(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch, ahead: int, typed: str, minutes: int
) -> None:
    monkeypatch.setattr("tui.widgets.clock.now", lambda: NOW + timedelta(minutes=ahead))
    backend.publish(clock_ahead=timedelta(minutes=ahead))
    async with running(backend) as person:
        await person.press("m", *typed, "enter")
    hour, minute = map(int, typed.split(":"))
    at = NOW.replace(hour=hour, minute=minute, second=0) + timedelta(minutes=minutes)
    assert told(backend) == [("report_sync_started", at)]


@pytest.mark.parametrize("typed", ["09:05", "9:05", "9.05"])
async def test_sync_started_earlier_today_is_recorded(backend: IdleEngine, typed: str) -> None:
    async with running(backend) as person:
        await person.press("m", *typed, "enter")
        assert told(backend) == [("report_sync_started", NOW.replace(hour=9, minute=5, second=0))]
        assert person.is_home


@pytest.mark.parametrize(
    ("typed", "trouble"),
    [
        ("12:42", "in the future"),
        ("23:59", "in the future"),
        ("24:00", "Not a valid time"),
        ("7", "Not a valid time"),
    ],
)
async def test_impossible_time_is_refused(backend: IdleEngine, typed: str, trouble: str) -> None:
    async with running(backend) as person:
        await person.press("m", *typed, "enter")
        assert person.sees(SyncStartScreen)
        assert trouble in person.screen.query_one("#note", SafeLabel).text
        await person.press("backspace")
        assert person.screen.query_one("#note", SafeLabel).text == ""
        await person.press("escape")
        assert person.is_home
    assert told(backend) == []


@pytest.mark.usefixtures("in_auckland")
def test_times_are_in_this_computers_zone() -> None:
    now = datetime(2026, 3, 5, 22, 0, tzinfo=UTC)
    assert parse_time_today("09:30", now) == datetime(2026, 3, 5, 20, 30, tzinfo=UTC)
    # The clocks went back at 3:00 that night; the earlier of the two times claims less.
    night = datetime(2026, 4, 4, 20, 0, tzinfo=UTC)
    assert parse_time_today("02:30", night) == datetime(2026, 4, 4, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(("answer", "is_clean"), [("clean", True), ("errors", False)])
async def test_end_of_a_sync_is_recorded(running_sync: IdleEngine, answer: str, is_clean: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    async with running(running_sync) as person:
        assert person.bottom_line.startswith("m Sync ended?")
        await person.press("m")
        assert person.sees(ChooseScreen)
        assert "started at 12:21, in the company connected to Demo Company (NZ)" in said(person)
        await choose(person, answer)
        assert told(running_sync) == [("report_sync_ended", is_clean)]
        end = "ended without error" if is_clean else "nothing is confirmed"
        assert end in person.bottom_line
        person.main.key_bar.end_flash()
        assert person.bottom_line.startswith("a Archive")


@pytest.mark.parametrize("key", ["enter", "escape", "n"])
async def test_sync_that_still_runs_is_left_open(running_sync: IdleEngine, key: str) -> None:
    async with running(running_sync) as person:
        await person.press("m", key)
        assert person.is_home
    assert told(running_sync) == []


async def test_sync_without_a_recorded_end_is_replaced_by_another(running_sync: IdleEngine) -> None:
    async with running(running_sync) as person:
        await person.press("m")
        await choose(person, "another")
        assert person.sees(SyncStartScreen)
        await person.press("enter")
    assert told(running_sync) == [("report_sync_started", NOW)]


async def test_answer_about_another_sync_is_rejected(running_sync: IdleEngine) -> None:
    async with running(running_sync) as person:
        await person.press("m")
        running_sync.report(ReportKind.SYNC_STARTED, NOW)
        await person.settle()
        await choose(person, "clean")
        assert "Nothing was recorded" in person.bottom_line
    assert told(running_sync) == []


async def test_refusal_of_the_engine_is_shown(backend: IdleEngine) -> None:
    error = ReshelveError(EvidenceReason.FUTURE_SYNC_START)
    backend.fail("report_sync_started", error)
    async with running(backend) as person:
        await person.press("m", "enter")
        assert person.bottom_line == messages.in_full(error)


async def test_nothing_is_recorded_in_read_only_mode(backend: IdleEngine) -> None:
    backend.is_read_only = True
    async with running(backend) as person:
        await person.press("m", "enter")
    assert told(backend) == []


@pytest.mark.parametrize(
    ("action", "where"),
    [(Action.ARCHIVE, "under the Archived tab"), (Action.RESTORE, "among the active contacts")],
)
async def test_check_names_the_tab_of_re_leased(backend: IdleEngine, action: Action, where: str) -> None:
    backend.put_change(0, action, State.CONFIRMED)
    async with running(backend) as person:
        await person.press("enter")
        assert "w Checked" in person.bottom_line
        await person.press("w")
        assert person.sees(AskScreen)
        assert f"You should see “Abel Tasman Lettings” {where}" in said(person)
        await person.press("y")
        assert told(backend) == [("report_contact_checked", contact_id(0))]
        assert backend.changes_made[-1].checked_at == NOW
        assert person.bottom_line.startswith(f"Recorded: checked in Re-Leased, {where}")


@pytest.mark.parametrize("key", ["enter", "n", "escape"])
async def test_check_is_recorded_only_after_confirmation(backend: IdleEngine, key: str) -> None:
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED)
    async with running(backend) as person:
        await person.press("enter", "w", key)
        assert person.sees(ContactScreen)
    assert told(backend) == []


async def test_unconfirmed_change_cannot_be_checked(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.QUEUED)
    async with running(backend) as person:
        await person.press("enter", "w")
        assert person.sees(ContactScreen)
        assert "hasn't confirmed" in person.bottom_line


async def test_contact_that_changed_meanwhile_is_not_checked(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED)
    async with running(backend) as person:
        await person.press("enter", "w")
        restored = backend.put_change(0, Action.RESTORE, State.QUEUED)
        backend.move(restored, State.CONFIRMED)
        await person.press("y")
        assert "was changed again" in person.bottom_line
    assert not any(change.checked_at for change in backend.changes_made)


@pytest.mark.parametrize(("answer", "is_unlinked"), [("unlinked", True), ("linked", False)])
async def test_contact_is_marked_unlinked_or_linked(
    backend: IdleEngine,
    answer: str,
    is_unlinked: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    async with running(backend) as person:
        await person.press("enter", "N")
        assert person.sees(ChooseScreen)
        assert "Check “Abel Tasman Lettings” in the company connected to Demo Company (NZ)." in said(person)
        await choose(person, answer)
        assert told(backend) == [("report_unlinked", contact_id(0), is_unlinked)]
        assert person.bottom_line.startswith("Recorded: ")


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_link_stays_unchanged_without_an_answer(backend: IdleEngine, key: str) -> None:
    async with running(backend) as person:
        await person.press("enter", "N", key)
        assert person.sees(ContactScreen)
    assert told(backend) == []


async def test_names_in_questions_are_shown_as_text(backend: IdleEngine) -> None:
    backend.edit(0, name="a [/x] b\x1b[2J")
    backend.put_change(0, Action.ARCHIVE, State.CONFIRMED)
    async with running(backend) as person:
        await person.press("enter")
        for key in ("w", "N"):
            await person.press(key)
            assert "“a [/x] b" in str(person.screen.query(SafeLabel).first().visual)
            assert "\x1b" not in str(person.screen.query(SafeLabel).first().visual)
            await person.press("escape")
