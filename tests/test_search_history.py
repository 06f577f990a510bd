"""The last searches are kept in a private file that may be damaged, missing or shared."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from tui.system.paths import Paths
from tui.system.search_history import MAX_KEPT, MAX_LENGTH, SearchHistory

if TYPE_CHECKING:
    from pathlib import Path


def kept(file: Path, *texts: str) -> SearchHistory:
    history = SearchHistory(file)
    for text in texts:
        history.add(text)
    history.save()
    return history


def test_searches_are_kept_newest_first_and_each_once(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "searches.json"
    history = kept(file, "bay", "sync:pending", " bay ", "Łódź")
    assert history.texts == SearchHistory(file).texts == ("Łódź", "bay", "sync:pending")
    assert not history.add("Łódź")
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "  ", "x" * (MAX_LENGTH + 1), "a\nb", "\x1b[31m"])
def test_blank_long_and_unprintable_texts_are_not_kept(tmp_path: Path, text: str) -> None:
    file = tmp_path / "searches.json"
    assert not SearchHistory(file).add(text)
    file.write_text(json.dumps([text, "bay"]), encoding="utf-8")
    assert SearchHistory(file).texts == ("bay",)


def test_only_the_last_searches_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "searches.json"
    kept(file, *map(str, range(MAX_KEPT + 5)))
    texts = SearchHistory(file).texts
    assert (len(texts), texts[0], texts[-1]) == (MAX_KEPT, str(MAX_KEPT + 4), "5")


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b"[1, null, [], {}]", b"[" * 100_000])
def test_a_damaged_file_counts_as_empty_and_is_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "searches.json"
    file.write_bytes(content)
    assert SearchHistory(file).texts == ()
    kept(file, "bay")
    assert SearchHistory(file).texts == ("bay",)


def test_two_copies_of_the_program_keep_the_searches_of_both(tmp_path: Path) -> None:
    file = tmp_path / "searches.json"
    one, other = SearchHistory(file), SearchHistory(file)
    for history, text in ((one, "bay"), (other, "club"), (one, "cafe")):
        history.add(text)
        history.save()
    assert SearchHistory(file).texts == ("cafe", "club", "bay")


def test_a_file_that_cannot_be_written_loses_nothing_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "searches.json").mkdir()
    assert kept(tmp_path / "searches.json", "secret name").texts == ("secret name",)
    assert "secret" not in caplog.text


def test_each_organisation_has_its_own_file(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path)
    assert paths.searches("one") != paths.searches("two")
    assert paths.searches("one").parent == paths.organisation("one")
