"""Contacts with known duplicates among them, and with pairs that only look like duplicates.

The finder is tuned on seeds 0 to 4; its tests use others.
"""

from __future__ import annotations

import random
import re
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tui.model.duplicates import ContactFacts, pair_of

if TYPE_CHECKING:
    from collections.abc import Callable


def _words(text: str) -> list[str]:
    return text.split()


_FIRST: Final = _words(
    "John James Mary Anna Peter Sarah David Michael Emma Olivia Liam Noah Grace Ruby Jack Thomas Lucy "
    "Ella Mia Aroha Tane Wiremu Mei Priya Arjun Fatima Omar Carlos Sofia Ingrid Lars Siobhan Niamh "
    "Padraig Gwen Hamish Fiona Stuart Kirsty Duncan Rachel Rebecca Hannah Joshua Caleb Nathan Aaron "
    "Simon Paul Mark Luke"
)
_LAST: Final = _words(
    "Smith Jones Brown Wilson Taylor Anderson Andersen Thompson Thomson Walker Clark Clarke Harris "
    "Lewis Young Hall Allen King Wright Scott Green Baker Adams Nelson Hill Campbell Mitchell Roberts "
    "Carter Phillips Evans Turner Parker Collins Edwards Stewart Stuart Morris Murphy Cook Rogers "
    "Morgan Cooper Peterson Reed Bailey Bell Kelly Howard Ward Cox Richardson Wood Watson Brooks "
    "Bennett Gray James Hughes Price Myers Long Foster Sanders Ross Morales Powell Sullivan Russell "
    "Ortiz Jenkins Perry Butler Barnes Fisher Henderson Coleman Simmons Patterson Jordan Reynolds "
    "Hamilton Graham Wallace Woods West Cole Hayes Gibson Patel Singh Nguyen Tran Chen Wang Zhang "
    "Kaur Sharma Te-Awa Ngata Parata Hohepa O'Brien O'Neill MacDonald McDonald McLeod Fraser Sinclair "
    "Featherstone Abernathy Winterbottom Szymanski Kowalczyk Papadopoulos"
)
_PLACES: Final = _words(
    "Albany Ponsonby Bayside Harbour Riverside Hillcrest Lakeview Northcote Takapuna Remuera Parnell "
    "Kelburn Karori Riccarton Fendalton Merivale Sumner Lyttelton Kaiapoi Rangiora Timaru Oamaru "
    "Wanaka Queenstown Arrowtown Gore Bluff Picton Blenheim Nelson Motueka Napier Hastings Taupo "
    "Rotorua Tauranga Whakatane Gisborne Hamilton Cambridge Raglan Thames Whangarei Kerikeri Paihia "
    "Dargaville Orewa Silverdale"
)
_TRADES: Final = _words(
    "Plumbing Electrical Roofing Painting Gardens Cleaning Security Lifts Glazing Flooring Carpets "
    "Locksmiths Fencing Drainage Scaffolding Concrete Joinery Kitchens Signage Waste Landscaping "
    "Airconditioning Insurance Legal Surveyors Architects Motors Bakery Pharmacy Dental Optics "
    "Florist Travel Books Cycles"
)
_INVENTED: Final = _words(
    "ba be bi bo bu da de di do du fa fe ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni no ra "
    "re ri ro sa se si so ta te ti to va ve vi vo za zo"
)
_FORMS: Final = frozenset(("ltd", "limited", "pty", "inc", "incorporated", "llc", "the", "and"))
_CHAINS: Final = ("Countdown", "Kiwimart", "Paperworks", "Burgerhaus", "Fitzone")


