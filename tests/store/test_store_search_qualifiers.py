"""Qualifiers: the store finds what a scan of all contacts finds, and no typed text reaches SQL."""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from store.store_samples import ACTIVE, ARCHIVED, GDPR, NOON, contact, minutes, names, search
from support.asked import is_asked_for
from support.effort import examples

from tui.model.change import Action, Origin, State, Transition
from tui.model.contact import Balances, ContactStatus
from tui.model.evidence import (
    ReportedSync,
    ReportKind,
    StatusSince,
    SyncKnowledge,
    SyncStatus,
    UserReport,
    grade_change,
)
from tui.model.query import ContactKind, Query, Tab, TabCounts
from tui.model.query_parser import parse_query
from tui.store import Store, TransitionRequest
from tui.store.search import contact_index, filter_cache, search_service
from tui.store.search.filtering import Translator
from tui.store.sync_state import BASE_CURRENCY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from tui.model.change import Change
    from tui.model.contact import Contact

NOW = NOON + timedelta(days=40, minutes=7)
WATCH = SyncKnowledge(last_clean_sync_started_at=minutes(30))
WITH_A_REPORT = SyncKnowledge(
    last_clean_sync_started_at=minutes(30), reported_syncs=(ReportedSync(minutes(60), minutes(65)),)
)


