from __future__ import annotations

import pytest
from support.fake_backend import NOW, FakeBackend, contact_id
from support.screen_test import Driver, running
from textual.widgets import Static

from tui import messages
from tui.model.change import Action, State
from tui.model.change_list import Batch, BatchKind, PlanLine, UndoOutcome, UndoPlan
from tui.model.errors import ReshelveError
from tui.model.reasons import ContactReason, Notice, UndoReason
from tui.screens.changes.formatting import summary
from tui.screens.dialogs.ask import AskScreen
from tui.screens.manual_restores.manual_restores import ManualRestoresScreen
from tui.widgets.banners import PausedBanner
from tui.widgets.labels import SafeLabel

pytestmark = pytest.mark.slow


def question(person: Driver) -> str:
    assert person.sees(AskScreen)
    return "\n".join(one.text for one in person.screen.query(SafeLabel))


def title(person: Driver) -> str:
    return str(person.screen.query_one(".dialog").border_title)


async def test_undo_says_what_it_will_do_and_then_does_it(backend: FakeBackend) -> None:
    queued = backend.put_change(0, Action.ARCHIVE, State.QUEUED)
    confirmed = backend.put_change(1, Action.ARCHIVE, State.CONFIRMED)
    plan = backend.plan((queued, UndoOutcome.CANCEL), (confirmed, UndoOutcome.RESTORE), at=NOW)
    async with running(backend) as person:
        await person.press("u")
        assert title(person) == "Undo 2 archives?"
        assert "Requested at 12:41." in question(person)
        assert "1 cancelled before sending; 1 restore to finish in Xero." in question(person)
        assert "• Abel Tasman Lettings: cancelled before sending" in question(person)
        assert "• Aroha Tamihana: restored after you click Restore in Xero" in question(person)
        await person.press("y")
        assert ("apply", plan) in backend.calls
        # The restore became a hand-off, whose list opens by itself.
        assert person.sees(ManualRestoresScreen)
        await person.press("escape")
        assert person.bottom_line.startswith("Undone: 1 cancelled before sending; 1")


def test_many_are_told_by_their_number(backend: FakeBackend) -> None:
    plan = backend.plan((backend.put_change(0, Action.ARCHIVE, State.QUEUED), UndoOutcome.CANCEL), at=NOW)
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


async def test_undo_does_nothing_unless_it_is_confirmed(backend: FakeBackend) -> None:
    backend.plan((backend.put_change(0, Action.ARCHIVE, State.QUEUED), UndoOutcome.CANCEL), at=NOW)
    async with running(backend) as person:
        for keys in (("enter",), ("escape",), ("n",)):
            await person.press("u", *keys)
            assert person.is_home
    assert not [call for call in backend.calls if call[0] == "apply"]


async def test_what_was_really_done_is_said_where_it_differs(backend: FakeBackend) -> None:
    change = backend.put_change(0, Action.ARCHIVE, State.QUEUED)
    done = backend.plan((change, UndoOutcome.SKIPPED), at=NOW)
    backend.plan((change, UndoOutcome.CANCEL), at=NOW)
    backend.happened = done
    async with running(backend) as person:
        await person.press("u", "y")
        assert "1 skipped: changed again" in person.bottom_line


async def test_nothing_to_undo_or_redo_is_said(backend: FakeBackend) -> None:
    async with running(backend) as person:
        await person.press("u")
        assert person.bottom_line == "Nothing to undo."
        for key in ("U", "ctrl+y"):
            await person.press(key)
            assert person.bottom_line == "Nothing to redo."
        backend.plan((backend.put_change(0, Action.ARCHIVE, State.CONFIRMED), UndoOutcome.SKIPPED), at=NOW)
        await person.press("u")
        assert "1 skipped: changed again" in person.bottom_line


async def test_redo_asks_too(backend: FakeBackend) -> None:
    change = backend.put_change(0, Action.RESTORE, State.CANCELLED)
    plan = backend.plan((change, UndoOutcome.ARCHIVE), at=NOW, kind=BatchKind.REDO)
    async with running(backend) as person:
        await person.press("U")
        assert title(person) == "Redo 1 restore?"
        await person.press("y")
        assert ("apply", plan) in backend.calls
        assert person.bottom_line == "Redone: 1 archive."


