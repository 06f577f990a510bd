"""Choosing the file to compare with Xero, and the errors of an invalid one."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from support.screen_test import Driver, running
from textual.widgets import Button

from tui import messages
from tui.messages.formats import format_size
from tui.model.contact import ContactStatus
from tui.model.contact_file import ContactFileError, FileOptions
from tui.model.errors import ReshelveError
from tui.model.reasons import ComparisonReason, FileReason
from tui.screens.compare import formatting
from tui.screens.compare.choose_file import ChooseFileScreen, complete_path, list_folder
from tui.screens.compare.compare import CompareScreen
from tui.screens.dialogs.ask import ChooseScreen
from tui.store.sync_state import FULL_SYNC_ENDED_AT
from tui.widgets.inputs import ChoiceField
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from pathlib import Path

    from support.idle_engine import IdleEngine

pytestmark = pytest.mark.slow

NAMES = ("archived-contacts.csv", "archived-old.CSV", "notes.pdf", "readme.txt", ".hidden.csv")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, with downloads a minute apart and two folders among them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    downloads = tmp_path / "Downloads"
    for folder in ("Old exports", "archive"):
        (downloads / folder).mkdir(parents=True)
    for minute, name in enumerate(NAMES):
        file = downloads / name
        file.write_text("Wer [x],,Post,Name,Status\nA,,a@a.example,A,active\n", encoding="utf-8")
        at = datetime(2026, 3, 4, 9, minute, tzinfo=UTC).timestamp()
        os.utime(file, (at, at))
    return tmp_path


def dialog(person: Driver) -> ChooseFileScreen:
    found = person.screen
    assert isinstance(found, ChooseFileScreen)
    return found


def typed(person: Driver) -> str:
    return dialog(person).finder.path_input.value


def listed(person: Driver) -> list[str]:
    return [one.name for one in dialog(person).finder._listing.entries]


def note(person: Driver) -> str:
    return dialog(person).query_one("#note", SafeLabel).text


def asked(person: Driver) -> list[str]:
    """The dialog's other fields."""
    return [str(picker.id) for picker in dialog(person).query(ChoiceField) if picker.display]


def compared(backend: IdleEngine) -> list[tuple[Path, FileOptions]]:
    return [(call[1], call[2]) for call in backend.calls if call[0] == "compare_file"]


def focus(person: Driver) -> str | None:
    focused = person.screen.focused
    return focused.id if focused is not None else None


# --- finding the file ---


async def test_newest_downloads_come_first_and_can_be_chosen(backend: IdleEngine, home: Path) -> None:
    async with running(backend) as person:
        await person.press("f")
        assert typed(person) == "~/Downloads/"
        assert listed(person) == [
            "readme.txt", "archived-old.CSV", "archived-contacts.csv", "archive", "Old exports",
        ]  # fmt: skip
        await person.press("down", "down", "down", "enter")
        assert typed(person) == "~/Downloads/archived-contacts.csv"
        assert focus(person) == "confirm"
        assert not compared(backend)
        await person.press("enter")
        assert person.sees(CompareScreen)
    assert compared(backend) == [(home / "Downloads" / "archived-contacts.csv", FileOptions())]


