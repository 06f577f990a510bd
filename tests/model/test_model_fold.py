"""One folding for search, comparison and highlighting, checked against all of Unicode."""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING

import pytest

from tui.model.comparison import Matcher, XeroContact
from tui.model.contact import ContactStatus
from tui.model.contact_file import FileContact
from tui.model.query import Tab, fold
from tui.model.query_parser import parse_query
from tui.widgets.text import match_spans

if TYPE_CHECKING:
    from collections.abc import Callable

# Thousands of ideographs and syllables fold like the others, so they are left out.
EVERY = [
    char
    for char in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(char) not in {"Cn", "Co", "Cs"}
    and not unicodedata.name(char, "").startswith(
        ("CJK UNIFIED", "TANGUT", "EGYPTIAN", "CUNEIFORM", "ANATOLIAN")
    )
]
# Unicode's confusables of the apostrophe and the hyphen, but for letters of other scripts.
CONFUSABLE_APOSTROPHES = (
    "'`´΄՚՝׳ߴߵʹʻʼʽʾˈˊˋ˴ʹ᾽᾿`´῾‘’‛′‵ꞌ＇｀\N{MIAO SIGN ASPIRATION}\N{MIAO SIGN REFORMED VOICING}"
)
CONFUSABLE_DASHES = "‐‑‒–﹘۔⁃˗−➖-—―－"


def named(*parts: str) -> list[str]:
    return [char for char in EVERY if any(part in unicodedata.name(char, "") for part in parts)]


APOSTROPHES = {
    *CONFUSABLE_APOSTROPHES,
    *named(
        "SINGLE QUOTATION", "SINGLE COMMA QUOTATION", "SINGLE HIGH-REVERSED-9", "MODIFIER LETTER APOSTROPHE"
    ),
}
DASHES = {*CONFUSABLE_DASHES, *(char for char in EVERY if unicodedata.category(char) == "Pd"), *"⁻₋"}
INVISIBLE = [
    char
    for char in EVERY
    if unicodedata.category(char) == "Cf" or "VARIATION SELECTOR" in unicodedata.name(char, "")
]


def finds(typed: str, name: str) -> bool:
    words = parse_query(Tab.ALL, typed).words
    return bool(words) and all(word in fold(name) for word in words)


def test_every_apostrophe_is_found_however_it_is_typed() -> None:
    assert len(APOSTROPHES) > 30
    for sign in APOSTROPHES:
        for typed in (
            "o'brien",
            "O\N{RIGHT SINGLE QUOTATION MARK}BRIEN",
            "obrien",
            "o brien",
            f"o{sign}brien",
        ):
            assert finds(typed, f"O{sign}Brien"), f"{typed} {ord(sign):x}"
            assert finds(typed, "O'Brien")
            assert finds(typed, "OBrien")


def test_every_dash_is_a_hyphen() -> None:
    assert len(DASHES) > 30
    for sign in DASHES:
        for typed in ("smith-jones", "smith jones", f"smith{sign}jones"):
            assert finds(typed, f"Smith{sign}Jones"), f"{typed} {ord(sign):x}"


def test_invisible_characters_never_separate_letters() -> None:
    assert len(INVISIBLE) > 400
    for sign in INVISIBLE:
        assert fold(f"Bay{sign}side") == "bayside", f"{ord(sign):x}"
        assert fold(f"bay{sign}") == fold(f"{sign}bay") == "bay"


def test_every_white_space_is_a_space() -> None:
    for sign in filter(str.isspace, EVERY):
        assert fold(f"Bay{sign}side") == "bay side", f"{ord(sign):x}"


def test_accents_are_dropped_everywhere() -> None:
    for sign in EVERY:
        if unicodedata.combining(sign) and sign.casefold() == sign:
            assert fold(f"Bay{sign}side") == "bayside", f"{ord(sign):x}"


