"""Contacts seen in a full sync, contacts that Xero no longer has, and files of older versions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from store.store_samples import ACTIVE, ARCHIVED, NOON, contact, minutes, names, search

from tui.model.change import Action, Origin, State
from tui.model.contact import ContactStatus
from tui.model.errors import StoreError
from tui.model.query import Tab
from tui.model.reasons import ContactReason, Notice
from tui.store import Store
from tui.store.database import FILE_NAME
from tui.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

GONE = ContactStatus.DELETED


async def test_contacts_that_a_full_sync_lacked_are_known_until_another_begins(store: Store) -> None:
    await store.save_contacts([contact(1), contact(2), contact(3)], NOON)
    await store.save_contacts([contact(1)], NOON, is_full_sync=True)
    await store.save_contacts([contact(2)], NOON)
    await store.save_contacts([contact(4), contact(1)], NOON, is_full_sync=True)
    assert await store.unseen_contacts(limit=10) == ["id-2", "id-3"]
    assert await store.unseen_contacts(limit=1) == ["id-2"]
    await store.end_full_sync()
    assert len(await store.unseen_contacts(limit=10)) == 4


async def test_a_contact_listed_in_an_older_state_counts_as_seen(store: Store) -> None:
    await store.save_contacts([contact(1, at=10)], NOON)
    await store.save_contacts([contact(1, at=5)], NOON, is_full_sync=True)
    assert await store.unseen_contacts(limit=10) == []


async def test_deleted_contact_keeps_its_details_and_is_not_looked_up_again(store: Store) -> None:
    await store.save_contacts([contact(1, email="a@b.example"), contact(2, ARCHIVED)], NOON)
    await store.search.load()
    applied = await store.save_contacts([], minutes(1), deleted=["id-1", "id-2", "never-stored"])
    assert (applied.rows_changed, applied.order_changed, applied.detected) == (2, True, ())
    one = store.contact("id-1")
    assert one is not None
    assert (one.status, one.email, one.updated_at) == (GONE, "a@b.example", NOON)
    assert await store.unseen_contacts(limit=10) == []
    assert names(await search(store, "contact")) == ["Contact 1", "Contact 2"]
    for tab in (Tab.ACTIVE, Tab.ARCHIVED):
        assert names(await search(store, "contact", tab)) == []
    assert (store.counts().all, store.counts().active, store.counts().archived) == (2, 0, 0)
    again = await store.save_contacts([], minutes(2), deleted=["id-1"])
    assert again.rows_changed == 0


@pytest.mark.parametrize(
    ("before", "after", "action"),
    [
        (ACTIVE, ACTIVE, None),
        (ARCHIVED, ARCHIVED, None),
        (ACTIVE, ARCHIVED, Action.ARCHIVE),
        (ARCHIVED, ACTIVE, Action.RESTORE),
    ],
)
@pytest.mark.parametrize("at", [-5, 0, 2])
async def test_status_change_of_a_returned_contact_is_a_change_made_in_xero(
    store: Store, before: ContactStatus, after: ContactStatus, action: Action | None, at: int
) -> None:
    await store.save_contacts([contact(1, before)], NOON)
    await store.save_contacts([], minutes(1), deleted=["id-1"])
    # Marked again, its earlier status is still known.
    await store.save_contacts([], minutes(1), deleted=["id-1"])
    applied = await store.save_contacts([contact(1, after, at=at)], minutes(2))
    assert applied.order_changed
    assert store.contact("id-1") == contact(1, after, at=at)
    changes = store.changes.of_contact("id-1")
    assert [(each.action, each.origin) for each in changes] == ([(action, Origin.XERO)] if action else [])
    assert applied.detected == tuple(changes)
    # One that didn't move UpdatedDateUTC is dated by when it was seen.
    assert [each.confirmed_at for each in changes] == ([minutes(2)] if action else [])
    # Changes from here on are recorded again.
    flipped = ARCHIVED if after is ACTIVE else ACTIVE
    assert (await store.save_contacts([contact(1, flipped, at=3)], minutes(3))).detected


async def test_contact_is_deleted_once_two_replies_some_time_apart_lacked_it(store: Store) -> None:
    await store.save_contacts([contact(1), contact(2)], NOON)
    [queued] = await store.changes.add(Action.ARCHIVE, store.contacts(["id-1"]), NOON)

    def statuses() -> list[ContactStatus]:
        return [each.status for each in store.contacts(["id-1", "id-2"])]

    await store.save_contacts([], minutes(1), missing=["id-1", "id-2", "never-stored"])
    await store.save_contacts([], minutes(3), missing=["id-1", "id-2"])
    assert statuses() == [ACTIVE, ACTIVE]
    await store.save_contacts([contact(2)], minutes(4))
    applied = await store.save_contacts([], minutes(7), missing=["id-1", "id-2"])
    assert (statuses(), applied.rows_changed) == ([GONE, ACTIVE], 1)
    refused = store.changes.get(queued.change_id)
    assert refused is not None
    assert refused.state is State.REFUSED
    # A reply with the contact in between restarts the count.
    await store.save_contacts([], minutes(9), missing=["id-2"])
    assert statuses() == [GONE, ACTIVE]
    await store.save_contacts([], minutes(13), missing=["id-2"])
    assert statuses() == [GONE, GONE]


async def test_an_absence_is_remembered_by_the_next_start_and_a_clock_set_back_makes_it_no_older(
    tmp_path: Path,
) -> None:
    for at, expected in ((60, ACTIVE), (0, ACTIVE), (3, ACTIVE), (6, GONE)):
        store = Store.open(tmp_path / "organisation")
        if at == 60:
            await store.save_contacts([contact(1)], NOON)
        await store.save_contacts([], minutes(at), missing=["id-1"])
        assert [each.status for each in store.contacts(["id-1"])] == [expected]
        store.close()


async def test_deleting_a_contact_refuses_only_its_open_changes(store: Store) -> None:
    await store.save_contacts([contact(1), contact(2)], NOON)
    await store.save_contacts([contact(2, ARCHIVED, at=1)], minutes(1))
    [queued] = await store.changes.add(Action.ARCHIVE, store.contacts(["id-1"]), minutes(2))
    await store.save_contacts([], minutes(3), deleted=["id-1", "id-2"])
    [refused] = store.changes.of_contact("id-1")
    assert (refused.change_id, refused.state) == (queued.change_id, State.REFUSED)
    assert (refused.message, refused.notice) == ("", Notice(ContactReason.DELETED))
    [done] = store.changes.of_contact("id-2")
    assert done.state is State.CONFIRMED


async def test_file_of_an_older_version_is_migrated(tmp_path: Path) -> None:
    folder = tmp_path / "organisation"
    folder.mkdir(mode=0o700)
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO cursors VALUES ('pull.since', 'then')")
        connection.commit()
    store = Store.open(folder)
    try:
        assert store.sync_state("contacts.refreshed_until") == "then"
        await store.save_contacts([contact(1)], NOON, is_full_sync=True)
        assert await store.unseen_contacts(limit=10) == []
    finally:
        store.close()
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


async def test_result_of_each_write_is_reported(store: Store) -> None:
    heard: list[StoreError | None] = []
    store.on_written = heard.append
    await store.set_sync_state("a", "b")
    assert heard == [None]
    store.close()
    with pytest.raises(StoreError):
        await store.set_sync_state("a", "c")
    assert heard == [None]


async def test_failed_write_is_reported_with_its_reason(store: Store) -> None:
    heard: list[StoreError | None] = []
    store.on_written = heard.append

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT * FROM nowhere")

    with pytest.raises(StoreError) as failed:
        await store._database.write(fail)
    assert heard == [failed.value]
    with pytest.raises(LookupError):
        await store._database.write(lambda _: dict[str, str]()["the work's own mistake"])
    assert heard == [failed.value]
