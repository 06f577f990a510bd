"""Finds contacts that are probably the same: by their names, and by what else they have in common.

Names are compared word by word, because a single other word makes another contact: a branch, a second trust,
a son. Only contacts with something in common are compared, never all pairs.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from rapidfuzz.distance import OSA

from tui.model.query import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from tui.model.activity import Activity
    from tui.model.contact import Contact, ContactRecord

#: Pairs with at least this score, in percent, are probable duplicates.
LEAST_SCORE: Final = 75


class DuplicateReason(StrEnum):
    """What two contacts have in common."""

    SAME_NAME = "same_name"
    COMPANY_FORM = "company_form"
    WORD_ORDER = "word_order"
    SPELLING = "spelling"
    INITIALS = "initials"
    EXTRA_WORD = "extra_word"
    EMAIL = "email"
    PHONE = "phone"
    TAX_NUMBER = "tax_number"
    BANK_ACCOUNT = "bank_account"
    ACCOUNT_NUMBER = "account_number"


class ContactFacts(Struct, frozen=True, gc=False):
    """What is compared of a contact; `key` identifies it."""

    key: str
    name: str
    email: str = ""
    phones: tuple[str, ...] = ()
    tax_number: str = ""
    bank_account: str = ""
    account_number: str = ""


class DuplicatePair(Struct, frozen=True):
    """Two contacts that are probably the same, by their keys; the first one sorts first.

    `score` is a percentage.
    """

    first: str
    second: str
    score: int
    reasons: tuple[DuplicateReason, ...]

    @property
    def keys(self) -> tuple[str, str]:
        """Both contacts."""
        return self.first, self.second


class DuplicateGroup(Struct, frozen=True):
    """Contacts that are probably the same, each with at least one of the others; the best pair is first."""

    keys: tuple[str, ...]
    pairs: tuple[DuplicatePair, ...]

    @property
    def score(self) -> int:
        """The score of the best pair."""
        return self.pairs[0].score


class DuplicateMember(Struct, frozen=True):
    """A contact of a group, with the further fields that are compared.

    `activity` is None while transactions haven't been read.
    """

    contact: Contact
    record: ContactRecord
    activity: Activity | None = None


class SearchCancelledError(Exception):
    """The user left before the search for duplicates ended."""


def pair_of(one: str, other: str) -> tuple[str, str]:
    """Return two keys in the order in which pairs have them."""
    return (one, other) if one < other else (other, one)


# --- names ---

_LIMITED, _CORPORATION, _LLC, _PARTNERS, _PUBLIC, _GMBH, _TRUST = range(7)
#: Words for the legal form of a company, by the family they belong to: those of one family mean the same.
_FORMS: Final = {
    **dict.fromkeys(("ltd", "limited", "pty", "proprietary", "co", "company", "pte", "cyf"), _LIMITED),
    **dict.fromkeys(("inc", "incorporated", "corp", "corporation"), _CORPORATION),
    **dict.fromkeys(("llc",), _LLC),
    **dict.fromkeys(("llp", "lp"), _PARTNERS),
    **dict.fromkeys(("plc",), _PUBLIC),
    **dict.fromkeys(("gmbh", "ag", "kg", "bv", "sarl"), _GMBH),
    **dict.fromkeys(("trust", "trustee", "trustees", "tst"), _TRUST),
}
_LEFT_OUT: Final = frozenset({"the", "and", "mr", "mrs", "ms", "miss", "dr", "ta", "of", "for", "atf"})
#: Written differently, the same meaning.
_SAME_WORDS: Final = {
    "svc": "services", "svcs": "services", "service": "services", "bros": "brothers", "mt": "mount",
    "st": "saint", "mgmt": "management", "mgt": "management", "intl": "international",
    "assoc": "associates", "assocs": "associates", "prop": "property",
    "props": "property", "properties": "property", "constr": "construction", "eng": "engineering",
    "elec": "electrical", "elect": "electrical", "govt": "government", "natl": "national",
    "dept": "department", "accts": "accounts", "hldgs": "holdings", "holding": "holdings",
    "invest": "investments", "investment": "investments", "grp": "group", "tech": "technology",
    "technologies": "technology", "maint": "maintenance", "dev": "developments",
    "development": "developments",
}  # fmt: skip
#: Words that say little: with or without them, it is probably the same contact.
_GENERIC: Final = frozenset(
    {"services", "group", "nz", "aus", "uk", "australia", "enterprises", "international", "solutions"}
)
_SENIORITY: Final = {
    "jr": "jr", "jnr": "jr", "junior": "jr", "son": "jr", "sr": "sr", "snr": "sr", "senior": "sr",
}  # fmt: skip
_ROMAN: Final = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7"}
_NUMBER_WORDS: Final = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "first": "1", "second": "2", "third": "3",
}  # fmt: skip
_NUMBERED: Final = frozenset({"no", "number", "num", "nr"})
_LONGEST_NAME: Final = 200
_MOST_WORDS: Final = 12
_LEAST_DIGITS: Final = 7
_COMPARED_DIGITS: Final = 8


class _Profile(Struct, gc=False):
    """A contact as it is compared.

    `words` are those of its name in order, without its forms and numbers. `marks` are what makes it another
    contact: numbers, and whether it is the father or the son.
    """

    name: str
    words: tuple[str, ...]
    unique: frozenset[str]
    joined: str
    forms: frozenset[int]
    marks: frozenset[str]
    email: str
    phones: tuple[str, ...]
    tax_number: str
    bank_account: str
    account_number: str


def _profile(facts: ContactFacts) -> _Profile:
    name = fold(facts.name[:_LONGEST_NAME]).strip()
    words: list[str] = []
    forms: set[int] = set()
    marks: set[str] = set()
    for word in _split(name):
        if (form := _FORMS.get(word)) is not None:
            forms.add(form)
        elif words and (_is_typo(word, "limited")):
            forms.add(_LIMITED)
        elif word in _LEFT_OUT or word in _NUMBERED:
            continue
        elif word.isdecimal() or word in _ROMAN or word in _NUMBER_WORDS:
            marks.add(_ROMAN.get(word) or _NUMBER_WORDS.get(word) or word.lstrip("0"))
        elif word in _SENIORITY:
            marks.add(_SENIORITY[word])
        elif len(words) < _MOST_WORDS:
            words.append(_SAME_WORDS.get(word, word))
    if not words:
        # A name of nothing but such words, as "The Trust Company".
        words = _split(name)[:_MOST_WORDS]
    return _Profile(
        name,
        tuple(words),
        frozenset(words),
        "".join(words),
        frozenset(forms),
        frozenset(marks),
        _email(facts.email),
        tuple(sorted({digits for phone in facts.phones if (digits := _phone(phone))})),
        _identifier(facts.tax_number),
        _identifier(facts.bank_account),
        _identifier(facts.account_number, least=3),
    )


def _split(name: str) -> list[str]:
    """Split a folded name into words of letters and digits; "Smith (J.B.)" has smith, j and b."""
    return "".join(char if char.isalnum() else " " for char in name.replace("&", " and ")).split()


def _email(text: str) -> str:
    address = text.strip().casefold()
    return address if "@" in address else ""


def _phone(text: str) -> str:
    """Return the end of a number, which is the same with and without a country code; empty for no number."""
    digits = "".join(char for char in text if char.isdecimal())
    if len(digits) < _LEAST_DIGITS or len(set(digits)) <= 2:  # noqa: PLR2004 - such as 000 0000
        return ""
    return digits[-_COMPARED_DIGITS:]


def _identifier(text: str, least: int = 6) -> str:
    """Return a number's letters and digits; empty if those are too few to identify anything."""
    kept = "".join(char for char in text.casefold() if char.isalnum())
    return kept if len(kept) >= least and len(set(kept)) > 1 else ""