@dataclass
class Books:
    """Contacts in random order, and the pairs of them that are duplicates, by what makes them so."""

    contacts: list[ContactFacts] = field(default_factory=list)
    duplicates: dict[tuple[str, str], str] = field(default_factory=dict)
    lookalikes: dict[tuple[str, str], str] = field(default_factory=dict)


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - not for secrets
        self.books = Books()
        self._names: set[str] = set()

    def is_new(self, *names: str) -> bool:
        """Whether no contact has these names yet, whatever its form: a second one may well be a duplicate."""
        keys = {
            "".join(sorted(word for word in re.findall(r"\w+", name.casefold()) if word not in _FORMS))
            for name in names
        }
        if keys & self._names:
            return False
        self._names |= keys
        return True

    def add(self, name: str, **more: object) -> ContactFacts:
        facts = ContactFacts(f"{len(self.books.contacts):07}", name, **more)  # type: ignore[arg-type]
        self.books.contacts.append(facts)
        return facts

    def word(self) -> str:
        return "".join(self.random.choices(_INVENTED, k=self.random.randint(2, 4))).capitalize()

    def digits(self, count: int) -> str:
        return "".join(self.random.choices(string.digits, k=count))

    def phone(self) -> str:
        return f"+64 {self.random.choice('23469')} {self.digits(3)} {self.digits(4)}"

    def details(self, name: str, chance: float = 0.6) -> dict[str, object]:
        """Make details, each with this chance."""
        found: dict[str, object] = {}
        words = "".join(char for char in name.casefold() if char.isalnum() or char == " ").split()
        draw = self.random.random
        if draw() < chance:
            mailbox = self.random.choice(["accounts", "info", "office", words[0], ".".join(words[:2])])
            found["email"] = f"{mailbox}{self.digits(2)}@{self.word().casefold()}.example"
        if draw() < chance:
            found["phones"] = (self.phone(),)
        if draw() < chance / 2:
            found["tax_number"] = self.digits(9)
        if draw() < chance / 2:
            found["bank_account"] = f"{self.digits(2)}-{self.digits(4)}-{self.digits(7)}-00"
        if draw() < chance / 4:
            found["account_number"] = f"C{self.digits(6)}"
        return found

    def person(self) -> str:
        return f"{self.random.choice(_FIRST)} {self.random.choice(_LAST)}"

    def company(self) -> str:
        form = self.random.choice(["Ltd", "Limited", "Pty Ltd", "Inc", "LLC", "", ""])
        kind = self.random.randrange(4)
        if kind == 0:
            name = f"{self.word()} {self.random.choice(_TRADES)}"
        elif kind == 1:
            name = f"{self.random.choice(_PLACES)} {self.random.choice(_TRADES)}"
        elif kind == 2:
            name = f"{self.random.choice(_LAST)} & {self.random.choice(_LAST)} {self.random.choice(_TRADES)}"
        else:
            name = f"{self.word()} {self.word()}"
        return f"{name} {form}".strip()


def _typo(maker: _Maker, name: str) -> str:
    """Make one typo in a word of at least five letters."""
    words = name.split()
    long = [place for place, word in enumerate(words) if len(word) > 4]
    if not long:
        return name + name[-1]
    place = maker.random.choice(long)
    word = words[place]
    at = maker.random.randrange(1, len(word) - 1)
    kind = maker.random.randrange(4)
    changed = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + maker.random.choice(string.ascii_lowercase) + word[at + 1 :],
    )[kind]
    words[place] = changed
    return " ".join(words)


def _other_phone_form(phone: str) -> str:
    return "0" + phone.removeprefix("+64 ").replace(" ", "-")


def _form(maker: _Maker) -> tuple[str, str, dict[str, object]]:
    base = f"{maker.word()} {maker.random.choice(_TRADES)}"
    one, other = maker.random.choice(
        [("Ltd", "Limited"), ("Pty Ltd", "Pty. Limited"), ("Inc", "Incorporated"), ("Limited", "")]
    )
    return f"{base} {one}", f"{base} {other}".strip(), {}


def _article(maker: _Maker) -> tuple[str, str, dict[str, object]]:
    one, other = maker.random.choice(_LAST), maker.random.choice(_LAST)
    trade = maker.random.choice(_TRADES)
    return f"{one} & {other} {trade} Ltd", f"The {one} and {other} {trade} Ltd", {}


def _swapped(maker: _Maker) -> tuple[str, str, dict[str, object]]:
    first, last = maker.random.choice(_FIRST), maker.random.choice(_LAST)
    return f"{first} {last}", f"{last}, {first}", {}


def _mistyped(maker: _Maker) -> tuple[str, str, dict[str, object]]:
    name = maker.company()
    return name, _typo(maker, name), {}


def _initial(maker: _Maker) -> tuple[str, str, dict[str, object]]:
    first, last = maker.random.choice(_FIRST), maker.random.choice(_LAST)
    return (
        f"{first} {last}",
        f"{first[0]}. {last}",
        {"email": f"{first}.{last}{maker.digits(3)}@home.example"},
    )


def _renamed(maker: _Maker) -> tuple[str, str, dict[str, object]]:
    return (
        maker.company(),
        maker.company(),
        {"tax_number": maker.digits(9), "email": f"{maker.word()}@own.example"},
    )


def _abbreviated(maker: _Maker) -> tuple[str, str, dict[str, object]]:
    word = maker.word()
    one, other = maker.random.choice(
        [("Property Management", "Property Mgmt"), ("Services", "Svcs"), ("Brothers", "Bros")]
    )
    return f"{word} {one}", f"{word} {other}", {}


def _spaced(maker: _Maker) -> tuple[str, str, dict[str, object]]:
    one, other = maker.word(), maker.word()
    return f"{one} {other} Ltd", f"{one}{other.casefold()} Ltd", {}


def _accented(maker: _Maker) -> tuple[str, str, dict[str, object]]:
    name = maker.company()
    return name, name.upper().replace("A", "Ā").replace("O", "Ö"), {}


def _longer(maker: _Maker) -> tuple[str, str, dict[str, object]]:
    base = f"{maker.word()} {maker.random.choice(_TRADES)}"
    return base, f"{base} {maker.random.choice(['Services', 'Group', 'NZ'])}", {"phones": (maker.phone(),)}


