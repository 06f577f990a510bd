"""Parsing the search box: qualifiers, phrases, exclusions, and issues with the rest."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.effort import examples

from tui.model.change import Action, Change, Origin, State
from tui.model.evidence import StatusSince, SyncStatus
from tui.model.qualifiers import QUALIFIERS, parse_amount
from tui.model.query import (
    _PLAIN,
    BY_STATE,
    BalanceCondition,
    BalanceSide,
    ChangedCondition,
    ContactKind,
    CurrencyCondition,
    DateRange,
    DaysAgo,
    Filter,
    GroupCondition,
    IssueKind,
    KindCondition,
    NeverSyncedCondition,
    NoMatchCondition,
    Operator,
    OriginCondition,
    Query,
    SyncCondition,
    SyncFilter,
    Tab,
    TimeSpan,
    fold,
    sync_filter_of,
)
from tui.model.query_parser import parse_query
from tui.model.snapshot import ChangeView
from tui.widgets.status_badge import badge_for

with_examples = settings(max_examples=examples(300))
NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
# Parts of the grammar, so that all of it is tried.
TYPED = st.text(st.sampled_from('-":<>=., aisowegrupnc0127dé＞１\0') | st.characters(), max_size=24)
PIECES = st.lists(
    st.sampled_from(
        [
            "-",
            '"',
            " ",
            ":",
            ">",
            "<",
            "is",
            "owes",
            "sync",
            "changed",
            "group",
            "customer",
            "read",
            "7d",
            "50",
        ]
    ),
    max_size=10,
).map("".join)
TEXT = st.one_of(TYPED, PIECES)


def parse(text: str) -> Query:
    return parse_query(Tab.ALL, text)


def only(text: str) -> Filter:
    query = parse(text)
    [found] = query.filters
    assert (query.words, query.excluded_words, query.issues) == ((), (), ())
    return found


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("is:customer", KindCondition(ContactKind.CUSTOMER)),
        ("IS:Suppliers", KindCondition(ContactKind.SUPPLIER)),
        ("owes:>0", BalanceCondition(BalanceSide.RECEIVABLE, Operator.MORE, 0)),
        ("owed:>=1,500.50", BalanceCondition(BalanceSide.PAYABLE, Operator.AT_LEAST, 150_050)),
        ("overdue:>0", BalanceCondition(BalanceSide.OVERDUE, Operator.MORE, 0)),
        ("owes:＞１００", BalanceCondition(BalanceSide.RECEIVABLE, Operator.MORE, 10_000)),
        ("owes:<-5", BalanceCondition(BalanceSide.RECEIVABLE, Operator.LESS, -500)),
        ("owes:=5", BalanceCondition(BalanceSide.RECEIVABLE, Operator.EQUAL, 500)),
        ("owes:$5", BalanceCondition(BalanceSide.RECEIVABLE, Operator.EQUAL, 500)),
        ('owes:"> 1 000"', BalanceCondition(BalanceSide.RECEIVABLE, Operator.MORE, 100_000)),
        ("group:Ten", GroupCondition("ten")),
        ('group:"East  Side"', GroupCondition("east side", is_exact=True)),
        ('group:"East', GroupCondition("east")),
        ("sync:pending", SyncCondition(SyncFilter.PENDING)),
        ("sync:hand-off", SyncCondition(SyncFilter.AWAITING_USER)),
        ("sync:excluded", SyncCondition(SyncFilter.NOT_LINKED)),
        ("sync:never", NeverSyncedCondition()),
        ('sync:"Never synced"', NeverSyncedCondition()),
        ("by:xero", OriginCondition(Origin.XERO)),
        ("by:Reshelve", OriginCondition(Origin.RESHELVE)),
        ("by:me", OriginCondition(Origin.RESHELVE)),
        ("currency:nzd", CurrencyCondition("NZD")),
        ("currency:ＡＵＤ", CurrencyCondition("AUD")),
        ("changed:<7d", ChangedCondition(Operator.LESS, TimeSpan(7, "d"))),
        ("changed:12h", ChangedCondition(Operator.EQUAL, TimeSpan(12, "h"))),
        ("changed:>2M", ChangedCondition(Operator.MORE, TimeSpan(2, "m"))),
        ("changed:today", ChangedCondition(Operator.EQUAL, DaysAgo(0))),
        (
            "changed:2026-03-01",
            ChangedCondition(Operator.EQUAL, DateRange(date(2026, 3, 1), date(2026, 3, 2))),
        ),
        (
            "changed:>=2026-12",
            ChangedCondition(Operator.AT_LEAST, DateRange(date(2026, 12, 1), date(2027, 1, 1))),
        ),
    ],
)
def test_each_qualifier_is_parsed(text: str, condition: object) -> None:
    assert only(text) == Filter(condition)  # type: ignore[arg-type]
    assert only(f"-{text}") == Filter(condition, is_negated=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "hundredths"),
    [
        ("0", 0),
        ("1,000", 100_000),
        ("1.000", 100_000),
        ("1.000,50", 100_050),
        ("1,000.5", 100_050),
        ("1'234'567.89", 123_456_789),
        ("1,00,000", 10_000_000),
        ("12,34", 1_234),
        ("500.", 50_000),
        ("£-5", None),
        ("0.001", None),
        ("1,0000", None),
        ("1.2.3", None),
        ("5k", None),
        ("٣", None),
        ("", None),
        ("9" * 16, None),
    ],
)
def test_amounts_are_parsed_in_every_notation(text: str, hundredths: int | None) -> None:
    assert parse_amount(text) == hundredths


@pytest.mark.parametrize(
    ("text", "words", "without"),
    [
        ('bay "east side"', ("bay", "east side"), ()),
        ('"  East\tSide ', ("east side",), ()),
        ("bay -club", ("bay",), ("club",)),
        ('-"east side" x', ("x",), ("east side",)),
        ("smith - jones", ("smith", "-", "jones"), ()),
        ("a-b", ("a-b",), ()),
        ('5"pipe', ('5"pipe',), ()),
        ('""', (), ()),
        # The name of a qualifier isn't a word yet, as a colon may follow.
        ("bay -", ("bay",), ()),
        ("bay -s", ("bay",), ()),
        ("bay -sync", ("bay",), ()),
        ("bay -sync ", ("bay",), ("sync",)),
        ("bay -syn x", ("bay", "x"), ("syn",)),
        ("bay -x", ("bay",), ("x",)),
    ],
)
def test_quotes_make_phrases_and_a_minus_excludes(
    text: str, words: tuple[str, ...], without: tuple[str, ...]
) -> None:
    query = parse(text)
    assert (query.words, query.excluded_words, query.filters) == (words, without, ())


@pytest.mark.parametrize(
    ("text", "remark", "typed", "qualifier", "nearest"),
    [
        ("is:missed", IssueKind.INVALID_VALUE, "is:missed", "is", "sync:missed"),
        ("-is:missed ", IssueKind.INVALID_VALUE, "-is:missed", "is", "sync:missed"),
        ("-unit:5", IssueKind.UNKNOWN_QUALIFIER, "-unit:5", "", ""),
        ("currency:dollar", IssueKind.INVALID_VALUE, "currency:dollar", "currency", ""),
        ("currency:12", IssueKind.INVALID_VALUE, "currency:12", "currency", ""),
        ("currencies:nzd", IssueKind.MISSPELT, "currencies:nzd", "currency", "currency:nzd"),
        ("by:anna", IssueKind.INVALID_VALUE, "by:anna", "by", ""),
        ("by:xer ", IssueKind.INVALID_VALUE, "by:xer", "by", "by:xero"),
        ("is:never", IssueKind.INVALID_VALUE, "is:never", "is", "sync:never"),
        ("owed:five", IssueKind.INVALID_VALUE, "owed:five", "owed", ""),
        ("changed:soon", IssueKind.INVALID_VALUE, "changed:soon", "changed", ""),
        ('is:""', IssueKind.INVALID_VALUE, 'is:""', "is", ""),
        ("is:custmer", IssueKind.INVALID_VALUE, "is:custmer", "is", "is:customer"),
        ("bay is:cus ", IssueKind.INVALID_VALUE, "is:cus", "is", "is:customer"),
        ("is:xyz", IssueKind.INVALID_VALUE, "is:xyz", "is", ""),
        ("owes: bay", IssueKind.INVALID_VALUE, "owes:", "owes", ""),
        ("owes:>x", IssueKind.INVALID_VALUE, "owes:>x", "owes", ""),
        ("changed:7 ", IssueKind.INVALID_VALUE, "changed:7", "changed", ""),
        ("changed:2026-13", IssueKind.INVALID_VALUE, "changed:2026-13", "changed", ""),
        ("changed:2026-02-30", IssueKind.INVALID_VALUE, "changed:2026-02-30", "changed", ""),
        ("-owe:>0", IssueKind.MISSPELT, "-owe:>0", "owes", "owes:>0"),
        ("groups:x", IssueKind.MISSPELT, "groups:x", "group", "group:x"),
        ("unit:5", IssueKind.TREATED_AS_TEXT, "unit:5", "", ""),
    ],
)
def test_invalid_qualifier_is_reported_and_finds_nothing(
    text: str, remark: IssueKind, typed: str, qualifier: str, nearest: str
) -> None:
    query = parse(text)
    [note] = query.issues
    assert (note.kind, note.typed, note.qualifier, note.suggestion) == (remark, typed, qualifier, nearest)
    assert text[note.start : note.stop] == typed
    assert note.is_problem
    # Except text that only looks like a qualifier, which is searched.
    assert query.filters == (() if remark is IssueKind.TREATED_AS_TEXT else (Filter(NoMatchCondition()),))
    rest = text if remark is IssueKind.TREATED_AS_TEXT else text.replace(typed, "")
    assert query.words == tuple(rest.split())


@pytest.mark.parametrize(
    ("pasted", "plain"),
    [
        ("is：missed", "is:missed"),
        ("–is:archived", "-is:archived"),
        ("−club", "-club"),
        ("group:“East Side”", 'group:"East Side"'),
        ("-“east side” bay", '-"east side" bay'),
        ("--is:archived", "-is:archived"),
        ("––is:missed", "-is:missed"),
        ("--foo:bar", "-foo:bar"),
        ("---club", "-club"),
    ],
)
def test_pasted_quotes_and_dashes_mean_the_same(pasted: str, plain: str) -> None:
    one, other = parse(pasted), parse(plain)
    assert (one.words, one.excluded_words, one.filters) == (other.words, other.excluded_words, other.filters)
    assert [note.kind for note in one.issues] == [note.kind for note in other.issues]
    for note in one.issues:
        assert (note.start, note.stop) == (0, len(pasted))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "is:",
            "is:cus",
            "-is:cus",
            "sync:hand-",
            "owes:",
            "owes:>",
            "owes:>=",
            "owes:>-",
            "owes:$",
            "group:",
        ),
        *(
            'group:"',
            "changed:",
            "changed:<",
            "changed:7",
            "changed:<2026",
            "changed:2026-",
            "changed:2026-0",
        ),
        *("sync:nev", "by:", "by:re", "by:m", "currency:", "currency:nz"),
        *("changed:2026-03-", "changed:2026-03-1", "changed:yest", "-", "-o"),
    ],
)
def test_incomplete_qualifier_is_ignored_while_typing(text: str) -> None:
    for before in ("", "bay "):
        query = parse(before + text)
        assert (query.words, query.excluded_words, query.filters) == (tuple(before.split()), (), ())
        assert not any(note.is_problem for note in query.issues)


@pytest.mark.parametrize(
    "text", ["is:", "is:cus", "-is:cus", "owes:>", "owes:$", "group:", 'group:"', "changed:7", "changed:yest"]
)
def test_incomplete_qualifier_finds_nothing_after_typing(text: str) -> None:
    query = parse_query(Tab.ALL, text, is_complete=True)
    assert query.filters == (Filter(NoMatchCondition()),)
    [note] = query.issues
    assert note.is_problem
    assert (note.start, note.typed) == (0, text)


@pytest.mark.parametrize("text", ["bay", '"bay cl', "is:customer bay", "owes:>5", 'group:"Ten', ""])
def test_complete_query_means_the_same_after_typing(text: str) -> None:
    assert parse_query(Tab.ALL, text, is_complete=True) == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "is:customer",
        "sync:pending",
        "owes:>1,500.50",
        'group:"East Side"',
        "changed:<2026-03-01",
        "changed:12h",
    ],
)
def test_typing_a_qualifier_never_reports_a_problem(text: str) -> None:
    for end in range(3, len(text) + 1):
        assert not any(note.is_problem for note in parse(f"bay {text[:end]}").issues), text[:end]


@with_examples
@given(TEXT)
def test_any_text_can_be_parsed(text: str) -> None:
    query = parse(text)
    stop = 0
    for note in query.issues:
        assert stop <= note.start < note.stop <= len(text)
        assert text[note.start : note.stop] == note.typed
        stop = note.stop
    assert all(word == fold(word) for word in (*query.words, *query.excluded_words))
    assert "" not in (*query.words, *query.excluded_words)
    for wanted in query.filters:
        if isinstance(wanted.condition, ChangedCondition):
            start, end = wanted.condition.bounds(NOW, None)
            assert start is None or end is None or start < end


@with_examples
# Without the characters that mean something, and those that mean the same.
@given(st.text(st.characters(exclude_characters=[*'-":', *map(chr, _PLAIN)]), max_size=20))
def test_plain_words_are_parsed_as_words(text: str) -> None:
    words = fold(text).split()
    # Five words may be a pasted message.
    whole = " ".join(words) if len(words) >= 5 else ""
    assert parse(text) == Query(Tab.ALL, tuple(dict.fromkeys(words)), long_text=whole)


@with_examples
@given(narrow=PIECES, wide=PIECES, stored=st.text(st.sampled_from("iso wegr-:"), max_size=12))
def test_narrowing_is_sound_with_excluded_words(narrow: str, wide: str, stored: str) -> None:
    def matches(query: Query) -> bool:
        return all(word in stored for word in query.words) and not any(
            word in stored for word in query.excluded_words
        )

    new, old = parse(narrow), parse(wide)
    if new.narrows(old):
        assert set(old.filters) <= set(new.filters)
        assert not matches(new) or matches(old)


def test_narrowing_follows_excluded_words_and_filters() -> None:
    chain = ["", "-bay", "-ba is:customer", "-ba is:customer owes:>0 x", "-b is:customer owes:>0 xy"]
    for wide, narrow in pairwise(chain):
        assert parse(narrow).narrows(parse(wide))
        assert not parse(wide).narrows(parse(narrow))
    assert not parse("-is:customer").narrows(parse("is:customer"))


def test_incomplete_qualifier_does_not_affect_narrowing_while_typing() -> None:
    assert parse("bay is:") == parse("bay")
    assert not parse("is:custmer").is_everything
    assert not parse("-x").is_everything
    assert not parse("is:gone").is_everything


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("<7d", "2026-03-24T12:00Z", None),
        ("7d", "2026-03-24T12:00Z", None),
        (">12h", None, "2026-03-31T00:00Z"),
        ("<3w", "2026-03-10T12:00Z", None),
        # The day before is the last of February.
        ("<1m", "2026-02-28T12:00Z", None),
        ("<1y", "2025-03-31T12:00Z", None),
        ("<999999999m", "0001-01-02T00:00Z", None),
        ("<999999999w", "0001-01-02T00:00Z", None),
        # Days are Auckland's, which start 13 hours before UTC's in summer and 12 in winter.
        ("2026-03-01", "2026-02-28T11:00Z", "2026-03-01T11:00Z"),
        ("2026-04", "2026-03-31T11:00Z", "2026-04-30T12:00Z"),
        ("<2026-03-01", None, "2026-02-28T11:00Z"),
        ("<=2026-03-01", None, "2026-03-01T11:00Z"),
        (">2026-03-01", "2026-03-01T11:00Z", None),
        (">=2026-03-01", "2026-02-28T11:00Z", None),
        ("today", "2026-03-31T11:00Z", "2026-04-01T11:00Z"),
        ("yesterday", "2026-03-30T11:00Z", "2026-03-31T11:00Z"),
    ],
)
def test_relative_times_mean_what_people_mean(text: str, start: str | None, end: str | None) -> None:
    condition = only(f"changed:{text}").condition
    assert isinstance(condition, ChangedCondition)
    expected = tuple(None if each is None else datetime.fromisoformat(each) for each in (start, end))
    assert condition.bounds(NOW, ZoneInfo("Pacific/Auckland")) == expected


def view(state: State, grade: SyncStatus | None = None) -> ChangeView:
    change = Change(1, "", "id", "Name", Action.ARCHIVE, Origin.RESHELVE, state, NOW, NOW, NOW)
    return ChangeView(change, None if grade is None else StatusSince(grade, NOW - timedelta(hours=1)))


SHOWN = [view(State.CONFIRMED, status) for status in SyncStatus]
SHOWN += [view(state) for state in BY_STATE]


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: badge_for(shown, NOW).label)
def test_status_is_found_by_the_words_on_screen(shown: ChangeView) -> None:
    label = badge_for(shown, NOW).label.removesuffix(" 11:00").removesuffix(" 31 Mar")
    found = only(f'sync:"{label}"')
    assert found == Filter(SyncCondition(sync_filter_of(shown)))
    assert found == only(f"sync:{sync_filter_of(shown)}")


def test_contacts_without_changes_can_be_found() -> None:
    assert sync_filter_of(None) is SyncFilter.NONE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("overdue", SyncFilter.MISSED),
        ("told", SyncFilter.REPORTED),
        ("seen", SyncFilter.CHECKED),
        ("read", SyncFilter.SYNCED),
        ("stalled", SyncFilter.STALLED),
        ("superseded", SyncFilter.SUPERSEDED),
        ("handoff", SyncFilter.AWAITING_USER),
    ],
)
def test_searches_with_the_old_words_still_work(old: str, new: SyncFilter) -> None:
    assert only(f"sync:{old}") == Filter(SyncCondition(new))


def test_every_suggestion_can_be_parsed() -> None:
    for qualifier in QUALIFIERS.values():
        for possible in qualifier.values:
            only(f"{qualifier.name}:{possible}")
