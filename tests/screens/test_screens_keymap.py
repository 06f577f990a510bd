from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.fake_account import FakeAccount
from support.screen_test import Driver, running
from textual.dom import DOMNode

from tui.actions import ACTIONS, current_key, key_name
from tui.app.app import ReshelveApp
from tui.app.keymap import _actions_by_screen, _ids, _subclasses, problems, to_textual_keymap
from tui.cli.launch import without_unknown
from tui.screens.changes.changes import ChangesScreen
from tui.screens.dialogs.help import HelpScreen
from tui.screens.re_leased.troubleshoot import TroubleshootScreen
from tui.settings import Settings, load, set_value
from tui.widgets.themes import THEME_NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from support.idle_engine import IdleEngine

pytestmark = pytest.mark.slow


def said(keys: dict[str, str]) -> list[str]:
    return [f"{what} {next_step}" for _, what, next_step in problems(keys)]


@pytest.mark.parametrize(
    "keys",
    [
        "f2,f24",
        "B,!,+,é,G",
        "quotation_mark,comma,full_stop,plus",
        "ctrl+x,ctrl+plus,ctrl+f5,ctrl+shift+left",
        "alt+x,alt+ctrl+x,shift+f5",
        "insert,delete,left",
    ],
)
def test_existing_keys_are_accepted(keys: str) -> None:
    assert said({"pause_sync": keys}) == []


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("banana", "Such as f2"),
        ("esc", "Did you mean escape?"),
        ("Ctrl+B", "Did you mean ctrl+b?"),
        ("ctrl-b", "Did you mean ctrl+b?"),
        ("^b", "Did you mean ctrl+b?"),
        ("control+b", "Did you mean ctrl+b?"),
        ("shift+ctrl+left", "Did you mean ctrl+shift+left?"),
        ("shift+b", "Did you mean B?"),
        ("ctrl+m", "Did you mean enter?"),
        ("ctrl+i", "Did you mean tab?"),
        ("return", "Did you mean enter?"),
        ("F2", "Did you mean f2?"),
        ("pgdn", "Did you mean pagedown?"),
        ("escpae", "Did you mean escape?"),
        ("f25", "Did you mean f"),
        ("ctrl+ctrl+b", "Did you mean"),
        ("<any>", "f2"),
        ("+b", "f2"),
        ("latin_small_letter_b", "f2"),
    ],
)
def test_unknown_key_is_refused_with_the_nearest(key: str, meant: str) -> None:
    [words] = said({"pause_sync": key})
    assert f'keys.pause_sync is "{key}"' in words
    assert meant in words


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"archive": "q"}, ("keys.archive", '"q"', "quit")),
        ({"archive": "r"}, ("keys.archive", "restore")),
        ({"archive": "f2", "restore": "f2"}, ("keys.archive", "restore")),
        ({"quit": "x"}, ("keys.quit", "cancel_change")),
        ({"cancel": "y"}, ("keys.cancel", "confirm")),
        ({"interrupt": "escape"}, ("keys.interrupt", "cancel")),
        ({"organisations": "ctrl+p"}, ("keys.organisations", "command_palette")),
        ({"archive": "question_mark"}, ("keys.archive", "help")),
        ({"archive": "space"}, ("keys.archive", "select")),
        ({"back": "q,f1"}, ("keys.back", "help")),
    ],
)
def test_key_used_by_another_action_of_the_same_screen_is_refused(
    keys: dict[str, str], named: tuple[str, ...]
) -> None:
    words = said(keys)
    assert any(all(name in one for name in named) for one in words), words


@pytest.mark.parametrize(
    "keys",
    [
        {"archive": "r", "restore": "a"},
        {"archive": "f6", "pause_sync": "f10"},
        {"tab_all": "5"},
        {"confirm": "q"},
        {"back": "escape,q,b"},
        {"archive": "a"},
        {"mark_not_linked": "N"},
        {"search": "/"},
    ],
)
def test_actions_of_different_screens_may_share_a_key(keys: dict[str, str]) -> None:
    assert said(keys) == []


def test_each_conflict_is_reported_once() -> None:
    assert len(said({"archive": "f2", "restore": "f2"})) == 1


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"archiv": "f2"}, "Did you mean archive?"),
        ({"change_theme": "f2"}, "can't have a key"),
        ({"extend": "f2"}, "can't have other keys"),
        ({"archive": "j"}, "moves the cursor"),
        ({"archive": "tab"}, "moves the cursor"),
        ({"interrupt": "w"}, "no longer be able to type"),
        ({"organisations": "?"}, "no longer be able to type"),
    ],
)
def test_reserved_key_is_refused(keys: dict[str, str], words: str) -> None:
    assert any(words in one for one in said(keys))


