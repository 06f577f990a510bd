"""Names are found in every spelling, also in a store with search texts of older rules."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from store.store_samples import NOON, contact, names, search

from tui.model.query import FOLD_VERSION
from tui.store import Store, database
from tui.store.database import FILE_NAME

if TYPE_CHECKING:
    from pathlib import Path

FOUND = [
    ("o'brien", "O’Brien"),
    ("smith-jones", "Smith‑Jones"),
    ("lodz", "Łódź"),
    ("bayside", "Bay\u200bside"),
]


async def stored(folder: Path) -> None:
    store = Store.open(folder)
    await store.save_contacts([contact(number, name=name) for number, (_, name) in enumerate(FOUND)], NOON)
    store.close()


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize(("typed", "name"), FOUND)
async def test_apostrophes_and_dashes_are_found_in_memory_and_in_the_database(
    tmp_path: Path, typed: str, name: str, *, loaded: bool
) -> None:
    await stored(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        # As a version with other rules leaves it.
        connection.execute("UPDATE contacts SET search = lower(name), sort_key = lower(name)")
        connection.execute("DELETE FROM sync_state WHERE name = 'contacts.fold_version'")
    store = Store.open(tmp_path)
    try:
        if loaded:
            await store.search.load()
        assert names(await search(store, typed)) == [name]
        shown = [row.name for row in store.search.first((await search(store, "")).query).rows.window(0, 9)]
        assert shown == ["Bay\u200bside", "Łódź", "O’Brien", "Smith‑Jones"]
    finally:
        store.close()


async def test_a_store_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    people = [
        contact(1, name="Alma", email="alma@gmail.com"),
        contact(2, name="Gmail Support"),
        contact(3, name="Smith-Jones"),
    ]
    store = Store.open(tmp_path)
    await store.save_contacts(people, NOON)
    store.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        # As version 2 left it: with the domain among the words, and no second spelling.
        connection.execute("UPDATE contacts SET search = lower(name || char(10) || email)")
        connection.execute(
            "UPDATE sync_state SET value = ? WHERE name = 'contacts.fold_version'",
            ("2" + FOLD_VERSION[1:],),
        )
    store = Store.open(tmp_path)
    try:
        await store.search.load()
        found = {text: names(await search(store, text)) for text in ("gmail", "gmail.com", "smithjones")}
        assert found == {"gmail": ["Gmail Support"], "gmail.com": ["Alma"], "smithjones": ["Smith-Jones"]}
    finally:
        store.close()


async def test_up_to_date_search_texts_are_not_rewritten(tmp_path: Path) -> None:
    await stored(tmp_path)
    file = tmp_path / FILE_NAME
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE contacts SET search = 'x'")
    Store.open(tmp_path).close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT DISTINCT search FROM contacts").fetchall() == [("x",)]


async def test_while_another_copy_writes_the_store_opens_with_its_old_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stored(tmp_path)
    monkeypatch.setattr(database, "_WRITER_PATIENCE", 0)
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as other:
        other.execute("DELETE FROM sync_state WHERE name = 'contacts.fold_version'")
        other.execute("BEGIN IMMEDIATE")
        store = Store.open(tmp_path)
        try:
            assert names(await search(store, "lodz")) == ["Łódź"]
        finally:
            store.close()
