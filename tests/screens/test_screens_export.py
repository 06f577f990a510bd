"""Exporting the contacts of the list, from the key to the file."""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from python_calamine import CalamineWorkbook
from support.idle_engine import IdleEngine
from support.sample_contacts import NOW, contact_id, contacts
from support.screen_test import Driver, running
from textual.widgets import Input

from tui.model.change import Action, State
from tui.model.contact import Organisation
from tui.model.evidence import SyncStatus
from tui.screens.dialogs.help import BugReportScreen
from tui.screens.export import ExportScreen, suggested_file
from tui.system.table_files import write_table
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow

WRITE_TABLE = "tui.engine.services.contact_export.write_table"
HOSTILE = {
    20: "=cmd|'/c calc'!A0",
    21: "[red]\x1b[2J\u202egnp.exe",
    22: "شركة العقارات",
    23: "Smith 👩‍👧 Ltd",
    24: "Two\nlines",
}


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "reshelve-contacts-demo-company-nz-2026-03-05.csv"


def rows_of(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline="")))


def names_of(file: Path) -> list[str]:
    return [row["Contact"] for row in rows_of(file)]


def put(file: Path, text: str) -> None:
    file.write_text(text)


def objects_of(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.with_suffix(".json").read_text("utf-8"))
    return found


def contents(folder: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in folder.iterdir()}


def title_of(person: Driver) -> str:
    return str(person.screen.query_one(".dialog").border_title)


def note_of(person: Driver) -> str:
    return str(person.screen.query_one("#note", SafeLabel).render())


async def choose(person: Driver, field: str, *keys: str) -> None:
    """Choose the answer of a field that these keys move to."""
    person.screen.set_focus(person.screen.query_one(f"#{field}"))
    await person.press("enter", *keys, "enter")


async def save(person: Driver) -> None:
    person.screen.set_focus(person.screen.query_one("#name"))
    await person.press("enter")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Harbour & Vine Property Trust", "-harbour-vine"),
        ("../../etc/passwd", "-etc-passwd"),
        ("شركة العقارات", "-شركة-العقارات"),
        ("\u202e\x1b[2J/", "-2j"),
        ("A" * 300, f"-{'a' * 20}"),
        ("---", ""),
    ],
    ids=["usual", "path", "arabic", "hostile", "long", "nothing"],
)
def test_name_of_the_file_has_the_organisation_and_the_date(tmp_path: Path, name: str, part: str) -> None:
    suggested = suggested_file(Organisation("t1", name, ""), NOW)
    assert suggested == tmp_path / f"reshelve-contacts{part}-2026-03-05.csv"


async def test_the_list_is_exported_as_shown(backend: IdleEngine, file: Path) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("2", "slash", *"bayside", "enter", "e")
        assert title_of(person) == "Export 3 contacts"
        await person.press("enter")
        assert person.is_home
        assert person.bottom_line.startswith("3 contacts saved to ")
    found = rows_of(file)
    assert ", ".join(found[0]) == "Contact, E-mail, They owe, Currency, Sync status, Sync status since (UTC)"
    assert [row["Contact"] for row in found] == ["Bayside Club", "Bayside Fish & Chips", "Bayside Wholesale"]
    assert all("." in row["They owe"] for row in found)


async def test_the_order_of_the_list_is_kept(backend: IdleEngine, file: Path) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("s", "down", "down", "down", "enter", "escape", "e", "enter")
        shown = person.shown
    owed = [float(row["They owe"]) for row in rows_of(file)]
    assert owed == sorted(owed, reverse=True)
    assert len(owed) == shown


async def test_only_the_selected_are_exported_whichever_tab_they_are_on(
    backend: IdleEngine, file: Path
) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("3", "space", "2", "space")
        assert len(person.main.table.selected) == 2
        await person.press("e")
        assert title_of(person) == "Export 2 contacts"
        await person.press("enter")
        names = names_of(file)
        assert len(names) == 2
        await person.press("e")
        await choose(person, "contacts", "down")
        assert title_of(person) == f"Export {person.shown} contacts"
        await save(person)
        await person.press("enter")
        assert len(names_of(file)) == person.shown


async def test_list_of_the_selected_alone_is_exported(backend: IdleEngine, file: Path) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("3", "space", "2", "space", "v", "e")
        await choose(person, "contacts", "down")
        assert title_of(person) == "Export 1 contact"
        await save(person)
    assert len(names_of(file)) == 1


async def test_all_columns_in_a_workbook(tmp_path: Path, file: Path) -> None:
    known = contacts()
    known[2] = replace(known[2], balances=None)
    backend = IdleEngine(tuple(known))
    archived = backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, SyncStatus.SYNCED)
    backend.put_change(1, Action.ARCHIVE, State.QUEUED)
    backend.publish_changes()
    async with running(backend, (120, 36)) as person:
        await person.press("1", "e")
        await choose(person, "format", "down")
        await choose(person, "columns", "down")
        assert person.screen.query_one("#name", Input).value == str(file.with_suffix(".xlsx"))
        await save(person)
        assert person.is_home
    workbook = CalamineWorkbook.from_path(str(file.with_suffix(".xlsx")))
    titles, *lines = workbook.get_sheet_by_index(0).to_python()
    found = {line[-1]: dict(zip(titles, line, strict=True)) for line in lines}
    assert len(found) == len(lines) == 30
    first = found[contact_id(0)]
    assert (first["Contact"], first["Status"]) == ("Abel Tasman Lettings", "Archived")
    assert first["Sync status"] == "Synced"
    assert archived.confirmed_at is not None
    assert first["Account no."] == "AC-00000"
    assert first["Phone"] == "+64 4 555 0000"
    assert (first["They owe"], first["Overdue"]) == (0.0, 0.0)
    assert str(first["Changed in Xero (UTC)"]).startswith("2026-0")
    assert found[contact_id(1)]["Sync status"] == "Queued"
    assert found[contact_id(1)]["Groups"] == "Tenants"
    # Not known, which isn't nothing.
    assert found[contact_id(2)]["They owe"] == ""
    assert os.listdir(tmp_path) == [file.with_suffix(".xlsx").name]  # noqa: PTH208 - names alone


