"""The list in every order, found through the search index and without it."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store.store_samples import ACTIVE, ARCHIVED, NOON, contact, minutes
from support.effort import examples

from tui.model.change import Action
from tui.model.columns import ColumnKey, Sort
from tui.model.contact import Balances, ContactStatus
from tui.model.query import Tab
from tui.model.query_parser import parse_query
from tui.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.contact import Contact, Row, SearchResult

texts = st.text("abAB1. é", max_size=3)
amounts = st.none() | st.integers(-300, 300)
contacts = st.lists(
    st.builds(
        lambda number, status, at, name, owes, more: contact(
            number,
            status,
            at,
            name=name,
            balances=None if owes is None else Balances(owes, owes // 2, -owes),
            raw=f'{{"TaxNumber": "{more["tax"].strip()}"}}'.encode(),
            groups=(more["tax"],) if more["tax"] else (),
            **{key: value for key, value in more.items() if key != "tax"},
        ),
        st.integers(1, 40),
        st.sampled_from(ContactStatus),
        st.integers(0, 9),
        texts,
        amounts,
        st.fixed_dictionaries(
            {"email": texts, "phone": texts, "account_number": texts, "contact_number": texts, "tax": texts}
        ),
    ),
    max_size=20,
    unique_by=lambda one: one.contact_id,
)
EVERY_COLUMN = [*ColumnKey]
sorts = st.builds(Sort, st.sampled_from(EVERY_COLUMN), st.booleans())


async def found(store: Store, text: str, tab: Tab, sort: Sort) -> SearchResult:
    query = replace(parse_query(tab, text), sort=sort)
    answers = [answer async for answer in store.search.find(query)]
    assert answers[-1].is_complete
    return answers[-1]


def value(one: Contact, key: ColumnKey) -> Any:
    balances = one.balances
    merged_or_status = "MERGED" if one.merged_to else one.status.value
    return {
        ColumnKey.NAME: one.name,
        ColumnKey.STATUS: merged_or_status,
        ColumnKey.EMAIL: one.email,
        ColumnKey.OWES: balances and balances.receivable,
        ColumnKey.OVERDUE: balances and balances.receivable_overdue,
        ColumnKey.YOU_OWE: balances and balances.payable,
        ColumnKey.PHONE: one.phone,
        ColumnKey.ACCOUNT_NUMBER: one.account_number,
        ColumnKey.CONTACT_NUMBER: one.contact_number,
        ColumnKey.TAX_NUMBER: one.groups[0].strip() if one.groups else "",
        ColumnKey.MERGED_INTO: "",
        ColumnKey.GROUPS: one.groups[0] if one.groups else "",
        ColumnKey.UPDATED: one.updated_at,
        # Transactions weren't read.
        ColumnKey.LAST_ACTIVITY: None,
        ColumnKey.SYNC_STATUS: None,
    }[key]


def in_order(rows: Sequence[Contact], by_name: Sequence[str], sort: Sort) -> list[str]:
    """Sort contacts with Python; without a value they are at the end, and equals are in order of names."""
    place = {contact_id: number for number, contact_id in enumerate(by_name)}
    if sort.column is ColumnKey.NAME:
        return sorted((one.contact_id for one in rows), key=place.__getitem__, reverse=sort.is_descending)
    valued = [one for one in rows if value(one, sort.column) not in (None, "")]

    def key(one: Contact) -> Any:
        wanted = value(one, sort.column)
        # SQLite's NOCASE folds ASCII letters alone, as `str.lower` does with those used here.
        return wanted.lower() if isinstance(wanted, str) and sort.column is not ColumnKey.STATUS else wanted

    ordered = sorted(sorted(valued, key=lambda one: place[one.contact_id]), key=key)
    if sort.is_descending:
        ordered = sorted(sorted(valued, key=lambda one: place[one.contact_id], reverse=True), key=key)[::-1]
    rest = [one for one in rows if value(one, sort.column) in (None, "")]
    return [one.contact_id for one in ordered] + sorted(
        (one.contact_id for one in rest), key=place.__getitem__
    )


@given(
    known=contacts,
    sort=st.builds(Sort, st.sampled_from(EVERY_COLUMN), st.booleans()),
    text=st.sampled_from(["", "a", "1", "."]),
)
@settings(max_examples=examples(30))
def test_every_order_is_the_one_that_python_sorts(known: list[Contact], sort: Sort, text: str) -> None:
    async def history() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(Path(folder))
            try:
                await store.save_contacts(known, NOON)
                for is_loaded in (False, True):
                    if is_loaded:
                        await store.search.load()
                    by_name = store.search.first(parse_query(Tab.ALL, "")).rows.ids(0, 99)
                    for tab in Tab:
                        result = await found(store, text, tab, sort)
                        ids = list(result.rows.ids(0, 99))
                        # Found by words, contacts in order of names are also ordered by what they match.
                        if not (text and sort.is_default):
                            assert ids == in_order(store.contacts(ids), by_name, sort)
                        unsorted = await found(store, text, tab, Sort())
                        assert sorted(ids) == sorted(unsorted.rows.ids(0, 99))
                        assert result.counts == unsorted.counts
                        assert [result.rows.index_of(one) for one in ids] == [*range(len(ids))]
            finally:
                store.close()

    asyncio.run(history())


async def test_the_first_rows_are_those_of_the_order(store: Store) -> None:
    people = [contact(number, balances=Balances(number * 100)) for number in range(1, 200)]
    await store.save_contacts(people, NOON)
    query = replace(parse_query(Tab.ALL, ""), sort=Sort(ColumnKey.OWES, is_descending=True))
    first = store.search.first(query)
    assert not first.is_complete
    assert [row.owes for row in first.rows.window(0, 3)] == [19_900, 19_800, 19_700]
    assert first.counts.all == 199


async def test_an_order_follows_what_changes(store: Store) -> None:
    await store.save_contacts([contact(1, balances=Balances(1)), contact(2, balances=Balances(2))], NOON)
    await store.search.load()
    largest = Sort(ColumnKey.OWES, is_descending=True)
    assert list((await found(store, "", Tab.ALL, largest)).rows.ids(0, 9)) == ["id-2", "id-1"]
    assert list((await found(store, "contact", Tab.ALL, largest)).rows.ids(0, 9)) == ["id-2", "id-1"]
    await store.save_contacts([contact(1, at=1, balances=Balances(3))], minutes(1))
    assert list((await found(store, "", Tab.ALL, largest)).rows.ids(0, 9)) == ["id-1", "id-2"]
    assert list((await found(store, "contact", Tab.ALL, largest)).rows.ids(0, 9)) == ["id-1", "id-2"]


async def test_the_latest_change_is_first(store: Store) -> None:
    people = [contact(1), contact(2), contact(3, ARCHIVED)]
    await store.save_contacts(people, NOON)
    await store.changes.add(Action.ARCHIVE, [people[1]], NOON)
    await store.changes.add(Action.ARCHIVE, [people[0]], minutes(1))
    latest = Sort(ColumnKey.SYNC_STATUS, is_descending=True)
    assert list((await found(store, "", Tab.ALL, latest)).rows.ids(0, 9)) == ["id-1", "id-2", "id-3"]


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"\xff{", b"null", b'{"TaxNumber": 5}'])
async def test_rows_have_the_values_of_the_columns_that_are_shown(store: Store, raw: bytes) -> None:
    one = contact(
        1,
        ACTIVE,
        phone="+64 4 555",
        account_number="AC-1",
        contact_number="C-1",
        groups=("Tenants", "VIP"),
        balances=Balances(5, 4, 3),
        raw=raw,
    )
    await store.save_contacts([one], NOON)

    def rows() -> Sequence[Row]:
        return store.search.first(parse_query(Tab.ALL, "")).rows.window(0, 9)

    assert rows()[0].more == ()
    store.search.show_columns(EVERY_COLUMN)
    [row] = rows()
    more = dict(row.more)
    assert more.pop(ColumnKey.TAX_NUMBER) in {"", "5", None}
    assert more.pop(ColumnKey.LAST_ACTIVITY) is None
    assert more.pop(ColumnKey.UPDATED) == int(NOON.timestamp() * 1000)
    assert more == {
        ColumnKey.OVERDUE: 4,
        ColumnKey.YOU_OWE: 3,
        ColumnKey.PHONE: "+64 4 555",
        ColumnKey.ACCOUNT_NUMBER: "AC-1",
        ColumnKey.CONTACT_NUMBER: "C-1",
        ColumnKey.MERGED_INTO: "",
        ColumnKey.GROUPS: "Tenants, VIP",
    }
    store.search.show_columns([ColumnKey.NAME])
    assert rows()[0].more == ()


async def test_a_merged_contact_has_the_name_of_the_one_it_was_merged_into(store: Store) -> None:
    await store.save_contacts(
        [
            contact(1, name="Survivor"),
            contact(2, ContactStatus.ARCHIVED, name="Merged", merged_to="id-1"),
            contact(3, ContactStatus.ARCHIVED, name="Into a stranger", merged_to="id-9"),
        ],
        NOON,
    )
    store.search.show_columns([ColumnKey.NAME, ColumnKey.MERGED_INTO])
    rows = store.search.first(parse_query(Tab.ALL, "")).rows.window(0, 9)
    found = {row.name: dict(row.more)[ColumnKey.MERGED_INTO] for row in rows}
    assert found == {"Survivor": "", "Merged": "Survivor", "Into a stranger": "id-9"}
