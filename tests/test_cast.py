"""The animated picture of the README: what is recorded, and that it moves and can stand still."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.segment import Segment
from rich.style import Style
from screenshots.cast import Cast, parts_of
from textual.strip import Strip

TOUR = (Path(__file__).parents[1] / "screenshots" / "tour.svg").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"
_MOST_BYTES = 600_000


def strip(text: str, style: str = "#c8d0ea on #16181f") -> Strip:
    return Strip([Segment(text, Style.parse(style))])


def cast_of(*frames: list[str]) -> Cast:
    cast = Cast(20, 2)
    for number, lines in enumerate(frames):
        cast.add(tuple(parts_of(strip(line)) for line in lines), 1 + number, f"Frame {number}")
    return cast


def test_a_line_is_stored_once_however_often_it_is_shown() -> None:
    svg = cast_of(["same", "one"], ["same", "two"], ["two", "same"]).to_svg("Title")
    assert svg.count(">same<") == svg.count(">one<") == svg.count(">two<") == 1
    assert svg.count('href="#l0"') == 3


def test_each_frame_is_shown_for_its_time() -> None:
    svg = cast_of(["a"], ["b"], ["c"]).to_svg("Title")
    # 1, 2 and 3 of 6 seconds.
    assert "@keyframes k0{0.000%{visibility:visible}16.667%,to{visibility:hidden}}" in svg
    assert (
        "@keyframes k1{0%{visibility:hidden}16.667%{visibility:visible}50.000%,to{visibility:hidden}}" in svg
    )
    assert "@keyframes k2{0%{visibility:hidden}50.000%{visibility:visible}}" in svg
    assert svg.count("6s step-end infinite") == 3


def test_names_are_text_and_never_markup() -> None:
    svg = cast_of(["<script>&", "]]> -->"]).to_svg("<Title>")
    texts = [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - our own
    assert texts[:2] == ["<script>&", "]]> -->"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Xero ● 12:40:54", "Xero ● 09:41:20"),
        ("Pending sync 23:59 ", "Pending sync 09:41 "),
        (
            "http://127.0.0.1:38753/app/!a/contacts/contact/b9de2521-d",
            "50000/app/!a/contacts/contact/2b7e1516-2",
        ),
        ("  020c7  ", "  cf4f3  "),
        ("1,603", "1,603"),
        ("facade", "facade"),
    ],
)
def test_what_differs_each_time_is_replaced(text: str, shown: str) -> None:
    [(_, width, found, *_)] = parts_of(strip(text))
    assert shown in found
    assert len(found) == len(text) == width or "●" in text


def test_colours_and_decorations_are_kept() -> None:
    [(*_, css, behind)] = parts_of(strip("A", "bold underline #ff0000 on #00ff00 reverse"))
    assert css == "fill:#00ff00;font-weight:bold;text-decoration:underline"
    assert behind == "#ff0000"


def test_the_tour_shows_the_main_job_and_can_stand_still() -> None:
    tree = ET.fromstring(TOUR)  # noqa: S314 - our own file
    assert len(TOUR.encode()) < _MOST_BYTES
    assert tree.findtext(f"{SVG}title", "").startswith("Reshelve")
    for words in ("Archive 3 contacts?", "Pending sync", "Synced", "Restore 1 contact?", "Restored"):
        assert words in TOUR
    # Without the animation, one frame is seen.
    assert len(re.findall(r'class="f s f\d+"', TOUR)) == 1
    assert "@media (prefers-reduced-motion:no-preference)" in TOUR
    # GitHub shows neither scripts nor anything from elsewhere.
    assert not [element.tag for element in tree.iter() if element.tag in {f"{SVG}script", f"{SVG}image"}]
    assert "@import" not in TOUR
