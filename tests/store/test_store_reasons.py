"""Reasons are stored as codes; sentences stored by older versions are kept."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from store.damage import spoil
from store.store_samples import NOON, contact, minutes
from store.version_six import create

from tui import messages
from tui.model.change import Action, Transition
from tui.model.change_list import ChangeGroup, ChangeQuery
from tui.model.reasons import ChangeReason, ContactReason, Notice
from tui.store import Store, TransitionRequest
from tui.store.database import FILE_NAME
from tui.store.maintenance.file_ops import BACKUP_FOLDER, back_up, is_contained
from tui.store.maintenance.integrity import damage_anywhere
from tui.store.maintenance.repair import Diagnosis, diagnose, rebuild_contacts, repair
from tui.store.schema import migrate
from tui.store.schema.fragments import append_only

if TYPE_CHECKING:
    from pathlib import Path

    from tui.model.change import Change

SENTENCE = "It was merged into another contact in Xero, which can't be undone."
INTERRUPTED = Notice(ChangeReason.INTERRUPTED_BY_BUG, {"kind": "Ümlaut “x”"})


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A store of version 7, which had sentences and no reasons."""
    folder = tmp_path / "organisation"
    folder.mkdir(mode=0o700)
    create(folder / FILE_NAME, 7)
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        connection.executemany(
            "INSERT INTO changes (change_id, batch_id, contact_id, name, action, origin, state, requested_ms,"
            " updated_ms, idempotency_key, message, superseded)"
            " VALUES (?, 'b', ?, 'Alma', 'archive', 'reshelve', 'refused', 1700000000000, 1700000000000, '',"
            " ?, 0)",
            [(number, f"id-{number}", SENTENCE) for number in range(1, 600)],
        )
        connection.executemany(
            "INSERT INTO transitions (at_ms, change_id, transition, state, detail)"
            " VALUES (1700000000000, ?, ?, ?, ?)",
            [
                (number, "refuse", "refused", json.dumps({"message": SENTENCE, "detail": "our own words"}))
                for number in range(1, 600)
            ],
        )
    return folder / FILE_NAME


