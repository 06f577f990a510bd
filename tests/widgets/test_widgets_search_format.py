"""Hints about a search, at any width, and its completion and correction."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.effort import examples

from tui.model.query import Query, Tab
from tui.model.query_parser import parse_query
from tui.widgets.search_box import EXAMPLES, complete, correct, hint_text
from tui.widgets.text import cells, safe

TEXT = st.text(st.sampled_from('-":<>=. aisowegrupnc0127\0\x1b[界') | st.characters(), max_size=24)
PIECES = st.lists(
    st.sampled_from(["-", '"', " ", ":", ">", "is", "owes", "x:", "sync:", "read", "7d"]), max_size=8
)


def parse(text: str) -> Query:
    return parse_query(Tab.ALL, text)


def said(text: str, width: int = 100) -> str:
    return hint_text(parse(text).issues, width).text


@pytest.mark.parametrize(
    ("text", "width", "words"),
    [
        ("is:custmer", 76, "“is:custmer” isn't a filter, so no contacts match. Press tab for is:customer"),
        ("is:custmer", 54, "“is:custmer” isn't a filter. Press tab for is:customer"),
        ("is:custmer", 30, "“is:custmer” isn't a filter."),
        ("is:missed", 76, "“is:missed” isn't a filter, so no contacts match. Press tab for sync:missed"),
        ("owe:>5", 76, "“owe:>5” isn't a filter, so no contacts match. Press tab for owes:>5"),
        ("-unit:5", 44, "“-unit:5” isn't a filter."),
        ("owes:>x", 78, "“owes:>x” isn't a filter, so no contacts match. Possible: >0  >=1,500.50  …"),
        ("owes:>x", 54, "“owes:>x” isn't a filter. Possible: >0  >=1,500.50  …"),
        ("unit:5", 40, "“unit:5” is searched as text."),
        ("is:", 50, "Press tab for is:customer  or supplier  active  …"),
        ("-sync:un", 40, "Press tab for -sync:unlinked"),
        ("changed:", 76, "changed: last changed in Xero, such as <12h  <7d  >2m  today  2026-03-01"),
        ("changed:<", 76, "changed: last changed in Xero, such as <12h  <7d"),
        ("overdue:", 76, "overdue: what they owe you and is overdue, such as >0  >=1,500.50  <500  0"),
        ("overdu:>0", 76, "“overdu:>0” isn't a filter, so no contacts match. Press tab for overdue:>0"),
        ("-ow", 76, "Filters: owes: owed:  Type a space to exclude “ow”."),
        (
            "is:x owe:1 y:",
            76,
            "“is:x” isn't a filter, so no contacts match. Possible: customer  … (2 more)",
        ),
        ("by:", 50, "Press tab for by:reshelve  or xero"),
        ("sync:ne", 50, "Press tab for sync:never"),
        ("currency:", 76, "currency: the contact's currency, such as nzd  aud  gbp"),
        ("bay", 76, ""),
        ("is:customer owes:>0", 76, ""),
    ],
)
def test_hints_say_what_is_ignored_and_what_is_possible(text: str, width: int, words: str) -> None:
    assert said(text, width) == words


@settings(max_examples=examples(300))
@given(text=TEXT | PIECES.map("".join), width=st.integers(1, 80))
def test_hints_fit_and_are_safe_for_any_text(text: str, width: int) -> None:
    line = said(text, width)
    assert cells(line) <= width
    assert line == safe(line)
    assert bool(line) == bool(parse(text).issues)


@settings(max_examples=examples(300))
@given(TEXT | PIECES.map("".join))
def test_completion_only_adds_valid_text(text: str) -> None:
    completed = complete(text)
    assert completed.startswith(text)
    if completed != text:
        before = sum(note.is_problem for note in parse(text).issues)
        assert sum(note.is_problem for note in parse(completed).issues) <= before


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("bay is:", "bay is:customer"),
        ("is:S", "is:Supplier"),
        ("-is:arch", "-is:archived"),
        ("sync:ex", "sync:expected"),
        ("-gr", "-group:"),
        ("by:x", "by:xero"),
        ("sync:nev", "sync:never"),
        ("is:customer", "is:customer"),
        ("is:cus ", "is:cus "),
        ("owes:", "owes:"),
        ("is", "is"),
        ("a-b", "a-b"),
        ("", ""),
    ],
)
def test_the_qualifier_at_the_end_is_completed(text: str, completed: str) -> None:
    assert complete(text) == completed


@settings(max_examples=examples(300))
@given(TEXT | PIECES.map("".join))
def test_offered_corrections_are_made(text: str) -> None:
    is_offered = ". Press tab for " in said(text, 200)
    assert (correct(text, parse(text).issues) != text) == is_offered


@pytest.mark.parametrize(
    ("text", "corrected"),
    [
        ("bay is:custmer x", "bay is:customer x"),
        ("-is:custmer", "-is:customer"),
        ("owe:>5 bay", "owes:>5 bay"),
        ("is:xyz", "is:xyz"),
    ],
)
def test_correction_keeps_the_rest_of_the_text(text: str, corrected: str) -> None:
    assert correct(text, parse(text).issues) == corrected


GROUPS = ("Tenants", "East Side", 'The "Old" Ones', "Ōtara")


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("group:", "group:Tenants"),
        ("bay group:t", "bay group:tenants"),
        ('group:"e', 'group:"east Side"'),
        # Without quotation marks a space ends the name, and its beginning is enough.
        ("group:ea", "group:east"),
        ("group:ot", "group:otara"),
        ('group:"The', 'group:"The'),
        ("group:x", "group:x"),
    ],
)
def test_names_of_groups_are_completed(text: str, completed: str) -> None:
    assert complete(text, GROUPS).casefold() == completed.casefold()
    assert parse(complete(text, GROUPS)).filters or completed == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("group:", 'Press tab for group:Tenants  or "East Side"  Ōtara'),
        ("group:tennants", 'No group matches “group:tennants”. Press tab for group:"Tenants"'),
        ("group:xyz", 'No group matches “group:xyz”. Groups: Tenants  East Side  The "Old" Ones  Ōtara'),
        ("group:tenants", ""),
        ("group:otara", ""),
    ],
)
def test_group_hints_follow_the_existing_groups(text: str, words: str) -> None:
    notes = parse_query(Tab.ALL, text, GROUPS).issues
    assert hint_text(notes, 100, GROUPS).text == words


def test_examples_in_the_help_are_valid() -> None:
    for typed, _ in EXAMPLES:
        assert parse(typed).issues == ()
        assert not parse(typed).is_everything
