"""Names that would harm a terminal or a Textual app are shown safely everywhere."""

from __future__ import annotations

import sqlite3
import unicodedata
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from support.effort import some
from support.house import open_house
from support.practice import running_sandbox
from textual.screen import ModalScreen

from tui.screens.contact import ContactScreen
from tui.screens.dialogs.help import HelpScreen
from tui.screens.main import MainScreen
from tui.screens.manual_restores import ManualRestoresScreen
from tui.system.log import log_to, logger
from tui.system.paths import Paths
from tui.widgets.text import DIRECTION_MARK, safe
from tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.house import House
    from support.practice import PracticeXero

HOSTILE = (
    # The practice organisation has an `a [/x] b` of its own.
    "a [/x] b too",
    "[red]danger[/red]",
    "[@click=app.exit]press[/]",
    "{escape} $text-error \\[b]",
    "clear \x1b[2J\x1b[H screen",
    "title \x1b]0;owned\x07 and link \x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "C1 \x9b31m and \x90q bell \x07 backspace \x08\x08\x08",
    "unfinished \x1b[",
    "x" * 10_000,
    "宽" * 300,
    "right to left \u202egnitset\u202c שלום 123",
    "two\nlines\tand\r\ntabs",
    "family 👩‍👩‍👧‍👦 flag 🇳🇿 heart ❤️ skin 👍🏽",
    "zalgo z" + "\u0301" * 40,
    "\x00\x01\x02\x1b\x7f\x85",
    "\u200b\u2060\ufeff",
)
MARK = "zzq"
ORGANISATION = "Evil [/x] \x1b[31m\u202eBooks [b]"
SIZES = some(((120, 36), (80, 24), (60, 20), (160, 48)), 2)


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path / "sandbox", "--contacts", "30", "--cycle", "3600") as running:
        running.stop()
        with closing(sqlite3.connect(Paths.under(running.folder).sandbox / "practice.sqlite")) as books:
            books.execute("UPDATE organisations SET name = ? WHERE org = 1", (ORGANISATION,))
            books.commit()
        running.restart_same_port()
        yield running


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Write the log as the command line does, and return its file."""
    log_to(tmp_path / "logs")
    yield tmp_path / "logs" / "reshelve.log"
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()


def create_all(practice: PracticeXero) -> list[str]:
    """Create a contact of each name, found by account number as some names can't be typed."""
    return [
        practice.create(name, AccountNumber=f"{MARK}{number:02}", FirstName=name[:200], LastName="[/]")
        for number, name in enumerate(HOSTILE)
    ]


def assert_harmless(house: House) -> None:
    """Check that each line is as wide as the terminal and has no control characters."""
    width = house.app.size.width
    for strip in house.app.screen._compositor.render_strips():
        assert cell_len(strip.text) == width, repr(strip.text)
        assert not any(segment.control for segment in strip)
        obeyed = [
            char for char in strip.text if unicodedata.category(char)[0] == "C" and char != DIRECTION_MARK
        ]
        assert not obeyed, repr(strip.text)


async def until_harmless(house: House, words: str) -> None:
    await house.until_shown(words)
    assert_harmless(house)


async def at_every_size(house: House) -> None:
    for size in SIZES:
        await house.pilot.resize_terminal(*size)
        await house.until(lambda size=size: tuple(house.app.screen.size) == size, f"the size {size}")  # type: ignore[misc]
        await house.until(lambda size=size: widths(house) <= {size[0]}, f"the width {size[0]}")  # type: ignore[misc]
        await house.pilot.pause()
        assert_harmless(house)
    await house.pilot.resize_terminal(*SIZES[0])


def widths(house: House) -> set[int]:
    return {title.size.width for title in house.app.screen.query(TitleBar)}


async def search_all(house: House) -> None:
    await house.search(MARK)
    await until_harmless(house, f"{len(HOSTILE)} of ")


async def test_hostile_names_are_safe_in_the_table_and_the_search(
    practice: PracticeXero, tmp_path: Path
) -> None:
    create_all(practice)
    async with open_house(practice, tmp_path / "home") as house:
        await house.until_shown("Evil [/x] Books [b]")
        await search_all(house)
        # With room for the names beside the numbers they were found by.
        await house.pilot.resize_terminal(300, 50)
        await house.until_shown("[@click=app.exit]press[/]")
        for shown in ("a [/x] b too", "[red]danger[/red]", "[@click=app.exit]press[/]", "two lines and tabs"):
            assert shown in house.shown()
        for _ in HOSTILE:
            await house.pilot.press("down", "space")
            assert_harmless(house)
        await at_every_size(house)
        # Matches are highlighted within the cleaned text.
        for words, found in (
            ("[/x]", "a [/x] b too"),
            ("danger", "[red]danger[/red]"),
            ("screen", "clear  screen"),
        ):
            await house.pilot.press("escape", "escape")
            await house.search(words)
            await until_harmless(house, found)


