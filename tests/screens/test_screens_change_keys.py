"""Keys are changed from within the app, and the palette shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.pictures import text_of
from support.screen_test import Driver, running
from textual.widgets import OptionList

from tui.actions import ActionCommands
from tui.cli.launch import without_unknown
from tui.model.errors import SettingsError
from tui.model.reasons import SettingsReason
from tui.screens.connect.organisations import OrganisationsScreen
from tui.screens.dialogs.ask import ChooseScreen
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.screens.dialogs.help import HelpScreen
from tui.screens.dialogs.keys import KeysScreen, PressKeyScreen, with_key
from tui.settings import load, set_value
from tui.widgets.labels import SafeLabel

if TYPE_CHECKING:
    from pathlib import Path

    from support.idle_engine import IdleEngine

pytestmark = pytest.mark.slow


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The settings file that the app saves keys to."""
    file = tmp_path / "settings.toml"
    monkeypatch.setattr(
        "support.screen_test.save_keys", lambda action, keys: set_value(file, f"keys.{action}", keys)
    )
    return file


async def choose(person: Driver, words: str) -> None:
    """Open the dialog that asks for the new key of the first action found."""
    await person.press("K", "/", *words, "enter", "enter")
    assert person.sees(PressKeyScreen)


def answer(person: Driver) -> str:
    return str(person.screen.query_one("#pressed", SafeLabel).render())


async def test_new_key_works_at_once_everywhere_and_is_saved(backend: IdleEngine, saved: Path) -> None:
    async with running(backend) as person:
        await choose(person, "archive the contact")
        await person.press("J")
        assert answer(person) == "New: J. enter saves it, esc cancels."
        await person.press("enter")
        assert person.bottom_line == "Archive is now J."
        await person.press("escape", "escape")
        assert person.is_home
        assert person.bottom_line.startswith("J Archive")
        await person.press("a")
        assert person.is_home
        await person.press("?")
        shown = " ".join(text_of(person.screen).split())
        assert "J Archive the contact, or all selected ones" in shown
        await person.press("escape", "J")
        assert person.sees(ConfirmScreen)
    assert load(saved, {}).keys == {"archive": "J"}
    assert without_unknown(load(saved, {}), saved)[1] == ()


async def test_keys_are_reset_to_default(backend: IdleEngine, saved: Path) -> None:
    async with running(backend, keys={"archive": "J"}) as person:
        await person.press("K", "/", "J", "enter", "delete")
        assert person.bottom_line == "Archive is now a."
        await person.press("delete")
        assert person.bottom_line == "This action has its default keys."
        await person.go_home()
        await person.press("a")
        assert person.sees(ConfirmScreen)
    assert load(saved, {}).keys == {}


async def test_default_key_that_another_action_has_now_is_not_taken_back(backend: IdleEngine) -> None:
    async with running(backend, keys={"archive": "J", "restore": "a"}) as person:
        await person.press("K", "/", "J", "enter", "delete")
        assert person.bottom_line.startswith("a is used by Restore in the list of contacts.")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("s", "s is used by Sort in the list of contacts."),
        ("u", "u is used by Undo in the list of contacts."),
        ("ctrl+p", "^p is used by Commands in"),
        ("question_mark", "? is used by Help in"),
        ("y", ""),
        ("up", "↑ moves the cursor."),
        ("tab", "tab moves the cursor."),
        ("j", "j moves the cursor."),
        ("space", "space is used by Select in the list of contacts."),
        ("enter", "enter and esc can't be used."),
    ],
)
async def test_conflict_is_named_before_it_is_saved(backend: IdleEngine, key: str, why: str) -> None:
    async with running(backend) as person:
        await choose(person, "archive the contact")
        await person.press(key)
        assert person.sees(PressKeyScreen)
        assert answer(person).startswith(why or "New: y.")
        if why:
            await person.press("enter")
            assert person.sees(PressKeyScreen)
        await person.press("escape")
        assert person.sees(KeysScreen)