@pytest.mark.parametrize(
    ("letters", "typed"),
    [
        *[("ŁłØøĐđßÆæŒœÞþÐðıŊŋ", "llooddssaeaeoeoeththddinn"), ("ﬁﬂﬀﬃﬆ", "fiflffffist")],
        *[("ĦħŦŧƀȼɇɨʉ", "hhttbceiu"), ("Əliyev", "eliyev"), ("Mu¨ller", "muller")],
        *[("İI", "ii"), ("ẞ", "ss"), ("ＡＢＣ１", "abc1"), ("ǿḁ̊ Ǆ", "oa dz"), ("ŉ", "n"), ("½ №", "1/2 no")],
        *[("ⱢꝀɫᴀ", "lkla"), ("“x” „y‟", '"x" "y"'), ("…™", "...tm"), ("１⁄２", "1/2")],
    ],
)  # fmt: skip
def test_special_letters_are_found_by_plain_ones(letters: str, typed: str) -> None:
    assert fold(letters) == typed


def test_latin_letters_with_marks_are_their_base_letter() -> None:
    for char in EVERY:
        letter, _, added = unicodedata.name(char, "").partition(" WITH ")
        case, _, base = letter.rpartition(" LETTER ")
        if added and case in {"LATIN SMALL", "LATIN CAPITAL"} and len(base) == 1 and added != "MIDDLE DOT":
            assert fold(char).startswith(base.lower()), f"{char} {ord(char):x}"


@pytest.mark.parametrize(
    "change",
    [
        fold,
        str.upper,
        str.lower,
        str.title,
        str.casefold,
        *(lambda text, form=form: unicodedata.normalize(form, text) for form in ("NFC", "NFD")),
    ],
)
def test_neither_case_nor_composition_matters_to_any_character(change: Callable[[str], str]) -> None:
    different = [f"{ord(char):x}" for char in EVERY if fold(change(char)) != fold(char)]
    assert different == []


def test_letters_of_other_scripts_stay_what_they_are() -> None:
    for one, other in (
        ("ש", "י"),
        ("л", "п"),
        ("東", "京"),
        ("가", "나"),
        ("कि", "कु"),
        ("🙂", "🙁"),
        ("b", "p"),
    ):
        assert fold(one) != fold(other)
        assert fold(one)


@pytest.mark.parametrize(
    ("text", "typed", "shown"),
    [
        ("Mrs O’Brien Ltd", "obrien", ["O’Brien"]),
        ("Mrs O'Brien Ltd", "o'brien", ["O'Brien"]),
        ("Smith‑Jones", "smith-j", ["Smith‑J"]),
        ("Mr Smith‑Jones", "smithj", ["Smith‑J"]),
        ("Łódź Straße", "lodz strasse", ["Łódź", "Straße"]),
        ("Æro Bay", "bay", ["Bay"]),
        ("ﬁsh", "f", ["ﬁ"]),
    ],
)
def test_matches_are_highlighted_at_their_position(text: str, typed: str, shown: list[str]) -> None:
    words = parse_query(Tab.ALL, typed).words
    assert [text[start:stop] for start, stop in match_spans(text, words)] == shown


@pytest.mark.parametrize(
    "name",
    [
        "O’Brien & Łoś",
        "O\N{MODIFIER LETTER APOSTROPHE}Brien & Los",
        "o\N{ZERO WIDTH SPACE}'brien\N{NO-BREAK SPACE}& łos",
    ],
)
def test_file_names_match_despite_other_apostrophes_and_ampersands(name: str) -> None:
    contact = XeroContact("00000000-0000-0000-0000-000000000001", "O'Brien & Łos", "", ContactStatus.ACTIVE)
    found = Matcher([contact]).candidates(FileContact(2, ContactStatus.ACTIVE, "", name, "", ""))
    assert (found.contacts, found.is_certain) == ((contact,), True)


def test_ids_match_despite_other_hyphens_and_invisible_characters() -> None:
    contact = XeroContact("0000000a-0000-0000-0000-000000000001", "Bay", "", ContactStatus.ACTIVE)
    told = "\N{ZERO WIDTH NO-BREAK SPACE}{0000000A–0000–0000–0000–000000000001}"
    assert Matcher([contact]).candidates(FileContact(2, ContactStatus.ACTIVE, told, "", "", "")).is_certain
