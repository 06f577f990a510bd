from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.messages.formats import money
from tui.widgets.text import cells, content, fit, safe

# Any character of a str, with the harmful ones much more often.
HOSTILE = st.text(
    st.one_of(
        st.characters(codec=None),
        st.sampled_from(
            "\x1b[]m;\x07\x9b\x9d\x9c\\P0\u202e\u2066\u200d\ufe0f\u0301\u0338a 漢👩💻\ud800\ue000\n"
        ),
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("received", "shown"),
    [
        ("Bayside Club", "Bayside Club"),
        ("a [/x] b", "a [/x] b"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07name", "name"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jclear", "clear"),
        ("\x1bPq#0;2;0\x1b\\sixel", "sixel"),
        ("\x1bc\x1b(0reset", "reset"),
        ("unfinished \x1b]0;name", "unfinished ]0;name"),
        ("two\r\nlines\tand\x00 nothing", "two lines and nothing"),
        ("paid\u202egnp.exe", "paidgnp.exe"),
        ("\u2066isolated\u2069\u200e", "isolated"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("non\xa0breaking\u2028line", "non breaking line"),
        ("👩\u200d💻 👍🏽 ❤\ufe0f", "👩💻 👍 ❤"),
        ("lone \ud800, private \ue000", "lone \ufffd, private \ufffd"),
        ("e\u0301", "é"),
        ("\u0301leading", "leading"),
        ("z" + "\u0300\u0338" * 50, "z\u0338\u0338\u0338"),
        ("Ngāti Whātua", "Ngāti Whātua"),
        ("شركة العقارات", "شركة العقارات"),
        ("東京不動産", "東京不動産"),
    ],
)
def test_text_from_outside_becomes_plain(received: str, shown: str) -> None:
    assert safe(received) == shown


@given(HOSTILE)
@example("\x1b\x1b[31m[31m")
@example("\x9d\x1b\\\x1b]")
def test_safe_text_is_one_line_and_idempotent(text: str) -> None:
    shown = safe(text)
    assert not any(unicodedata.category(char)[0] == "C" for char in shown)
    assert all(char == " " for char in shown if unicodedata.category(char)[0] == "Z")
    assert safe(shown) == shown
    shown.encode()


@given(HOSTILE, st.integers(0, 20))
def test_safe_text_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    assert len(safe(text, limit)) <= limit


def test_cut_text_ends_with_an_ellipsis() -> None:
    assert safe("x" * 10_000) == "x" * 1999 + "…"
    assert safe("x" * 2000) == "x" * 2000


@given(HOSTILE, st.integers(-3, 40), st.sampled_from(["left", "right"]))
def test_fitted_text_is_exactly_as_wide_as_asked(text: str, width: int, align: str) -> None:
    fitted = fit(text, width, "right" if align == "right" else "left")
    assert cell_len(fitted) == max(0, width)


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [
        ("Bayside", 10, "Bayside   "),
        ("Bayside", 7, "Bayside"),
        ("Bayside", 6, "Baysi…"),
        ("Bayside Club", 9, "Bayside… "),
        ("東京不動産", 6, "東京… "),
        ("東京", 1, "…"),
        ("é" * 5, 3, "éé…"),
        ("anything", 0, ""),
    ],
)
def test_text_is_padded_or_cut_to_fit(text: str, width: int, fitted: str) -> None:
    assert fit(text, width) == fitted


def test_right_to_left_text_does_not_affect_its_neighbours() -> None:
    assert fit("שלום", 6) == "\u200eשלום\u200e  "
    assert fit("שלום", 6, "right") == "  \u200eשלום\u200e"


def test_text_can_be_right_aligned() -> None:
    assert fit("12.00", 8, "right") == "   12.00"


def test_width_is_counted_in_cells_of_what_is_shown() -> None:
    assert cells("東京") == 4
    assert cells("\x1b[31mred") == 3


def test_brackets_are_not_markup() -> None:
    shown = content("a [/x] [bold]b", "bold")
    assert shown.plain == "a [/x] [bold]b"
    assert [span.style for span in shown.spans] == ["bold"]


@pytest.mark.parametrize(
    ("cents", "shown"),
    [
        (None, "—"),
        (0, "—"),
        (5, "0.05"),
        (123_450, "1,234.50"),
        (-7, "-0.07"),
        (12_345_678_901_234_567_89, "12,345,678,901,234,567.89"),
    ],
)
def test_amounts_are_shown_in_full(cents: int | None, shown: str) -> None:
    assert money(cents) == shown
