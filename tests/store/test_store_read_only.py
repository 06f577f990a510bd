"""Reading another organisation's store without opening it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from store.store_samples import ARCHIVED, NOON, contact

from tui.store import Store
from tui.store.database import FILE_NAME
from tui.store.read_only_summary import _SAME, find_active
from tui.store.schema import MIGRATIONS, migrate

if TYPE_CHECKING:
    from pathlib import Path

    from tui.model.contact import Contact

OURS = contact(1, name="Kererū Property", email="Accounts@Kereru.example")


async def found(folder: Path, *theirs: Contact, ours: Contact = OURS, seconds: float = 60) -> bool:
    """Return whether a store with these contacts has ours."""
    with closing(Store.open(folder)) as store:
        await store.save_contacts(theirs, NOON)
        ids = find_active(folder, [ours, contact(2, name="Somebody else")], seconds=seconds)
    assert ids <= {"id-1"}
    return bool(ids)


@pytest.mark.parametrize(
    ("theirs", "is_same"),
    [
        (contact(7, name="kereru property"), True),
        (contact(7, name="Kereru Property Ltd"), False),
        (contact(7, name="Other", email="accounts@kereru.EXAMPLE"), True),
        (contact(7, name="Other", email="accounts@kereru.example.org"), False),
        (contact(7, ARCHIVED, name="Kererū Property", email="accounts@kereru.example"), False),
        (contact(7, name="Other"), False),
    ],
)
async def test_the_same_active_name_or_address_is_found(
    tmp_path: Path,
    theirs: Contact,
    is_same: bool,  # noqa: FBT001 - pytest hands it over like this
) -> None:
    assert await found(tmp_path, contact(8, name="Nobody"), theirs) == is_same


async def test_empty_names_and_addresses_never_match(tmp_path: Path) -> None:
    assert not await found(tmp_path, contact(7, name=""), ours=contact(1, name="", email=""))


async def test_non_ascii_letters_are_matched(tmp_path: Path) -> None:
    theirs = contact(7, name="Other", email="ÅSA@x.example")
    assert await found(tmp_path, theirs, ours=contact(1, email="Åsa@X.example"))


async def test_the_name_is_found_by_an_index(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path)), closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        sql = f"EXPLAIN QUERY PLAN SELECT sort_key {_SAME.format('sort_key')}"
        plan = " ".join(str(row[3]) for row in connection.execute(sql, ("[]",)))
    assert "contacts_active (sort_key=?)" in plan


def test_missing_store_is_empty_and_not_created(tmp_path: Path) -> None:
    assert find_active(tmp_path / "none", [OURS], seconds=60) == frozenset()
    (tmp_path / FILE_NAME).write_bytes(b"not a database at all" * 100)
    assert find_active(tmp_path, [OURS], seconds=60) == frozenset()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_a_store_of_any_version_is_read(tmp_path: Path, version: int) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as connection:
        migrate(connection, version)
        connection.execute(
            "INSERT INTO contacts VALUES (1, 'x', 'Kereru', 'ACTIVE', 0, '', '', '', '', '', '', 0, 0, '[]',"
            " '', NULL, NULL, NULL, NULL, 'kereru property', '')"
        )
    before = (tmp_path / FILE_NAME).read_bytes()
    assert find_active(tmp_path, [OURS], seconds=60) == {"id-1"}
    assert (tmp_path / FILE_NAME).read_bytes() == before


async def test_read_only_search_has_a_time_limit(tmp_path: Path) -> None:
    theirs = [contact(number, email=f"{number}@x.example") for number in range(10, 6_000)]
    last = contact(6_001, name="Other", email="accounts@kereru.example")
    assert await found(tmp_path, *theirs, last)
    # No time is left, so the search ends without a result.
    assert not await found(tmp_path, seconds=-1)
