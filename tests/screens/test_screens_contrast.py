"""Contrast in Reshelve's own themes: on every background, on the cursor line and on selected rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.comparisons import export, line
from support.fake_account import FakeAccount
from support.screen_test import Driver, running, welcomed
from textual.color import Color

from tui.model.contact import ContactStatus
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from pathlib import Path

    from rich.color_triplet import ColorTriplet
    from support.idle_engine import IdleEngine
    from textual.widget import Widget

pytestmark = pytest.mark.slow

#: What the guidelines for web pages ask of text of the usual size; of high contrast, they ask more.
LEAST = {"reshelve-dark": 4.5, "reshelve-light": 4.5, "reshelve-contrast": 7.0}
#: How to reach each place; the contacts are open, with two selected.
PLACES = {
    "contacts": (),
    "archived": ("3",),
    "only selected": ("v",),
    "searching": ("/", *"sync:pen"),
    "wrong search": ("/", *"is:nothing"),
    "preview": ("b",),
    "contact": ("enter",),
    "copy": ("enter", "C"),
    "columns": ("s",),
    "export": ("e",),
    "archiving": ("a",),
    "restoring": ("3", "r"),
    "changes": ("l",),
    "refused": ("l", "3"),
    "restores": ("h",),
    "undo": ("u",),
    "tenant groups": ("ctrl+g", "down"),
    "troubleshoot": ("t",),
    "support report": ("t", "y"),
    "manual sync": ("m",),
    "choose file": ("f",),
    "comparison": ("f", "ctrl+u", *"~/x.csv", "enter"),
    "organisations": ("ctrl+o", "down"),
    "saved searches": ("ctrl+s",),
    "saving a search": ("ctrl+s", "ctrl+s"),
    "everywhere": ("ctrl+f", *"a"),
    "help": ("?",),
    "keys": ("K",),
    "pausing": ("P",),
    "palette": ("ctrl+p",),
    "themes": ("ctrl+p", *"theme", "enter"),
}

#: The places within the list of contacts, and how to leave them.
OF_THE_LIST: dict[str, tuple[str, ...]] = {
    "contacts": (),
    "archived": (),
    "only selected": ("v",),
    "searching": ("/", "ctrl+u", "enter"),
    "wrong search": ("/", "ctrl+u", "enter"),
    "preview": ("b",),
}


def luminance(colour: ColorTriplet) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class Painted:
    """What is painted: the text that stands out too little, and the backgrounds of muted text."""

    def __init__(self, person: Driver) -> None:
        self._person = person
        self._muted = Color.parse(person.app.theme_variables["text-muted"]).hex.lower()
        self.faint: set[str] = set()
        self.behind_muted: set[str] = set()

    def look(self, place: str) -> None:
        for segment in (one for strip in self._person.screen._compositor.render_strips() for one in strip):
            style = segment.style
            if style is None or not any(char.isalnum() for char in segment.text):
                continue
            assert style.color is not None
            assert style.bgcolor is not None
            text, behind = style.color.get_truecolor(), style.bgcolor.get_truecolor()
            dark, light = sorted(luminance(colour) for colour in (text, behind))
            contrast = (light + 0.05) / (dark + 0.05)
            if contrast < LEAST[self._person.app.theme]:
                self.faint.add(
                    f"{place}: {segment.text.strip()!r} {text.hex} on {behind.hex}, {contrast:.2f}"
                )
            if text.hex == self._muted:
                self.behind_muted.add(behind.hex)

    def colour_behind(self, widget: Widget, part: str) -> str:
        """Return the background of a part of a widget, such as its cursor line."""
        colour = widget.get_visual_style(part).background
        assert colour is not None
        return colour.hex.lower()


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    export([line(2, 5, ContactStatus.ACTIVE)])


@pytest.mark.parametrize("theme", LEAST)
async def test_all_text_stands_out_everywhere(busy: IdleEngine, theme: str) -> None:
    async with running(busy, (160, 48)) as person:
        person.app.theme = theme
        await person.settle()
        painted = Painted(person)
        highlighted = {painted.colour_behind(person.main.table, "contact-table--selected")}
        await person.press("down", "space", "space", "up")
        for place, keys in PLACES.items():
            await person.press(*keys)
            assert person.is_home == (place in OF_THE_LIST), place
            painted.look(place)
            if place == "changes":
                rows = person.screen.query_one(VirtualList)
                highlighted.add(painted.colour_behind(rows, "line-list--cursor"))
            await person.go_home()
            await person.press(*OF_THE_LIST.get(place, ()), "1")
    assert sorted(painted.faint) == []
    assert painted.behind_muted >= highlighted


@pytest.mark.parametrize("theme", LEAST)
async def test_all_text_stands_out_before_anything_is_connected(theme: str) -> None:
    async with welcomed(FakeAccount.of()) as person:
        person.app.theme = theme
        await person.settle()
        painted = Painted(person)
        painted.look("welcome")
        for place in ("c", "question_mark"):
            await person.press(place)
            painted.look(place)
            await person.press("escape")
    assert sorted(painted.faint) == []
