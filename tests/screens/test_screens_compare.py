"""The comparison screen: groups, actions, choices and recording."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.comparisons import ACTIVE, ARCHIVED, export, exported, line
from support.effort import some
from support.idle_engine import IdleEngine, at_once
from support.sample_contacts import NOW, contact_id
from support.screen_test import Driver, running
from textual.widgets import Input, Static

from tui import messages
from tui.model.change import Action, State
from tui.model.contact_file import FileContact, FileOptions
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.screens.compare import formatting as words
from tui.screens.compare.compare import CompareScreen, KindBar
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.ask import AskScreen, ChooseScreen, FileNameScreen
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.screens.re_leased.troubleshoot import TroubleshootScreen
from tui.store.sync_state import REFRESHED_UNTIL
from tui.widgets.clock import now
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from textual.content import Content

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def office(backend: IdleEngine) -> IdleEngine:
    return exported(backend)


def loaded_now(backend: IdleEngine) -> None:
    """Make the contacts newer than any file."""
    at_once(backend._store.set_sync_state(REFRESHED_UNTIL, NOW.isoformat()))


async def compare(person: Driver) -> None:
    """Compare the file that was exported."""
    await person.press("f", "ctrl+u", *"~/x.csv", "enter")
    assert person.sees(CompareScreen)


def screen(person: Driver) -> CompareScreen:
    found = person.screen
    assert isinstance(found, CompareScreen)
    return found


def names(person: Driver) -> list[str]:
    """The visible contacts."""
    found = screen(person)
    shown = [found.lines.entry_at(index) for index in range(*found.lines.rows.visible_range)]
    return [one.name for one in shown if one is not None]


def row(person: Driver, index: int = 0) -> str:
    """A row's text, with single spaces."""
    [written] = screen(person).lines.format_row(index, 110)
    return " ".join(written.plain.split())


def story(person: Driver) -> str:
    return str(person.screen.query_one("#details", Static).content)


def notes(person: Driver) -> str:
    return str(person.screen.query_one("#notes", Static).content)


def bar(person: Driver) -> str:
    return " ".join(screen(person).query_one(KindBar).text.split())