@pytest.mark.parametrize("wrong", ["archiv", "banana", "restor", "x"])
def test_unknown_action_is_refused_briefly(wrong: str) -> None:
    [words] = said({wrong: "f2"})
    assert ("Did you mean" in words) != ("reshelve settings keys" in words)
    assert len(words) < 100


def test_default_keys_have_no_conflicts() -> None:
    own = {item.id: item.keys for item in ACTIONS if item.keys and item.id != "extend"}
    assert said(own) == []


def test_every_action_that_takes_keys_has_a_binding_that_can_be_changed() -> None:
    assert _actions_by_screen()
    bound = {binding_id for kind in _subclasses(DOMNode) for binding_id in _ids(kind)}
    assert {item.binding_id for item in ACTIONS if item.keys and item.id != "extend"} <= bound


async def test_custom_keys_run_their_actions(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.app.set_keymap(to_textual_keymap({"help": "f9", "command_palette": "f8", "changes": "f7"}))
        await person.press("f9")
        assert person.sees(HelpScreen)
        await person.press("escape", "?")
        assert person.is_home
        await person.press("ctrl+p")
        assert person.is_home
        await person.press("f8")
        assert not person.is_home


async def test_custom_keys_come_before_vim_movement(backend: IdleEngine) -> None:
    own = {"changes": "G", "troubleshoot": "ctrl+d"}
    assert said(own) == []
    async with running(backend) as person:
        person.app.set_keymap(to_textual_keymap(own))
        await person.press("G")
        assert person.sees(ChangesScreen)
        await person.press("escape", "ctrl+d")
        assert person.sees(TroubleshootScreen)
        await person.press("escape", "end")
        last = person.cursor_name
        await person.press("g", "g")
        assert person.cursor_name != last


async def test_a_key_that_two_actions_share_stays_with_the_other_one(backend: IdleEngine) -> None:
    async with running(backend) as person:
        person.app.set_keymap(to_textual_keymap({"clear": "f9"}))
        await person.press("l")
        assert person.sees(ChangesScreen)
        await person.press("escape")
        assert person.is_home


def test_invalid_keys_are_reported_and_ignored(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[keys]\narchive = "q"\nrestore = "f9"\nundo = "banana"\n', encoding="utf-8")
    settings, wrong = without_unknown(load(file, {}), file)
    assert settings.keys == {"restore": "f9"}
    assert any(words.startswith(f'{file}: keys.archive is "q", which back already uses') for words in wrong)
    assert any("banana" in words for words in wrong)


def test_key_that_is_free_only_through_an_invalid_one_is_ignored_too(tmp_path: Path) -> None:
    keys = {"archive": "r", "restore": "banana"}
    settings, wrong = without_unknown(Settings(keys=keys), tmp_path / "settings.toml")
    assert settings.keys == {}
    assert len(wrong) == len(keys)


def test_invalid_theme_from_a_variable_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    monkeypatch.setenv("RESHELVE_SCREEN_THEME", "reshelve-drak")
    settings, [wrong] = without_unknown(load(file), file)
    assert settings == Settings()
    assert wrong.startswith('RESHELVE_SCREEN_THEME is "reshelve-drak"')
    assert wrong.endswith(" Did you mean reshelve-dark?")


async def test_every_theme_of_the_palette_can_be_set(tmp_path: Path, backend: IdleEngine) -> None:
    async with running(backend) as person:
        offered = set(person.app.available_themes)
    assert "dracula" in offered
    assert offered == set(THEME_NAMES)
    for theme in offered:
        set_value(tmp_path / "settings.toml", "screen.theme", theme)
        loaded = load(tmp_path / "settings.toml", {})
        assert without_unknown(loaded, tmp_path / "settings.toml") == (loaded, ())


async def test_a_warning_about_settings_is_shown(backend: IdleEngine) -> None:
    app = ReshelveApp(FakeAccount.of(backend), backend.snapshot.organisation, warning="A setting is ignored.")
    async with app.run_test(size=(120, 36)) as pilot:
        person = Driver(app, pilot, backend)
        await person.settle()
        assert person.bottom_line == "A setting is ignored."


async def test_character_keys_are_shown_as_typed(backend: IdleEngine) -> None:
    async with running(backend) as person:
        for key in [*"[;,.@~#-+\\'`_", "é", "K"]:
            person.app.set_keymap(to_textual_keymap({"archive": key.replace(",", "comma")}))
            await person.settle()
            assert person.bottom_line.startswith(f"{key} Archive")
            assert current_key(person.app, "archive") == key


def test_keys_with_modifiers_are_shown_by_their_characters() -> None:
    named = [key_name(key) for key in ("ctrl+at", "alt+full_stop", "ctrl+shift+left", "space", "delete")]
    assert named == ["^@", "alt+.", "^shift+←", "space", "delete"]
