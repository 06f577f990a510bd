"""Contacts named in a long text, such as a pasted error message: before and after the index is loaded."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store.store_samples import ARCHIVED, GDPR, NOON, contact, names, search
from support.effort import examples

from tui.model.columns import ColumnKey, Sort
from tui.model.query import Tab, TabCounts, fold
from tui.model.query_parser import parse_query
from tui.store import Store
from tui.store.search import contact_index, named, search_service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.contact import SearchResult

ARCHIVED_MESSAGE = "Contact Bayside Club has been archived and cannot be used."


async def both_ways(store: Store, text: str, tab: Tab = Tab.ALL) -> SearchResult:
    """Return the result without an index, after checking that it is the same with one."""
    before = await search(store, text, tab)
    await store.search.load()
    after = await search(store, text, tab)
    assert names(before) == names(after)
    assert (before.counts, before.is_by_names) == (after.counts, after.is_by_names)
    return before


async def stocked(store: Store, *known: str) -> Store:
    await store.save_contacts([contact(number, name=name) for number, name in enumerate(known, 1)], NOON)
    return store


@pytest.mark.parametrize(
    ("known", "text", "found"),
    [
        pytest.param(["Bayside Club", "Alma"], ARCHIVED_MESSAGE, ["Bayside Club"], id="an error of Xero's"),
        pytest.param(
            ["Bayside Club", "Ōtara Mill Ltd", "Acme", "Ltd."],
            "INV-12: otara mill ltd\nand “BAYSIDE CLUB”, \t(Acme) were not sent",
            ["Ōtara Mill Ltd", "Bayside Club", "Acme"],
            id="several, longest first",
        ),
        pytest.param(
            ["Rent", "Rent & Sons", "Sons"],
            "The invoice for Rent & Sons is not valid",
            ["Rent & Sons"],
            id="not within a longer name",
        ),
        pytest.param(
            ["Rent", "Rent & Sons"],
            "The rent of Rent & Sons is not valid",
            ["Rent & Sons", "Rent"],
            id="a common word comes last",
        ),
        pytest.param(
            ["Harbour View", "View Street Trust"],
            "Nobody paid for Harbour View Street Trust yet",
            ["View Street Trust"],
            id="overlapping",
        ),
        pytest.param(
            ["Park", "Arts", "Spark"],
            "The car park and Parks & Spa arts",
            ["Arts", "Park"],
            id="whole words",
        ),
        pytest.param(["Bay", "A1"], "Nothing of Bay or A1 was sent", [], id="too short"),
        pytest.param(
            ["(.*)+?[", "C++ Ltd", "$100 Shop"],
            "The contacts (.*)+?[ and C++ Ltd and $100 Shop are archived",
            ["$100 Shop", "(.*)+?[", "C++ Ltd"],
            id="signs",
        ),
        pytest.param(
            ["🦘🦘🦘🦘", "شركة النور", "北京分公司"],
            "not sent: شركة النور and 🦘🦘🦘🦘 and 北京分公司",
            ["شركة النور", "北京分公司", "🦘🦘🦘🦘"],
            id="other scripts",
        ),
        pytest.param(
            ["  Bay   Side ", "A  B  C"],
            "the contacts Bay Side and a b c failed",
            ["  Bay   Side ", "A  B  C"],
            id="spaces",
        ),
        pytest.param(
            ["Bayside Club", "BAYSIDE CLUB"],
            ARCHIVED_MESSAGE,
            ["Bayside Club", "BAYSIDE CLUB"],
            id="the same",
        ),
        pytest.param(
            ["Bayside Club"],
            'Error: "Bayside Club" status:archived is:wrong sync: failed',
            ["Bayside Club"],
            id="colons",
        ),
        pytest.param(["O’Brien"], "nothing for o'brien was sent today", ["O’Brien"], id="apostrophes"),
    ],
)
async def test_contacts_named_in_a_long_text_are_found(
    store: Store, known: list[str], text: str, found: list[str]
) -> None:
    result = await both_ways(await stocked(store, *known), text)
    assert (names(result), result.is_by_names) == (found, bool(found))
    assert result.counts == TabCounts(len(found), len(found))


@pytest.mark.parametrize(
    ("text", "found", "is_by_names"),
    [
        ("Bayside Club was archived", [], False),
        ("Bayside Club was archived today", ["Bayside Club"], True),
        ("Bayside Club was archived today is:active", [], False),
        # What has all the words is what was searched for.
        ("bay bays bayside club clu", ["Bayside Club"], False),
        ("", ["Bayside Club"], False),
    ],
    ids=["four words", "five words", "a filter", "a search", "nothing"],
)
async def test_only_a_long_text_that_matches_nothing_is_searched_for_names(
    store: Store, text: str, found: list[str], *, is_by_names: bool
) -> None:
    result = await both_ways(await stocked(store, "Bayside Club"), text)
    assert (names(result), result.is_by_names) == (found, is_by_names)


async def test_each_tab_has_its_share_of_the_contacts_that_are_named(store: Store) -> None:
    people = [
        contact(1, name="Alma Mill"),
        contact(2, ARCHIVED, name="Bayside"),
        contact(3, GDPR, name="Dora Ltd"),
    ]
    await store.save_contacts(people, NOON)
    text = "Alma Mill, Bayside and Dora Ltd failed"
    found = {tab: await both_ways(store, text, tab) for tab in Tab}
    assert {tab: names(result) for tab, result in found.items()} == {
        Tab.ALL: ["Alma Mill", "Dora Ltd", "Bayside"],
        Tab.ACTIVE: ["Alma Mill"],
        Tab.ARCHIVED: ["Bayside"],
    }
    assert {result.counts for result in found.values()} == {TabCounts(3, 1, 1)}
    assert all(result.is_by_names for result in found.values())


async def test_contacts_that_are_named_are_sorted_by_a_column(store: Store) -> None:
    await store.save_contacts(
        [contact(1, name="Alma Mill", email="z@x.nz"), contact(2, name="Bayside", email="a@x.nz")], NOON
    )
    query = parse_query(Tab.ALL, "neither Alma Mill nor Bayside has paid")
    for _ in range(2):
        query = type(query)(query.tab, query.words, long_text=query.long_text, sort=Sort(ColumnKey.EMAIL))
        [found] = [result async for result in store.search.find(query)]
        assert names(found) == ["Bayside", "Alma Mill"]
        await store.search.load()


def expected(known: Sequence[str], text: str) -> list[str]:
    """Return the names, in the order of the result, by trying the longest first."""
    text = " ".join(fold(text).split())
    kept = []
    for name in sorted({" ".join(fold(name).split()) for name in known}, key=len, reverse=True):
        before, after = (r"\b" if part.isalnum() else "" for part in (name[:1], name[-1:]))
        pattern = before + re.escape(name) + after
        if len(name) >= 4 and re.search(pattern, text):
            kept.append(name)
            text = re.sub(pattern, lambda match: "\n" * len(match[0]), text)
    return kept


words = st.lists(
    st.sampled_from(["bay", "side", "club", "b", "&", "-", "Ōtara", "  "]), min_size=1, max_size=4
)


@given(
    known=st.lists(words.map(" ".join).filter(str.strip), max_size=6),
    text=st.lists(words.map(" ".join) | st.sampled_from(["x", "baybay", "xside"]), min_size=5, max_size=12),
)
@settings(max_examples=examples(100))
def test_names_are_found_as_by_trying_the_longest_first(known: list[str], text: list[str]) -> None:
    async def history() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(Path(folder))
            try:
                result = await both_ways(await stocked(store, *known), "zzzz " + " ".join(text))
                found = [" ".join(fold(name).split()) for name in names(result)]
                assert sorted(set(found)) == sorted(expected(known, "zzzz " + " ".join(text)))
                assert [*map(len, found)] == sorted(map(len, found), reverse=True)
            finally:
                store.close()

    with pytest.MonkeyPatch.context() as patch:
        for module in (contact_index, named, search_service):
            patch.setattr(module, "SLICE", 2)
        patch.setattr(search_service, "_SLICE_SECONDS", 0)
        asyncio.run(history())
