"""Probable duplicates: what is found among seeded ones, what isn't taken for one, and why."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace
from support.seeded_duplicates import LOOKALIKES, seeded_books

from tui.model.duplicates import (
    ContactFacts,
    DuplicatePair,
    DuplicateReason,
    find_duplicates,
    group_pairs,
)

#: The finder was tuned on seeds 0 to 4.
_UNSEEN = range(200, 205)


def found(*contacts: ContactFacts) -> list[DuplicatePair]:
    return find_duplicates(contacts)


def named(*names: str) -> list[DuplicatePair]:
    return found(*(ContactFacts(str(place), name) for place, name in enumerate(names)))


@pytest.mark.slow
def test_precision_and_recall_on_books_it_was_not_tuned_on() -> None:
    right = wrong = missed = 0
    missed_kinds: Counter[str] = Counter()
    mistaken: Counter[str] = Counter()
    for seed in _UNSEEN:
        books = seeded_books(seed)
        pairs = {pair.keys for pair in find_duplicates(books.contacts)}
        known = books.duplicates.keys()
        right += len(pairs & known)
        wrong += len(pairs - known)
        missed += len(known - pairs)
        missed_kinds.update(books.duplicates[pair] for pair in known - pairs)
        mistaken.update(books.lookalikes[pair] for pair in pairs & books.lookalikes.keys())
    precision, recall = right / (right + wrong), right / (right + missed)
    assert (precision >= 0.97, recall >= 0.97) == (True, True), (precision, recall, missed_kinds, mistaken)
    # Of every kind of duplicate, nine in ten.
    assert not [kind for kind, count in missed_kinds.items() if count > 12 * len(_UNSEEN) / 10]


@pytest.mark.parametrize("kind", LOOKALIKES)
def test_lookalikes_are_not_taken_for_duplicates(kind: str) -> None:
    for seed in _UNSEEN[:3]:
        books = seeded_books(seed, others=200)
        pairs = {pair.keys for pair in find_duplicates(books.contacts)}
        assert not [pair for pair in pairs if books.lookalikes.get(pair) == kind]


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("Bayside Plumbing Ltd", "BAYSIDE PLUMBING  LIMITED", DuplicateReason.SAME_NAME),
        ("Bayside Plumbing Ltd", "Bayside Plumbing", DuplicateReason.COMPANY_FORM),
        ("The Owl & Hart Bakery", "Owl and Hart Bakery", DuplicateReason.SAME_NAME),
        ("Anna Featherstone", "Featherstone, Anna", DuplicateReason.WORD_ORDER),
        ("Harbour Electrical", "Harbuor Electrical", DuplicateReason.SPELLING),
        ("Anna Featherstone", "A. Featherstone", DuplicateReason.INITIALS),
        ("Happy Homes Ltd", "Happyhomes Ltd", DuplicateReason.SPELLING),
        ("Zoë Müller", "Zoe Muller", DuplicateReason.SAME_NAME),
    ],
    ids=["form", "no form", "article", "order", "typo", "initial", "one word", "accents"],
)
def test_names_alone(one: str, other: str, reason: DuplicateReason) -> None:
    [pair] = named(one, other)
    assert pair.reasons == (reason,)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Smith Family Trust", "Smith Family Trust No 2"),
        ("Smith Family Trust No. 1", "Smith Family Trust Number Two"),
        ("Henry Tudor VII", "Henry Tudor VI"),
        ("Countdown Albany", "Countdown Ponsonby"),
        ("John A Smith", "John B Smith"),
        ("John Smith Snr", "John Smith Jnr"),
        ("Bayside Holdings Ltd", "Bayside Holdings Trust"),
        ("Mark Featherstone", "Mary Featherstone"),
        ("", ""),
        ("???", "!!!"),
    ],
)
def test_names_of_two_contacts(one: str, other: str) -> None:
    assert not named(one, other)


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("email", "Anna@Home.example", " anna@home.example"),
        ("phones", ("+64 21 123 4567",), ("021-123-4567",)),
        ("tax_number", "123-456-789", "123456789"),
        ("bank_account", "01-0123-0456789-00", "010123045678900"),
    ],
)
def test_what_they_have_in_common_counts(field: str, one: object, other: object) -> None:
    # "J Smith" alone may be anyone.
    others = [ContactFacts(f"x{place}", f"{first} Smith") for place, first in enumerate(("Ada", "Bo", "Cy"))]
    alone = [ContactFacts("a", "John Smith"), ContactFacts("b", "J Smith"), *others]
    assert not find_duplicates(alone)
    pairs = find_duplicates([replace(alone[0], **{field: one}), replace(alone[1], **{field: other}), *others])
    assert [pair.keys for pair in pairs] == [("a", "b")]
    assert DuplicateReason.INITIALS in pairs[0].reasons
    assert len(pairs[0].reasons) == 2


def test_a_phone_that_many_have_says_nothing() -> None:
    contacts = [
        ContactFacts(str(place), name, phones=("09 555 1234",))
        for place, name in enumerate(("John Smith", "J Smith", "Ada Smith", "Bo Smith", "Cy Jones"))
    ]
    assert not find_duplicates(contacts)


def test_other_tax_numbers_make_two_of_the_same_name() -> None:
    one, other = (
        ContactFacts(number, "John Smith", tax_number=number) for number in ("123456789", "987654321")
    )
    assert not found(one, other)


def test_dismissed_pairs_are_left_out() -> None:
    contacts = [ContactFacts("b", "Owl Ltd"), ContactFacts("a", "Owl Limited"), ContactFacts("c", "Owl")]
    assert len(find_duplicates(contacts)) == 3
    pairs = find_duplicates(contacts, {("a", "b")})
    assert sorted(pair.keys for pair in pairs) == [("a", "c"), ("b", "c")]


def test_groups_have_their_best_pair_first() -> None:
    pairs = [
        DuplicatePair("c", "d", 98, ()),
        DuplicatePair("a", "b", 90, ()),
        DuplicatePair("b", "e", 80, ()),
        DuplicatePair("d", "f", 76, ()),
    ]
    groups = group_pairs(pairs)
    assert [(group.keys, group.score) for group in groups] == [(("c", "d", "f"), 98), (("a", "b", "e"), 90)]


def test_many_contacts_of_one_name_are_compared_with_few_others() -> None:
    pauses = 0

    def pause() -> None:
        nonlocal pauses
        pauses += 1

    contacts = [ContactFacts(f"{place:05}", f"Tenant {place}") for place in range(3_000)]
    assert not find_duplicates(contacts, pause=pause)
    # All pairs would be 4.5 million.
    assert pauses < 20_000


def test_it_reports_progress_and_can_be_ended() -> None:
    steps: list[tuple[int, int]] = []
    find_duplicates([], report=lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]

    class EndedError(Exception):
        pass

    def end(done: int, _: int) -> None:
        if done:
            raise EndedError

    with pytest.raises(EndedError):
        find_duplicates([ContactFacts("a", "Owl")], report=end)