# Above this, two words that differ by a letter are two words that people use, not one with a typo.
_RARE: Final = 3
_SHORT_WORD, _LONG_WORD = 4, 8


def _is_typo(one: str, other: str) -> bool:
    if one[0] != other[0]:
        # Few mistype the first letter, and there are a million such pairs.
        return one[1:] == other[1:] and len(one) > _SHORT_WORD
    longest = max(len(one), len(other))
    if longest < _SHORT_WORD:
        return False
    if len(one) == len(other) == _SHORT_WORD and sorted(one) != sorted(other):
        # Mark and Mary, not one of them mistyped.
        return False
    most = 2 if longest > _LONG_WORD else 1
    return OSA.distance(one, other, score_cutoff=most) <= most


class _NameMatch(Struct, gc=False):
    """How alike two names are, from 0 to 1, and in what they differ.

    `is_conflict` means that each has a word that the other doesn't have, though they share some.
    """

    likeness: float
    reasons: tuple[DuplicateReason, ...] = ()
    is_conflict: bool = False


_UNLIKE: Final = _NameMatch(0.0)
_CONFLICT: Final = _NameMatch(0.0, is_conflict=True)


def _compare_names(one: _Profile, other: _Profile, counts: Counter[str]) -> _NameMatch:
    left, right = one.unique - other.unique, other.unique - one.unique
    if not left and not right:
        return _same_words(one, other)
    has_shared = len(left) < len(one.unique)
    if len(left) == len(right) == 1:
        # Most pairs: one word is another one.
        [word], [found] = left, right
        if len(word) > 1 and len(found) > 1 and not _is_typo(word, found):
            return _CONFLICT if has_shared else _UNLIKE
    if len(one.words) != len(other.words) and one.joined == other.joined:
        return _NameMatch(0.93, (DuplicateReason.SPELLING,))
    if not left or not right:
        return _extra_words(one, other, left or right, counts)
    if len(left) > 3 or len(right) > 3:  # noqa: PLR2004 - too many to be the same name
        return _CONFLICT if has_shared else _UNLIKE
    return _align(one, other, set(left), set(right), counts, has_shared=has_shared)


