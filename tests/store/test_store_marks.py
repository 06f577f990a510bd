"""What the user kept or protected is stored append-only, survives a repair, and can be searched for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from store.damage import spoil_header
from store.store_samples import NOON, contact, minutes, names, search

from tui.model.marks import MarkKind, Marks
from tui.store import Store
from tui.store.database import FILE_NAME
from tui.store.maintenance.repair import repair

if TYPE_CHECKING:
    from pathlib import Path

KEPT, PROTECTED = MarkKind


async def test_the_last_mark_counts_and_only_changes_are_stored(store: Store, tmp_path: Path) -> None:
    assert await store.marks.mark_contacts(KEPT, ["a", "b", "a"], NOON, on=True) == 2
    assert await store.marks.mark_contacts(KEPT, ["a", "c"], NOON, on=True) == 1
    assert await store.marks.mark_contacts(PROTECTED, ["a"], NOON, on=True) == 1
    assert await store.marks.mark_contacts(KEPT, ["a", "x"], NOON, on=False) == 1
    assert await store.marks.protect_group("Tenants", NOON, on=True)
    assert not await store.marks.protect_group("Tenants", NOON, on=True)
    assert store.marks.all() == Marks(
        frozenset({"b", "c"}), frozenset({"a"}), protected_groups=frozenset({"Tenants"})
    )
    assert store.marks.of_contact("b") == Marks(frozenset({"b"}), protected_groups=frozenset({"Tenants"}))
    with closing(sqlite3.connect(tmp_path / "organisation" / FILE_NAME)) as connection:
        assert connection.execute("SELECT count(*) FROM marks").fetchone() == (6,)
        for sql in ("DELETE FROM marks", "UPDATE marks SET is_on = 0"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(sql)


async def test_marks_come_back_from_the_backup(store: Store, tmp_path: Path) -> None:
    await store.save_contacts([contact(1)], NOON)
    await store.marks.mark_contacts(PROTECTED, ["id-1"], NOON, on=True)
    await store.maintenance.back_up(minutes(1))
    store.close()
    file = tmp_path / "organisation" / FILE_NAME
    spoil_header(file)
    repair(file, minutes(2))
    with closing(Store.open(file.parent)) as repaired:
        assert repaired.marks.all().protected == {"id-1"}


@pytest.mark.parametrize("is_loaded", [False, True], ids=["sql", "index"])
async def test_marks_are_searched(store: Store, *, is_loaded: bool) -> None:
    await store.save_contacts(
        [
            contact(1, name="Alma", groups=("Tenants", "East")),
            contact(2, name="Bayside"),
            contact(3, name="Dora", groups=("Tenants",)),
        ],
        NOON,
    )
    if is_loaded:
        await store.search.load()
    assert names(await search(store, "is:protected")) == []
    await store.marks.mark_contacts(KEPT, ["id-1", "id-2"], NOON, on=True)
    await store.marks.mark_contacts(KEPT, ["id-1"], NOON, on=False)
    await store.marks.mark_contacts(PROTECTED, ["id-2"], NOON, on=True)
    assert names(await search(store, "is:kept")) == ["Bayside"]
    assert names(await search(store, "-is:kept")) == ["Alma", "Dora"]
    assert names(await search(store, "is:protected")) == ["Bayside"]
    await store.marks.protect_group("East", NOON, on=True)
    assert names(await search(store, "is:protected")) == ["Alma", "Bayside"]
    assert names(await search(store, "-is:protected")) == ["Dora"]
