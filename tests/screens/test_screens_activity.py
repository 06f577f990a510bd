from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.effort import some
from support.idle_engine import IdleEngine
from support.sample_contacts import contact_id
from support.screen_test import Driver, running
from textual._compositor import Compositor
from textual.widgets import Input, Static

from tui import messages
from tui.model.change import Action, State
from tui.model.change_list import ChangeGroup, ChangeQuery
from tui.model.errors import ReshelveError
from tui.model.evidence import SyncStatus
from tui.model.reasons import SystemReason
from tui.screens.changes.changes import ChangesScreen
from tui.screens.contact import ContactScreen
from tui.screens.dialogs.ask import AskScreen, FileNameScreen
from tui.widgets.labels import SafeLabel
from tui.widgets.tab_bar import GroupBar
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def busy(backend: IdleEngine) -> IdleEngine:
    """One change of each kind, the newest last."""
    backend.put_change(8, Action.ARCHIVE, State.CONFIRMED, SyncStatus.SYNCED)
    backend.put_change(4, Action.ARCHIVE, State.CONFIRMED)
    backend.put_change(13, Action.ARCHIVE, State.REFUSED, words="On a repeating invoice.")
    backend.put_change(12, Action.RESTORE, State.AWAITING_USER)
    backend.put_change(3, Action.ARCHIVE, State.QUEUED)
    backend.publish_changes()
    return backend


def screen(person: Driver) -> ChangesScreen:
    found = person.screen
    assert isinstance(found, ChangesScreen)
    return found


def names(person: Driver) -> list[str]:
    """The visible changes."""
    shown = screen(person)
    views = [shown.list.window.at(index) for index in range(*shown.rows.visible_range)]
    return [view.change.name for view in views if view is not None]


def under_cursor(person: Driver) -> str:
    view = screen(person).list.current
    return view.change.name if view is not None else ""


def story(person: Driver) -> str:
    return str(person.screen.query_one("#details", Static).content)


