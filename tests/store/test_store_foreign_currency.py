"""Changes of contacts in a foreign currency: Re-Leased leaves them out, so none of them is pending."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from store.store_samples import ACTIVE, ARCHIVED, contact, minutes

from tui.model.change import Action, Transition
from tui.model.evidence import ReportKind, SyncRecord, UserReport
from tui.store import Store, TransitionRequest
from tui.store.database import FILE_NAME
from tui.store.maintenance.integrity import damage_anywhere, invalid_values_in_change_log
from tui.store.read_only_summary import read_summary
from tui.store.schema import FOREIGN_CURRENCY, MIGRATIONS, migrate

if TYPE_CHECKING:
    from pathlib import Path

    from tui.model.change import Change
    from tui.model.contact import Contact, ContactStatus

FOREIGN_VERSION = MIGRATIONS.index(FOREIGN_CURRENCY) + 1


def priced(
    number: int, currency: object, status: ContactStatus = ACTIVE, at: float = 0, **document: Any
) -> Contact:
    if currency is not None:
        document["DefaultCurrency"] = currency
    return contact(number, status, at=at, raw=json.dumps(document).encode())


async def archive(store: Store, number: int, currency: object, at: float = 10) -> None:
    """Archive a contact in Xero."""
    await store.save_contacts([priced(number, currency, at=at - 1)], minutes(at - 1))
    await store.save_contacts([priced(number, currency, ARCHIVED, at=at)], minutes(at))


def last(store: Store, number: int = 1) -> Change:
    return store.changes.of_contact(f"id-{number}")[0]


async def test_a_change_of_a_contact_in_another_currency_isnt_pending(store: Store) -> None:
    await store.set_base_currency("NZD")
    await archive(store, 1, "USD")
    assert last(store).foreign_currency_at == minutes(10)
    assert (store.evidence.pending(), store.evidence.pending_total()) == ([], 0)
    assert [change.contact_id for change in store.evidence.synced(5)] == ["id-1"]
    assert store.evidence.synced_total() == 1


@pytest.mark.parametrize("currency", [None, "", " ", "NZD", "nzd ", 7, ["USD"]])
async def test_with_the_same_or_no_currency_a_change_is_pending(store: Store, currency: object) -> None:
    await store.set_base_currency("NZD")
    await archive(store, 1, currency)
    assert last(store).foreign_currency_at is None
    assert store.evidence.pending_total() == 1


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"DefaultCurrency":"USD"', b"null"])
async def test_an_unreadable_document_has_no_currency(store: Store, raw: bytes) -> None:
    await store.set_base_currency("NZD")
    for status, at in ((ACTIVE, 1), (ARCHIVED, 2)):
        await store.save_contacts([contact(1, status, at=at, raw=raw)], minutes(at))
    assert store.evidence.pending_total() == 1


async def test_a_currency_is_found_beside_half_of_an_emoji(store: Store) -> None:
    await store.set_base_currency("NZD")
    raw = b'{"Name":"\\ud83d","DefaultCurrency":"USD"}'
    for status, at in ((ACTIVE, 1), (ARCHIVED, 2)):
        await store.save_contacts([contact(1, status, at=at, raw=raw)], minutes(at))
    assert store.evidence.pending_total() == 0


async def test_changes_from_before_the_currency_was_known_are_found(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path)) as store:
        await archive(store, 1, "USD")
        await archive(store, 2, "NZD")
        assert store.evidence.pending_total() == 2
        assert await store.set_base_currency("") == 0
        assert await store.set_base_currency("NZD") == 1
        assert await store.set_base_currency("NZD") == 0
    with closing(Store.open(tmp_path)) as store:
        assert [change.contact_id for change in store.evidence.pending()] == ["id-2"]
        # The store remembers the currency.
        await archive(store, 3, "USD", at=20)
        assert store.evidence.pending_total() == 1


async def test_a_change_made_here_is_marked_when_xero_confirms_it(store: Store) -> None:
    await store.set_base_currency("NZD")
    await store.save_contacts([priced(1, "USD")], minutes(0))
    [change] = await store.changes.add(Action.ARCHIVE, store.contacts(["id-1"]), minutes(1))
    assert last(store).foreign_currency_at is None
    for transition in (Transition.SEND, Transition.CONFIRM):
        await store.record_transitions([TransitionRequest(change.change_id, transition)], minutes(2))
    assert last(store).foreign_currency_at == minutes(2)


async def test_a_currency_that_changes_while_it_is_pending_marks_it_for_good(store: Store) -> None:
    await store.set_base_currency("NZD")
    await archive(store, 1, "NZD")
    assert store.evidence.pending_total() == 1
    await store.save_contacts([priced(1, "USD", ARCHIVED, at=20)], minutes(20))
    assert store.evidence.pending_total() == 0
    # Re-Leased has unlinked it by now.
    await store.save_contacts([priced(1, "NZD", ARCHIVED, at=30)], minutes(30))
    assert (store.evidence.pending_total(), last(store).foreign_currency_at) == (0, minutes(10))


async def test_an_edit_of_only_the_currency_is_noticed(store: Store) -> None:
    await store.set_base_currency("NZD")
    await archive(store, 1, None)
    # Nothing else has changed, not even the date.
    await store.save_contacts([priced(1, "USD", ARCHIVED, at=10)], minutes(20))
    assert store.evidence.pending_total() == 0


async def test_evidence_from_re_leased_still_counts(store: Store) -> None:
    await store.set_base_currency("NZD")
    for number in (1, 2):
        await archive(store, number, "USD")
    await store.evidence.record_synced(
        [SyncRecord("id-1", ARCHIVED, minutes(20), minutes(21), "7")], ("c", "1")
    )
    seen = UserReport(ReportKind.CHECKED, minutes(22), "id-2", ARCHIVED)
    await store.evidence.record_reports([seen], minutes(22))
    assert (last(store, 1).synced_at, last(store, 2).checked_at) == (minutes(21), minutes(22))
    assert store.evidence.synced_total() == 2


async def test_a_reversal_ends_the_mark_and_gets_its_own(store: Store) -> None:
    await store.set_base_currency("NZD")
    await archive(store, 1, "USD")
    await store.save_contacts([priced(1, "USD", ACTIVE, at=20)], minutes(20))
    restored, archived = store.changes.of_contact("id-1")
    assert (archived.superseded, archived.foreign_currency_at) == (True, None)
    assert restored.foreign_currency_at == minutes(20)
    assert (store.evidence.pending_total(), store.evidence.synced_total()) == (0, 1)


async def test_a_contact_that_was_unlinked_before_is_still_left_out_when_linked(store: Store) -> None:
    await store.set_base_currency("NZD")
    await archive(store, 1, "NZD")
    for kind, at in ((ReportKind.UNLINKED, 12), (ReportKind.LINKED, 30)):
        await store.save_contacts([priced(1, "USD", ARCHIVED, at=at)], minutes(at))
        await store.evidence.record_reports([UserReport(kind, minutes(at), "id-1")], minutes(at))
    assert store.evidence.pending_total() == 0


# --- files of older versions ---


def older_file(folder: Path, version: int) -> Path:
    """Return a store of an earlier version with one pending and one queued change."""
    folder.mkdir(exist_ok=True)
    file = folder / FILE_NAME
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        migrate(connection, version)
        origin, message = ("here", "words") if version < 7 else ("reshelve", "message")
        connection.executemany(
            "INSERT INTO changes (change_id, batch_id, contact_id, name, action, origin, state, requested_ms,"  # noqa: S608 - our own names
            f" updated_ms, confirmed_ms, idempotency_key, {message}, superseded)"
            f" VALUES (?, 'b', ?, 'Alma', 'archive', '{origin}', ?, 1700000000000, 1700000000000, ?, '', '',"
            " 0)",
            [(1, "id-1", "confirmed", 1700000000000), (2, "id-2", "queued", None)],
        )
    return file


@pytest.mark.parametrize("version", range(1, FOREIGN_VERSION))
def test_a_store_of_an_older_version_is_counted_unopened_and_migrated(tmp_path: Path, version: int) -> None:
    file = older_file(tmp_path, version)
    before = file.read_bytes()
    assert invalid_values_in_change_log(file) == ""
    summary = read_summary(tmp_path, lambda _: None)
    assert summary is not None
    assert (summary.pending, summary.not_in_xero) == (1, 1)
    assert file.read_bytes() == before
    with closing(Store.open(tmp_path)) as store:
        assert store.evidence.pending_total() == len(store.evidence.pending()) == 1
    assert damage_anywhere(file) == ""
    again = read_summary(tmp_path, lambda _: None)
    assert again == summary


async def test_an_older_store_is_marked_once_the_currency_is_known(tmp_path: Path) -> None:
    file = older_file(tmp_path, FOREIGN_VERSION - 1)
    with closing(Store.open(tmp_path)) as store:
        await store.save_contacts([priced(1, "USD", ARCHIVED)], minutes(0))
        assert await store.set_base_currency("NZD") == 1
        assert store.evidence.pending_total() == 0
    summary = read_summary(tmp_path, lambda _: None)
    assert summary is not None
    assert summary.pending == 0
    assert damage_anywhere(file) == ""
