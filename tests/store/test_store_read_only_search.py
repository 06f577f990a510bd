"""Searching another organisation's contacts without opening its store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from store.store_samples import ARCHIVED, NOON, contact

from tui.model.columns import ColumnKey
from tui.model.evidence import SyncKnowledge
from tui.model.organisation_search import ContactMatches, SearchState
from tui.model.query import Tab
from tui.model.query_parser import parse_query
from tui.store import Store
from tui.store.database import FILE_NAME
from tui.store.read_only_search import SearchMoment, find_contacts
from tui.store.sync_state import FULL_SYNC_ENDED_AT, REFRESHED_UNTIL

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = SearchMoment(NOON, lambda _: SyncKnowledge())
CONTACTS = (
    contact(1, name="Kererū Property", email="accounts@kereru.example", account_number="KER-7"),
    contact(2, ARCHIVED, name="Tūī Kereru Trust"),
    contact(3, name="Somebody else", first_name="Kereru", last_name="Jones"),
    contact(4, name="Nobody"),
)


def found(folder: Path, text: str, most: int = 20, tab: Tab = Tab.ALL) -> ContactMatches:
    query = parse_query(tab, text, is_complete=True)
    return find_contacts(folder, query, most, MOMENT, is_cancelled=lambda: False)


async def fill(folder: Path) -> Store:
    """Fill a store, as after a whole load."""
    store = Store.open(folder)
    await store.save_contacts(CONTACTS, NOON)
    await store.set_sync_state(REFRESHED_UNTIL, NOON.isoformat())
    await store.set_sync_state(FULL_SYNC_ENDED_AT, NOON.isoformat())
    return store


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kereru",
        "KERERŪ prop",
        "ker-7",
        "@kereru",
        "is:archived",
        "-kereru",
        "jones",
        "sync:none",
        "is:x",
    ],
)
async def test_it_finds_what_the_list_of_contacts_finds(tmp_path: Path, text: str) -> None:
    with closing(await fill(tmp_path)) as store:
        query = parse_query(Tab.ALL, text, is_complete=True)
        await store.search.load()
        listed = [result async for result in store.search.find(query)][-1]
        matches = found(tmp_path, text)
        assert [row.contact_id for row in matches.contacts] == list(listed.rows.ids(0, 20))
        assert matches.total == listed.counts.all
        assert matches.state is SearchState.SEARCHED
        assert matches.refreshed_at == NOON


async def test_rows_say_their_numbers_and_why_they_were_found(tmp_path: Path) -> None:
    with closing(await fill(tmp_path)):
        by_name, archived, by_person = found(tmp_path, "kereru").contacts
        assert by_name.more == ((ColumnKey.ACCOUNT_NUMBER, "KER-7"), (ColumnKey.CONTACT_NUMBER, ""))
        assert archived.status is ARCHIVED
        assert by_person.match is not None
        assert by_person.match.text == "Kereru Jones"


async def test_only_the_first_are_read_and_all_are_counted(tmp_path: Path) -> None:
    with closing(await fill(tmp_path)):
        matches = found(tmp_path, "kereru", most=1)
        assert [row.name for row in matches.contacts] == ["Kererū Property"]
        assert matches.total == 3


def test_a_missing_store_is_not_loaded_and_not_created(tmp_path: Path) -> None:
    assert found(tmp_path / "none", "x").state is SearchState.NOT_LOADED
    assert not (tmp_path / "none").exists()


async def test_an_unfinished_load_is_said(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path)) as store:
        assert found(tmp_path, "kereru").state is SearchState.NOT_LOADED
        await store.save_contacts(CONTACTS, NOON)
        matches = found(tmp_path, "kereru")
        assert (matches.state, matches.total) == (SearchState.LOADING, 3)


def test_a_damaged_store_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 400)
    assert found(tmp_path, "x").state is SearchState.UNREADABLE


@pytest.mark.parametrize("change", ["PRAGMA user_version = 3", "UPDATE sync_state SET value = '0'"])
async def test_a_store_of_another_version_is_outdated(tmp_path: Path, change: str) -> None:
    (await fill(tmp_path)).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(change)
        connection.commit()
    assert found(tmp_path, "kereru").state is SearchState.OUTDATED


async def test_a_cancelled_search_ends(tmp_path: Path) -> None:
    with closing(await fill(tmp_path)):
        query = parse_query(Tab.ALL, "kereru")
        assert find_contacts(tmp_path, query, 20, MOMENT, is_cancelled=lambda: True).total <= 3


async def test_a_pasted_message_finds_the_contacts_it_names(tmp_path: Path) -> None:
    with closing(await fill(tmp_path)):
        matches = found(tmp_path, "Invoice for Tūī Kereru Trust failed, the contact has been archived")
        assert [row.name for row in matches.contacts] == ["Tūī Kereru Trust"]