async def test_changes_are_listed_newest_first_with_their_history(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("l")
        assert names(person) == [
            "Bayside Fish & Chips", "Hamilton Smith Ltd", "Hoyt Productions",
            "Bayside Wholesale", "Coco Café",
        ]  # fmt: skip
        assert "Archive requested in Reshelve, 12:40" in story(person)
        await person.press("down", "down")
        assert "On a repeating invoice." in story(person)
        assert "Archive refused by Xero" in story(person)


async def test_groups_open_by_key_and_by_click(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("l", "2")
        assert names(person) == ["Bayside Fish & Chips", "Hamilton Smith Ltd"]
        await person.press("3")
        assert names(person) == ["Hoyt Productions"]
        bar = screen(person).query_one(GroupBar)
        assert "In progress 2" in bar.text
        assert "Refused by Xero 1" in bar.text
        await person.pilot.click(GroupBar, offset=(bar.text.index("Pending") + 2, 0))
        await person.settle()
        assert names(person) == ["Bayside Wholesale"]
        await person.press("5")
        assert names(person) == ["Coco Café"]


async def test_typing_finds_by_name_and_by_words(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("l", "/", *"repeat")
        assert names(person) == ["Hoyt Productions"]
        assert person.bottom_line.startswith("enter Go to list")
        await person.press("backspace", *"zz", "enter")
        assert screen(person).rows.empty_text.endswith("Press esc to clear the search.")
        await person.press("escape")
        assert len(names(person)) == 5
        await person.press("escape")
        assert person.is_home


async def test_queued_change_is_cancelled(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("l")
        assert person.bottom_line.startswith("x Cancel")
        await person.press("x")
        assert person.sees(AskScreen)
        await person.press("n", "x", "y")
        assert ("cancel", contact_id(3)) in busy.calls
        assert person.bottom_line.startswith("Cancelled before sending.")
        assert under_cursor(person) == "Bayside Fish & Chips"
        await person.press("x")
        assert "Nothing to cancel" in person.bottom_line


async def test_manual_restore_is_dismissed(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("l", "down", "x", "y")
        assert ("dismiss", contact_id(12)) in busy.calls


async def test_confirmed_change_is_undone_instead_of_cancelled(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("l", "4", "x")
        assert "Press u to undo" in person.bottom_line


async def test_refused_change_is_retried(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("l", "3")
        assert person.bottom_line.startswith("R Retry")
        await person.press("R")
        assert ("retry", (contact_id(13),)) in busy.calls
        assert names(person) == []
        await person.press("1", "home", "R")
        assert "Nothing to retry" in person.bottom_line


async def test_enter_opens_the_contact_and_escape_comes_back(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("l", "down", "enter")
        assert person.sees(ContactScreen)
        await person.press("escape")
        assert under_cursor(person) == "Hamilton Smith Ltd"


async def test_new_changes_on_top_keep_cursor_and_view(backend: IdleEngine) -> None:
    backend.move_all(backend.request(Action.ARCHIVE, *range(30)), State.CONFIRMED)
    backend.publish_changes()
    async with running(backend, (80, 24)) as person:
        await person.press("l", *["pagedown"] * 2)
        before, name = names(person), under_cursor(person)
        backend.put_change(7, Action.RESTORE, State.QUEUED)
        await person.hears_changes()
        assert (names(person), under_cursor(person)) == (before, name)


async def test_newest_change_stays_visible_at_the_top(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("l")
        busy.put_change(0, Action.ARCHIVE, State.QUEUED)
        await person.hears_changes()
        assert names(person)[0] == "Abel Tasman Lettings"
        assert under_cursor(person) == "Bayside Fish & Chips"


async def test_only_visible_changes_are_loaded() -> None:
    backend = IdleEngine.with_contacts(5_000)
    backend.request(Action.ARCHIVE, *range(5_000))
    async with running(backend) as person:
        await person.press("l", "end")
        assert len(names(person)) > 20
        assert screen(person).rows.cursor == 4_999
        await person.press("home", "pagedown", "pagedown")
        assert len(names(person)) > 20
    windows = [call[2:] for call in backend.calls if call[0] == "page"]
    assert all(stop - start < 400 for start, stop in windows)


async def test_moving_through_a_long_list_costs_no_layout_and_no_row_is_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = IdleEngine.with_contacts(1_000)
    backend.request(Action.ARCHIVE, *range(1_000))
    async with running(backend) as person:
        await person.press("l", "down", "pagedown")
        layouts: list[object] = []
        unread: list[int] = []
        reflow, format_row = Compositor.reflow, screen(person).list.format_row

        def counted(compositor: Compositor, *arguments: object) -> object:
            layouts.append(compositor)
            return reflow(compositor, *arguments)  # type: ignore[arg-type]

        def noted(index: int, width: int) -> object:
            written = format_row(index, width)
            unread.extend([] if written else [index])
            return written

        monkeypatch.setattr(Compositor, "reflow", counted)
        monkeypatch.setattr(screen(person).rows, "_paint", noted)
        for _ in range(12):
            await person.press("pagedown", "down", "up")
        await person.press("pageup", "pageup")
        assert screen(person).rows.cursor > 300
        assert (layouts, unread) == ([], [])


async def test_found_changes_are_exported_to_a_chosen_file(busy: IdleEngine, tmp_path: Path) -> None:
    async with running(busy) as person:
        await person.press("l", "2", "e")
        assert person.sees(FileNameScreen)
        box = person.screen.query_one("#name")
        assert "reshelve-changes-2026-03-05.csv" in box.value  # type: ignore[attr-defined]
        box.value = str(tmp_path / "changes.csv")  # type: ignore[attr-defined]
        await person.press("enter")
        [(_, *exported)] = [call for call in busy.calls if call[0] == "export"]
        assert exported[:2] == [ChangeQuery(ChangeGroup.OPEN), tmp_path / "changes.csv"]
        assert person.bottom_line == f"2 changes saved to {tmp_path / 'changes.csv'}"
        written = (tmp_path / "changes.csv").read_text(encoding="utf-8")
        assert "Bayside Fish & Chips" in written
        assert "Hoyt Productions" not in written
        await person.press("3", "e")
        person.screen.query_one("#name").value = str(tmp_path / "refused.csv")  # type: ignore[attr-defined]
        await person.press("enter")
        assert "On a repeating invoice." in (tmp_path / "refused.csv").read_text(encoding="utf-8")


async def test_unwritable_file_name_is_reported_at_once(busy: IdleEngine, tmp_path: Path) -> None:
    (tmp_path / "here.csv").write_text("x")
    async with running(busy) as person:
        await person.press("l", "e")
        box, note = person.screen.query_one("#name"), person.screen.query_one("#note", SafeLabel)
        for name, words in (
            (tmp_path / "no" / "a.csv", "This folder doesn't exist."),
            (tmp_path, "This is a folder. Add a file name."),
            (tmp_path / "here.csv", "This file already exists."),
            ("~nobody-is-called-so/a.csv", "This folder doesn't exist."),
            (tmp_path / ("a" * 300), "Can't save here: File name too long."),
        ):
            box.value = str(name)  # type: ignore[attr-defined]
            await person.settle()
            assert note.text == words
        await person.press("escape")
    assert not [call for call in busy.calls if call[0] == "export"]


async def test_an_existing_file_is_replaced_on_the_second_save(busy: IdleEngine, tmp_path: Path) -> None:
    file, other = tmp_path / "a.csv", tmp_path / "b.csv"
    file.touch()
    other.touch()
    async with running(busy) as person:
        await person.press("l", "e")
        box = person.screen.query_one(Input)
        for name in (file, other):
            box.value = str(name)
            await person.press("enter")
            assert "Save again to replace it." in str(person.screen.query_one("#note", SafeLabel).render())
        assert not [call for call in busy.calls if call[0] == "export"]
        await person.press("enter")
    [call] = [call for call in busy.calls if call[0] == "export"]
    assert other in call


async def test_failed_export_is_reported(busy: IdleEngine) -> None:
    error = ReshelveError(SystemReason.FILE_NOT_SAVED, problem="disk full")
    busy.fail("export", error)
    async with running(busy) as person:
        await person.press("l", "e", "enter")
        assert person.bottom_line == messages.in_full(error)


async def test_empty_list_explains_itself(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("l")
        assert screen(person).rows.empty_text.startswith("No changes yet.")
        said = {"x": "This list has no changes.", "e": "No changes to export."}
        for key in ("x", "e", "enter"):
            await person.press(key)
            assert person.bottom_line == said.get(key, said["x"])


async def test_rows_can_be_clicked(busy: IdleEngine) -> None:
    async with running(busy) as person:
        await person.press("l")
        await person.pilot.click(VirtualList, offset=(5, 2))
        await person.settle()
        assert under_cursor(person) == "Hoyt Productions"


async def test_read_only_mode_changes_nothing(busy: IdleEngine) -> None:
    busy.is_read_only = True
    async with running(busy) as person:
        await person.press("l")
        assert "Cancel" not in person.bottom_line
        for key in ("x", "R", "P", "u"):
            await person.press(key)
            assert "--read-only" in person.bottom_line
        await person.press("down")
        assert under_cursor(person) == "Hamilton Smith Ltd"


async def test_hostile_names_are_shown_as_text(backend: IdleEngine) -> None:
    backend.edit(0, name="a [/x] b")
    backend.put_change(0, Action.ARCHIVE, State.REFUSED, words="[bold]\x1b]0;x\x07no")
    async with running(backend) as person:
        await person.press("l")
        assert "a [/x] b" in story(person)
        assert "[bold]no" in story(person)


@pytest.mark.parametrize("size", some([(20, 8), (40, 15), (60, 20), (80, 24), (200, 60)], 2))
async def test_every_size_of_terminal_works(busy: IdleEngine, size: tuple[int, int]) -> None:
    async with running(busy, size) as person:
        await person.press("l", "down", "x")
        assert person.sees(AskScreen)
        await person.press("escape", "escape")
        assert person.is_home


async def test_vim_keys_move_in_the_list_of_changes(backend: IdleEngine) -> None:
    backend.move_all(backend.request(Action.ARCHIVE, *range(30)), State.CONFIRMED)
    backend.publish_changes()
    async with running(backend, (80, 24)) as person:
        await person.press("l")
        rows = person.screen.query_one(VirtualList)
        await person.press("G")
        assert rows.cursor == 29
        await person.press("ctrl+u")
        assert 15 < rows.cursor < 29
        await person.press("H")
        assert rows.cursor == rows.visible_range[0]
        await person.press("L")
        assert rows.cursor == rows.visible_range[1] - 1
        await person.press("g", "g")
        assert rows.cursor == 0


async def test_what_the_user_wrote_is_shown_and_found(backend: IdleEngine) -> None:
    backend.request(Action.ARCHIVE, 0, note="Duplicate of [bold]Acme\x1b[31m")
    backend.request(Action.ARCHIVE, 1)
    backend.publish_changes()
    async with running(backend) as person:
        await person.press("l", "/", *"duplicate", "enter")
        assert len(names(person)) == 1
        assert "Your note: Duplicate of [bold]Acme" in story(person)
        assert "\x1b" not in story(person)
        await person.go_home()
        await person.press("enter")
        page = str(person.screen.query_one("#changes", Static).content)
        assert "Your note: Duplicate of [bold]Acme" in page