@pytest.fixture(autouse=True, scope="module")
def _however_slow_this_machine_is() -> Iterator[None]:
    """Make every search wait for an outdated index, as it does where loading is fast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contact_index, "_CHEAP_SECONDS", math.inf)
        yield


def graded(change: Change, knowledge: SyncKnowledge = WATCH) -> StatusSince | None:
    return None if change.confirmed_at is None else grade_change(change, knowledge, NOW)


def ready(store: Store) -> Store:
    store.search.now = lambda: NOW
    store.search.grade = graded
    return store


sums = st.sampled_from([-1_000, 0, 1, 50_000, 50_001])
contacts = st.lists(
    st.builds(
        contact,
        st.integers(1, 20),
        st.sampled_from(ContactStatus),
        st.integers(0, 60 * 24 * 40),
        name=st.sampled_from(["Bay Club", "Abbey", "bá y", "-is:x", '"q"']),
        is_customer=st.booleans(),
        is_supplier=st.booleans(),
        groups=st.lists(st.sampled_from(["Tenants", "tënants  East", "Owners", "'); --"]), max_size=2).map(
            tuple
        ),
        merged_to=st.sampled_from(["", "id-1"]),
        balances=st.none() | st.builds(Balances, sums, sums, sums, sums),
        raw=st.sampled_from([b"{}", b'{"DefaultCurrency":"AUD"}', b'{"DefaultCurrency":null}']),
    ),
    max_size=20,
)
journal = st.lists(
    st.fixed_dictionaries(
        {
            "contact_id": st.integers(1, 20).map(lambda number: f"id-{number}"),
            "origin": st.sampled_from(Origin).map(str),
            "state": st.sampled_from([*State, *[State.CONFIRMED] * 4]).map(str),
            "confirmed": st.sampled_from([10, 50]),
            "synced_ms": st.sampled_from([None, None, 1]),
            "checked_ms": st.sampled_from([None, None, 1]),
            "unlinked_ms": st.sampled_from([None, 1]),
            "superseded": st.booleans(),
        }
    ),
    max_size=20,
)
tellings = st.lists(
    st.tuples(
        st.sampled_from([ReportKind.UNLINKED, ReportKind.LINKED]),
        st.just(NOON),
        st.sampled_from(["id-1", "id-2", "id-3"]),
    ).map(lambda parts: UserReport(*parts)),
    max_size=4,
)
pieces = st.sampled_from(
    [
        *(f"is:{kind}" for kind in ContactKind),
        *(
            "overdue:>0",
            "overdue:<=500.00",
            "owes:>0",
            "owes:<=500",
            "owed:500.01",
            "owed:>-11",
            "owes:0",
            "changed:<7d",
            "changed:>2w",
        ),
        *("changed:2026-03", "changed:>=2026-03-20", "changed:yesterday", "group:ten", 'group:"Tenants"'),
        *("group:tenants-", 'group:"tenants east"', 'group:"\'); --"', "sync:pending", "sync:overdue"),
        *("sync:read", "sync:seen", "sync:superseded", "sync:unlinked", "sync:queued", "sync:handoff"),
        *("currency:aud", "currency:NZD", "by:me", "by:xero", "sync:never", "sync:reported"),
        *("sync:refused", "sync:none", "sync:checking", "sync:sending", "bay", "b", '"y c"', "is:wrong", '"'),
    ]
)
queries = st.lists(
    st.lists(st.tuples(st.sampled_from(["", "", "-"]), pieces).map("".join), min_size=1, max_size=3).map(
        " ".join
    ),
    min_size=1,
    max_size=3,
)


def write_journal(connection: sqlite3.Connection, entries: Sequence[dict[str, Any]]) -> None:
    for entry in entries:
        is_confirmed = entry["state"] == State.CONFIRMED
        at = round(minutes(entry["confirmed"]).timestamp() * 1_000) if is_confirmed else None
        evidence = [
            entry[name] if is_confirmed else None for name in ("synced_ms", "checked_ms", "unlinked_ms")
        ]
        connection.execute(
            "INSERT INTO changes (batch_id, contact_id, name, action, origin, state, requested_ms,"
            " updated_ms, confirmed_ms, idempotency_key, message, synced_ms, checked_ms, unlinked_ms,"
            " superseded)"
            " VALUES ('', ?, '', 'archive', ?, ?, 0, 0, ?, '', '', ?, ?, ?, ?)",
            (entry["contact_id"], entry["origin"], entry["state"], at, *evidence, entry["superseded"]),
        )


def is_never_synced(changes: Sequence[Change]) -> bool:
    confirmed = [change for change in changes if change.state is State.CONFIRMED]
    grades = [graded(replace(change, superseded=False), WITH_A_REPORT) for change in confirmed]
    arrived = {SyncStatus.SYNCED, SyncStatus.CHECKED, SyncStatus.REPORTED}
    return bool(confirmed) and not any(grade and grade.status in arrived for grade in grades)


def naive(store: Store, query: Query, unlinked: frozenset[str]) -> tuple[Counter[str], TabCounts]:
    known = store.contacts(store.search.first(Query()).rows.ids(0, 99))
    rows = {row.contact_id: row for row in store.search.first(Query()).rows.window(0, 99)}
    found = [
        one
        for one in known
        if is_asked_for(
            query,
            one,
            rows[one.contact_id].last_change,
            NOW.replace(second=0, microsecond=0),
            is_unlinked=one.contact_id in unlinked,
            is_never_synced=is_never_synced(store.changes.of_contact(one.contact_id)),
            base_currency=store.sync_state(BASE_CURRENCY) or "",
        )
    ]
    statuses = Counter(one.status for one in found)
    counts = TabCounts(len(found), statuses[ACTIVE], statuses[ARCHIVED])
    wanted = {Tab.ACTIVE: {ACTIVE}, Tab.ARCHIVED: {ARCHIVED}}.get(query.tab, set(ContactStatus))
    return Counter(one.contact_id for one in found if one.status in wanted), counts


async def check(store: Store, texts: Sequence[str], unlinked: frozenset[str]) -> None:
    for text in texts:
        for tab in Tab:
            found = await search(store, text, tab)
            expected = naive(store, found.query, unlinked)
            assert (Counter(found.rows.ids(0, 99)), found.counts) == expected, text


def unlinked_by(told: Sequence[UserReport]) -> frozenset[str]:
    last = {telling.contact_id: telling.kind for telling in told}
    return frozenset(each for each, kind in last.items() if kind is ReportKind.UNLINKED)


@given(
    pages=st.lists(contacts, min_size=1, max_size=2),
    entries=journal,
    told=tellings,
    more=journal,
    texts=queries,
)
@settings(max_examples=examples(60))
def test_qualifiers_find_what_a_scan_finds(
    pages: list[list[Contact]],
    entries: list[dict[str, Any]],
    told: list[UserReport],
    more: list[dict[str, Any]],
    texts: list[str],
) -> None:
    async def history() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = ready(Store.open(Path(folder)))
            store.search.grade = lambda change: graded(change, WITH_A_REPORT)
            try:
                await store.save_contacts(pages[0], NOON)
                await store._database.write(lambda connection: write_journal(connection, entries))
                # Before the index is loaded, every search uses SQL.
                await check(store, texts, frozenset())
                await store.search.load()
                typed = [text[:end] for text in texts for end in range(0, len(text) + 1, 3)]
                await check(store, [*typed, *reversed(texts)], frozenset())
                # Later writes count at once in the same searches.
                await store.set_base_currency("NZD")
                await check(store, texts, frozenset())
                await store.evidence.record_reports(told, NOON)
                await check(store, texts, unlinked_by(told))
                await store._database.write(lambda connection: write_journal(connection, more))
                for page in pages[1:]:
                    await store.save_contacts(page, NOON)
                await check(store, texts, unlinked_by(told))
            finally:
                store.close()

    with pytest.MonkeyPatch.context() as patch:
        # Many slices with a turn of the loop after each, and a tiny cache.
        patch.setattr(contact_index, "SLICE", 4)
        patch.setattr(search_service, "_SLICE_SECONDS", 0)
        patch.setattr(search_service, "_FIRST_SCREEN_SECONDS", 0)
        patch.setattr(filter_cache, "_MAX_CACHED", 2)
        patch.setattr(filter_cache, "_AT_ONCE", 3)
        asyncio.run(history())


@pytest.fixture
async def stocked(store: Store) -> Store:
    people = [
        contact(
            1,
            name="Alma",
            is_customer=True,
            groups=("Tenants", "East Side"),
            raw=json.dumps({"DefaultCurrency": " aud"}).encode(),
            balances=Balances(receivable=23_400, receivable_overdue=9_900),
        ),
        contact(2, ARCHIVED, name="Bayside", is_supplier=True, balances=Balances(payable=50_000), raw=b"{"),
        contact(3, name="Café", is_customer=True, is_supplier=True, groups=("Tenants West",)),
        contact(4, GDPR, name="Dora", balances=Balances(), raw=b'{"DefaultCurrency": 5}'),
        contact(5, name="Edith", at=60 * 24 * 39, merged_to="id-1"),
    ]
    await ready(store).save_contacts(people, NOON)
    await store.search.load()
    return store


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("is:customer", "Alma Café"),
        ("is:customer is:supplier", "Café"),
        ("is:customer -is:supplier", "Alma"),
        ("is:merged", "Edith"),
        ("is:archived", "Bayside"),
        ("is:gdpr", "Dora"),
        ("owes:>0", "Alma"),
        ("owes:234", "Alma"),
        ("owes:>234.00", ""),
        ("owed:>=500", "Bayside"),
        ("overdue:>0", "Alma"),
        ("overdue:>99", ""),
        ("-overdue:>0", "Bayside Dora"),
        # No balance is known of Café and Edith, so they match neither.
        ("owes:0", "Bayside Dora"),
        ("-owes:>0", "Bayside Dora"),
        ("group:tenants", "Alma Café"),
        ('group:"tenants"', "Alma"),
        ("group:east", "Alma"),
        ('group:"East Side"', "Alma"),
        ("-group:tenants", "Bayside Dora Edith"),
        ("changed:<7d", "Edith"),
        ("changed:>7d bay", "Bayside"),
        ("-a", "Edith"),
        ("sync:none", "Alma Bayside Café Dora Edith"),
        ("sync:never", ""),
        ("by:xero", ""),
        ("-by:reshelve c", "Café"),
        ("currency:aud", "Alma"),
        # Until the organisation's currency is known, nothing is known of the others.
        ("-currency:aud", ""),
        ("currency:nzd", ""),
        ("is:custmer", ""),
        ("-sync:custmer bay", ""),
    ],
)
async def test_each_qualifier_finds_its_contacts(stocked: Store, text: str, found: str) -> None:
    assert names(await search(stocked, text)) == found.split()


async def test_results_follow_changes_and_user_reports_at_once(stocked: Store) -> None:
    async def found(text: str) -> list[str]:
        return names(await search(stocked, text))

    assert await found("sync:queued") == []
    [change] = await stocked.changes.add(Action.ARCHIVE, stocked.contacts(["id-1"]), NOON)
    assert (await found("sync:queued"), await found("sync:none a")) == (["Alma"], ["Bayside", "Café", "Dora"])
    await stocked.record_transitions([TransitionRequest(change.change_id, Transition.SEND)], minutes(1))
    assert await found("sync:sending") == ["Alma"]
    await stocked.record_transitions(
        [TransitionRequest(change.change_id, Transition.CONFIRM, confirmed_at=minutes(20))], minutes(20)
    )
    assert (await found("sync:overdue"), await found("sync:sending")) == (["Alma"], [])
    await stocked.evidence.record_reports([UserReport(ReportKind.UNLINKED, minutes(20), "id-1")], minutes(20))
    assert await found("is:unlinked") == ["Alma"]
    await stocked.evidence.record_reports([UserReport(ReportKind.LINKED, minutes(21), "id-1")], minutes(21))
    assert await found("is:unlinked") == []


@pytest.mark.parametrize("is_loaded", [True, False], ids=["in memory", "in SQL"])
async def test_contacts_without_a_currency_have_the_organisations(stocked: Store, *, is_loaded: bool) -> None:
    await stocked.set_base_currency("NZD")
    if not is_loaded:
        stocked.search._loader.index = None
        stocked.search._loader._is_stale = False
    assert names(await search(stocked, "currency:nzd")) == ["Bayside", "Café", "Dora", "Edith"]
    assert names(await search(stocked, "-currency:aud")) == ["Bayside", "Café", "Dora", "Edith"]
    assert names(await search(stocked, "-currency:nzd")) == ["Alma"]
    assert names(await search(stocked, "currency:usd")) == []


async def test_who_asked_for_the_last_change_is_searchable(stocked: Store) -> None:
    [change] = await stocked.changes.add(Action.ARCHIVE, stocked.contacts(["id-1"]), NOON)
    await stocked.save_contacts([contact(3, ARCHIVED, at=40, name="Café")], minutes(40))
    assert names(await search(stocked, "by:reshelve")) == ["Alma"]
    assert names(await search(stocked, "by:me")) == ["Alma"]
    assert names(await search(stocked, "by:xero")) == ["Café"]
    # A cancelled change doesn't count.
    await stocked.record_transitions([TransitionRequest(change.change_id, Transition.CANCEL)], minutes(41))
    assert names(await search(stocked, "by:reshelve")) == []


async def test_never_synced_needs_a_change_in_xero_and_nothing_that_shows_it_in_re_leased(
    stocked: Store,
) -> None:
    async def found() -> list[str]:
        return names(await search(stocked, "sync:never"))

    await stocked.changes.add(Action.ARCHIVE, stocked.contacts(["id-1"]), NOON)
    assert await found() == []
    await stocked.save_contacts([contact(3, ARCHIVED, at=40, name="Café")], minutes(40))
    await stocked.save_contacts([contact(5, ARCHIVED, at=60 * 24 * 39 + 1, name="Edith")], minutes(41))
    assert await found() == ["Café", "Edith"]
    # A change that was reversed, and had been checked before, still counts.
    checked = UserReport(ReportKind.CHECKED, minutes(50), "id-3", ARCHIVED)
    await stocked.evidence.record_reports([checked], minutes(50))
    await stocked.save_contacts([contact(3, at=60, name="Café")], minutes(60))
    assert await found() == ["Edith"]


async def test_never_synced_leaves_out_what_was_reported_before_it_was_reversed(stocked: Store) -> None:
    stocked.search.grade = lambda change: grade_change(
        change, SyncKnowledge(reported_syncs=(ReportedSync(minutes(50), minutes(55)),)), NOW
    )
    await stocked.save_contacts([contact(3, ARCHIVED, at=40, name="Café")], minutes(40))
    assert names(await search(stocked, "sync:reported")) == ["Café"]
    await stocked.save_contacts([contact(3, at=60, name="Café")], minutes(60))
    assert names(await search(stocked, "sync:reported")) == []
    assert names(await search(stocked, "sync:never")) == []


async def test_balances_are_searchable_as_soon_as_they_are_read(stocked: Store) -> None:
    assert names(await search(stocked, "owes:>0")) == ["Alma"]
    await stocked.save_contacts([contact(3, name="Café", balances=Balances(receivable=5))], minutes(1))
    assert names(await search(stocked, "owes:>0")) == ["Alma", "Café"]


async def test_sync_status_that_changes_with_time_is_searchable_once_reported(stocked: Store) -> None:
    await stocked.save_contacts([contact(1, ARCHIVED, at=40, name="Alma")], minutes(40))
    assert names(await search(stocked, "sync:pending")) == ["Alma"]
    later = SyncKnowledge(last_clean_sync_started_at=minutes(50))
    stocked.search.grade = lambda change: grade_change(change, later, NOW)
    stocked.search.sync_statuses_changed()
    assert names(await search(stocked, "sync:pending")) == []
    assert names(await search(stocked, "sync:overdue")) == ["Alma"]


async def test_relative_times_count_from_the_moment_of_the_search(stocked: Store) -> None:
    assert names(await search(stocked, "changed:<2d")) == ["Edith"]
    stocked.search.now = lambda: NOW + timedelta(days=1)
    assert names(await search(stocked, "changed:<2d")) == []


async def test_filter_queries_the_database_once_until_the_next_write(
    stocked: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    read_connection = stocked._database.read_connection

    def counted() -> AbstractContextManager[sqlite3.Connection]:
        nonlocal reads
        reads += 1
        return read_connection()

    monkeypatch.setattr(stocked._database, "read_connection", counted)
    for text in ("is:customer", "is:customer a", "is:customer al", "is:customer"):
        await search(stocked, text)
    assert reads == 1
    await stocked.set_sync_state("anything", "else")
    await search(stocked, "is:customer")
    assert reads == 2


@pytest.mark.parametrize(
    ("half", "whole", "found"),
    [
        ("is:", "is:supplier", ["Bayside", "Café"]),
        ("-owes:", "-owes:>0", ["Bayside", "Dora"]),
        ("owed:>", "owed:>=500", ["Bayside"]),
        ("overdue:", "overdue:>0", ["Alma"]),
        ("changed:", "changed:<2d", ["Edith"]),
        ("group:", "group:tenants", ["Alma", "Café"]),
        ("currency:", "currency:aud", ["Alma"]),
    ],
)
async def test_what_a_qualifier_compares_is_read_while_its_value_is_typed(
    stocked: Store, half: str, whole: str, found: list[str]
) -> None:
    queries: list[str] = []
    index = stocked.search._loader.index
    assert index is not None

    async for _ in stocked.search.find(parse_query(Tab.ALL, half)):
        pass
    cache = stocked.search._open_filter_cache()
    assert cache._preparing is not None
    await cache._preparing
    contact_values = cache._current_values(index)
    assert contact_values.has(half.strip("-:>"))

    with stocked._database.read_connection() as connection:
        connection.set_trace_callback(queries.append)
        translator = Translator(connection, NOW, lambda _: None)
        for wanted in parse_query(Tab.ALL, whole).filters:
            contact_values.matches(translator, wanted)
    assert queries == []
    assert names(await search(stocked, whole)) == found


async def test_plain_words_do_not_query_the_database(stocked: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(stocked._database, "read_connection", never)
    assert names(await search(stocked, 'bay -x "ayside"')) == ["Bayside"]


@given(text=st.text("'\";)-:% is group owes<=>0x\\\0", max_size=20))
@settings(max_examples=examples(100))
def test_typed_text_never_becomes_sql(text: str) -> None:
    async def history() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = ready(Store.open(Path(folder)))
            try:
                await store.save_contacts(
                    [contact(1, name="Alma", groups=("x'); DROP TABLE contacts; --",))], NOON
                )
                for typed in (f"group:{text}", f'group:"{text}', f"-{text}", text):
                    await search(store, typed)
                await store.search.load()
                for typed in (f"group:{text}", f'group:"{text}', f"-{text}", text):
                    await search(store, typed)
                assert names(await search(store, 'group:"x\'); DROP TABLE contacts; --"')) == ["Alma"]
            finally:
                store.close()

    asyncio.run(history())
