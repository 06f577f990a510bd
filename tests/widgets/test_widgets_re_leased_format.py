"""The report of a connection test: numbers, fields, and one conclusion that claims no more."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.effort import examples

from tui.model.re_leased import ConnectionTest, FieldMapping, ReadCounts, ReLeasedContact
from tui.widgets.re_leased_format import conclusion, count_rows, report

AT = datetime(2026, 11, 29, tzinfo=UTC)
# Each number differs, so that one in the wrong place is noticed.
ALL = ReadCounts(total=100, with_status=100, archived=20, matched=100)


def made(counts: ReadCounts, confirmable: int = 0, **more: object) -> ConnectionTest:
    return ConnectionTest("Bayside", AT, counts, confirmable, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (made(ALL, 100), "can confirm changes of all these contacts"),
        (made(ReadCounts(total=100, with_status=0, matched=100)), "doesn't return whether"),
        (
            made(ReadCounts(total=100, with_status=60, archived=9, matched=90), 55),
            "of 55 contacts in Re-Leased, but not of the other 45",
        ),
        (made(ReadCounts(total=2, with_status=1, archived=0, matched=2), 1), "with a status is active"),
        (made(ReadCounts(total=2, with_status=2, archived=2, matched=2), 2), "with a status is archived"),
        (made(ReadCounts(total=9, with_status=9, archived=2, unmatched=9)), "None of the contacts certainly"),
        (made(ReadCounts(total=9, with_status=4, archived=2, matched=5)), "None of the contacts that match"),
        (made(ReadCounts(total=9, with_status=9, archived=2, matched=9, unreadable=1), 9), "the other one"),
        (
            made(ReadCounts(total=99, with_status=99, archived=2, matched=20, unmatched=79), 20),
            "fewer than half match Bayside",
        ),
        (made(ReadCounts(total=99, with_status=99, matched=1), 1, is_other_company=True), "(1 of 99 match"),
        (made(ReadCounts(total=9, matched=9), 9, has_several_companies=True), "several companies"),
        (made(ReadCounts(other_company=7)), "Only contacts of another company came back (7)"),
        (made(ReadCounts(unreadable=7)), "None of the contacts can be read"),
        (made(ReadCounts(deleted=3)), "No contacts came back"),
    ],
)
def test_conclusion_says_what_can_be_known(test: ConnectionTest, said: str) -> None:
    assert said in conclusion(test)
    *_, last = report(test, shows_values=False)
    assert last == conclusion(test)


@st.composite
def reads(draw: st.DrawFn) -> ConnectionTest:
    """Generate a read whose numbers add up."""
    total = draw(st.integers(0, 50))
    with_status, matched = draw(st.integers(0, total)), draw(st.integers(0, total))
    unclear = draw(st.integers(0, total - matched))
    counts = ReadCounts(
        total=total,
        with_status=with_status,
        archived=draw(st.integers(0, with_status)),
        matched=matched,
        unclear=unclear,
        unmatched=total - matched - unclear,
        unreadable=draw(st.integers(0, 3)),
        other_company=draw(st.integers(0, 3)),
    )
    least = max(0, with_status + matched - total)
    confirmable = draw(st.integers(least, min(with_status, matched)))
    return made(counts, confirmable, is_other_company=total > 0 and draw(st.booleans()))


@given(reads())
@hypothesis_settings(max_examples=examples(300))
def test_conclusion_is_one_sentence_that_never_claims_too_much(test: ConnectionTest) -> None:
    said, counts = conclusion(test), test.counts
    assert re.fullmatch(r"[A-Z][^.]+\.", said)
    if "can confirm" in said:
        assert test.confirmable > 0
        assert not test.is_other_company
        # Both statuses were returned, so the field doesn't always have the same value.
        assert 0 < counts.archived < counts.with_status
    if "all these contacts" in said:
        assert test.confirmable == counts.total
        assert not counts.unreadable


def test_each_number_is_shown_with_its_label() -> None:
    counts = ReadCounts(*range(1001, 1011))
    shown = "\n".join(report(made(counts), shows_values=False))
    for label, count in count_rows(counts):
        assert f"{count:,} {label}\n" in shown
    assert sorted(count for _, count in count_rows(counts)) == list(range(1001, 1011))


HOSTILE = ReLeasedContact(
    "1",
    name="Ada",
    raw={
        "owner": {"e\x1b]0;x\x07mail": "ada@bay.example\x1b[2J"},
        "tags": ["\u202eblue"],
        "isArchived": False,
    },
)


def test_values_are_hidden_unless_asked_for_and_text_is_harmless() -> None:
    test = made(ALL, 100, examples=(HOSTILE, ReLeasedContact("2", archived=True)))
    hidden = "\n".join(report(test, shows_values=False, how_to_show="Ask for them."))
    assert "  1  no status: raw.owner.email, raw.tags.0, raw.isArchived\n" in hidden
    assert "  2  archived: 0 fields\n" in hidden
    assert "Values are hidden. Ask for them." in hidden
    assert not re.search(r"ada@|blue|false", hidden)
    shown = "\n".join(report(test, shows_values=True, how_to_show="Ask for them."))
    assert "raw.owner.email = ada@bay.example\n" in shown
    assert "raw.isArchived = false\n" in shown
    assert "Ask for them." not in shown
    for text in (hidden, shown):
        assert not {"\x1b", "\u202e", "\x07"} & set(text)


@pytest.mark.parametrize(
    ("counts", "settings"),
    [
        (ReadCounts(total=2, with_status=2, with_xero_id=1), set()),
        (ReadCounts(total=2, with_status=1, with_xero_id=1), {"archived_field"}),
        (ReadCounts(total=2, with_status=2), {"xero_id_field"}),
        (ReadCounts(), set()),
    ],
)
def test_setting_that_could_help_is_named(counts: ReadCounts, settings: set[str]) -> None:
    text = "\n".join(report(made(counts, mapping=FieldMapping()), shows_values=False))
    assert set(re.findall(r"reshelve settings re_leased\.(\w+)", text)) == settings
    # A source of one's own has no such settings.
    assert "re_leased." not in "\n".join(report(made(counts), shows_values=False))


def test_named_field_is_reported_missing_instead_of_asked_for() -> None:
    mapping = FieldMapping("raw.gone", (), "raw.xeroId")
    text = "\n".join(report(made(ReadCounts(total=3, with_status=1), mapping=mapping), shows_values=False))
    assert "reshelve settings" not in text
    assert "2 contacts came without a status" in text
    assert "raw.gone is missing there" in text
    assert "No contact has a value in raw.xeroId" in text
    filled = ReadCounts(total=3, with_status=3, with_xero_id=1)
    assert "raw." not in "\n".join(report(made(filled, mapping=mapping), shows_values=False))
