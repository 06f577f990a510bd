from __future__ import annotations

from typing import TYPE_CHECKING

from support.sample_contacts import contact_id
from support.screen_test import Driver, running

from tui.model.change import Action, State
from tui.model.change_list import RequestResult
from tui.screens.changes.formatting import result_message

if TYPE_CHECKING:
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


async def test_last_request_counts_only_its_own_changes(backend: IdleEngine) -> None:
    backend.put_change(1, Action.ARCHIVE, State.CONFIRMED)
    changes = backend.request(Action.ARCHIVE, 2, 3)
    backend.move(changes[0], State.REFUSED)
    found = await backend.change_log.last_request()
    assert found is not None
    assert found.totals == {State.REFUSED: 1, State.QUEUED: 1}
    assert found.refused is not None
    assert found.refused.contact_id == contact_id(2)


def test_restores_to_finish_name_their_key() -> None:
    found = RequestResult("one", Action.RESTORE, {State.CONFIRMED: 2, State.AWAITING_USER: 3})
    assert result_message(found) == "2 restored, 3 to finish in Xero · h opens them · u undoes"
