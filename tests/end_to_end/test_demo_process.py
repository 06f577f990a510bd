"""`reshelve demo` in a real terminal: however it ends, no process and no partial file is left."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.demo import Demo, environment, reshelve
from support.effort import some
from support.practice import running_sandbox
from support.terminal import Terminal, gone

from tui.engine.account import XeroAccount
from tui.settings import load, set_value
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALTERNATE_SCREEN = 1049
STARTING = "Starting the practice Xero and Re-Leased …"
FIRST_CONTACT = "100% Clean_Co"


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    return Demo(tmp_path / "home")


def until_contacts(terminal: Terminal, total: int = 200) -> None:
    terminal.until_shown(f"All {total:,} ")
    terminal.until_shown(FIRST_CONTACT)


def quit_(terminal: Terminal) -> None:
    terminal.write("q")
    assert terminal.wait() == 0


CLEAN_WAYS: dict[str, Callable[[Terminal], None]] = {
    "q": lambda terminal: terminal.write("q"),
    "ctrl+c": lambda terminal: terminal.write("\x03"),
    "SIGTERM": lambda terminal: terminal.send(signal.SIGTERM),
    "SIGHUP": lambda terminal: terminal.send(signal.SIGHUP),
}


@pytest.mark.parametrize("way", CLEAN_WAYS)
def test_quitting_restores_the_terminal(demo: Demo, way: str) -> None:
    with demo.open() as terminal:
        until_contacts(terminal)
        terminal.until_shown("The practice Re-Leased syncs")
        family = terminal.family()
        assert len(family) == 2
        assert ALTERNATE_SCREEN in terminal.screen.modes
        CLEAN_WAYS[way](terminal)
        assert terminal.wait() == 0
        assert gone(family)
        assert terminal.is_as_found
        # A warning or a traceback would stand below.
        assert terminal.screen.text == STARTING
    demo.check_files(is_clean=True)
    assert not demo.processes()


def test_the_welcome_starts_the_demo_and_quitting_it_says_what_next(demo: Demo) -> None:
    with reshelve(demo.home) as terminal:
        terminal.until_shown("Try the demo")
        terminal.write("\r")
        until_contacts(terminal, total=1600)
        terminal.until_shown("PRACTICE")
        family = terminal.family()
        quit_(terminal)
        assert gone(family)
        assert terminal.is_as_found
        assert terminal.screen.text.startswith(f"{STARTING}\nThat was the demo.")
    demo.check_files(is_clean=True)
    # Nothing was connected outside the demo's folder.
    assert not Paths.under(demo.home).organisations.exists()


def test_the_demos_start_can_be_interrupted_after_the_welcome(demo: Demo) -> None:
    with reshelve(demo.home) as terminal:
        terminal.until_shown("Try the demo")
        terminal.write("\r")
        terminal.until_shown(STARTING)
        family = terminal.family()
        terminal.write("\x03")
        assert terminal.wait() == 130
        assert "Traceback" not in terminal.screen.text
        assert gone(family)
    assert not demo.processes()


def test_ctrl_c_while_quitting_changes_nothing(demo: Demo) -> None:
    with demo.open() as terminal:
        until_contacts(terminal)
        terminal.write("q")
        terminal.until(lambda: ALTERNATE_SCREEN not in terminal.screen.modes, "leaving")

        def has_ended() -> bool:
            if terminal.is_running:
                terminal.send(signal.SIGINT)
            return not terminal.is_running

        terminal.until(has_ended, "the end")
        assert terminal.wait() == 0
        assert terminal.is_as_found
        assert terminal.screen.text == STARTING
    demo.check_files(is_clean=True)


def test_closing_the_terminal_leaves_no_process(demo: Demo) -> None:
    with demo.open() as terminal:
        until_contacts(terminal)
        family = terminal.family()
        terminal.close()
        assert terminal.wait() == 0
        assert gone(family)
    demo.check_files(is_clean=True)
    assert not demo.processes()


def test_kill_leaves_no_process_and_a_sound_store(demo: Demo) -> None:
    with demo.open() as terminal:
        until_contacts(terminal)
        family = terminal.family()
        terminal.send(signal.SIGKILL)
        assert terminal.wait() == -signal.SIGKILL
        assert gone(family)
    assert not demo.processes()
    demo.check_files(is_clean=False)
    with demo.open() as terminal:
        until_contacts(terminal)
        quit_(terminal)
    demo.check_files(is_clean=True)


def test_interrupting_the_start_leaves_no_process(demo: Demo) -> None:
    with demo.open() as terminal:
        terminal.until_shown(STARTING)
        family = terminal.family()
        terminal.write("\x03")
        assert terminal.wait() == 130
        assert terminal.is_as_found
        assert "Traceback" not in terminal.screen.text
        assert gone(family)
    terminal.until(lambda: not demo.processes(), "the practice process ending")
    with demo.open() as terminal:
        until_contacts(terminal)
        quit_(terminal)


def test_text_typed_at_once_is_searched(demo: Demo) -> None:
    with demo.open() as terminal:
        until_contacts(terminal)
        terminal.write("/bayside dist")
        terminal.until_shown("1 of 200")
        terminal.until_shown("Bayside District Co")
        terminal.write("\x1b")
        terminal.until(lambda: "1 of 200" not in terminal.screen.text, "clearing the search")
        terminal.write("\x03")
        assert terminal.wait() == 0


def test_resizing_repaints_the_screen(demo: Demo) -> None:
    with demo.open() as terminal:
        until_contacts(terminal)
        terminal.until_shown("Sync with Re-Leased")
        for columns, lines, words in ((60, 20, "/ Search"), (160, 48, "Sync with Re-Leased")):
            terminal.resize(columns, lines)
            terminal.until_shown(words)
            terminal.until_shown(FIRST_CONTACT)
        quit_(terminal)


@pytest.mark.parametrize("fault", some([{}, {"kind": "slow", "seconds": 1}, {"kind": "drop-after"}], 2))
def test_an_archive_is_finished_once_though_the_terminal_was_closed(
    demo: Demo, fault: dict[str, object]
) -> None:
    with demo.open() as terminal:
        until_contacts(terminal)
        demo.create("Quokka Joinery")
        if fault:
            demo.control("faults", {**fault, "method": "POST", "path": "/api.xro/", "count": 1})
        terminal.write("/quokka")
        # Found after the next refresh.
        terminal.write("\r\x1b[15~")
        terminal.until_shown("1 of 201")
        terminal.write("a")
        terminal.until_shown("Archive 1 contact?")
        terminal.until_shown("y Archive")
        family = terminal.family()
        terminal.write("y")
        terminal.until(demo.changes, "the change being in the journal")
        terminal.close()
        assert terminal.wait() == 0
        assert gone(family)
    assert not demo.processes()

    with demo.open() as terminal:
        until_contacts(terminal, 201)
        terminal.until(lambda: demo.changes() == [("Quokka Joinery", "archive", "confirmed")], "confirming")
        quit_(terminal)
    demo.check_files(is_clean=True)
    assert demo.history("Quokka Joinery") == ["Created", "Archived"]


def test_an_unknown_theme_is_a_warning_and_one_of_the_palette_is_kept(demo: Demo) -> None:
    file = demo.paths.settings_file
    set_value(file, "screen.theme", "purple")
    with demo.open() as terminal:
        until_contacts(terminal)
        terminal.until_shown("1 invalid setting ignored")
        # It may be the theme of a newer version.
        assert load(file, {}).screen.theme == "purple"
        terminal.write("\x10")
        terminal.until_shown("Search for commands")
        terminal.write("colours")
        terminal.until_shown("Change colours")
        terminal.write("\r")
        terminal.until_shown("Search for themes")
        terminal.write("dracula")
        terminal.until(lambda: "monokai" not in terminal.words, "finding one theme")
        terminal.write("\r")
        terminal.until(lambda: load(file, {}).screen.theme == "dracula", "keeping the theme")
        quit_(terminal)
        assert 'screen.theme is "purple"' in terminal.words
    with demo.open() as terminal:
        until_contacts(terminal)
        quit_(terminal)
        assert "Warning" not in terminal.words


@pytest.mark.parametrize("text", ["[xero\n", '[xero]\napi_url = "nonsense"\n', "[relesed]\n"])
def test_settings_are_checked_before_anything_is_erased(demo: Demo, text: str) -> None:
    kept = demo.paths.sandbox / "practice.sqlite", demo.paths.organisation("one") / "contacts.db"
    for file in (*kept, demo.paths.settings_file):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "tui", "demo", "--fresh"]
    done = subprocess.run(
        command, env=environment(demo.home), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert str(demo.paths.settings_file).encode() in done.stderr
    assert b"reshelve settings --demo" in done.stderr
    assert [file.read_text(encoding="utf-8") for file in kept] == [text, text]


def test_stray_bytes_and_a_suspend_lose_no_key(demo: Demo) -> None:
    with demo.open() as terminal:
        until_contacts(terminal)
        terminal.write_bytes(b"\xff\xc3\x1b[55296u")
        for _ in range(2):
            terminal.send(signal.SIGSTOP)
            terminal.send(signal.SIGCONT)
        terminal.write("/bayside dist")
        terminal.until_shown("1 of 200")
        terminal.write("\x03")
        assert terminal.wait() == 0
        assert terminal.is_as_found


_CRASHING = """
from tui.cli import main
from tui.screens.main import MainScreen

