from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.query import fold
from tui.widgets.text import match_spans


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("Bayside Club", ["bay"], ["Bay"]),
        ("Bayside Club", ["club", "side"], ["side", "Club"]),
        ("Café Déjà", ["cafe", "eja"], ["Café", "éjà"]),
        ("cafe\u0301 x", ["cafe"], ["cafe"]),
        ("Straße 9", ["strasse"], ["Straße"]),
        ("ﬁne", ["i"], ["ﬁ"]),
        ("Henry Ⅷ", ["viii"], ["Ⅷ"]),
        ("aaaa", ["aa"], ["aaaa"]),
        ("banana", ["anb", ""], []),
        ("東京", ["京"], ["京"]),
        ("Bayside", [], []),
    ],
)
def test_words_are_found_at_their_positions(text: str, words: list[str], found: list[str]) -> None:
    assert [text[start:stop] for start, stop in match_spans(text, words)] == found


@given(st.text(max_size=30), st.lists(st.text(max_size=3).map(fold), max_size=3))
def test_match_spans_are_ordered_disjoint_and_inside_the_text(text: str, words: list[str]) -> None:
    edges = [edge for span in match_spans(text, words) for edge in span]
    assert edges == sorted(set(edges))
    assert all(0 <= edge <= len(text) for edge in edges)


@given(st.text(max_size=30), st.data())
def test_every_part_of_a_text_is_found_in_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    word = fold(text[start:stop])
    assert bool(match_spans(text, [word])) == bool(word)
