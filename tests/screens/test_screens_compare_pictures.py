"""Pictures of a comparison: its groups, choosing the file, an invalid one, and its dialogs."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.comparisons import ACTIVE, export, exported, line
from support.pictures import SIZES, Text, picture

from tui.model.contact_file import ContactFileError
from tui.model.reasons import FileReason

if TYPE_CHECKING:
    from pathlib import Path

    from support.idle_engine import IdleEngine
    from support.pictures import Compare

COMPARE = ("f", Text("contacts.csv"), "enter")
WRONG = ("f", Text("released-contacts.csv"), "enter")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home with some downloads."""
    monkeypatch.setenv("HOME", str(tmp_path))
    downloads = tmp_path / "Downloads"
    (downloads / "Old exports").mkdir(parents=True)
    for minute, name in enumerate(("bank.csv", "archived 2025.csv", "released-contacts.csv")):
        file = downloads / name
        file.write_bytes(b"x" * 700 * (minute + 1))
        at = datetime(2026, 3, 4, 9, minute, tzinfo=UTC).timestamp()
        os.utime(file, (at, at))
    return tmp_path


@pytest.fixture
def office(backend: IdleEngine) -> IdleEngine:
    return exported(backend, "Downloads/contacts.csv")


@pytest.mark.parametrize("size", [(40, 15), *SIZES])
def test_differences(snap_compare: Compare, office: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, office, *COMPARE, "space", size=size)


@pytest.mark.parametrize("key", ["2", "3", "4", "5"])
def test_the_other_groups(snap_compare: Compare, office: IdleEngine, key: str) -> None:
    assert picture(snap_compare, office, *COMPARE, key, as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_no_differences(snap_compare: Compare, backend: IdleEngine, size: tuple[int, int]) -> None:
    lines = [line(2, 0, ACTIVE), line(3, 0, ACTIVE)]
    export(lines, "Downloads/contacts.csv", more="Café", encoding="cp1252")
    assert picture(snap_compare, backend, *COMPARE, "1", size=size, as_text=True)


@pytest.mark.parametrize("size", SIZES)
def test_choosing_which_contact_is_meant(
    snap_compare: Compare, office: IdleEngine, size: tuple[int, int]
) -> None:
    assert picture(snap_compare, office, *COMPARE, "2", "down", "enter", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_recording(snap_compare: Compare, office: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, office, *COMPARE, "w", size=size)


def test_recorded(snap_compare: Compare, office: IdleEngine) -> None:
    assert picture(snap_compare, office, *COMPARE, "3", "w", "y", as_text=True)


def test_leaving_unrecorded_matches(snap_compare: Compare, office: IdleEngine) -> None:
    assert picture(snap_compare, office, *COMPARE, "escape", as_text=True)


@pytest.mark.parametrize("size", [(40, 15), *SIZES])
def test_choosing_the_file(snap_compare: Compare, backend: IdleEngine, size: tuple[int, int]) -> None:
    assert picture(snap_compare, backend, "f", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_a_wrong_file(snap_compare: Compare, backend: IdleEngine, home: Path, size: tuple[int, int]) -> None:
    file = home / "Downloads" / "released-contacts.csv"
    before = file.stat()
    words = b"Name,Status\nA,Active\nB,Gone\n"
    file.write_bytes(words + b"," * (before.st_size - len(words)))
    os.utime(file, (before.st_atime, before.st_mtime))
    assert picture(snap_compare, backend, *WRONG, size=size)


@pytest.mark.parametrize("size", [(40, 15), *SIZES])
def test_choosing_columns(snap_compare: Compare, backend: IdleEngine, size: tuple[int, int]) -> None:
    wrong = ContactFileError(
        FileReason.NO_CONTACT_COLUMN, line=1, columns=("Who", "Address of mail", "Reference")
    )
    backend.fail("compare_file", wrong)
    assert picture(snap_compare, backend, *WRONG, "enter", "down", "enter", size=size)
