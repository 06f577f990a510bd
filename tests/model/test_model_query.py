"""Folding text, reading the search box, and narrowing key by key."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.effort import examples

from tui.model.query import Query, Tab, TabCounts, fold
from tui.model.query_parser import parse_query

with_examples = settings(max_examples=examples(200))
TEXT = st.text(
    st.sampled_from("abAB éÉeßſİıｂＢ日本 　\N{NO-BREAK SPACE}\N{COMBINING ACUTE ACCENT}🙂ñ.-1"), max_size=12
)


def matches(query: Query, text: str) -> bool:
    return all(word in fold(text) for word in query.words)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("cafe", "Café"),
        ("CAFÉ", "cafe\N{COMBINING ACUTE ACCENT}"),
        ("maori", "Māori"),
        ("strasse", "Straße"),
        ("STRASSE", "straße"),
        ("istanbul", "İstanbul"),
        ("abc 123", "ＡＢＣ　１２３"),
        ("ガス", "ｶﾞｽ"),
        ("東京", "東京電力"),
        ("서울", "서울특별시"),
        ("🙂", "Smile 🙂 Ltd"),
        ("ﬁsh", "FISH & chips"),
        ("οδος", "ΟΔΌΣ"),
        ("nguyen", "Nguyễn"),
    ],
)
def test_typed_words_find_stored_names(typed: str, stored: str) -> None:
    assert matches(parse_query(Tab.ALL, typed), stored)


@pytest.mark.parametrize(("typed", "stored"), [("東", "京"), ("🙂", "🙁"), ("a", "b"), ("l", "t")])
def test_different_letters_stay_different(typed: str, stored: str) -> None:
    assert not matches(parse_query(Tab.ALL, typed), stored)


@with_examples
@given(st.text(max_size=20))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


# Some Greek capitals also have an iota, which is lost without accents.
@with_examples
@given(st.text(st.characters(max_codepoint=0x1EFF, exclude_characters="\N{COMBINING GREEK YPOGEGRAMMENI}")))
def test_case_never_matters(text: str) -> None:
    assert fold(text.casefold()) == fold(text)


@with_examples
@given(st.text(st.characters(max_codepoint=127), max_size=20))
def test_fast_path_for_plain_text_folds_the_same(text: str) -> None:
    assert fold(text + "é") == fold(text) + "e"


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\N{IDEOGRAPHIC SPACE}", "\N{COMBINING ACUTE ACCENT}"])
def test_empty_search_finds_everything(text: str) -> None:
    assert parse_query(Tab.ACTIVE, text) == Query(Tab.ACTIVE)


def test_words_are_folded_and_kept_once_in_order() -> None:
    assert parse_query(Tab.ALL, "  Bay  side BAY ").words == ("bay", "side")


@with_examples
@given(new=TEXT, old=TEXT, stored=TEXT)
def test_narrowing_is_sound(new: str, old: str, stored: str) -> None:
    narrow, wide = parse_query(Tab.ALL, new), parse_query(Tab.ACTIVE, old)
    if narrow.narrows(wide) and matches(narrow, stored):
        assert matches(wide, stored)


@with_examples
@given(typed=st.text(st.sampled_from("abé ß日"), max_size=8), key=st.sampled_from("abé ß日"))
def test_each_key_typed_at_the_end_narrows(typed: str, key: str) -> None:
    assert parse_query(Tab.ALL, typed + key).narrows(parse_query(Tab.ALL, typed))


def test_other_words_do_not_narrow() -> None:
    assert not parse_query(Tab.ALL, "bay").narrows(parse_query(Tab.ALL, "bays"))
    assert not parse_query(Tab.ALL, "").narrows(parse_query(Tab.ALL, "b"))
    assert parse_query(Tab.ALL, "b").narrows(parse_query(Tab.ALL, ""))


def test_counts_are_given_by_tab() -> None:
    counts = TabCounts(all=6, active=3, archived=2)
    assert [counts.of(tab) for tab in Tab] == [6, 3, 2]
