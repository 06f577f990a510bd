from __future__ import annotations

import pytest
from support.idle_engine import IdleEngine, at_once
from support.sample_contacts import NOW, contact_id
from support.screen_test import Driver, running
from textual.widgets import Static

from tui import messages
from tui.model.change import Action, State
from tui.model.change_list import Batch, BatchKind, PlanLine, UndoOutcome, UndoPlan
from tui.model.contact import ContactStatus
from tui.model.reasons import ContactReason, Notice, UndoReason
from tui.screens.changes.formatting import summary
from tui.screens.dialogs.ask import AskScreen
from tui.screens.manual_restores import ManualRestoresScreen
from tui.widgets.banners import PausedBanner
from tui.widgets.labels import SafeLabel

pytestmark = pytest.mark.slow


def question(person: Driver) -> str:
    assert person.sees(AskScreen)
    return "\n".join(one.text for one in person.screen.query(SafeLabel))


def title(person: Driver) -> str:
    return str(person.screen.query_one(".dialog").border_title)


async def test_undo_shows_its_plan_and_carries_it_out(backend: IdleEngine) -> None:
    queued, confirmed = backend.request(Action.ARCHIVE, 0, 1)
    backend.move(confirmed, State.CONFIRMED)
    async with running(backend) as person:
        await person.press("u")
        assert title(person) == "Undo 2 archives?"
        assert "Requested at 12:40." in question(person)
        assert "1 cancelled before sending; 1 restore to finish in Xero." in question(person)
        assert "• Abel Tasman Lettings: cancelled before sending" in question(person)
        assert "• Aroha Tamihana: restored after you click Restore in Xero" in question(person)
        await person.press("y")
        assert person.bottom_line.startswith("Undone: 1 cancelled before sending; 1")
        assert backend.change(queued.change_id).state is State.CANCELLED
        # The restore needs the user, so the manual restores open.
        restore = backend.changes_made[-1]
        assert (restore.action, restore.contact_id) == (Action.RESTORE, contact_id(1))
        backend.move(restore, State.AWAITING_USER)
        await person.hears_changes()
        assert person.sees(ManualRestoresScreen)


def test_many_undone_changes_are_counted(backend: IdleEngine) -> None:
    backend.request(Action.ARCHIVE, 0)
    plan = at_once(backend.undo.plan_undo())
    assert plan is not None
    [one] = plan.lines
    lines = [
        *[one] * 3,
        *[PlanLine(one.target, UndoOutcome.RESTORE)] * 1_009,
        *[PlanLine(one.target, UndoOutcome.ARCHIVE, waits_for_reply=True)] * 2,
        PlanLine(one.target, UndoOutcome.DISMISS),
        PlanLine(one.target, UndoOutcome.SKIPPED, reason=ContactReason.MERGED),
        *[PlanLine(one.target, UndoOutcome.NO_CHANGE, reason=UndoReason.NO_CHANGE_NEEDED)] * 2,
    ]
    batch = Batch("batch", BatchKind.REQUEST, NOW)
    parts = summary(UndoPlan(BatchKind.UNDO, batch, tuple(lines))).split("; ")
    assert [part.split()[0] for part in parts] == ["3", "1", "1,009", "2", "1", "2"]
    assert ["skipped" in part for part in parts] == [False] * 4 + [True] * 2
    assert "merged" in parts[4]
    assert summary(UndoPlan(BatchKind.UNDO, batch, ())) == "nothing to do"


async def test_undo_does_nothing_unless_it_is_confirmed(backend: IdleEngine) -> None:
    backend.request(Action.ARCHIVE, 0)
    async with running(backend) as person:
        for keys in (("enter",), ("escape",), ("n",)):
            await person.press("u", *keys)
            assert person.is_home
    assert not [call for call in backend.calls if call[0] == "apply"]


async def test_undo_reports_results_that_differ_from_the_plan(backend: IdleEngine) -> None:
    one, _ = backend.request(Action.ARCHIVE, 0, 1)
    async with running(backend) as person:
        await person.press("u")
        assert "2 cancelled before sending" in question(person)
        backend.move(one, State.CONFIRMED)
        await person.press("y")
        assert "1 cancelled before sending; 1 restore to finish" in person.bottom_line