def rows(file: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()  # noqa: S608 - our own names


def set_reason(file: Path, reason: object, params: object, detail: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE changes SET reason = ?, reason_params = ?", (reason, params))
        connection.execute("DROP TRIGGER transitions_no_update")
        connection.execute("UPDATE transitions SET detail = ?", (detail,))
        connection.execute(append_only("transitions")[0])


async def refused(folder: Path, notice: Notice | None, message: str = "") -> Change:
    with closing(Store.open(folder)) as store:
        await store.save_contacts([contact(1)], NOON)
        [change] = await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
        request = TransitionRequest(change.change_id, Transition.REFUSE, message, notice=notice)
        [updated] = (await store.record_transitions([request], minutes(1))).updated
        return updated


# --- stored and read ---


async def test_a_reason_is_stored_as_its_code_with_its_parameters(tmp_path: Path) -> None:
    change = await refused(tmp_path, INTERRUPTED)
    assert (change.message, change.notice) == ("", INTERRUPTED)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        [stored] = connection.execute("SELECT message, reason, reason_params FROM changes").fetchall()
        *_, (detail,) = connection.execute("SELECT detail FROM transitions ORDER BY transition_id")
    assert (stored[:2], json.loads(stored[2])) == (("", "changes.interrupted_by_bug"), INTERRUPTED.params)
    assert json.loads(detail) == {"reason": "changes.interrupted_by_bug", "params": INTERRUPTED.params}
    with closing(Store.open(tmp_path)) as store:
        assert store.changes.get(change.change_id) == change
        assert store.changes.entries_of_change(change.change_id)[-1].notice == INTERRUPTED


async def test_xeros_message_is_stored_verbatim_beside_a_reason_and_shown_first(tmp_path: Path) -> None:
    change = await refused(tmp_path, Notice(ContactReason.GDPR), "Xero’s own \x00 words")
    assert (change.message, change.notice) == ("Xero’s own \x00 words", Notice(ContactReason.GDPR))
    assert messages.why(change) == "Xero’s own \x00 words"


async def test_a_new_attempt_starts_without_the_reason_of_the_last(store: Store) -> None:
    [change] = await store.changes.add(Action.ARCHIVE, [contact(1)], NOON)
    steps = [
        (TransitionRequest(change.change_id, Transition.SEND), None),
        (TransitionRequest(change.change_id, Transition.REPLY_LOST, notice=INTERRUPTED), INTERRUPTED),
        (TransitionRequest(change.change_id, Transition.REQUEUE, notice=INTERRUPTED), None),
        (TransitionRequest(change.change_id, Transition.AWAIT_USER, "Xero’s"), None),
        (TransitionRequest(change.change_id, Transition.DISMISS, notice=INTERRUPTED), None),
    ]
    for request, notice in steps:
        [after] = (await store.record_transitions([request], NOON)).updated
        assert after.notice == notice
        assert store.changes.entries_of_change(change.change_id)[-1].notice == request.notice
    # Xero's message about the restore still applies once it is dismissed.
    [last] = store.changes.of_contact("id-1")
    assert last.message == "Xero’s"


@pytest.mark.parametrize("code", ["changes.from_the_future", "general", "\x00", "MERGED"])
async def test_reason_of_a_newer_version_is_accepted(tmp_path: Path, code: str) -> None:
    change = await refused(tmp_path, Notice(ContactReason.GDPR))
    set_reason(tmp_path / FILE_NAME, code, "{}", json.dumps({"reason": code, "params": {"a": 1}}))
    with closing(Store.open(tmp_path)) as store:
        read = store.changes.get(change.change_id)
        assert read is not None
        entry = store.changes.entries_of_change(change.change_id)[-1]
        assert read.notice == entry.notice == Notice(ChangeReason.UNKNOWN)
        assert messages.why(read) == messages.why(entry) == messages.message(Notice(ChangeReason.UNKNOWN))
        assert messages.why(replace(read, message="Xero’s own")) == "Xero’s own"
        _, found = await store.changes.page(ChangeQuery.parse(ChangeGroup.ALL, "a", lambda _: ()), 0, 9)
        assert [each.change_id for each in found] == [change.change_id]
        # It is kept for the version that knows it.
        await store.changes.add(Action.RESTORE, [contact(1)], NOON)
    assert code in rows(tmp_path / FILE_NAME, "changes")[0]
    assert diagnose(tmp_path / FILE_NAME) == Diagnosis("", "")


@pytest.mark.parametrize(
    "params", [None, "", "{", "[]", "7", '{"other": 1}', '{"kind": null}', '{"kind": {"a": 1}}', b"\xff"]
)
async def test_damaged_parameters_are_accepted(tmp_path: Path, params: object) -> None:
    change = await refused(tmp_path, INTERRUPTED)
    set_reason(tmp_path / FILE_NAME, INTERRUPTED.reason, params, '{"reason": 7, "params": []}')
    with closing(Store.open(tmp_path)) as store:
        read = store.changes.get(change.change_id)
        assert read is not None
        assert read.notice == Notice(INTERRUPTED.reason, {"other": 1} if params == '{"other": 1}' else {})
        assert messages.why(read) == messages.message(Notice(ChangeReason.UNKNOWN))
        assert messages.why(store.changes.entries_of_change(change.change_id)[-1]) == ""


async def test_changes_are_found_by_the_words_of_their_reasons(store: Store) -> None:
    await store.save_contacts([contact(number) for number in range(1, 4)], NOON)
    changes = await store.changes.add(Action.ARCHIVE, store.contacts(["id-1", "id-2", "id-3"]), NOON)
    requests = [
        TransitionRequest(changes[0].change_id, Transition.REFUSE, notice=Notice(ContactReason.MERGED)),
        TransitionRequest(
            changes[1].change_id, Transition.REFUSE, "No.", notice=Notice(ContactReason.MERGED)
        ),
    ]
    await store.record_transitions(requests, NOON)

    async def found(text: str) -> list[str]:
        query = ChangeQuery.parse(ChangeGroup.ALL, text, messages.reasons_with)
        total, page = await store.changes.page(query, 0, 10)
        assert [each.change_id for each in store.changes.iter_all(query)] == [each.change_id for each in page]
        assert total == len(page)
        return [each.contact_id for each in page]

    assert await found("merged ANOTHER cant") == ["id-1"]
    # Xero's words are shown instead.
    assert await found("no.") == ["id-2"]
    assert await found("merged no.") == []
    assert await found("archive") == ["id-3", "id-2", "id-1"]


# --- files of version 7 ---


def test_sentences_of_older_versions_stay_as_they_were_written(older: Path) -> None:
    changes, transitions = rows(older, "changes"), rows(older, "transitions")
    with closing(Store.open(older.parent)) as store:
        change = store.changes.get(1)
        assert change is not None
        assert (change.message, change.notice) == (SENTENCE, None)
        assert messages.why(change) == SENTENCE
        [entry] = store.changes.entries_of_change(1)
        assert (entry.message, entry.notice) == (f"{SENTENCE}, our own words", None)
    assert [row[: len(changes[0])] for row in rows(older, "changes")] == changes
    assert {row[len(changes[0]) :] for row in rows(older, "changes")} == {(None,) * 7}
    assert rows(older, "transitions") == transitions
    assert damage_anywhere(older) == ""


def test_a_backup_of_version_seven_is_good_and_complete(older: Path) -> None:
    before = rows(older, "changes")
    assert diagnose(older) == Diagnosis("", "")
    backup = back_up(older, NOON)
    assert backup is not None
    assert [row[: len(before[0])] for row in rows(backup, "changes")] == before
    assert is_contained(older, backup)
    assert is_contained(backup, older)


def test_contacts_of_version_seven_are_rebuilt_with_the_change_log_kept(older: Path) -> None:
    before = rows(older, "changes")
    rebuild_contacts(older, NOON)
    assert [row[: len(before[0])] for row in rows(older, "changes")] == before


@pytest.mark.parametrize("table", ["changes", "transitions"])
@pytest.mark.parametrize("is_backup_new", [True, False])
def test_a_damaged_file_of_version_seven_is_repaired(older: Path, table: str, *, is_backup_new: bool) -> None:
    before = rows(older, "changes")
    folder = older.parent / BACKUP_FOLDER
    folder.mkdir(mode=0o700)
    backup = folder / "journal-20260101T000000Z.db"
    backup.write_bytes(older.read_bytes())
    if is_backup_new:
        with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
            migrate(connection)
    spoil(older, table)
    repair(older, NOON)
    assert diagnose(older) == Diagnosis("", "")
    assert [row[: len(before[0])] for row in rows(older, "changes")] == before


async def test_a_change_that_a_repair_moves_on_gets_its_reason(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    with closing(Store.open(tmp_path)) as store:
        await store.save_contacts([contact(number) for number in range(1, 400)], NOON)
        ids = [f"id-{number}" for number in range(1, 400)]
        changes = await store.changes.add(Action.ARCHIVE, store.contacts(ids), NOON)
    assert back_up(file, NOON) is not None
    with closing(Store.open(tmp_path)) as store:
        requests = [
            TransitionRequest(change.change_id, Transition.REFUSE, notice=INTERRUPTED) for change in changes
        ]
        await store.record_transitions(requests, minutes(1))
    # The rows of the changes can't be read, their log can.
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE changes SET action = 'nonsense'")
    assert repair(file, minutes(2)).damaged_copy is not None
    with closing(Store.open(tmp_path)) as store:
        found = store.changes.refused(400)
        assert [(change.message, change.notice) for change in found] == [("", INTERRUPTED)] * len(changes)