async def test_undo_that_comes_too_late_says_so(backend: FakeBackend) -> None:
    backend.plan((backend.put_change(0, Action.ARCHIVE, State.QUEUED), UndoOutcome.CANCEL), at=NOW)
    backend.fail("apply", ReshelveError(UndoReason.PLAN_OUTDATED))
    async with running(backend) as person:
        await person.press("u", "y")
        assert person.bottom_line == messages.in_full(Notice(UndoReason.PLAN_OUTDATED))
        assert "nothing was changed" in person.bottom_line


async def test_names_in_the_question_are_harmless(backend: FakeBackend) -> None:
    change = backend.put_change(0, Action.ARCHIVE, State.QUEUED)
    hostile = backend.move(change, State.QUEUED, name="a [/x] b\x1b[2J")
    backend.plan((hostile, UndoOutcome.CANCEL), at=NOW)
    async with running(backend) as person:
        await person.press("u")
        shown = [str(part.visual) for part in person.screen.query(Static)]
        assert "• a [/x] b: cancelled before sending" in shown


async def test_undo_works_on_the_page_of_a_contact(backend: FakeBackend) -> None:
    backend.plan((backend.put_change(0, Action.ARCHIVE, State.QUEUED), UndoOutcome.CANCEL), at=NOW)
    async with running(backend) as person:
        await person.press("enter", "u", "y")
        assert person.bottom_line == "Undone: 1 cancelled before sending."


async def test_a_pause_is_plain_to_see_and_ends_with_the_same_key(backend: FakeBackend) -> None:
    for size in ((40, 15), (60, 20), (120, 36)):
        async with running(backend, size) as person:
            assert not person.main.query_one(PausedBanner).display
            await person.press("s")
            assert "Press s" in person.main.query_one(PausedBanner).text
            assert person.main.query_one(PausedBanner).region.height == 1
            assert person.bottom_line.startswith("Sending paused")
            await person.press("s")
            assert not person.main.query_one(PausedBanner).display
            assert person.bottom_line == "Sending resumed."
    assert [call[1] for call in backend.calls if call[0] == "pause_sending"] == [True, False] * 3


async def test_a_pause_says_how_many_wait_behind_it(backend: FakeBackend) -> None:
    backend.put_change(0, Action.ARCHIVE, State.QUEUED)
    backend.publish_changes(is_paused=True)
    async with running(backend) as person:
        assert "Not sent yet: 1" in person.main.query_one(PausedBanner).text
        await person.pilot.click(PausedBanner, offset=(4, 0))
        await person.settle()
        assert ("pause_sending", False) in backend.calls


async def test_read_only_neither_undoes_nor_pauses(backend: FakeBackend) -> None:
    backend.is_read_only = True
    async with running(backend) as person:
        for key in ("u", "U", "s", "R"):
            await person.press(key)
            assert "--read-only" in person.bottom_line
        assert "Undo" not in person.main.key_bar.text
    assert not [call for call in backend.calls if call[0] in {"plan_undo", "plan_redo", "pause_sending"}]


async def test_what_xero_refused_is_tried_again_where_it_is_read(backend: FakeBackend) -> None:
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


async def test_a_refusal_is_tried_again_from_the_list_of_contacts(backend: FakeBackend) -> None:
    backend.put_change(0, Action.ARCHIVE, State.REFUSED)
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("R")
        assert ("retry", (contact_id(0),)) in backend.calls


async def test_waiting_restores_are_recalled_once_at_the_start(backend: FakeBackend) -> None:
    for number in (5, 12, 19):
        backend.put_change(number, Action.RESTORE, State.AWAITING_USER)
    backend.publish_changes()
    async with running(backend) as person:
        assert person.bottom_line.startswith("3 restores")
        person.main.key_bar.end_flash()
        await person.hears_changes()
        assert person.bottom_line.startswith("a Archive")
