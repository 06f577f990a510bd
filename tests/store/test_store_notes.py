"""What the user wrote about a request is kept with each change, searched, repaired and migrated."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from store.damage import spoil
from store.store_samples import contact, minutes

from tui.model.change import Action, Transition
from tui.model.change_list import BatchKind, ChangeGroup, ChangeQuery
from tui.store import Store, TransitionRequest
from tui.store.database import FILE_NAME
from tui.store.maintenance.integrity import damage_anywhere
from tui.store.maintenance.repair import repair
from tui.store.schema import MIGRATIONS, NOTES, migrate

if TYPE_CHECKING:
    from pathlib import Path

    from tui.model.change import Change

HOSTILE = "“Ōtautahi” \x1b[31m[bold]\u202e مرحبا 🐈"


async def archived(store: Store, *numbers: int, note: str = "") -> list[Change]:
    contacts = [contact(number) for number in numbers]
    await store.save_contacts(contacts, minutes(0))
    return await store.changes.add(Action.ARCHIVE, contacts, minutes(1), note=note)


@pytest.mark.parametrize("note", ["A duplicate", HOSTILE, ""], ids=["plain", "hostile", "none"])
async def test_a_note_is_kept_with_each_change_of_the_request(tmp_path: Path, note: str) -> None:
    with closing(Store.open(tmp_path)) as store:
        await archived(store, 1, 2, note=note)
    assert not damage_anywhere(tmp_path / FILE_NAME)
    with closing(Store.open(tmp_path)) as store:
        changes = [store.changes.of_contact(f"id-{number}")[0] for number in (1, 2)]
        assert [change.note for change in changes] == [note, note]


async def test_changes_are_found_by_their_note(store: Store) -> None:
    await archived(store, 1, note="Doppelgänger of 7")
    await archived(store, 2)
    query = ChangeQuery.parse(ChangeGroup.ALL, "doppelganger", lambda _: ())
    total, found = await store.changes.page(query, 0, 10)
    assert (total, [change.contact_id for change in found]) == (1, ["id-1"])


async def test_a_retry_keeps_the_note_and_an_undo_has_none(store: Store) -> None:
    [change] = await archived(store, 1, note="Left")
    for transition in (Transition.SEND, Transition.REFUSE):
        await store.record_transitions([TransitionRequest(change.change_id, transition)], minutes(2))
    [retried] = await store.changes.retry([change], minutes(3))
    assert retried.note == "Left"
    for transition in (Transition.SEND, Transition.CONFIRM):
        await store.record_transitions(
            [TransitionRequest(retried.change_id, transition)],
            minutes(4),
            [contact(1, Action.ARCHIVE.target_status, at=4)],
        )
    plan = await store.changes.plan_undo(BatchKind.UNDO)
    assert plan is not None
    await store.changes.undo(plan, minutes(5))
    assert store.changes.of_contact("id-1")[0].action is Action.RESTORE
    assert not store.changes.of_contact("id-1")[0].note


async def test_changes_are_read_by_their_ids_and_by_their_contacts(store: Store) -> None:
    [first, second] = await archived(store, 1, 2)
    await store.record_transitions([TransitionRequest(first.change_id, Transition.CANCEL)], minutes(2))
    [again] = await store.changes.add(Action.ARCHIVE, [contact(1)], minutes(3))
    newest = await store.changes.newest(["id-1", "id-2", "id-3"])
    assert {key: change.change_id for key, change in newest.items()} == {
        "id-1": again.change_id, "id-2": second.change_id,
    }  # fmt: skip
    found = await store.changes.read([again.change_id, first.change_id, 99])
    assert [change.change_id for change in found] == [first.change_id, again.change_id]


async def test_a_repair_keeps_the_notes_that_can_be_read(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path)) as store:
        added = await archived(store, *range(1, 400), note="Kept")
    spoil(tmp_path / FILE_NAME, "changes")
    repair(tmp_path / FILE_NAME, minutes(200))
    with closing(Store.open(tmp_path)) as store:
        found = await store.changes.read([change.change_id for change in added])
        assert 0 < len(found) < len(added)
        assert {change.note for change in found} == {"Kept"}


@pytest.mark.parametrize("version", range(7, MIGRATIONS.index(NOTES) + 1))
async def test_a_file_without_notes_is_migrated(tmp_path: Path, version: int) -> None:
    file = tmp_path / FILE_NAME
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        migrate(connection, version)
        connection.execute(
            "INSERT INTO changes (batch_id, contact_id, name, action, origin, state, requested_ms,"
            " updated_ms, confirmed_ms, idempotency_key, message, superseded)"
            " VALUES ('b', 'id-9', 'n', 'archive', 'xero', 'confirmed', 1, 1, 1000, '', '', 0)"
        )
    with closing(Store.open(tmp_path)) as store:
        assert not store.changes.of_contact("id-9")[0].note
        [change] = await archived(store, 1, note="New")
        assert change.note == "New"