async def test_hostile_names_are_safe_in_dialogs(practice: PracticeXero, tmp_path: Path) -> None:
    create_all(practice)
    async with open_house(practice, tmp_path / "home") as house:
        await search_all(house)
        for key, close in (("question_mark", "escape"), ("ctrl+p", "escape")):
            await house.pilot.press(key)
            await house.until(
                lambda: not isinstance(house.app.screen, MainScreen), f"{key} opening something"
            )
            await house.pilot.pause()
            await at_every_size(house)
            await house.pilot.press(close)
            await house.until(lambda: isinstance(house.app.screen, MainScreen), "being back")


async def test_hostile_names_are_safe_on_contact_pages(practice: PracticeXero, tmp_path: Path) -> None:
    ids = create_all(practice)
    for contact_id, name in zip(ids, HOSTILE, strict=True):
        practice.somebody("rename", contact_id, Name=f"{name} again")
    async with open_house(practice, tmp_path / "home") as house:
        await search_all(house)
        for number in range(len(HOSTILE)):
            await house.pilot.press("enter")
            await house.until(lambda: isinstance(house.app.screen, ContactScreen), "the page")
            await until_harmless(house, "was renamed to" if number == 0 else "Edited")
            if number == 0:
                await at_every_size(house)
                await house.pilot.press("question_mark")
                await house.until(lambda: isinstance(house.app.screen, HelpScreen), "the help")
                assert_harmless(house)
                await house.pilot.press("escape")
            await house.pilot.press("end")
            assert_harmless(house)
            await house.pilot.press("escape")
            await house.until(lambda: isinstance(house.app.screen, MainScreen), "being back")
            await house.pilot.press("down")


async def test_hostile_names_are_safe_during_changes(
    practice: PracticeXero, tmp_path: Path, log: Path
) -> None:
    ids = create_all(practice)
    for contact_id in ids[:4]:
        practice.somebody("repeating", contact_id)
    async with open_house(practice, tmp_path / "home") as house:
        await search_all(house)
        await house.pilot.press("*", "a")
        await house.until_shown("Up to date with Xero.")
        await at_every_size(house)
        await house.pilot.press("pagedown", "pagedown", "end")
        assert_harmless(house)
        await house.pilot.press("y")
        await house.until(lambda: house.pane.refused_total == 4, "the refusals")
        await house.until(lambda: house.pane.pending_total == len(HOSTILE) - 4, "the others")
        await until_harmless(house, "✗ Refused by Xero")
        await at_every_size(house)

        await house.pilot.press("3")
        await house.until_shown(f"{len(HOSTILE) - 4} of ")
        await house.pilot.press("*", "r")
        await house.until_shown("Up to date with Xero.")
        await house.until_shown("y Restore")
        assert_harmless(house)
        await house.pilot.press("y")
        await house.until(lambda: isinstance(house.app.screen, ManualRestoresScreen), "the hand-offs")
        await until_harmless(house, "Restore in Xero")
        await at_every_size(house)
        for _ in range(3):
            await house.pilot.press("x")
            await until_harmless(house, "Press x again to stop waiting")
            await house.pilot.press("y", "down")
            assert_harmless(house)
        await house.pilot.press("escape")
        await house.until(lambda: not isinstance(house.app.screen, ModalScreen), "being back")
        assert_harmless(house)
        practice.stop()
        await house.pilot.press("f5")
        await house.until(
            lambda: house.engine.snapshot.xero.status == "offline", "noticing that Xero is away"
        )
        assert_harmless(house)
    assert_names_stay_out(log)


def assert_names_stay_out(log: Path) -> None:
    logged = log.read_text(encoding="utf-8") if log.exists() else ""
    for name in (*HOSTILE, ORGANISATION):
        for spelling in (name, safe(name), repr(name)):
            if spelling.strip():
                assert spelling not in logged
    assert not [char for char in logged if unicodedata.category(char) == "Cc" and char != "\n"]
