"""The sample data before any change."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tui.sandbox.books import read
from tui.sandbox.sample_data import AWKWARD_NAMES, seed

if TYPE_CHECKING:
    from pathlib import Path


def _contacts(file: Path, org: int = 1) -> list[dict[str, Any]]:
    connection = sqlite3.connect(file)
    connection.row_factory = sqlite3.Row
    rows = [dict(row) for row in connection.execute("SELECT * FROM contacts WHERE org = ?", (org,))]
    connection.close()
    return rows


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    file = tmp_path_factory.mktemp("seed") / "practice.sqlite"
    seed(file, 1600)
    return _contacts(file)


def test_same_seed_makes_the_same_contacts(tmp_path: Path) -> None:
    for name in ("one", "two"):
        seed(tmp_path / name, 300)
    for org in (1, 2):
        assert _contacts(tmp_path / "one", org) == _contacts(tmp_path / "two", org)


@pytest.mark.parametrize("many", [1, 2, 5, 19, 60, 200])
def test_small_sample_data_is_complete_too(tmp_path: Path, many: int) -> None:
    seed(tmp_path / "books", many)
    assert len(_contacts(tmp_path / "books")) == many
    assert len(_contacts(tmp_path / "books", 2)) == max(1, many // 7)


def test_ids_are_unique_and_so_are_names_among_active_contacts(books: list[dict[str, Any]]) -> None:
    assert len({one["contact_id"] for one in books}) == len(books) == 1600
    names = Counter(one["name_key"] for one in books if one["active"])
    assert max(names.values()) == 1


def test_about_one_in_seven_is_archived(books: list[dict[str, Any]]) -> None:
    shelved = sum(not one["active"] for one in books)
    assert 0.12 < shelved / len(books) < 0.17


def test_sample_data_has_every_special_case(books: list[dict[str, Any]]) -> None:
    active = {one["name_key"] for one in books if one["active"]}
    by_id = {one["contact_id"]: one for one in books}
    merged = [one for one in books if one["merged_to"]]
    twins = [one for one in books if not one["active"] and not one["merged_to"] and one["name_key"] in active]
    assert len(merged) == 4
    assert all(by_id[one["merged_to"]]["active"] for one in merged)
    assert all(read(one["document"])["MergedToContactID"] == one["merged_to"] for one in merged)
    assert sum(one["status"] == "GDPRREQUEST" for one in books) == 2
    assert len(twins) == 6
    assert sum(one["repeating"] and one["active"] for one in books) == 6
    assert sum(not one["released_linked"] for one in books) == 6
    assert set(AWKWARD_NAMES) <= {one["name"] for one in books if one["active"]}


def test_re_leased_starts_in_sync(books: list[dict[str, Any]]) -> None:
    assert all(one["released_active"] == one["active"] for one in books)


def test_documents_match_their_columns(books: list[dict[str, Any]]) -> None:
    for one in books:
        document = read(one["document"])
        assert document["ContactID"] == one["contact_id"]
        assert document["ContactStatus"] == one["status"]
        assert document["UpdatedDateUTC"] == f"/Date({one['updated']}+0000)/"
        assert one["created"] <= one["updated"]


def test_groups_and_balances_are_distributed(books: list[dict[str, Any]]) -> None:
    documents = [read(one["document"]) for one in books]
    groups = Counter(one["ContactGroups"][0]["Name"] for one in documents)
    assert groups.most_common(1)[0][0] == "Tenants"
    assert set(groups) == {"Tenants", "Owners", "Trades", "Utilities"}
    assert 0.15 < sum("Balances" in one for one in documents) / len(documents) < 0.5
