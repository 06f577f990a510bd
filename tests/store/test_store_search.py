from __future__ import annotations

import asyncio
import math
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store.store_samples import ACTIVE, ARCHIVED, GDPR, NOON, contact, minutes, names, search
from support.asked import holds
from support.effort import examples

from tui.model.columns import ColumnKey
from tui.model.contact import ContactStatus, SearchMatch
from tui.model.query import Query, Tab, TabCounts, fold
from tui.model.query_parser import parse_query
from tui.store import Store
from tui.store.search import contact_index, search_service
from tui.store.values import without_hyphens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.model.contact import Contact


@pytest.fixture(autouse=True, scope="module")
def _however_slow_this_machine_is() -> Iterator[None]:
    """Make every search wait for an outdated index, as it does where loading is fast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contact_index, "_CHEAP_SECONDS", math.inf)
        yield


# Few letters, so that words are often found, with accents, ligatures, wide and astral characters.
LETTERS = "abAB éÉß\u0301ﬁ界店Я🍰👨\u200d👩 1\n\0.@-"
words = st.text(LETTERS, max_size=8)
contacts = st.lists(
    st.builds(
        contact,
        st.integers(1, 40),
        st.sampled_from(ContactStatus),
        st.integers(0, 3),
        name=words,
        first_name=words,
        last_name=words,
        email=words,
        account_number=words,
        contact_number=words,
        phone=st.text("+64 (0)12", max_size=10),
    ),
    max_size=30,
)
queries = st.lists(st.text(LETTERS.strip() + " ", max_size=4), min_size=1, max_size=4)


def naive(stored: Sequence[Contact], query: Query) -> tuple[Counter[str], TabCounts]:
    """Search every field of every contact, one by one."""
    found = [
        one
        for one in stored
        if all(holds(one, word) for word in query.words)
        and not any(holds(one, word) for word in query.excluded_words)
    ]
    statuses = Counter(one.status for one in found)
    counts = TabCounts(len(found), statuses[ACTIVE], statuses[ARCHIVED])
    wanted = {Tab.ACTIVE: {ACTIVE}, Tab.ARCHIVED: {ARCHIVED}}.get(query.tab, set(ContactStatus))
    return Counter(one.contact_id for one in found if one.status in wanted), counts


def rank(one: Contact, query: Query) -> int:
    """Return 0 if the name has all words, 1 if the name or a person has, 2 otherwise."""

    def rank_of(word: str) -> int:
        names = [fold(name) for name in (one.name, one.first_name, one.last_name)]
        names += [without_hyphens(name) for name in names]
        return next((min(place, 1) for place, name in enumerate(names) if word in name), 2)

    return max(map(rank_of, query.words), default=0)


async def check(stored: Store, texts: Sequence[str]) -> None:
    known = stored.contacts(stored.search.first(Query()).rows.ids(0, 999))
    order = {one.contact_id: place for place, one in enumerate(known)}
    for text in texts:
        for tab in Tab:
            found = await search(stored, text, tab)
            ids = found.rows.ids(0, 999)
            expected, counts = naive(known, found.query)
            assert (Counter(ids), found.counts) == (expected, counts)
            ranks = {one.contact_id: rank(one, found.query) for one in known}
            assert list(ids) == sorted(ids, key=lambda one: (ranks[one], order[one]))
            assert [row.contact_id for row in found.rows.window(0, 999)] == list(ids)
            assert [found.rows.index_of(one) for one in ids] == list(range(len(ids)))
            everyone = [one.contact_id for one in known]
            assert found.rows.absent([*everyone, "unknown"]) == {*everyone, "unknown"} - expected.keys()
            for missing in known:
                if missing.contact_id not in expected:
                    assert found.rows.index_of(missing.contact_id) is None


@given(pages=st.lists(contacts, min_size=1, max_size=3), texts=queries)
@settings(max_examples=examples(60))
def test_every_search_path_finds_what_a_scan_finds(pages: list[list[Contact]], texts: list[str]) -> None:
    async def history() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(Path(folder))
            try:
                await store.save_contacts(pages[0], NOON)
                await check(store, texts[:2])
                await store.search.load()
                # Typed and deleted key by key: each search may narrow the one before.
                typed = [text[:end] for text in texts for end in range(len(text) + 1)]
                await check(store, [*typed, *reversed(texts)])
                for page in pages[1:]:
                    await store.save_contacts(page, NOON)
                    await check(store, texts)
            finally:
                store.close()

    with pytest.MonkeyPatch.context() as patch:
        # Many slices, and a turn of the loop after each.
        patch.setattr(contact_index, "SLICE", 4)
        patch.setattr(search_service, "_SLICE_SECONDS", 0)
        patch.setattr(search_service, "_FIRST_SCREEN_SECONDS", 0)
        asyncio.run(history())


@pytest.fixture
async def stocked(store: Store) -> Store:
    people = [
        contact(1, name="Bayside Club", email="bob@bsclub.example"),
        contact(2, ARCHIVED, name="Bayside Wholesale"),
        contact(3, name="Café Māori", phone="+64 3 555 0107"),
        contact(4, GDPR, name="Bayside Gone"),
        contact(5, name="東京 Trading 🍰", first_name="Zoë"),
    ]
    await store.save_contacts(people, NOON)
    await store.search.load()
    return store


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bayside", ["Bayside Club", "Bayside Gone", "Bayside Wholesale"]),
        ("BAYSIDE bob", ["Bayside Club"]),
        ("cafe maori", ["Café Māori"]),
        ("5550107", ["Café Māori"]),
        ("+64 3", ["Café Māori"]),
        ("555 0107", ["Café Māori"]),
        ("zoe", ["東京 Trading 🍰"]),
        ("京 🍰", ["東京 Trading 🍰"]),
        ("clubbob", []),
        ("bsclub", []),
        ("bsclub.example", ["Bayside Club"]),
        ("@bsclub", ["Bayside Club"]),
        ("bob@bs", ["Bayside Club"]),
        ("bayside -example", ["Bayside Club", "Bayside Gone", "Bayside Wholesale"]),
        ("bayside -.example", ["Bayside Gone", "Bayside Wholesale"]),
    ],
)
async def test_words_are_found_in_any_field_ignoring_accents(
    stocked: Store, text: str, found: list[str]
) -> None:
    assert names(await search(stocked, text)) == found


@pytest.mark.parametrize("loaded", [False, True])
async def test_names_come_first_then_people_then_the_rest(store: Store, *, loaded: bool) -> None:
    people = [
        contact(1, name="Aitken Trust", account_number="HILL-7"),
        contact(2, name="Bayside Club", first_name="Jo", last_name="Hill"),
        contact(3, name="Hill & Sons"),
        contact(4, name="Green Hill Ltd", email="office@gh.example"),
        contact(5, name="Zeta", email="hill@zeta.example"),
    ]
    await store.save_contacts(people, NOON)
    if loaded:
        await store.search.load()
    assert names(await search(store, "hill")) == [
        "Green Hill Ltd",
        "Hill & Sons",
        "Bayside Club",
        "Aitken Trust",
        "Zeta",
    ]
    # All words count: the trust's name has one of them.
    assert names(await search(store, "t hill")) == ["Green Hill Ltd", "Aitken Trust", "Zeta"]
    assert names(await search(store, "hill -jo")) == ["Green Hill Ltd", "Hill & Sons", "Aitken Trust", "Zeta"]


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("smith", None),
        ("smithjones", None),
        ("smith zoe", SearchMatch(None, "Zoë O’Hara-Lee")),
        ("oharalee", SearchMatch(None, "Zoë O’Hara-Lee")),
        ("office", SearchMatch(ColumnKey.EMAIL, "office@sj.example")),
        ("@sj", SearchMatch(ColumnKey.EMAIL, "office@sj.example")),
        ("5550107", SearchMatch(ColumnKey.PHONE, "+64 3 555-0107")),
        ("a-00", SearchMatch(ColumnKey.ACCOUNT_NUMBER, "A-0017")),
        ("c18", SearchMatch(ColumnKey.CONTACT_NUMBER, "C18")),
    ],
)
async def test_what_was_found_is_returned_if_it_is_not_the_name(
    store: Store, text: str, match: SearchMatch | None, *, loaded: bool
) -> None:
    one = contact(
        1,
        name="Smith-Jones",
        first_name="Zoë",
        last_name="O’Hara-Lee",
        email="office@sj.example",
        phone="+64 3 555-0107",
        account_number="A-0017",
        contact_number="C18",
    )
    await store.save_contacts([one], NOON)
    if loaded:
        await store.search.load()
    [row] = (await search(store, text)).rows.window(0, 9)
    assert (row.name, row.match) == ("Smith-Jones", match)


@pytest.mark.parametrize("loaded", [False, True])
async def test_the_domain_of_an_email_is_found_only_with_an_at_sign_or_a_dot(
    store: Store, *, loaded: bool
) -> None:
    people = [
        contact(1, name="Alma", email="alma@gmail.com"),
        contact(2, name="Gmail Support", email="help@google.example"),
        contact(3, name="Smith-Jones & Co. Ltd", email="j.smith@163-mail.com", phone="021.555.01"),
        contact(4, name="Zoë", email="gmail.zoe@xtra.example"),
    ]
    await store.save_contacts(people, NOON)
    if loaded:
        await store.search.load()

    async def found(text: str) -> list[str]:
        # Typed letter by letter: a search may narrow the one before.
        for end in range(1, len(text)):
            await search(store, text[:end])
        return names(await search(store, text))

    assert await found("gmail") == ["Gmail Support", "Zoë"]
    assert await found("gmail.com") == await found("@gmail") == await found("ALMA@Gmail") == ["Alma"]
    assert await found("-gmail") == ["Alma", "Smith-Jones & Co. Ltd"]
    assert await found("-gmail.com") == ["Gmail Support", "Smith-Jones & Co. Ltd", "Zoë"]
    for domain in ("163", "-mail", "163-mail", "com"):
        assert await found(f'"{domain}"') == []
    smiths = ("163-mail.com", "j.smith", "smith co.", '"co. ltd"', "021.555", "02155501", "smith jones")
    for text in (*smiths, "smith-jones", "smithjones"):
        assert await found(text) == ["Smith-Jones & Co. Ltd"], text


async def test_counts_are_of_matches_on_each_tab(stocked: Store) -> None:
    for tab, total in ((Tab.ALL, 3), (Tab.ACTIVE, 1), (Tab.ARCHIVED, 1)):
        found = await search(stocked, "bayside", tab)
        assert found.counts == TabCounts(all=3, active=1, archived=1)
        assert len(found.rows) == total


async def test_a_status_change_is_found_on_its_new_tab_and_shown_in_earlier_results(stocked: Store) -> None:
    before = await search(stocked, "club", Tab.ACTIVE)
    await stocked.save_contacts(
        [contact(1, ARCHIVED, at=1, name="Bayside Club", email="bob@bsclub.example")], minutes(1)
    )
    assert len((await search(stocked, "club", Tab.ACTIVE)).rows) == 0
    assert names(await search(stocked, "club", Tab.ARCHIVED)) == ["Bayside Club"]
    assert [row.status for row in before.rows.window(0, 9)] == [ARCHIVED]


async def test_results_keep_their_positions_when_contacts_come_and_go(stocked: Store) -> None:
    before = await search(stocked, "bayside")
    await stocked.save_contacts(
        [contact(9, name="Bayside Aardvark"), contact(1, at=1, name="Zulu")], minutes(1)
    )
    await stocked._database.write(
        lambda connection: connection.execute("DELETE FROM contacts WHERE contact_id = 'id-4'")
    )
    stocked.search.mark_stale()
    rows = before.rows.window(0, 9)
    assert [row.name for row in rows] == ["Zulu", "", "Bayside Wholesale"]
    assert list(before.rows.ids(0, 9)) == ["id-1", "", "id-2"]
    assert [before.rows.index_of(f"id-{number}") for number in (1, 2, 4, 9)] == [0, 2, None, None]
    assert names(await search(stocked, "bayside")) == ["Bayside Aardvark", "Bayside Wholesale"]


async def test_windows_beyond_the_end_are_short_or_empty(stocked: Store) -> None:
    rows = (await search(stocked, "bayside")).rows
    assert len(rows.window(2, 50)) == 1
    assert rows.window(3, 50) == []
    assert rows.window(-5, 1)[0].name == "Bayside Club"
    assert rows.window(2, 1) == []


async def test_long_search_returns_a_first_screen_early(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.save_contacts([contact(number) for number in range(9_000)], NOON)
    await store.search.load()
    monkeypatch.setattr(search_service, "_SLICE_SECONDS", 0)
    monkeypatch.setattr(search_service, "_FIRST_SCREEN_SECONDS", 0)
    answers = [found async for found in store.search.find(parse_query(Tab.ALL, "contact"))]
    assert [found.is_complete for found in answers] == [False, True]
    assert 60 <= len(answers[0].rows) < len(answers[1].rows) == 9_000
    assert answers[0].rows.window(0, 60) == answers[1].rows.window(0, 60)


async def test_the_loop_stays_alive_during_a_long_search(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.save_contacts([contact(number) for number in range(9_000)], NOON)
    await store.search.load()
    monkeypatch.setattr(search_service, "_SLICE_SECONDS", 0)
    monkeypatch.setattr(search_service, "_FIRST_SCREEN_SECONDS", 0)
    turns = 0

    async def tick() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    ticking = asyncio.create_task(tick())
    await search(store, "contact 8")
    ticking.cancel()
    assert turns >= 9_000 // contact_index.SLICE


async def test_before_the_index_is_loaded_a_search_uses_sql(store: Store) -> None:
    await store.save_contacts(
        [contact(number, ARCHIVED if number % 2 else ACTIVE) for number in range(200)], NOON
    )
    answers = [found async for found in store.search.find(parse_query(Tab.ARCHIVED, "contact"))]
    assert [(found.is_complete, len(found.rows)) for found in answers] == [(False, 60), (True, 100)]
    assert answers[-1].counts == TabCounts(200, 100, 100)
    assert answers[-1].rows.index_of("id-1") == 0
    assert answers[-1].rows.index_of("id-2") is None


async def test_cancelled_search_does_not_affect_the_next(
    stocked: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stocked.save_contacts([contact(number) for number in range(100, 9_000)], NOON)
    await stocked.search.load()
    monkeypatch.setattr(search_service, "_SLICE_SECONDS", 0)
    monkeypatch.setattr(search_service, "_FIRST_SCREEN_SECONDS", 0)
    async for found in stocked.search.find(parse_query(Tab.ALL, "contact")):
        assert not found.is_complete
        break
    assert names(await search(stocked, "contact 4999")) == ["Contact 4999"]
