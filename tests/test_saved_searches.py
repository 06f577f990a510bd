"""Saved searches are kept in a private file that may be damaged, missing or shared."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from tui.model.columns import ColumnKey, Sort
from tui.model.query import Tab
from tui.system.paths import Paths
from tui.system.saved_searches import MAX_KEPT, MAX_NAME, MAX_TEXT, SavedSearch, SavedSearches

if TYPE_CHECKING:
    from pathlib import Path

OWING = SavedSearch("Ōwing", "owes:>0", Tab.ARCHIVED, Sort(ColumnKey.OWES, is_descending=True))
BAY = SavedSearch("Bay", "bay")


def saved(file: Path, *searches: SavedSearch) -> SavedSearches:
    found = SavedSearches(file)
    for search in searches:
        found.put(search)
    found.save()
    return found


def test_searches_are_kept_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "saved-searches.json"
    assert saved(file, OWING, BAY).searches == SavedSearches(file).searches == (OWING, BAY)
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_name_is_used_once_whatever_its_case(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    again = SavedSearch("ōWING ", "new")
    assert saved(file, OWING, BAY, again).searches == (again, BAY)
    assert SavedSearches(file).find("BAY") == BAY
    assert SavedSearches(file).find("Ba") is None


def test_a_renamed_search_keeps_its_place_and_replaces_the_other_of_that_name(tmp_path: Path) -> None:
    file, third = tmp_path / "x.json", SavedSearch("Third")
    searches = saved(file, OWING, BAY, third)
    renamed = SavedSearch("third", BAY.text)
    searches.put(renamed, "Bay")
    searches.save()
    assert searches.searches == SavedSearches(file).searches == (OWING, renamed)


def test_a_deleted_search_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    searches = saved(file, OWING, BAY)
    searches.delete("bay")
    searches.save()
    assert SavedSearches(file).searches == (OWING,)


def test_two_copies_of_the_program_keep_the_searches_of_both(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    first, second = SavedSearches(file), SavedSearches(file)
    assert first.searches == second.searches == ()
    first.put(OWING)
    second.put(BAY)
    first.save()
    second.save()
    assert SavedSearches(file).searches == (OWING, BAY)


@pytest.mark.parametrize(
    "damaged",
    [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'"bay"', b'{"name": "x"}', b"[1, null, []]"],
    ids=["empty", "cut", "deep", "bytes", "text", "object", "items"],
)
def test_a_damaged_file_has_no_searches_and_is_replaced(tmp_path: Path, damaged: bytes) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(damaged)
    assert SavedSearches(file).searches == ()
    assert saved(file, BAY).searches == SavedSearches(file).searches == (BAY,)


@pytest.mark.parametrize(
    "bad",
    [
        {"name": " "},
        {"name": "x" * (MAX_NAME + 1)},
        {"name": "x", "text": "y" * (MAX_TEXT + 1)},
        {"name": "\x1b[31m"},
        {"name": "x", "text": "a\nb"},
        {"name": "x", "tab": "nonsense"},
        {"name": "x", "sort": {"column": "nonsense"}},
        {"name": 7},
    ],
    ids=["blank", "long name", "long text", "control", "line break", "tab", "column", "number"],
)
def test_invalid_searches_are_left_out(tmp_path: Path, bad: dict[str, Any]) -> None:
    file = tmp_path / "x.json"
    file.write_text(json.dumps([bad, {"name": "Bay", "text": "bay"}]), encoding="utf-8")
    assert SavedSearches(file).searches == (BAY,)


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    many = [SavedSearch(str(number)) for number in range(MAX_KEPT + 5)]
    assert saved(tmp_path / "x.json", *many).searches == tuple(many[:MAX_KEPT])


def test_a_file_that_cannot_be_written_keeps_them_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "x.json"
    file.mkdir()
    assert saved(file, SavedSearch("Secret name")).searches == (SavedSearch("Secret name"),)
    assert "could not be saved" in caplog.text
    assert "Secret" not in caplog.text


def test_each_organisation_has_its_own_file(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path)
    assert paths.saved_searches("one") != paths.saved_searches("two")
    assert paths.saved_searches("one").parent == paths.organisation("one")
    assert paths.saved_searches("one") != paths.searches("one")