async def test_nothing_to_undo_or_redo_is_reported(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("u")
        assert person.bottom_line == "Nothing to undo."
        for key in ("U", "ctrl+y"):
            await person.press(key)
            assert person.bottom_line == "Nothing to redo."
        backend.put_change(0, Action.ARCHIVE, State.CONFIRMED)
        backend.edit(0, status=ContactStatus.ACTIVE)
        await person.press("u")
        assert person.bottom_line.startswith("Can't undo: 1 skipped: ")
        assert "since" in person.bottom_line


async def test_redo_asks_too(backend: IdleEngine) -> None:
    backend.request(Action.ARCHIVE, 0)
    async with running(backend) as person:
        await person.press("u", "y", "U")
        assert title(person) == "Redo 1 archive?"
        await person.press("y")
        assert person.bottom_line == "Redone: 1 archive."
    assert [change.state for change in backend.changes_made] == [State.CANCELLED, State.QUEUED]


async def test_undo_that_comes_too_late_is_reported(backend: IdleEngine) -> None:
    backend.request(Action.ARCHIVE, 0)
    async with running(backend) as person:
        await person.press("u")
        # Such as in another copy of Reshelve.
        backend.request(Action.ARCHIVE, 1)
        await person.press("y")
        assert person.bottom_line == messages.in_full(Notice(UndoReason.PLAN_OUTDATED))
        assert "nothing was changed" in person.bottom_line


async def test_names_in_the_question_are_shown_as_text(backend: IdleEngine) -> None:
    backend.edit(0, name="a [/x] b\x1b[2J")
    backend.request(Action.ARCHIVE, 0)
    async with running(backend) as person:
        await person.press("u")
        shown = [str(part.visual) for part in person.screen.query(Static)]
        assert "• a [/x] b: cancelled before sending" in shown


async def test_undo_works_on_the_page_of_a_contact(backend: IdleEngine) -> None:
    backend.request(Action.ARCHIVE, 0)
    async with running(backend) as person:
        await person.press("enter", "u", "y")
        assert person.bottom_line == "Undone: 1 cancelled before sending."


async def test_pause_is_visible_and_ends_with_the_same_key() -> None:
    for size in ((40, 15), (60, 20), (120, 36)):
        backend = IdleEngine.with_contacts()
        async with running(backend, size) as person:
            assert not person.main.query_one(PausedBanner).display
            await person.press("P", "escape")
            assert not person.main.query_one(PausedBanner).display
            await person.press("P", "y")
            assert "Press P" in person.main.query_one(PausedBanner).text
            assert person.main.query_one(PausedBanner).region.height == 1
            assert person.bottom_line.startswith("Sending paused")
            await person.press("P")
            assert not person.main.query_one(PausedBanner).display
            assert person.bottom_line == "Sending resumed."
        assert [call[1] for call in backend.calls if call[0] == "pause_sending"] == [True, False]


async def test_pause_shows_how_many_changes_wait(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.QUEUED)
    backend.publish_changes(is_paused=True)
    async with running(backend) as person:
        assert "Not sent yet: 1" in person.main.query_one(PausedBanner).text
        await person.pilot.click(PausedBanner, offset=(4, 0))
        await person.settle()
        assert ("pause_sending", False) in backend.calls


async def test_read_only_neither_undoes_nor_pauses(backend: IdleEngine) -> None:
    backend.is_read_only = True
    async with running(backend) as person:
        for key in ("u", "U", "P", "R"):
            await person.press(key)
            assert "--read-only" in person.bottom_line
        assert "Undo" not in person.main.key_bar.text
    assert not [call for call in backend.calls if call[0] in {"plan_undo", "plan_redo", "pause_sending"}]


async def test_refused_change_is_retried_on_the_contact_page(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.REFUSED, words="On a repeating invoice.")
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("enter")
        assert "On a repeating invoice." in str(person.screen.query_one("#changes", Static).content)
        assert person.bottom_line.startswith("R Retry")
        await person.press("R")
        assert person.bottom_line == "Retrying."
        assert ("retry", (contact_id(0),)) in backend.calls
        await person.press("R")
        assert "Nothing to retry" in person.bottom_line


async def test_refused_change_is_retried_from_the_contacts(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.REFUSED)
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("R")
        assert ("retry", (contact_id(0),)) in backend.calls


async def test_waiting_restores_are_mentioned_once_at_the_start(backend: IdleEngine) -> None:
    for number in (5, 12, 19):
        backend.put_change(number, Action.RESTORE, State.AWAITING_USER)
    backend.publish_changes()
    async with running(backend) as person:
        assert person.bottom_line.startswith("3 restores")
        person.main.key_bar.end_flash()
        await person.hears_changes()
        assert person.bottom_line.startswith("a Archive")