def action_search(self):
    contact = "Bayside District Council"
    raise ValueError(contact)

MainScreen.action_search = action_search
main(prog_name="reshelve")
"""


def test_a_crash_exits_with_1_restores_the_terminal_and_names_the_log_but_no_contact(demo: Demo) -> None:
    command = [sys.executable, "-c", _CRASHING, "demo", "--contacts", "20"]
    with Terminal(command, environment(demo.home)) as terminal:
        until_contacts(terminal, 20)
        terminal.write("/")
        assert terminal.wait() == 1
        assert terminal.is_as_found
        [log] = demo.paths.logs.glob("*.log")
        for words in ("This is a bug in Reshelve", "Nothing is lost", str(log)):
            assert words in terminal.words
        for shown in (terminal.words, log.read_text(encoding="utf-8")):
            assert "Bayside" not in shown
        assert "Traceback" not in terminal.words
        assert "ValueError" in log.read_text(encoding="utf-8")
    assert not demo.processes()


def test_second_demo_is_refused_and_leaves_the_first_alone(demo: Demo) -> None:
    with demo.open() as first:
        until_contacts(first)
        with demo.open() as second:
            assert second.wait() == 1
            assert "Another sandbox is running" in second.words
            assert "Traceback" not in second.words
            assert second.is_as_found
        first.write("/bayside dist")
        first.until_shown("1 of 200")
        first.write("\x03")
        assert first.wait() == 0
    demo.check_files(is_clean=True)


def test_demo_keeps_its_data_until_fresh_is_given(demo: Demo) -> None:
    with demo.open() as terminal:
        until_contacts(terminal)
        demo.create("Quokka Joinery")
        terminal.write("\x1b[15~")
        until_contacts(terminal, 201)
        quit_(terminal)
    for options, total in (((), 201), (("--fresh",), 200)):
        with demo.open(*options) as terminal:
            until_contacts(terminal, total)
            quit_(terminal)
    assert demo.history("Quokka Joinery") == []


# A file in the way also stops an administrator, who ignores a folder's permissions.
IN_THE_WAY = {
    "the home": ".",
    "the practice's folder": "data/demo/data/sandbox",
    "the practice's data": "data/demo/data/sandbox/practice.sqlite/",
    "the settings": "data/demo/config",
    "the sign-in": "data/demo/data/tokens",
    "the list of organisations": "data/demo/data/organisations.json/",
    "the folder of organisations": "data/demo/data/organisations",
}


@pytest.mark.parametrize("place", IN_THE_WAY)
def test_unusable_home_is_reported(demo: Demo, place: str) -> None:
    spot = demo.home / IN_THE_WAY[place]
    if IN_THE_WAY[place].endswith("/"):
        spot.mkdir(parents=True)
    else:
        spot.parent.mkdir(parents=True, exist_ok=True)
        spot.write_bytes(b"")
    with demo.open() as terminal:
        assert terminal.wait() == 1
        assert terminal.is_as_found
        assert "Error: " in terminal.words
        assert str(demo.home) in terminal.words
        for sign_of_a_crash in ("Traceback", 'File "', "line ", "Errno"):
            assert sign_of_a_crash not in terminal.words
    assert not demo.processes()


def test_demo_without_a_terminal_is_refused(demo: Demo) -> None:
    command = [sys.executable, "-m", "tui", "demo", "--contacts", "20"]
    done = subprocess.run(
        command, env=environment(demo.home), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"needs a terminal" in done.stderr
    assert b"Traceback" not in done.stderr
    assert not demo.processes()


def test_a_separate_sandbox_is_reached_by_the_environment(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_sandbox(tmp_path / "sandbox", "--contacts", "200") as practice:
        variables = {**practice.environment, "RESHELVE_XERO_TOKEN_STORE": "file"}
        paths = Paths.under(home)
        account = XeroAccount(load(paths.settings_file, variables), paths)
        asyncio.run(account.import_refresh_token(practice.refresh_token, practice.client_id))
        wanted = ("open", "--organisation", practice.organisations[0].name[:7].lower())
        for arguments in ((), wanted):
            with reshelve(home, *arguments, variables=variables) as terminal:
                until_contacts(terminal)
                terminal.until_shown(practice.organisations[0].name)
                quit_(terminal)
                assert terminal.is_as_found
        assert {call["path"] for call in practice.requests()} >= {"/connections", "/api.xro/2.0/Contacts"}