def _same_words(one: _Profile, other: _Profile) -> _NameMatch:
    if one.name == other.name and one.name:
        return _NameMatch(0.98, (DuplicateReason.SAME_NAME,))
    if not one.words:
        return _UNLIKE
    if one.words == other.words:
        reason = DuplicateReason.COMPANY_FORM if one.forms != other.forms else DuplicateReason.SAME_NAME
        return _NameMatch(0.96, (reason,))
    return _NameMatch(0.92, (DuplicateReason.WORD_ORDER,))


def _extra_words(one: _Profile, other: _Profile, extra: frozenset[str], counts: Counter[str]) -> _NameMatch:
    """Compare names of which one has all words of the other, and more."""
    shared = one.unique & other.unique
    reasons = (DuplicateReason.EXTRA_WORD,)
    if len(shared) < 2:  # noqa: PLR2004 - "Countdown" and "Countdown Albany"
        return _NameMatch(0.3, reasons)
    if extra <= _GENERIC:
        return _NameMatch(0.84, reasons)
    if all(len(word) == 1 for word in extra):
        is_rare = any(counts[word] <= _RARE for word in shared)
        return _NameMatch(0.8 if is_rare else 0.62, (DuplicateReason.INITIALS,))
    return _NameMatch(0.55 if len(extra) == 1 else 0.4, reasons)


def _align(
    one: _Profile,
    other: _Profile,
    left: set[str],
    right: set[str],
    counts: Counter[str],
    *,
    has_shared: bool,
) -> _NameMatch:
    """Match the words that only one of the names has: by a typo, or an initial."""
    typos, initials, is_doubtful = _match_words(left, right, counts)
    if (left and right) or (typos + initials and (left or right) and not has_shared):
        return _CONFLICT if has_shared or typos or initials else _UNLIKE
    reasons = (
        *((DuplicateReason.SPELLING,) if typos else ()),
        *((DuplicateReason.INITIALS,) if initials else ()),
    )
    if left or right:
        return _NameMatch(0.5, (*reasons, DuplicateReason.EXTRA_WORD))
    if initials:
        return _initials(one.unique & other.unique, typos + initials - 1, counts, reasons)
    if is_doubtful or (not has_shared and len(one.words) > 1):
        return _NameMatch(0.66, reasons)
    # A name of one short word is easily one letter from another one.
    if not has_shared and min(len(one.joined), len(other.joined)) <= _LONG_WORD:
        return _NameMatch(0.6, reasons)
    return _NameMatch(0.9 - 0.06 * (typos - 1), reasons)