async def test_differences_come_first_with_reason_and_next_step(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        assert re.findall(r"\d+", bar(person)) == ["3", "2", "3", "1", "21"]
        assert names(person) == ["Bayside Club", "Bayside Fish & Chips", "PC Complete"]
        assert row(person).endswith(" archived active cause unknown")
        assert "line 5" in story(person)
        assert "cause unknown. Press a to archive it in Xero" in story(person)
        await person.press("down", "down")
        assert "Press r to restore it in Xero" in story(person)


async def test_troubleshoot_offers_a_comparison_when_changes_are_pending(office: IdleEngine) -> None:
    async with running(office) as person:
        await person.press("t")
        assert "f compares Re-Leased's contacts with Xero." in str(
            person.screen.query_one("#step-2", Static).content
        ) + str(person.screen.query_one("#findings-2", Static).content)
        await compare(person)
        await person.press("escape", "end", "enter")
        assert person.sees(TroubleshootScreen)


async def test_groups_open_by_key_and_by_click(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        await person.press("2")
        assert names(person) == ["Hoyt Productions", "Jakaranda Maple Systems"]
        assert row(person, 1).endswith("active ? 2 contacts")
        await person.press("3")
        assert names(person) == ["Boulder Plumbing", "Hamilton Smith Ltd", "Abel Tasman Lettings"]
        await person.press("4")
        assert names(person) == ["Nobody Knows Ltd"]
        assert "No contact in Xero matches this line." in story(person)
        groups = screen(person).query_one(KindBar)
        await person.pilot.click(KindBar, offset=(groups.text.index("Only in Xero") + 2, 0))
        await person.settle()
        assert len(names(person)) > 15
        assert "not in Re-Leased" in story(person)


async def test_empty_group_explains_itself(backend: IdleEngine) -> None:
    export([line(2, 0, ACTIVE)])
    loaded_now(backend)
    async with running(backend) as person:
        await compare(person)
        assert bar(person).startswith("Different 0 Needs review 0 Matches 1")
        for key, said in (("1", "No differences"), ("2", "Nothing to review"), ("4", "was found in Xero")):
            await person.press(key)
            assert said in screen(person).lines.rows.empty_text
            assert story(person) == ""
            for other in ("enter", "a", "space", "*"):
                await person.press(other)
        assert not [call for call in backend.calls if call[0] in {"precheck", "request"}]


async def test_typed_words_search_the_shown_lines(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        await person.press("5", "/", *"prop")
        assert names(person) == ["Truxton Property"]
        await person.press(*"zz", "enter")
        assert screen(person).lines.rows.empty_text == words.NOT_FOUND.format(clear="esc")
        await person.press("escape")
        assert len(names(person)) > 15
        # The cursor is still where the search put it.
        assert "Truxton Property" in str(screen(person).lines.current)
        await person.press("3", "/", *"boulder", "enter", "1")
        assert names(person) == []


async def test_contact_under_the_cursor_is_archived_and_its_row_updates(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        assert person.bottom_line.startswith("w Mark 2 as synced  a Archive  enter Open contact")
        await person.press("a")
        assert person.sees(ConfirmScreen)
        await person.press("y")
        assert ("request", Action.ARCHIVE, (contact_id(2),)) in office.calls
        assert row(person).endswith("archived active ◌ Queued")
        assert "Since then: ◌ Queued." in story(person)
        office.move(office.changes_made[-1], State.CONFIRMED)
        await person.hears_changes()
        assert "archived archived ◷ Pending sync" in row(person)
        await person.press("a")
        assert person.bottom_line.startswith("Already archived.")


async def test_archive_and_restore_each_take_their_part_of_the_selection(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        await person.press("*")
        assert "a Archive 2  r Restore 1" in person.bottom_line
        await person.press("a", "y")
        assert ("request", Action.ARCHIVE, (contact_id(2), contact_id(3))) in office.calls
        # The requested ones are done; those of the other direction stay selected.
        assert screen(person).lines.selection.ids() == (contact_id(19),)
        await person.press("a")
        assert person.bottom_line == words.no_targets_message(Action.ARCHIVE, screen(person).key)
        await person.press("r", "y")
        assert ("request", Action.RESTORE, (contact_id(19),)) in office.calls


async def test_selecting_and_unselecting(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        await person.press("space", "space")
        assert screen(person).lines.selection.ids() == (contact_id(2), contact_id(3))
        assert row(person).startswith("✓ Bayside Club")
        await person.press("escape")
        assert not screen(person).lines.selection
        assert person.sees(CompareScreen)
        await person.press("*", "3", "space")
        assert person.bottom_line == words.only_differences_message(screen(person).key)
        # A selection in another group isn't acted on.
        await person.press("a")
        assert person.bottom_line == words.only_differences_message(screen(person).key)
        assert person.sees(CompareScreen)


async def test_archive_of_what_needs_a_restore_is_refused(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        await person.press("r")
        assert person.bottom_line == words.no_targets_message(Action.RESTORE, screen(person).key)
        assert not person.sees(ConfirmScreen)


async def test_enter_opens_the_contact_and_escape_comes_back(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        await person.press("down", "enter")
        assert person.sees(ContactScreen)
        await person.press("escape")
        assert screen(person).lines.rows.cursor == 1
        await person.press("4", "enter")
        assert person.bottom_line == words.NOT_IN_XERO


async def test_choosing_a_contact_updates_the_counts(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        await person.press("2", "down", "enter")
        assert person.sees(ChooseScreen)
        # The first option leaves the line out, and changes nothing.
        await person.press("enter")
        assert bar(person).startswith("Different 3 Needs review 2 Matches 3")
        await person.press("enter", "home", "enter")
        assert bar(person).startswith("Different 3 Needs review 1 Matches 4 Only in Re-Leased 1")
        assert "1 line left" in person.bottom_line
        await person.press("enter", "up", "enter")
        assert bar(person).startswith("Different 3 Needs review 0 Matches 4 Only in Re-Leased 2")
        assert person.bottom_line == "Saved. Nothing left to review."


async def test_one_contact_chosen_for_two_statuses_stays_unclear(backend: IdleEngine) -> None:
    hoyt = FileContact(2, ACTIVE, name="Hoyt Productions", email="new@hoyt.example")
    export([hoyt, line(3, 13, ARCHIVED)])
    async with running(backend) as person:
        await compare(person)
        await person.press("2", "enter", "home", "enter")
        assert bar(person).startswith("Different 0 Needs review 2 Matches 0")
        await person.press("enter", "home", "enter")
        assert bar(person).startswith("Different 0 Needs review 1 Matches 1")


async def test_last_of_many_candidates_can_be_reached(backend: IdleEngine) -> None:
    for number in range(30):
        backend.edit(number, name="Smith", email=f"{number}@smith.example")
    export([FileContact(2, ACTIVE, name="Smith", email="x@smith.example")])
    async with running(backend, (80, 24)) as person:
        await compare(person)
        await person.press("enter")
        shown = "".join(strip.text for strip in person.screen._compositor.render_strips())
        assert "Leave it out for now" in shown
        assert "28@smith.example" in shown
        await person.press("home", "enter")
        assert bar(person).startswith("Different 0 Review 0 Matches 1")


async def test_matches_are_recorded_once_and_then_synced(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        await person.press("3")
        assert "2 more changes confirmed by Re-Leased's data. Press w to mark as synced." in notes(person)
        assert row(person).endswith("archived archived + not recorded yet")
        await person.press("w")
        assert person.sees(AskScreen)
        await person.press("n")
        assert not [call for call in office.calls if call[0] == "record_matches"]
        await person.press("w", "y")
        assert [call[2] for call in office.calls if call[0] == "record_matches"] == [{}]
        assert "2 changes marked as synced" in person.bottom_line
        assert "✓ Synced" in row(person)
        assert "Recorded: 2 changes marked as synced" in notes(person)
        await person.press("w")
        assert "already recorded" in person.bottom_line
        await person.press("escape")
        assert person.is_home


async def test_a_file_that_proves_nothing_says_so(backend: IdleEngine) -> None:
    export([line(2, 0, ACTIVE)])
    loaded_now(backend)
    async with running(backend) as person:
        await compare(person)
        assert notes(person) == words.NOTHING_NEW
        await person.press("w")
        assert person.bottom_line == words.NOTHING_NEW
        await person.press("q")
        assert person.is_home


async def test_unsaved_evidence_is_not_shown_as_synced(office: IdleEngine) -> None:
    error = StoreError(StoreReason.DISK_FULL)
    office.fail("record_matches", error)
    async with running(office) as person:
        await compare(person)
        await person.press("3", "w", "y")
        assert person.bottom_line == messages.in_full(error)
        assert row(person).endswith("+ not recorded yet")


async def test_leaving_asks_about_unrecorded_matches(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        await person.press("escape")
        assert person.sees(ChooseScreen)
        await person.press("enter")
        assert person.sees(CompareScreen)
        await person.press("q", "end", "enter")
        assert person.is_home
        assert not [call for call in office.calls if call[0] == "record_matches"]
        await compare(person)
        await person.press("q", "down", "enter")
        assert person.is_home
        assert [call[2] for call in office.calls if call[0] == "record_matches"] == [{}]


async def test_read_only_records_and_changes_nothing(office: IdleEngine) -> None:
    office.is_read_only = True
    async with running(office) as person:
        await compare(person)
        assert "Archive" not in person.bottom_line
        await person.press("a")
        assert "--read-only" in person.bottom_line
        assert "Record" not in person.bottom_line
        await person.press("w")
        assert "--read-only" in person.bottom_line
        await person.press("y", "q")
        assert person.is_home
    assert not [call for call in office.calls if call[0] == "record_matches"]


async def test_notes_and_assumptions_are_shown(backend: IdleEngine) -> None:
    export([line(2, 0, ACTIVE), line(3, 0, ACTIVE)], more="Café", encoding="cp1252")
    async with running(backend) as person:
        await compare(person)
        assert "read as Windows-1252" in notes(person)
        assert "1 line repeats an earlier line." in notes(person)
        await person.press("escape")
        export([line(2, 1000, ACTIVE)])
        await compare(person)
        assert "another organisation's file" in notes(person)


async def test_hostile_names_are_shown_as_text(backend: IdleEngine) -> None:
    bad = "a [/x] \x1b]0;x\x07b\u202e"
    backend.edit(2, name=bad, email="[bold]@x")
    told = FileContact(3, ACTIVE, name=bad, email="\x1b[31m@y")
    export([line(2, 2, ARCHIVED), told], "[red]\x1b[2J.csv")
    async with running(backend) as person:
        await person.press("f", *"[red]", "tab", "enter")
        assert person.sees(CompareScreen)
        assert names(person) == [bad]
        assert row(person).startswith("a [/x] b [bold]@x archived active")
        assert "a [/x] b" in story(person)
        await person.press("2", "enter", "escape", "4", "5", "3")
        assert person.sees(CompareScreen)
        shown = "".join(strip.text for strip in person.screen._compositor.render_strips())
        assert "\x1b" not in shown
        assert "[red].csv" in shown


async def test_only_visible_lines_of_a_long_file_are_rendered(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 30_000
    export(FileContact(number + 2, ACTIVE, name=f"Tenant {number:06}") for number in range(count))
    written: list[str] = []
    write = words.row

    def counting(*arguments: object) -> Content:
        written.append("")
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(words, "row", counting)
    async with running(backend) as person:
        await compare(person)
        assert "Only in Re-Leased 30,000" in bar(person)
        await person.press("end", "pageup", "home", "/", *"tenant 01912", "enter")
        assert screen(person).lines.rows.count == 11
        assert names(person)[:2] == ["Tenant 001912", "Tenant 019120"]
    # A full screen for each of a few dozen paints, far less than the file.
    assert len(written) < count // 20


async def test_only_visible_contacts_are_reloaded(backend: IdleEngine) -> None:
    export([line(2, 0, ARCHIVED)])
    async with running(backend, (80, 24)) as person:
        await compare(person)
        await person.press("5", "end")
        before = len(backend.calls)
        await person.hears_changes()
        read = [len(call[1]) for call in backend.calls[before:] if call[0] == "rows"]
        assert read == [len(names(person))]


async def test_rows_can_be_clicked(office: IdleEngine) -> None:
    async with running(office) as person:
        await compare(person)
        await person.pilot.click(VirtualList, offset=(5, 2))
        await person.settle()
        assert "PC Complete" in story(person)


@pytest.mark.parametrize("size", some([(20, 8), (40, 15), (60, 20), (80, 24), (200, 60)], 2))
async def test_every_size_of_terminal_works(office: IdleEngine, size: tuple[int, int]) -> None:
    async with running(office, size) as person:
        await compare(person)
        for key in ("2", "enter", "escape", "3", "4", "5", "end", "1", "*", "a", "escape", "w", "escape"):
            await person.press(key)
        assert person.sees(CompareScreen)


async def test_columns_are_aligned_with_their_titles(office: IdleEngine, tmp_path: Path) -> None:
    from tui.screens.compare.formatting import LineKind, to_entry  # noqa: PLC0415 - for this one alone

    compared = await office.comparison.compare_file(tmp_path / "x.csv", FileOptions())
    one = to_entry(compared.mismatches[0])
    for width in (20, 56, 78, 116, 300):
        title = words.titles(LineKind.DIFFER, width, is_file=True).plain
        written = words.row(one, words.LineContext(LineKind.DIFFER), width, now()).plain
        assert len(title) == len(written)
        assert title.index("Re-Leased") == written.index("archived")


async def test_whole_result_is_exported_and_an_existing_file_is_only_replaced_on_request(
    office: IdleEngine, tmp_path: Path
) -> None:
    async with running(office) as person:
        await compare(person)
        total = sum(map(int, re.findall(r"\d+", bar(person))))
        await person.press("e")
        assert person.sees(FileNameScreen)
        suggested = person.screen.query_one("#name", Input).value
        assert suggested == str(tmp_path / "reshelve-comparison-2026-03-05.csv")
        await person.press("enter")
        assert person.bottom_line.startswith(f"{total} contacts saved to ")
        rows = exported_rows(suggested)
        assert len(rows) == total
        found = Counter(row["Finding"] for row in rows)
        assert found == {
            "different": 3,
            "needs review": 2,
            "match": 3,
            "only in Re-Leased": 1,
            "only in Xero": total - 9,
        }
        bayside = next(row for row in rows if row["Name in Xero"] == "Bayside Club")
        assert (bayside["Status in Xero"], bayside["Status in Re-Leased"]) == ("active", "archived")
        assert bayside["Reason"] == "cause unknown"
        assert sum(row["Reason"] == "Re-Leased has the last change" for row in rows) == 2
        # The file is there now.
        await person.press("e", "enter")
        assert person.sees(FileNameScreen)
        assert exported_rows(suggested) == rows
        await person.press("enter")
        assert person.sees(CompareScreen)
        assert exported_rows(suggested) == rows


async def test_names_with_formulas_are_exported_as_text(backend: IdleEngine, tmp_path: Path) -> None:
    loaded_now(backend)
    export([FileContact(2, ACTIVE, name="=cmd|'/c calc'!A0", email="+1@x.example")])
    async with running(backend) as person:
        await compare(person)
        await person.press("e", "enter")
    rows = exported_rows(str(tmp_path / "reshelve-comparison-2026-03-05.csv"))
    [row] = [row for row in rows if row["Finding"] == "only in Re-Leased"]
    assert row["Name in Re-Leased"] == "'=cmd|'/c calc'!A0"
    assert row["E-mail in Re-Leased"] == "'+1@x.example"


def exported_rows(file: str) -> list[dict[str, str]]:
    text = Path(file).read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))