async def test_key_that_must_stay_free_for_typing_is_refused(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await choose(person, "find a command")
        await person.press("J")
        assert answer(person).startswith("J has to stay free for typing.")


async def test_what_cannot_be_saved_is_not_used(backend: IdleEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_action: str, _keys: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("support.screen_test.save_keys", fail)
    async with running(backend) as person:
        await choose(person, "archive the contact")
        await person.press("J", "enter")
        assert person.bottom_line == "The key wasn't saved: No space left on device."
        await person.go_home()
        assert person.bottom_line.startswith("a Archive")


async def test_settings_that_cannot_be_read_are_reported(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_action: str, _keys: str) -> None:
        raise SettingsError(SettingsReason.UNKNOWN_SETTING, path="keys.archive", closest="")

    monkeypatch.setattr("support.screen_test.save_keys", fail)
    async with running(backend) as person:
        await choose(person, "archive the contact")
        await person.press("J", "enter")
        assert "keys.archive" in person.bottom_line


async def test_help_opens_it_and_comes_back(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("?", "K")
        assert person.sees(KeysScreen)
        await person.press("escape")
        assert person.sees(HelpScreen)


@pytest.mark.parametrize(
    ("keys", "key", "now"),
    [
        ("a", "J", "J"),
        ("escape,q", "b", "escape,b"),
        ("f5,ctrl+r", "f7", "f7,ctrl+r"),
        ("escape", "b", "escape,b"),
    ],
)
def test_new_key_takes_the_place_of_the_first_but_never_of_esc(keys: str, key: str, now: str) -> None:
    assert with_key(keys, key) == now


async def test_palette_shows_the_keys_as_they_are_now(backend: IdleEngine) -> None:
    async with running(backend, keys={"archive": "J"}) as person:
        await person.press("ctrl+p", *"archive the")
        await person.until(lambda: bool(person.screen.query_one(OptionList).option_count))
        assert "Archive                 J" in text_of(person.screen)


async def test_palette_finds_an_action_by_its_key_and_runs_it_on_the_list(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("ctrl+p", "*")
        await person.until(lambda: bool(person.screen.query_one(OptionList).option_count))
        assert "Select all              *" in text_of(person.screen)
        await person.press("enter")
        assert len(person.main.table.selected) == 30


async def test_palette_leaves_out_what_cannot_be_run_here(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("l")
        offered = [item.id for item, _ in ActionCommands(person.screen)._offered()]
        assert {"cancel_change", "export", "open", "change_theme"} <= set(offered)
        # Nothing is searched for; there are no contacts, nor a palette in the palette.
        assert not {"clear", "archive", "columns", "command_palette", "extend"} & set(offered)


async def test_options_are_moved_through_like_a_list(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("t", "w")
        assert person.sees(ChooseScreen)
        options = person.screen.query_one(OptionList)
        last = options.option_count - 1
        places = []
        for keys in ("gg", "j", "k", "G", "gg", ("ctrl+d",), ("end",), ("home",)):
            await person.press(*keys)
            places.append(options.highlighted)
        assert places[:5] == [0, 1, 0, last, 0]
        assert places[5] not in {0, None}
        assert places[6:] == [last, 0]


async def test_custom_keys_come_before_vim_movement_in_options(backend: IdleEngine) -> None:
    async with running(backend, keys={"connect": "G"}) as person:
        await person.press("ctrl+o")
        assert person.sees(OrganisationsScreen)
        await person.press("G")
        assert not person.sees(OrganisationsScreen)


async def test_page_is_scrolled_like_a_list(backend: IdleEngine) -> None:
    async with running(backend, size=(80, 12)) as person:
        await person.press("enter")
        page = person.screen.query_one("#page")
        await person.press("G")
        assert page.scroll_offset.y == page.max_scroll_y > 0
        await person.press("k")
        assert page.scroll_offset.y == page.max_scroll_y - 1
        await person.press("g", "g")
        assert page.scroll_offset.y == 0