def _match_words(left: set[str], right: set[str], counts: Counter[str]) -> tuple[int, int, bool]:
    """Remove words that match, by typos and initials; returns how many, and whether a typo is doubtful.

    It is if both are words that several contacts have.
    """
    typos = initials = 0
    is_doubtful = False
    for word in tuple(left):
        for found in right:
            if len(word) == 1 or len(found) == 1:
                if word[0] != found[0]:
                    continue
                initials += 1
            elif _is_typo(word, found):
                typos += 1
                is_doubtful |= counts[word] > _RARE and counts[found] > _RARE
            else:
                continue
            left.discard(word)
            right.discard(found)
            break
    return typos, initials, is_doubtful


def _initials(
    shared: frozenset[str], more: int, counts: Counter[str], reasons: tuple[DuplicateReason, ...]
) -> _NameMatch:
    """Judge names that have these words in common, and an initial; `more` counts other differences."""
    in_full = [word for word in shared if len(word) > 1]
    if not in_full:
        return _NameMatch(0.4, reasons)
    # "J Smith" may be anyone; "J Featherstonehaugh" hardly.
    is_rare = any(counts[word] <= _RARE for word in in_full)
    return _NameMatch((0.82 if is_rare else 0.62) - 0.08 * more, reasons)


# --- scores ---


class _Weights(Struct, frozen=True, gc=False):
    """How much a value that both have counts, and by what it multiplies the score if both have others.

    A value that more contacts have than `few` belongs to none of them, such as a property manager's phone.
    """

    same: float
    differs: float
    few: int = 3


_EMAIL: Final = _Weights(0.62, 0.93)
_PHONE: Final = _Weights(0.5, 0.96)
_TAX_NUMBER: Final = _Weights(0.86, 0.55)
_BANK_ACCOUNT: Final = _Weights(0.8, 0.85)
# A contact that was entered twice has two account numbers.
_ACCOUNT_NUMBER: Final = _Weights(0.45, 1.0, few=2)
_SHARED_BY_MANY: Final = 0.05
# The most that numbers in common can say about names that differ by a word, a number, or father and son.
_MOST_WITH_CONFLICT: Final = 0.7
_MOST_WITH_MARKS: Final = 0.6
_OTHER_FORM: Final = 0.7
_TRUST_OR_NOT: Final = 0.8
_LEAST: Final = LEAST_SCORE / 100


