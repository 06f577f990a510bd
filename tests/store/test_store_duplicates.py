"""Pairs dismissed as no duplicates are kept with the change log, through damage, backups and repair."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from store.damage import spoil
from store.store_samples import ARCHIVED, NOON, contact, minutes

from tui.model.contact import ContactStatus
from tui.store import Store
from tui.store.database import FILE_NAME
from tui.store.maintenance.repair import repair
from tui.xero.contact_record import contact_record

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_last_mark_of_a_pair_counts(store: Store, tmp_path: Path) -> None:
    marks = store.duplicates
    assert await marks.mark([("b", "a"), ("a", "c")], NOON, is_dismissed=True) == 2
    assert await marks.mark([("a", "b")], NOON, is_dismissed=True) == 0
    assert marks.dismissed() == {("a", "b"), ("a", "c")}
    assert await marks.mark([("b", "a")], minutes(1), is_dismissed=False) == 1
    assert marks.dismissed() == {("a", "c")}
    with closing(sqlite3.connect(tmp_path / "organisation" / FILE_NAME)) as connection:
        assert connection.execute("SELECT count(*) FROM duplicate_marks").fetchone() == (3,)
        for sql in ("DELETE FROM duplicate_marks", "UPDATE duplicate_marks SET is_dismissed = 0"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(sql)


async def test_only_active_contacts_are_compared(store: Store) -> None:
    raw = (
        b'{"TaxNumber":"12-345","BatchPayments":{"BankAccountNumber":"01-2"},'
        b'"Phones":[{"PhoneType":"MOBILE","PhoneNumber":"555 1234","PhoneAreaCode":"21"}]}'
    )
    await store.save_contacts(
        [
            contact(1, raw=raw, email="a@b", account_number="C7"),
            contact(2, ARCHIVED),
            contact(3, ContactStatus.GDPRREQUEST),
            contact(4, ARCHIVED, merged_to="id-1"),
            contact(5, raw=b"no json"),
        ],
        NOON,
    )
    paused = []
    first, other = store.duplicates.facts(contact_record, lambda: paused.append(1))
    assert (first.key, first.email, first.tax_number) == ("id-1", "a@b", "12-345")
    assert (first.bank_account, first.account_number) == ("01-2", "C7")
    assert "21 555 1234" in first.phones
    assert (other.key, other.tax_number, other.bank_account) == ("id-5", "", "")
    assert len(paused) == 2


async def test_marks_survive_a_repair(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "organisation"
    await store.save_contacts([contact(number) for number in range(1, 200)], NOON)
    await store.duplicates.mark([("a", "b"), ("c", "d")], NOON, is_dismissed=True)
    await store.duplicates.mark([("c", "d")], NOON, is_dismissed=False)
    store.close()
    spoil(folder / FILE_NAME, "contacts")
    repair(folder / FILE_NAME, minutes(5))
    with closing(Store.open(folder)) as repaired:
        assert repaired.duplicates.dismissed() == {("a", "b")}