_DUPLICATES: Final[dict[str, Callable[[_Maker], tuple[str, str, dict[str, object]]]]] = {
    "form": _form, "article": _article, "swapped": _swapped, "mistyped": _mistyped, "initial": _initial,
    "renamed": _renamed, "abbreviated": _abbreviated, "spaced": _spaced, "accented": _accented,
    "longer": _longer,
}  # fmt: skip


_Named = tuple[str, dict[str, object]]


def _look_alike(maker: _Maker, kind: str) -> tuple[_Named, _Named]:  # noqa: PLR0911 - one for each kind
    """Make two contacts that are not the same."""
    first, last = maker.random.choice(_FIRST), maker.random.choice(_LAST)
    email, phone = f"{last}{maker.digits(3)}@home.example", maker.phone()
    if kind == "trust":
        name = f"{last} {maker.word()} Trust"
        return (name, {"email": email}), (f"{name} No 2", {"email": email})
    if kind == "branch":
        chain = maker.random.choice(_CHAINS)
        one, other = maker.random.sample(_PLACES, 2)
        office = {"email": f"accounts@{chain.casefold()}.example"}
        return (f"{chain} {one}", {**office}), (f"{chain} {other}", {**office})
    if kind == "father and son":
        a, b = maker.random.sample(string.ascii_uppercase, 2)
        phones = (phone,), (_other_phone_form(phone),)
        return (f"{first} {a} {last}", {"phones": phones[0]}), (f"{first} {b} {last}", {"phones": phones[1]})
    if kind == "senior":
        return (f"{first} {last} Snr", {"email": email}), (f"{first} {last} Jnr", {"email": email})
    if kind == "couple":
        other = maker.random.choice([name for name in _FIRST if name[0] != first[0]])
        home: dict[str, object] = {"email": email, "phones": (phone,)}
        return (f"{first} {last}", home), (f"{other} {last}", home)
    if kind == "domain":
        domain = f"{maker.word().casefold()}.example"
        return (
            (maker.company(), {"email": f"sales@{domain}"}),
            (maker.company(), {"email": f"help@{domain}"}),
        )
    if kind == "unit":
        street = f"{maker.word()} {maker.random.choice(_PLACES)} Body Corporate"
        return (f"Unit 1 {street}", {}), (f"Unit 2 {street}", {})
    word = maker.word()
    if kind == "company and trust":
        return (f"{word} Holdings Ltd", {}), (f"{word} Holdings Trust", {})
    one, other = maker.random.sample(_TRADES, 2)
    return (f"{word} {one} Ltd", {}), (f"{word} {other} Ltd", {})


LOOKALIKES: Final = (
    "trust", "branch", "father and son", "senior", "couple", "domain", "unit", "company and trust", "trades",
)  # fmt: skip


def _add_duplicates(maker: _Maker, each: int) -> None:
    for kind, make in _DUPLICATES.items():
        for _ in range(each):
            one, other, same = make(maker)
            while not maker.is_new(one, other):
                one, other, same = make(maker)
            details = {**maker.details(one, 0.35), **same}
            # Some details are missing in one of them, or differ.
            again = {
                key: value for key, value in details.items() if key in same or maker.random.random() < 0.7
            }
            if "phones" in again and maker.random.random() < 0.5:
                again["phones"] = tuple(map(_other_phone_form, again["phones"]))  # type: ignore[call-overload]
            if "email" in again and "email" not in same and maker.random.random() < 0.3:
                again["email"] = f"{maker.word()}@elsewhere.example"
            keys = maker.add(one, **details).key, maker.add(other, **again).key
            maker.books.duplicates[pair_of(*keys)] = kind


def _add_lookalikes(maker: _Maker, each: int) -> None:
    for kind in LOOKALIKES:
        for _ in range(each):
            (one, details), (other, again) = _look_alike(maker, kind)
            while not maker.is_new(one, other):
                (one, details), (other, again) = _look_alike(maker, kind)
            first, second = maker.add(one, **details), maker.add(other, **again)
            maker.books.lookalikes[pair_of(first.key, second.key)] = kind


def seeded_books(seed: int, *, others: int = 1_500, each: int = 12) -> Books:
    """Make books with `each` of every kind of duplicate and look-alike, and `others` that are neither."""
    maker = _Maker(seed)
    books = maker.books
    while len(books.contacts) < others:
        name = maker.person() if maker.random.random() < 0.4 else maker.company()
        if maker.is_new(name):
            maker.add(name, **maker.details(name))
    # Tenants of one manager have its phone and mailbox.
    manager: dict[str, object] = {"phones": (maker.phone(),), "email": "office@manager.example"}
    for place in maker.random.sample(range(others), 25):
        books.contacts[place] = replace(books.contacts[place], **manager)
    _add_duplicates(maker, each)
    _add_lookalikes(maker, each)
    maker.random.shuffle(books.contacts)
    return books