async def test_names_are_completed_as_they_are_typed(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("f", *"ARCHIVED", "tab")
        # The common prefix, spelled as on the disk.
        assert typed(person) == "~/Downloads/archived-"
        await person.press("o", "right")
        assert typed(person) == "~/Downloads/archived-old.CSV"
        # Nothing is left to complete, so the key moves the focus as in any dialog.
        await person.press("tab")
        assert focus(person) == "files"


async def test_folders_are_opened(backend: IdleEngine, home: Path) -> None:
    (home / "Downloads" / "Old exports" / "2025.csv").write_text("Name\n")
    async with running(backend) as person:
        await person.press("f", *"old", "tab")
        assert typed(person) == "~/Downloads/Old exports/"
        assert listed(person) == ["2025.csv"]
        await person.press(*["backspace"] * 12, "down", "end", "enter")
        assert typed(person) == "~/Downloads/Old exports/"
        assert focus(person) == "files"
        await person.press("enter")
        assert typed(person) == "~/Downloads/Old exports/2025.csv"


async def test_folder_opens_once_on_fast_key_presses(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("f", "down", "end")
        files = dialog(person).finder.files
        files.action_open()
        files.action_open()
        await person.settle()
        assert typed(person) == "~/Downloads/Old exports/"


async def test_list_starts_at_home_without_a_downloads_folder(
    backend: IdleEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nothing here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "nothing here"))
    async with running(backend) as person:
        await person.press("f")
        assert typed(person) == "~/"
        assert dialog(person).finder.files.empty_text == formatting.EMPTY_FOLDER
        await person.press("enter", "tab", "down", "escape")
        assert person.is_home


async def test_unreadable_folder_is_reported(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("f", *"nowhere/x")
        assert "No such file or directory" in dialog(person).finder.files.empty_text


async def test_hostile_file_names_are_shown_as_text_and_can_be_chosen(
    backend: IdleEngine, home: Path
) -> None:
    bad = home / "Downloads" / "\x1b[31ma [x] b\n.csv"
    bad.write_text("Name\n")
    async with running(backend) as person:
        await person.press("f", "down", "enter")
        assert typed(person) == "~/Downloads/a [x] b .csv"
        await person.press("enter")
    assert [file for file, _ in compared(backend)] == [bad]


async def test_the_same_file_is_offered_again(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("f", *"readme.txt", "enter")
        assert person.sees(CompareScreen)
        await person.press("escape", "f")
        assert typed(person) == "~/Downloads/readme.txt"


# --- options ---


async def test_status_and_date_can_be_given(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("f", *"readme.txt")
        at = datetime(2026, 3, 4, 9, 3, tzinfo=UTC).astimezone()
        assert dialog(person).date_box.placeholder == f"last modified {at:%Y-%m-%d %H:%M}"
        await person.press("tab", "tab", "enter")
        assert person.sees(ChooseScreen)
        await person.press("end", "enter", "tab", *"2026-03-03", "enter")
    assert [options for _, options in compared(backend)] == [
        FileOptions(status=ContactStatus.ARCHIVED, exported_at=datetime(2026, 3, 3).astimezone())
    ]


async def test_invalid_date_is_reported_at_once(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("f", *"readme.txt", "tab", "tab", "tab", *"soon", "enter")
        assert note(person) == formatting.INVALID_DATE
        assert focus(person) == "date"
        assert not compared(backend)


async def test_delimiter_and_encoding_are_advanced_options(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("f", *"readme.txt")
        assert asked(person) == ["status"]
        dialog(person).query_one("#more", Button).press()
        await person.settle()
        assert asked(person) == ["status", "delimiter", "encoding"]
        await person.press("enter", "down", "down", "enter", "tab", "enter", "down", "down", "enter")
        dialog(person).query_one("#confirm", Button).press()
        await person.settle()
    assert [options for _, options in compared(backend)] == [
        FileOptions(delimiter="semicolon", encoding="cp1252")
    ]


# --- invalid files ---


async def test_invalid_file_is_reported_with_its_line(backend: IdleEngine, home: Path) -> None:
    file = home / "Downloads" / "readme.txt"
    before = file.stat()
    file.write_text("Name,Status\nA,Active\nB,Gone\n", encoding="utf-8")
    os.utime(file, (before.st_atime, before.st_mtime))
    async with running(backend) as person:
        await person.press("f", *"readme.txt", "enter")
        assert note(person).startswith("Line 3: “Gone”")
        assert "Nothing was changed." in note(person)
        assert typed(person) == "~/Downloads/readme.txt"
        await person.press("escape")
        assert person.is_home


async def test_columns_can_be_chosen_if_not_recognised(backend: IdleEngine) -> None:
    wrong = ContactFileError(FileReason.NO_CONTACT_COLUMN, line=1, columns=("Wer [x]", "", "Post"))
    backend.fail("compare_file", wrong)
    async with running(backend) as person:
        await person.press("f", *"readme.txt", "enter")
        assert note(person).startswith("Line 1: ")
        assert "--name-column" not in note(person)
        assert focus(person) == "name_column"
        assert asked(person) == ["status", *formatting.COLUMNS, "delimiter", "encoding"]
        backend.failures.clear()
        await person.press("enter")
        assert person.sees(ChooseScreen)
        await person.press("down", "enter", "tab", "enter", "end", "enter")
        dialog(person).query_one("#confirm", Button).press()
        await person.settle()
        assert person.sees(CompareScreen)
    assert compared(backend)[-1][1] == FileOptions(name_column="Wer [x]", email_column="Post")


async def test_one_of_several_sheets_is_chosen(backend: IdleEngine, home: Path) -> None:
    (home / "Downloads" / "book.xlsx").write_bytes(b"PK")
    backend.fail("compare_file", ContactFileError(FileReason.SEVERAL_SHEETS, sheets=("Live", "[b]Old")))
    async with running(backend) as person:
        await person.press("f", *"book", "tab", "enter")
        assert "Nothing was changed." in note(person)
        assert "--sheet" not in note(person)
        assert (focus(person), asked(person)) == ("sheet", ["status", "sheet"])
        await person.press("enter")
        assert person.sees(ChooseScreen)
        await person.press("end", "enter")
        # Another file has other sheets.
        finder = dialog(person).finder
        finder.path_input.value = "~/Downloads/readme.txt"
        await person.settle()
        assert asked(person) == ["status"]
        finder.path_input.value = "~/Downloads/book.xlsx"
        dialog(person).query_one("#confirm", Button).press()
        await person.settle()
        assert asked(person) == ["status", "sheet"]
        backend.failures.clear()
        await person.press("enter", "end", "enter")
        dialog(person).query_one("#confirm", Button).press()
        await person.settle()
    assert [options for _, options in compared(backend)] == [
        FileOptions(), FileOptions(), FileOptions(sheet="[b]Old"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "place"),
    [
        (FileReason.NO_STATUS, "status"),
        (FileReason.UNDECODABLE, "encoding"),
        (FileReason.FUTURE_EXPORT_DATE, "date"),
    ],
)
async def test_focus_moves_to_the_field_that_fixes_the_error(
    backend: IdleEngine, reason: FileReason, place: str
) -> None:
    error = ContactFileError(reason, line=3)
    backend.fail("compare_file", error)
    async with running(backend) as person:
        await person.press("f", *"readme.txt", "enter")
        assert note(person).startswith(f"{messages.message(error)} Nothing was changed. ")
        assert "above" in note(person)
        assert "--" not in note(person)
        assert focus(person) == place


async def test_incomplete_contacts_are_reported(backend: IdleEngine) -> None:
    error = ReshelveError(ComparisonReason.PARTLY_LOADED)
    await backend._store.set_sync_state(FULL_SYNC_ENDED_AT, None)
    async with running(backend) as person:
        await person.press("f", *"readme.txt", "enter")
        assert note(person) == messages.in_full(error)


async def test_comparing_can_be_stopped(backend: IdleEngine) -> None:
    backend.gates["compare_file"] = asyncio.Event()
    async with running(backend) as person:
        await person.pilot.press("f", *"readme.txt", "enter")
        await person.until(lambda: bool(compared(backend)))
        assert note(person) == formatting.COMPARING.format(cancel="esc")
        await person.press("escape")
        assert note(person) == formatting.STOPPED
        backend.gates["compare_file"].set()
        await person.settle()
        assert person.sees(ChooseFileScreen)
        await person.press("escape")
        assert person.is_home


async def test_empty_path_is_refused(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("f", "ctrl+u")
        dialog(person).query_one("#confirm", Button).press()
        await person.settle()
        assert note(person) == formatting.NO_SUCH_FILE


# --- the folder itself ---


def test_only_part_of_a_huge_folder_is_listed(tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"{number}.csv").touch()
    assert len(list_folder(f"{tmp_path}/").entries) == 500
    assert [one.name for one in list_folder(f"{tmp_path}/599").entries] == ["599.csv"]


def test_broken_links_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nothing")
    (tmp_path / "here.csv").touch()
    assert [one.name for one in list_folder(f"{tmp_path}/").entries if not one.is_folder] == ["here.csv"]


@pytest.mark.parametrize("name", ["~nobody-at-all/", "a\0b/", "/proc/1/fd/"])
def test_odd_folders_are_reported_as_unreadable(name: str) -> None:
    found = list_folder(name)
    assert found.problem or not found.entries


def test_completion_adds_the_common_prefix(tmp_path: Path) -> None:
    for name in ("Straße.csv", "STRAND.csv"):
        (tmp_path / name).touch()
    typed_so_far = f"{tmp_path}/s"
    assert (
        complete_path(typed_so_far, list_folder(typed_so_far).entries).casefold()
        == f"{tmp_path}/stra".casefold()
    )
    assert complete_path("x", ()) == "x"


@pytest.mark.parametrize(("count", "said"), [(7, "7 B"), (12_345, "12 kB"), (12_345_678, "12.3 MB")])
def test_file_sizes_are_short(count: int, said: str) -> None:
    assert format_size(count) == said
