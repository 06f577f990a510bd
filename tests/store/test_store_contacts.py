from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from store.store_samples import ACTIVE, ARCHIVED, GDPR, NOON, contact, minutes

from tui.model.contact import Balances
from tui.model.query import Query, Tab, TabCounts

if TYPE_CHECKING:
    from datetime import datetime

    from tui.store import Store

FULL = contact(
    7,
    name="Café Ōtautahi 🍰",
    first_name="Zoë",
    last_name="Ng",
    email="zoe@cafe.example",
    account_number="AC-7",
    contact_number="C 7",
    phone="+64 3 555 0107",
    is_customer=True,
    is_supplier=True,
    groups=("Tenants", "VIP"),
    merged_to="id-8",
    balances=Balances(23_400, 1, -5, 6),
    raw=b'{"Name": "Caf\xc3\xa9"}',
    updated_at=NOON + timedelta(milliseconds=123),
)


async def test_contact_round_trips(store: Store) -> None:
    await store.save_contacts([FULL, contact(8)], NOON)
    assert store.contact("id-7") == FULL
    assert store.contact("id-8") == contact(8)
    assert store.contact("unknown") is None


async def test_contacts_are_returned_in_the_requested_order(store: Store) -> None:
    everything = [contact(number) for number in range(2_500)]
    await store.save_contacts(everything, NOON)
    asked = [one.contact_id for one in reversed(everything)]
    asked.insert(3, "unknown")
    assert store.contacts(asked) == everything[::-1]


async def test_older_version_never_replaces_a_newer_one(store: Store) -> None:
    await store.save_contacts([contact(1, ARCHIVED, at=5)], NOON)
    applied = await store.save_contacts([contact(1, ACTIVE, at=4, name="Old")], NOON)
    assert (applied.rows_changed, applied.order_changed, applied.detected) == (0, False, ())
    assert store.contact("id-1") == contact(1, ARCHIVED, at=5)


async def test_equally_old_version_is_saved_as_balances_change_without_a_date(store: Store) -> None:
    await store.save_contacts([contact(balances=Balances(receivable=100))], NOON)
    applied = await store.save_contacts([contact(balances=Balances(receivable=50))], NOON)
    assert (applied.rows_changed, applied.order_changed) == (1, False)
    stored = store.contact("id-1")
    assert stored is not None
    assert stored.balances == Balances(receivable=50)


async def test_balances_missing_from_a_reply_are_kept(store: Store) -> None:
    await store.save_contacts([contact(balances=Balances(receivable=100))], NOON)
    await store.save_contacts([contact(at=1, balances=None)], NOON)
    stored = store.contact("id-1")
    assert stored is not None
    assert stored.balances == Balances(receivable=100)


async def test_saving_the_same_contact_again_changes_nothing(store: Store) -> None:
    await store.save_contacts([FULL], NOON)
    applied = await store.save_contacts([FULL], minutes(9))
    assert (applied.rows_changed, applied.order_changed) == (0, False)


async def test_a_contact_listed_twice_in_one_page_counts_once(store: Store) -> None:
    applied = await store.save_contacts([contact(at=2, name="New"), contact(at=1, name="Old")], NOON)
    assert applied.rows_changed == 1
    assert store.counts().all == 1
    stored = store.contact("id-1")
    assert stored is not None
    assert stored.name == "New"


async def test_rename_moves_a_row_and_a_new_phone_does_not(store: Store) -> None:
    await store.save_contacts([contact(1), contact(2)], NOON)
    assert (await store.save_contacts([contact(1, at=1, name="Zulu")], NOON)).order_changed
    rows = store.search.first(Query()).rows
    assert [row.name for row in rows.window(0, 9)] == ["Contact 2", "Zulu"]


async def test_tab_counts_follow_every_write(store: Store) -> None:
    assert store.counts() == TabCounts()
    await store.save_contacts([contact(1), contact(2), contact(3, ARCHIVED), contact(4, GDPR)], NOON)
    assert store.counts() == TabCounts(all=4, active=2, archived=1)
    await store.save_contacts([contact(1, ARCHIVED, at=1), contact(3, GDPR, at=1)], NOON)
    assert store.counts() == TabCounts(all=4, active=1, archived=1)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("bayside club", "id-1"),
        ("BAYSIDE CLUB", "id-1"),
        ("Bayside Clüb", None),
        ("Straße", "id-3"),
        ("STRASSE", "id-3"),
    ],
)
async def test_an_active_contact_of_the_same_name_is_found_ignoring_case(
    store: Store, asked: str, found: str | None
) -> None:
    await store.save_contacts(
        [
            contact(1, name="Bayside Club"),
            contact(2, ARCHIVED, name="Bayside Club"),
            contact(3, name="Straße"),
        ],
        NOON,
    )
    same = store.find_active_by_name(asked, except_id="id-2")
    assert (same.contact_id if same else None) == found
    assert store.find_active_by_name("Bayside Club", except_id="id-1") is None


async def test_first_screen_is_ordered_by_folded_names(store: Store) -> None:
    for number, name in enumerate(["zebra", "Éclair", "apple", "Banana", " aardvark", "界", "🍰 cake"]):
        await store.save_contacts([contact(number, name=name)], NOON)
    rows = store.search.first(Query()).rows
    assert [row.name for row in rows.window(0, 99)] == [
        " aardvark",
        "apple",
        "Banana",
        "Éclair",
        "zebra",
        "界",
        "🍰 cake",
    ]


async def test_first_screen_shows_its_tab(store: Store) -> None:
    await store.save_contacts([contact(n, ARCHIVED if n % 3 == 0 else ACTIVE) for n in range(100, 200)], NOON)
    found = store.search.first(Query(Tab.ARCHIVED))
    assert len(found.rows) == found.counts.archived == 33
    assert found.rows.ids(31, 40) == ["id-195", "id-198"]
    assert [row.contact_id for row in found.rows.window(0, 2)] == ["id-102", "id-105"]
    assert found.rows.window(33, 40) == []
    assert found.rows.index_of("id-105") == 1
    assert found.rows.index_of("id-106") is None
    assert found.rows.index_of("unknown") is None


async def test_name_of_ten_thousand_characters_is_stored_and_found(store: Store) -> None:
    long = contact(1, name="long " * 2_000)
    await store.save_contacts([long, replace(long, contact_id="id-2", name=long.name + "tail")], NOON)
    assert store.contact("id-1") == long
    assert store.find_active_by_name(long.name + "TAIL", except_id="id-1") is not None


async def test_balances_have_the_time_of_their_last_read(store: Store) -> None:
    def read_at() -> datetime | None:
        stored = store.contact(contact().contact_id)
        assert stored is not None
        assert stored.balances is not None
        return stored.balances.read_at

    await store.save_contacts([contact(balances=Balances(receivable=100))], NOON)
    assert read_at() == NOON
    await store.save_contacts([contact(balances=Balances(receivable=100))], minutes(5))
    assert read_at() == minutes(5)
    await store.save_contacts([contact(balances=None)], minutes(9))
    assert read_at() == minutes(5)
