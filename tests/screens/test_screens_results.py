from __future__ import annotations

from typing import TYPE_CHECKING

from support.comparisons import exported
from support.sample_contacts import contact_id
from support.screen_test import Driver, running

from tui.model.change import Action, State
from tui.model.change_list import RequestResult
from tui.screens.changes.formatting import result_message
from tui.screens.compare.compare import CompareScreen
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.ask import AskScreen
from tui.screens.manual_restores import ManualRestoresScreen

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from support.idle_engine import IdleEngine


async def archive_three(person: Driver) -> None:
    await person.press("space", "space", "space", "a", "y")


async def test_result_stays_until_the_next_key(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await archive_three(person)
        assert person.bottom_line == "Archiving 3 contacts."
        backend.move_all(backend.changes_made[:2], State.CONFIRMED)
        await person.hears_changes()
        assert person.bottom_line == "2 archived, 1 in progress · u undoes"
        backend.move(backend.changes_made[2], State.CONFIRMED)
        await person.hears_changes()
        assert person.bottom_line == "3 archived · u undoes"
        assert person.screen.query_one("KeyBar")._timer is None  # type: ignore[attr-defined]
        await person.press("down")
        assert person.bottom_line.startswith("a Archive")
        await person.hears_changes()
        assert person.bottom_line.startswith("a Archive")


async def test_key_during_the_request_leaves_room_for_its_end(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await archive_three(person)
        await person.press("down")
        assert person.bottom_line.startswith("a Archive")
        backend.move_all(backend.changes_made[:2], State.CONFIRMED)
        await person.hears_changes()
        assert person.bottom_line.startswith("a Archive")
        backend.move(backend.changes_made[2], State.CONFIRMED)
        await person.hears_changes()
        assert person.bottom_line == "3 archived · u undoes"


async def test_refusal_has_its_reason_and_what_to_do(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await archive_three(person)
        backend.move_all(backend.changes_made[1:], State.CONFIRMED)
        backend.move(backend.changes_made[0], State.REFUSED, words="On a repeating invoice")
        await person.hears_changes()
        text = " ".join(person.bottom_line.split())
        assert text.startswith("2 archived, 1 refused by Xero · u undoes · R retries. ")
        assert ": On a repeating invoice. On the contact, o opens it in Xero." in text


async def test_earlier_request_is_not_shown_at_the_start(backend: IdleEngine) -> None:
    backend.put_change(1, Action.ARCHIVE, State.CONFIRMED)
    async with running(backend) as person:
        await person.hears_changes()
        assert person.bottom_line.startswith("a Archive")


async def test_undo_ends_the_result(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await archive_three(person)
        await person.press("u", "y")
        said = person.bottom_line
        await person.hears_changes()
        assert person.bottom_line == said
        assert all(change.state is State.CANCELLED for change in backend.changes_made)


async def test_result_is_looked_up_after_another_screen_but_not_after_a_question(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("P", "escape", "?", "escape")
        assert ("last_request",) not in backend.calls
        await person.press("enter", "escape")
        assert ("last_request",) in backend.calls


async def test_restore_finished_in_its_list_is_no_longer_shown_as_waiting(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("3", "r", "y")
        change = backend.move(backend.changes_made[0], State.AWAITING_USER)
        await person.hears_changes()
        assert isinstance(person.app.screen, ManualRestoresScreen)
        backend.move(change, State.CONFIRMED)
        await person.hears_changes()
        await person.press("escape")
        assert person.bottom_line == "1 restored · u undoes"


async def test_last_request_counts_only_its_own_changes(backend: IdleEngine) -> None:
    backend.put_change(1, Action.ARCHIVE, State.CONFIRMED)
    changes = backend.request(Action.ARCHIVE, 2, 3)
    backend.move(changes[0], State.REFUSED)
    found = await backend.change_log.last_request()
    assert found is not None
    assert found.totals == {State.REFUSED: 1, State.QUEUED: 1}
    assert found.refused is not None
    assert found.refused.contact_id == contact_id(2)


async def refuse(person: Driver, backend: IdleEngine) -> str:
    """Let Xero refuse the changes that were just requested, and return the bottom line."""
    backend.move_all(backend.changes_made[-1:], State.REFUSED, words="On a repeating invoice")
    await person.hears_changes()
    return " ".join(person.bottom_line.split())


async def test_batch_that_was_refused_in_part_is_retried_at_once(backend: IdleEngine) -> None:
    backend.put_change(9, Action.ARCHIVE, State.REFUSED)
    async with running(backend) as person:
        await archive_three(person)
        backend.move(backend.changes_made[1], State.CONFIRMED)
        backend.move_all(backend.changes_made[2:], State.REFUSED)
        await person.hears_changes()
        await person.press("R")
        assert person.bottom_line == "Retrying 2 changes."
        retried = backend.changes_made[4:]
        assert {change.contact_id for change in retried} == {contact_id(1), contact_id(2)}
        backend.move_all(retried, State.CONFIRMED)
        await person.hears_changes()
        assert person.bottom_line == "2 archived · u undoes"


async def test_once_the_result_is_gone_the_contact_under_the_cursor_is_retried(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("a", "y")
        assert "R retries" in await refuse(person, backend)
        await person.press("down", "R")
        assert "Nothing to retry" in person.bottom_line


async def test_contacts_page_shows_the_result(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("enter", "a", "y")
        assert person.sees(ContactScreen)
        text = await refuse(person, backend)
        assert text.startswith("1 refused by Xero · R retries. Abel Tasman Lettings: On a repeating invoice.")
        assert text.endswith(" o opens it in Xero.")
        await person.press("R")
        assert person.bottom_line == "Retrying."
        backend.move(backend.changes_made[-1], State.CONFIRMED)
        await person.hears_changes()
        assert person.bottom_line == "1 archived · u undoes"
        await person.press("u")
        assert person.sees(AskScreen)
        await person.press("y")
        assert backend.changes_made[-1].action is Action.RESTORE


async def test_request_made_on_another_screen_ends_on_the_list(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("enter", "a", "y", "escape")
        assert person.is_home
        assert person.bottom_line.startswith("a Archive")
        backend.move(backend.changes_made[-1], State.CONFIRMED)
        await person.hears_changes()
        assert person.bottom_line == "1 archived · u undoes"


async def test_list_of_changes_shows_the_result_of_a_retry(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.REFUSED)
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("l", "R")
        assert person.bottom_line == "Retrying."
        assert "1 refused by Xero · R retries." in await refuse(person, backend)
        await person.press("R")
        assert person.bottom_line == "Retrying."
        backend.move(backend.changes_made[-1], State.CONFIRMED)
        await person.hears_changes()
        assert person.bottom_line == "1 archived · u undoes"
        await person.press("u", "y")
        assert backend.changes_made[-1].action is Action.RESTORE


async def test_troubleshoot_shows_the_result_of_a_retry(backend: IdleEngine) -> None:
    backend.put_change(0, Action.ARCHIVE, State.REFUSED)
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("t", "R", "y")
        assert person.bottom_line == "Retrying."
        backend.move(backend.changes_made[-1], State.CONFIRMED)
        await person.hears_changes()
        assert person.bottom_line == "1 archived · u undoes"


async def test_comparison_shows_the_result(
    backend: IdleEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    exported(backend)
    async with running(backend) as person:
        await person.press("f", "ctrl+u", *"~/x.csv", "enter")
        assert person.sees(CompareScreen)
        await person.press("*", "a", "y")
        count = len([change for change in backend.changes_made if change.state is State.QUEUED])
        assert count > 1
        requested = backend.changes_made[-count:]
        backend.move_all(requested[1:], State.CONFIRMED)
        backend.move(requested[0], State.REFUSED, words="On a repeating invoice")
        await person.hears_changes()
        assert f"{count - 1} archived, 1 refused by Xero · u undoes · R retries." in person.bottom_line
        await person.press("R")
        assert person.bottom_line == "Retrying."
        backend.move(backend.changes_made[-1], State.CONFIRMED)
        await person.hears_changes()
        assert person.bottom_line == "1 archived · u undoes"


async def test_restores_that_were_refused_are_retried_and_undone_from_their_list(backend: IdleEngine) -> None:
    changes = backend.move_all(backend.request(Action.RESTORE, 5, 12), State.AWAITING_USER)
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("h")
        assert person.sees(ManualRestoresScreen)
        backend.move(changes[0], State.REFUSED)
        await person.hears_changes()
        await person.press("R")
        assert person.bottom_line == "Retrying."
        await person.press("u", "y")
        assert backend.changes_made[-1].state is State.CANCELLED


def test_restores_to_finish_name_their_key() -> None:
    found = RequestResult("one", Action.RESTORE, {State.CONFIRMED: 2, State.AWAITING_USER: 3})
    assert result_message(found) == "2 restored, 3 to finish in Xero · h opens them · u undoes"