class _Scorer:
    """Scores pairs of contacts, given how common their words and numbers are among all contacts."""

    def __init__(self, profiles: Sequence[_Profile], pause: Callable[[], None]) -> None:
        self._words: Counter[str] = Counter()
        self._values: Counter[str] = Counter()
        for profile in profiles:
            pause()
            self._words.update(profile.unique)
            self._values.update(_values(profile))

    @property
    def words(self) -> Counter[str]:
        """How many contacts have each word in their name."""
        return self._words

    def score(
        self, one: _Profile, other: _Profile, least: float = 0.0
    ) -> tuple[float, tuple[DuplicateReason, ...]]:
        """Return how probable it is that two contacts are the same, from 0 to 1, and why.

        It is 0 if their names are less alike than `least`.
        """
        names = _compare_names(one, other, self._words)
        if names.likeness < least:
            return 0.0, ()
        doubt, factor = 1 - names.likeness, 1.0
        reasons = list(names.reasons)
        for reason, weights, mine, theirs in (
            (DuplicateReason.EMAIL, _EMAIL, one.email, other.email),
            (DuplicateReason.TAX_NUMBER, _TAX_NUMBER, one.tax_number, other.tax_number),
            (DuplicateReason.BANK_ACCOUNT, _BANK_ACCOUNT, one.bank_account, other.bank_account),
            (DuplicateReason.ACCOUNT_NUMBER, _ACCOUNT_NUMBER, one.account_number, other.account_number),
        ):
            if not mine or not theirs:
                continue
            if mine == theirs:
                doubt *= 1 - self._weight(reason, mine, weights)
                reasons.append(reason)
            else:
                factor *= weights.differs
        if one.phones and other.phones:
            common = [phone for phone in one.phones if phone in other.phones]
            if common:
                weight = max(self._weight(DuplicateReason.PHONE, phone, _PHONE) for phone in common)
                doubt *= 1 - weight
                reasons.append(DuplicateReason.PHONE)
            else:
                factor *= _PHONE.differs
        return self._limited((1 - doubt) * factor, one, other, names), tuple(reasons)

    def _weight(self, reason: DuplicateReason, value: str, weights: _Weights) -> float:
        return weights.same if self._values[f"{reason}:{value}"] <= weights.few else _SHARED_BY_MANY

    def _limited(self, score: float, one: _Profile, other: _Profile, names: _NameMatch) -> float:
        """Lower a score where the names say that these are two."""
        if names.is_conflict:
            score = min(score, _MOST_WITH_CONFLICT)
        if one.marks != other.marks:
            score = min(score, _MOST_WITH_MARKS)
        if one.tax_number and one.tax_number == other.tax_number:
            return score
        if one.forms and other.forms and not one.forms & other.forms:
            score *= _OTHER_FORM
        elif (_TRUST in one.forms) is not (_TRUST in other.forms):
            score *= _TRUST_OR_NOT
        return score


def _values(profile: _Profile) -> Iterator[str]:
    """Yield what a contact may share with others, besides its name."""
    for reason, value in (
        (DuplicateReason.EMAIL, profile.email),
        (DuplicateReason.TAX_NUMBER, profile.tax_number),
        (DuplicateReason.BANK_ACCOUNT, profile.bank_account),
        (DuplicateReason.ACCOUNT_NUMBER, profile.account_number),
    ):
        if value:
            yield f"{reason}:{value}"
    for phone in profile.phones:
        yield f"{DuplicateReason.PHONE}:{phone}"


# --- blocks: contacts with a key in common are compared ---

_CONTACTS_A_PAUSE: Final = 16
_LARGEST_BLOCK: Final = 24
# Of a larger block, each contact is compared with those that follow it in order of their names.
_NEIGHBOURS: Final = 6
_START: Final = 6
_VOWELS: Final = str.maketrans("", "", "aeiouyhw")


def _rare_words(profile: _Profile, counts: Counter[str]) -> Iterable[str]:
    return [word for word in profile.unique if len(word) > 1 and counts[word] <= _LARGEST_BLOCK]


def _with_initials(profile: _Profile, _: Counter[str]) -> Iterable[str]:
    """Yield each longer word with the first letters of the others: `smith|j`."""
    words = profile.words
    if len(words) < 2:  # noqa: PLR2004 - no others
        return
    for place, word in enumerate(words[:4]):
        if len(word) > 1:
            others = sorted(other[0] for index, other in enumerate(words) if index != place)
            yield f"{word}|{''.join(others)}"


def _first_and_last(profile: _Profile, _: Counter[str]) -> Iterable[str]:
    if len(profile.words) > 1:
        yield f"{profile.words[0]}|{profile.words[-1]}"


def _sounds(profile: _Profile, _: Counter[str]) -> Iterable[str]:
    """Yield the consonants of the words, in order: most typos and spellings leave them as they are."""
    yield "|".join(sorted(word[0] + word[1:].translate(_VOWELS) for word in profile.words))


def _start(profile: _Profile, _: Counter[str]) -> Iterable[str]:
    """Yield the start of the name: a typo is in one half of it only."""
    if len(profile.joined) >= _START:
        yield profile.joined[:_START]


def _end(profile: _Profile, _: Counter[str]) -> Iterable[str]:
    if len(profile.joined) >= _START:
        yield profile.joined[-_START:]