async def test_json_has_names_for_its_values(backend: IdleEngine, file: Path) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("e")
        await choose(person, "format", "down", "down")
        await choose(person, "columns", "down")
        await save(person)
    first = objects_of(file)[0]
    assert first["contact_id"] == contact_id(0)
    assert first["they_owe"] == 0
    assert first["updated"].endswith("Z")
    assert first["currency"] == ""


async def test_hostile_names_survive(backend: IdleEngine, file: Path) -> None:
    for number, name in HOSTILE.items():
        backend.edit(number, name=name)
    backend.publish_changes()
    async with running(backend, (120, 36)) as person:
        await person.press("1", "e")
        await choose(person, "format", "down", "down")
        await save(person)
        assert set(HOSTILE.values()) <= {row["name"] for row in objects_of(file)}
        await person.press("e", "enter")
    assert {"'=cmd|'/c calc'!A0", "شركة العقارات", "Smith 👩‍👧 Ltd", "Two lines"} <= set(names_of(file))


async def test_existing_file_is_only_replaced_on_request(backend: IdleEngine, file: Path) -> None:
    put(file, "mine")
    async with running(backend, (120, 36)) as person:
        await person.press("e")
        assert "already exists" in note_of(person)
        await person.press("enter")
        assert contents(file.parent) == {file.name: "mine"}
        assert "Save again to replace" in note_of(person)
        await person.press("enter")
        assert person.is_home
        assert len(names_of(file)) == person.shown


@pytest.mark.parametrize("problem", ["folder", "missing", "device"])
async def test_unusable_name_is_refused_with_what_to_do(
    backend: IdleEngine, tmp_path: Path, problem: str
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "device")
    typed, said = {
        "folder": (tmp_path / "folder", "Add a file name"),
        "missing": (tmp_path / "missing" / "x.csv", "doesn't exist"),
        "device": (tmp_path / "device", "Choose another name"),
    }[problem]
    async with running(backend, (120, 36)) as person:
        await person.press("e")
        person.screen.query_one("#name", Input).value = str(typed)
        await person.press("enter", "enter")
        assert person.sees(ExportScreen)
        assert said in note_of(person)


async def test_full_disk_is_explained_and_another_file_can_be_chosen(
    backend: IdleEngine, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    async with running(backend, (120, 36)) as person:
        await person.press("e")
        with monkeypatch.context() as patched:
            patched.setattr("tui.system.paths.os.fsync", full)
            await person.press("enter")
            assert person.sees(ExportScreen)
            assert "No space left on device" in note_of(person)
            assert "Nothing was saved" in note_of(person)
            assert contents(tmp_path) == {}
        await person.press("enter")
        assert person.is_home
        assert len(names_of(file)) == person.shown


async def test_long_export_can_be_cancelled(
    backend: IdleEngine, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()

    def hold(*arguments: Any) -> int:
        assert held.wait(30)
        return write_table(*arguments)

    monkeypatch.setattr(WRITE_TABLE, hold)
    put(file, "old")
    async with running(backend, (120, 36)) as person:
        await person.press("e", "enter")
        await person.pilot.press("enter")
        await person.until(lambda: " contacts exported. esc cancels" in note_of(person))
        assert person.screen.query_one("#name").disabled
        await person.pilot.press("escape")
        await person.until(lambda: "Cancelling" in note_of(person))
        held.set()
        await person.settle()
        assert "Cancelled. Nothing was saved" in note_of(person)
        assert contents(tmp_path) == {file.name: "old"}
        await person.press("escape")
        assert person.is_home


async def test_bug_while_exporting_leaves_a_dialog_that_works(
    backend: IdleEngine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("e")
        with monkeypatch.context() as patched:
            patched.setattr(WRITE_TABLE, lambda *_: 1 / 0)
            await person.press("enter")
        assert person.sees(BugReportScreen)
        await person.press("escape")
        await person.press("enter")
        assert person.is_home
        assert len(names_of(file)) == person.shown


async def test_nothing_to_export(backend: IdleEngine) -> None:
    async with running(backend, (120, 36)) as person:
        await person.press("slash", *"nobody at all", "enter", "e")
        assert person.is_home
        assert person.bottom_line == "No contacts to export."


async def test_read_only_mode_can_export(backend: IdleEngine, file: Path) -> None:
    backend.is_read_only = True
    async with running(backend, (120, 36)) as person:
        await person.press("e", "enter")
        assert person.is_home
    assert len(names_of(file)) == 30


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (200, 50)])
async def test_the_dialog_fits_every_size(backend: IdleEngine, size: tuple[int, int]) -> None:
    async with running(backend, size) as person:
        await person.press("space", "e")
        for name in ("#contacts", "#format", "#columns", "#name", "#confirm"):
            widget = person.screen.query_one(name)
            widget.scroll_visible(animate=False)
            await person.settle()
            assert person.screen.region.contains_region(widget.region), name
            assert widget.region.area, name
