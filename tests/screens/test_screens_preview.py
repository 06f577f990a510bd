"""The preview of the contact under the cursor, beside the list."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.pictures import picture
from support.sample_contacts import NOW
from support.screen_test import Driver, running

from tui.model.change import Action, State
from tui.model.columns import ListLayout
from tui.model.contact import Balances, ContactStatus
from tui.model.evidence import SyncStatus
from tui.screens import preview
from tui.screens.columns import ColumnsScreen
from tui.screens.contact import ContactScreen
from tui.screens.main import MainScreen
from tui.screens.preview import ContactPreview
from tui.widgets import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.idle_engine import IdleEngine
    from support.pictures import Compare

    from tui.app.app import ReshelveApp

WIDE = (140, 36)
LONG = 3600


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "REST_SECONDS", 0.001)


def shown(person: Driver) -> str:
    found = person.main.query(ContactPreview)
    return found.first().text if found and found.first().is_on_screen else ""


def shows(person: Driver, words: str) -> Callable[[], bool]:
    return lambda: words in shown(person)


def reads(backend: IdleEngine) -> list[object]:
    return [call for call in backend.calls if call[0] == "details"]


async def open_preview(person: Driver, words: str = "Abel Tasman Lettings") -> None:
    await person.press("b")
    await person.until(shows(person, words))
    await person.settle()


async def test_the_contact_under_the_cursor_is_shown_and_hidden_again(backend: IdleEngine) -> None:
    balances = Balances(23_400, 12_000, read_at=NOW - timedelta(hours=3))
    backend.edit(0, groups=("Tenants",), balances=balances, is_customer=True)
    async with running(backend, WIDE) as person:
        assert "b Preview" in person.bottom_line
        await open_preview(person)
        lines = shown(person).split("\n")
        assert lines[:2] == ["Abel Tasman Lettings", "Active"]
        for words in ("No changes yet.", "234.00  120.00 overdue", "Loaded from Xero", "AC-00000", "Tenants"):
            assert words in shown(person)
        await person.press("down")
        await person.until(shows(person, person.cursor_name))
        await person.press("b")
        assert shown(person) == ""
        await open_preview(person, person.cursor_name)


async def test_it_reads_only_saved_data(backend: IdleEngine) -> None:
    async with running(backend, WIDE) as person:
        await open_preview(person)
        await person.press("down")
        await person.until(shows(person, person.cursor_name))
        assert len(reads(backend)) == 2
        assert not {call[0] for call in backend.calls} & {"history", "refresh_one", "refresh"}


async def test_nothing_is_read_while_a_key_repeats(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(backend, WIDE) as person:
        await open_preview(person)
        monkeypatch.setattr(preview, "REST_SECONDS", LONG)
        before = len(reads(backend))
        await person.press(*["down"] * 20)
        assert len(reads(backend)) == before
        assert "Abel Tasman Lettings" in shown(person)
        controller = person.main._preview
        assert controller is not None
        monkeypatch.setattr(preview, "REST_SECONDS", 0)
        controller._check()
        await person.until(shows(person, person.cursor_name))
        assert len(reads(backend)) == before + 1


async def test_below_140_columns_the_key_says_what_is_needed(backend: IdleEngine) -> None:
    async with running(backend, (139, 36)) as person:
        assert "b Preview" not in person.bottom_line
        await person.press("b")
        assert "at least 140 columns wide; this one has 139" in person.bottom_line
        assert not person.main.query(ContactPreview)
    assert not backend.contacts.layout().has_preview


async def test_it_is_remembered_and_leaves_when_the_terminal_is_narrow(backend: IdleEngine) -> None:
    async with running(backend, WIDE) as person:
        await open_preview(person)
    assert backend.contacts.layout().has_preview
    async with running(backend, WIDE) as person:
        await person.until(shows(person, "Abel Tasman Lettings"))
        await person.pilot.resize_terminal(120, 36)
        await person.settle()
        assert shown(person) == ""
        assert person.main.sync_pane.size.height > 20
        await person.pilot.resize_terminal(*WIDE)
        await person.until(shows(person, "Abel Tasman Lettings"))


async def test_the_usual_columns_keep_it(backend: IdleEngine) -> None:
    async with running(backend, WIDE) as person:
        await open_preview(person)
        await person.press("s")
        assert person.sees(ColumnsScreen)
        await person.press("0", "escape")
        assert backend.contacts.layout() == ListLayout(has_preview=True)
        assert shown(person)


@pytest.mark.parametrize(
    ("size", "is_stacked"),
    [
        ((140, 24), True),
        ((140, 36), True),
        ((160, 48), True),
        ((199, 36), True),
        ((200, 36), False),
        ((240, 60), False),
    ],
)
async def test_list_preview_and_pane_share_the_terminal(
    backend: IdleEngine,
    size: tuple[int, int],
    is_stacked: bool,  # noqa: FBT001 - pytest hands it over
) -> None:
    async with running(backend, size) as person:
        await open_preview(person)
        main = person.main
        table, room, pane = main.table.region, main.query_one("#preview").region, main.sync_pane.region
        assert table.width >= 92
        assert room.x == table.right
        assert pane.right == size[0]
        assert min(room.width, pane.width) >= 44
        if is_stacked:
            assert (pane.x, pane.y) == (room.x, room.bottom)
            assert table.height == room.height + pane.height
            assert room.height > pane.height
        else:
            assert pane.x == room.right
            assert table.height == room.height == pane.height


async def test_a_change_is_shown_with_its_reason(backend: IdleEngine) -> None:
    async with running(backend, WIDE) as person:
        await open_preview(person)
        backend.put_change(0, Action.ARCHIVE, State.CONFIRMED, SyncStatus.MISSED)
        await person.hears_changes()
        person.main.tick()
        await person.until(shows(person, "! Archived in Reshelve"))
        assert "Missed last sync: a sync ran without it." in shown(person)
        backend.put_change(0, Action.RESTORE, State.REFUSED, words="It is on a repeating invoice.")
        await person.hears_changes()
        person.main.tick()
        await person.until(shows(person, "Refused by Xero: It is on a repeating"))
        assert "then press R to retry" in " ".join(shown(person).split())


async def test_the_age_of_balances_is_kept_up_to_date(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(backend, WIDE) as person:
        await open_preview(person)
        before, count = shown(person), len(reads(backend))
        later = clock.now() + timedelta(hours=5)
        monkeypatch.setattr(clock, "now", lambda: later)
        person.main.tick()
        assert "8 h ago" in shown(person)
        assert shown(person) != before
        assert len(reads(backend)) == count


async def test_hostile_names_are_shown_as_text(backend: IdleEngine) -> None:
    name = "[red]\x1b[31mAA\u202e Lettings[/] https://evil.example"
    backend.edit(0, name=name, groups=("[@click=app.quit]x[/]",), status=ContactStatus.ARCHIVED)
    async with running(backend, WIDE) as person:
        await person.press("home")
        person.main.finder.find(keep=False)
        await person.settle()
        await open_preview(person, "[red]AA Lettings[/]")
        assert "\x1b" not in shown(person)
        assert "\u202e" not in shown(person)
        assert "[@click=app.quit]x[/]" in shown(person)


async def test_a_contact_that_does_not_fit_says_how_to_see_the_rest(backend: IdleEngine) -> None:
    async with running(backend, (140, 20)) as person:
        await person.press("b")
        await person.until(shows(person, "Abel"))
        assert shown(person).split("\n")[-1] == "… enter shows all"
        await person.press("enter")
        assert person.sees(ContactScreen)
        await person.press("right_square_bracket", "right_square_bracket")
        # The page covers the preview, which follows only when it is seen again.
        assert person.main.query_one(ContactPreview).text.startswith("Abel Tasman")
        await person.press("escape")
        assert person.cursor_name != "Abel Tasman Lettings"
        await person.until(shows(person, person.cursor_name))


async def test_an_empty_list_has_an_empty_preview(backend: IdleEngine) -> None:
    async with running(backend, WIDE) as person:
        await open_preview(person)
        await person.press("/", *"zzzz")
        await person.until(lambda: shown(person) == "")
        assert person.main.table.cursor_id is None


@pytest.mark.pictures
@pytest.mark.parametrize("size", [(140, 36), (200, 40)])
def test_picture(snap_compare: Compare, busy: IdleEngine, size: tuple[int, int]) -> None:
    def load(app: ReshelveApp) -> None:
        assert isinstance(app.screen, MainScreen)
        assert app.screen._preview is not None
        app.screen._preview.load()

    assert picture(snap_compare, busy, "b", "down", "down", "down", size=size, after=load)