_KEYS: Final[tuple[Callable[[_Profile, Counter[str]], Iterable[str]], ...]] = (
    # First: pairs that have nothing but a name in common needn't be scored in full afterwards.
    lambda profile, _: _values(profile),
    lambda profile, _: (profile.joined,),
    _rare_words,
    _with_initials,
    _first_and_last,
    _sounds,
    _start,
    _end,
)


def _pairs(
    profiles: Sequence[_Profile],
    keys: Callable[[_Profile, Counter[str]], Iterable[str]],
    counts: Counter[str],
    pause: Callable[[], None],
) -> Iterator[tuple[int, int]]:
    """Yield the places of contacts that have a key in common."""
    firsts: dict[str, int] = {}
    blocks: dict[str, list[int]] = {}
    for place, profile in enumerate(profiles):
        if not place % _CONTACTS_A_PAUSE:
            pause()
        for key in frozenset(keys(profile, counts)):
            first = firsts.setdefault(key, place)
            if first != place:
                blocks.setdefault(key, [first]).append(place)
    firsts.clear()
    for block in blocks.values():
        reach = len(block)
        if reach > _LARGEST_BLOCK:
            block.sort(key=lambda place: profiles[place].joined)
            reach = _NEIGHBOURS
        for index, place in enumerate(block):
            for other in block[index + 1 : index + 1 + reach]:
                yield place, other


_CONTACTS_A_REPORT: Final = 2_000
_PAIRS_A_PAUSE: Final = 32
# Names less alike than this are never enough.
_LEAST_LIKE: Final = 0.65


def find_duplicates(
    contacts: Sequence[ContactFacts],
    dismissed: Collection[tuple[str, str]] = frozenset(),
    *,
    pause: Callable[[], None] = lambda: None,
    report: Callable[[int, int], None] = lambda _, __: None,
) -> list[DuplicatePair]:
    """Return the pairs of contacts that are probably the same, best first, without those dismissed.

    `pause` is called often, so that a thread lets others work. `report` is called now and then with how much
    is done, and of how much; both can end the search by an exception.
    """
    total = len(_KEYS) + 2
    profiles = []
    for number, facts in enumerate(contacts):
        pause()
        if not number % _CONTACTS_A_REPORT:
            report(0, total)
        profiles.append(_profile(facts))
    report(1, total)
    scorer = _Scorer(profiles, pause)
    found: dict[tuple[int, int], tuple[float, tuple[DuplicateReason, ...]]] = {}
    for step, keys in enumerate(_KEYS, 2):
        report(step, total)
        least = 0.0 if keys is _KEYS[0] else _LEAST_LIKE
        for number, (place, other) in enumerate(_pairs(profiles, keys, scorer.words, pause)):
            if not number % _PAIRS_A_PAUSE:
                pause()
            pair = (place, other) if place < other else (other, place)
            if pair in found:
                continue
            score, reasons = scorer.score(profiles[place], profiles[other], least)
            if score >= _LEAST:
                found[pair] = score, reasons
    report(total, total)
    pairs = []
    for (place, other), (score, reasons) in found.items():
        first, second = pair_of(contacts[place].key, contacts[other].key)
        if (first, second) not in dismissed:
            pairs.append(DuplicatePair(first, second, round(score * 100), reasons))
    pairs.sort(key=lambda pair: (-pair.score, pair.first, pair.second))
    return pairs


def group_pairs(pairs: Iterable[DuplicatePair]) -> list[DuplicateGroup]:
    """Return the groups that pairs form, best first; the pairs are best first."""
    owner: dict[str, str] = {}

    def root(key: str) -> str:
        while (above := owner.setdefault(key, key)) != key:
            owner[key] = key = owner[above]
        return key

    known = list(pairs)
    for pair in known:
        owner[root(pair.second)] = root(pair.first)
    members: dict[str, list[DuplicatePair]] = {}
    for pair in known:
        members.setdefault(root(pair.first), []).append(pair)
    return [
        DuplicateGroup(tuple(dict.fromkeys(key for pair in group for key in pair.keys)), tuple(group))
        for group in members.values()
    ]
