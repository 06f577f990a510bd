"""The practice data as it is at first: the same for the same `--contacts`."""

from __future__ import annotations

import hashlib
import random
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tui.sandbox import books
from tui.sandbox.accounting.groups import group_document
from tui.sandbox.books import ACTIVE, ARCHIVED, GDPR, Document, blank, with_edit_defaults
from tui.sandbox.context import NEWEST_MS, xero_date
from tui.sandbox.database import build_database
from tui.sandbox.re_leased.company import fill

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path


FIRST_NAMES = (
    "Aaliyah", "Adam", "Aisha", "Alana", "Albert", "Alice", "Amelia", "Amir", "Ana", "Anahera", "Andrew",
    "Anika", "Aroha", "Arjun", "Astrid", "Ava", "Benjamin", "Bianca", "Blake", "Brianna", "Bruce", "Caleb",
    "Cameron", "Carlos", "Caroline", "Charlotte", "Chloe", "Claire", "Connor", "Cooper", "Daisy", "Daniel",
    "David", "Diana", "Dylan", "Edward", "Eleanor", "Elena", "Elijah", "Elizabeth", "Ella", "Emily", "Emma",
    "Ethan", "Eva", "Evelyn", "Farah", "Felix", "Fiona", "Francis", "Freya", "Gabriel", "George", "Georgia",
    "Grace", "Graham", "Hamish", "Hana", "Hannah", "Harriet", "Harry", "Hassan", "Hemi", "Henry", "Hine",
    "Holly", "Hugo", "Ian", "Ibrahim", "Imogen", "Isaac", "Isabella", "Isla", "Jack", "Jacob", "James",
    "Jasmine", "Jayden", "Jessica", "Jing", "Joel", "John", "Jonah", "Joseph", "Joshua", "Julia", "Kahu",
    "Kaia", "Kate", "Keiko", "Kiri", "Koa", "Lachlan", "Layla", "Leilani", "Leo", "Lewis", "Liam", "Lily",
    "Logan", "Louise", "Lucas", "Lucy", "Luka", "Mahmoud", "Maia", "Malia", "Mana", "Manaia", "Marama",
    "Maria", "Mark", "Mason", "Matiu", "Matthew", "Max", "Mei", "Mere", "Mia", "Michael", "Mila",
    "Mohammed", "Molly", "Naomi", "Natalie", "Nathan", "Ngaire", "Niamh", "Nikau", "Nina", "Noah", "Oliver",
    "Olivia", "Omar", "Oscar", "Patrick", "Paul", "Penelope", "Peter", "Phoebe", "Piper", "Priya", "Quinn",
    "Rachel", "Rawiri", "Rebecca", "Rebekah", "Reuben", "Rhys", "Riley", "Robert", "Rohan", "Rose", "Ruby",
    "Ryan", "Saanvi", "Samuel", "Sarah", "Sebastian", "Sienna", "Simon", "Sina", "Sione", "Sofia", "Sophie",
    "Stella", "Stephen", "Susan", "Tama", "Tane", "Taylor", "Theo", "Thomas", "Tia", "Toby", "Tui",
    "Victoria", "Vikram", "Violet", "Wiremu", "William", "Willow", "Xavier", "Yara", "Yuki", "Yusuf",
    "Zachary", "Zara", "Zoe",
)  # fmt: skip

LAST_NAMES = (
    "Abbott", "Adams", "Ahmed", "Aitken", "Alexander", "Allen", "Anderson", "Armstrong", "Arnold",
    "Atkinson", "Bailey", "Baker", "Barnes", "Barrett", "Bell", "Bennett", "Berry", "Bishop", "Black",
    "Blair", "Boyd", "Bradley", "Brennan", "Brooks", "Brown", "Bryant", "Burgess", "Burke", "Burns",
    "Butler", "Byrne", "Cameron", "Campbell", "Carr", "Carroll", "Carter", "Chan", "Chapman", "Chen",
    "Clark", "Clarke", "Cole", "Collins", "Cook", "Cooper", "Cox", "Craig", "Crawford", "Cross",
    "Cunningham", "Dalton", "Davidson", "Davies", "Davis", "Dawson", "Dean", "Devi", "Dixon", "Doherty",
    "Douglas", "Doyle", "Duncan", "Dunn", "Edwards", "Elliott", "Ellis", "Evans", "Faleolo", "Farrell",
    "Ferguson", "Fernandez", "Fisher", "Fletcher", "Ford", "Foster", "Fox", "Francis", "Fraser", "Freeman",
    "Gallagher", "Garcia", "Gibson", "Gill", "Gordon", "Graham", "Grant", "Gray", "Green", "Greene",
    "Griffin", "Gupta", "Hall", "Hamilton", "Hansen", "Harris", "Harrison", "Hart", "Harvey", "Hayes",
    "Henare", "Henderson", "Hill", "Holland", "Holmes", "Howard", "Hughes", "Hunt", "Hunter", "Hussain",
    "Jackson", "James", "Jenkins", "Johnson", "Johnston", "Jones", "Jordan", "Joseph", "Kaur", "Kelly",
    "Kennedy", "Khan", "King", "Knight", "Kumar", "Lambert", "Lane", "Lawrence", "Lawson", "Lee", "Leslie",
    "Lewis", "Li", "Lin", "Liu", "Lloyd", "Lopez", "Lynch", "MacDonald", "Mackay", "Marsh", "Marshall",
    "Martin", "Mason", "Matthews", "McCarthy", "McDonald", "McKenzie", "McLean", "Mehta", "Miller", "Mills",
    "Mitchell", "Moana", "Moore", "Morgan", "Morris", "Morrison", "Murphy", "Murray", "Nair", "Nash",
    "Newman", "Ngata", "Nguyen", "Nikora", "Nolan", "Nordstrom", "O'Brien", "O'Connor", "O'Neill", "Oliver",
    "Osborne", "Owen", "Palmer", "Paki", "Parata", "Park", "Parker", "Patel", "Paterson", "Pearce",
    "Pearson", "Perry", "Peters", "Phillips", "Pike", "Poole", "Porter", "Potter", "Powell", "Price",
    "Pritchard", "Quinn", "Ramsay", "Rangi", "Read", "Reid", "Reilly", "Reynolds", "Rice", "Richards",
    "Richardson", "Roberts", "Robertson", "Robinson", "Rogers", "Rose", "Ross", "Russell", "Ryan",
    "Sanders", "Santos", "Scott", "Sharma", "Shaw", "Sharp", "Silva", "Simpson", "Sinclair", "Singh",
    "Smith", "Spencer", "Stephens", "Stevens", "Stewart", "Stone", "Sullivan", "Sutherland", "Tamihana",
    "Tan", "Tauranga", "Taylor", "Te-Aho", "Thomas", "Thompson", "Thomson", "Tipene", "Todd", "Tran",
    "Tucker", "Tuhoe", "Turner", "Vaughan", "Vella", "Waititi", "Walker", "Wallace", "Walsh", "Wang",
    "Ward", "Watene", "Watson", "Watts", "Webb", "West", "White", "Wilkinson", "Williams", "Williamson",
    "Wilson", "Wong", "Wood", "Wright", "Wu", "Yang", "Young", "Zhang",
)  # fmt: skip

TENANT_FIRMS = (
    "Bakery", "Books", "Café", "Dental", "Design Studio", "Fitness", "Florist", "Law", "Optical", "Pharmacy",
    "Physio", "Records", "Travel", "Yoga", "Coffee Roasters", "Barbers", "Robotics", "Architects", "Imports",
)  # fmt: skip

TRADES = (
    "Plumbing", "Electrical", "Roofing", "Painting", "Cleaning", "Landscaping", "Locksmiths", "Lifts",
    "Fire Protection", "Glazing", "Carpentry", "Pest Control", "Heating", "Drainage", "Flooring", "Gutters",
    "Security", "Waste", "Scaffolding", "Air Conditioning",
)  # fmt: skip

FIRM_WORDS = (
    "Anchor", "Bayside", "Beacon", "Blue Sky", "Bridge", "Capital", "Cedar", "City", "Clearwater", "Coastal",
    "Compass", "Corner", "Crown", "Eastern", "Evergreen", "Falcon", "Fern", "Gateway", "Golden", "Granite",
    "Greenstone", "Harbour", "Hilltop", "Huia", "Island", "Kauri", "Kererū", "Keystone", "Kōwhai", "Lakeside",
    "Lighthouse", "Manuka", "Maple", "Mātai", "Metro", "Moana", "Northern", "Oak", "Orchard", "Pacific",
    "Parkside", "Peak", "Pīwakawaka", "Pōhutukawa", "Premier", "Rātā", "Rimu", "River", "Sentinel", "Silver",
    "Southern", "Station", "Summit", "Sunrise", "Tūī", "Tasman", "Tōtara", "Union", "Valley", "Victoria",
    "Waterfront", "Western", "Whānui", "Willow",
)  # fmt: skip

UTILITIES = (
    "Power",
    "Energy",
    "Water",
    "Gas",
    "Broadband",
    "Fibre",
    "Insurance",
    "Lines",
    "Solar",
    "Metering",
)  # fmt: skip

STREETS = (
    "Bayview Road", "Kōwhai Street", "Harbour Terrace", "Vine Lane", "Queen's Parade", "Station Road",
    "Tūī Crescent", "Mill Street", "Jetty Road", "Orchard Avenue", "Victoria Quay", "Ōtūmoetai Road",
    "Hilltop Rise", "Market Place", "Cathedral Square", "Ferry Street", "Rātā Grove", "Wharf Street",
)  # fmt: skip

TOWNS = (
    ("Auckland", "1010"), ("Wellington", "6011"), ("Christchurch", "8011"), ("Hamilton", "3204"),
    ("Tauranga", "3110"), ("Dunedin", "9016"), ("Whangārei", "0110"), ("Napier", "4110"), ("Nelson", "7010"),
    ("Taupō", "3330"), ("Ōtaki", "5512"), ("Kāpiti", "5032"),
)  # fmt: skip

# Names that programs often mishandle, all of active contacts.
AWKWARD_NAMES = (
    "a [/x] b",
    "<b>bold</b>",
    "[red]",
    "Ngāti Wharenui Housing Trust",
    "Te Whare Kōkōwai Papakāinga",
    "Māhina Tūtānekai-Rāwiri",
    "شركة النور للعقارات",
    "مؤسسة الهدى للصيانة",
    "さくら不動産株式会社",
    "陈伟物业管理有限公司",
    "김민준",
    "🏡 Happy Homes Cleaning",
    "👨‍👩‍👧‍👦 Nguyen Family Trust",
    "Zoë Müller 🌈",
    "Łukasz & Žofia Brådström",
    'O\'Hara "Quick" Plumbing & Söhne',
    "=SUM(A1:A9) Signs Ltd",
    "100% Clean_Co",
)


_THREE_YEARS_MS = 3 * 365 * 86_400_000

_ARCHIVED_SHARE = 0.14
_COUPLE_SHARE = 0.12
_FIRM_SHARE = 0.3
_OWED_SHARE = {"Tenants": 0.3, "Owners": 0.08, "Trades": 0.4, "Utilities": 0.5}
_OVERDUE_SHARE = 0.35
_UNITS = "ABCDEFGH"


@dataclass(slots=True)
class SampleContact:
    """One contact, before it is stored."""

    document: Document
    group: str
    updated: int
    created: int


@dataclass(slots=True)
class ContactFactory:
    """Generates the contacts of one organisation: the same ones in the same order for the same `salt`."""

    salt: str
    _random: random.Random = field(init=False, repr=False)
    _names: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        # Repeatable on purpose; not used for security.
        self._random = random.Random(self.salt)  # noqa: S311 - as above

    def contact_id(self, number: int) -> str:
        """Return the id of the contact with this number."""
        digest = hashlib.blake2b(f"{self.salt}/{number}".encode(), digest_size=16).digest()
        return str(uuid.UUID(bytes=digest, version=4))

    def make(self, number: int, *, name: str | None = None, active: bool | None = None) -> SampleContact:
        """Generate the next contact; the given name may already be in use."""
        chance = self._random.random
        group = self._group(chance())
        person = self._person()
        document = blank(self.contact_id(number), name or self._unique(self._name(group, person)))
        self._names.add(document["Name"])
        if active is None:
            active = chance() >= _ARCHIVED_SHARE
        document["ContactStatus"] = ACTIVE if active else ARCHIVED
        self._particulars(document, group, person, number)
        self._balances(document, group)
        updated = NEWEST_MS - int(chance() ** 2 * _THREE_YEARS_MS) - number % 997
        document["UpdatedDateUTC"] = xero_date(updated)
        return SampleContact(document, group, updated, updated - int(chance() * _THREE_YEARS_MS))

    def _group(self, roll: float) -> str:
        for group, limit in (("Tenants", 0.62), ("Owners", 0.8), ("Trades", 0.94)):
            if roll < limit:
                return group
        return "Utilities"

    def _person(self) -> tuple[str, str]:
        return self._pick(FIRST_NAMES), self._pick(LAST_NAMES)

    def _name(self, group: str, person: tuple[str, str]) -> str:
        first, last = person
        roll = self._random.random()
        if group in {"Tenants", "Owners"} and roll >= _FIRM_SHARE:
            other = f" & {self._pick(FIRST_NAMES)}" if roll > 1 - _COUPLE_SHARE else ""
            return f"{first}{other} {last}"
        if group == "Owners":
            return f"{last} Family Trust"
        if group == "Utilities" and roll < _FIRM_SHARE:
            return f"{self._pick(FIRM_WORDS)} District Council"
        if group == "Trades":
            start = last if roll < _FIRM_SHARE else self._pick(FIRM_WORDS)
            return f"{start} {self._pick(TRADES)} Ltd"
        ends = TENANT_FIRMS if group == "Tenants" else UTILITIES
        return f"{self._pick(FIRM_WORDS)} {self._pick(ends)}"

    def _unique(self, name: str) -> str:
        """Make a name unique as users do: by a place, then by a street and number, and finally by a count."""
        if name not in self._names:
            return name
        street = self._pick(STREETS)
        for candidate in (
            f"{name} ({self._pick(TOWNS)[0]})",
            f"{name} ({street})",
            f"{name} ({self._random.randrange(1, 400)} {street})",
        ):
            if candidate not in self._names:
                return candidate
        return f"{name} ({len(self._names)})"

    def _particulars(self, document: Document, group: str, person: tuple[str, str], number: int) -> None:
        first, last = person
        named_after_person = document["Name"].startswith(first) and last in document["Name"]
        if named_after_person or self._random.random() < 0.5:  # noqa: PLR2004 - half of the firms have a person
            document["FirstName"], document["LastName"] = first, last
            document["EmailAddress"] = f"{first}.{last}{number}@mail.example".lower().replace("'", "")
        elif group != "Tenants":
            document["EmailAddress"] = f"accounts{number}@{group.lower()}.example"
        town, post_code = self._pick(TOWNS)
        street = self._pick(STREETS)
        house = self._random.randrange(1, 240)
        unit = f"{self._random.randrange(1, 40)}{self._pick(_UNITS)}"
        if group == "Tenants":
            document["AccountNumber"] = f"{street[:3].upper()}{house}-{unit}"
            document["ContactNumber"] = f"RL{100_000 + number}"
        elif group == "Owners":
            document["AccountNumber"] = f"OWN-{number:05}"
        line = f"{unit}/{house} {street}" if group == "Tenants" else f"{house} {street}"
        if "EmailAddress" not in document:
            # Some contacts were never edited since they were created: they have neither phone nor address.
            return
        document |= with_edit_defaults(document)
        street_slot, mobile = document["Addresses"][0], document["Phones"][3]
        street_slot |= {"AddressLine1": line, "City": town, "PostalCode": post_code, "Country": "New Zealand"}
        mobile |= {
            "PhoneNumber": f"555 {number % 10_000:04}",
            "PhoneAreaCode": "021",
            "PhoneCountryCode": "64",
        }
        if named_after_person and " & " in document["Name"]:
            document["ContactPersons"] = [{"FirstName": first, "LastName": last, "IncludeInEmails": True}]

    def _balances(self, document: Document, group: str) -> None:
        pays = group in {"Tenants", "Owners"}
        document["IsCustomer"], document["IsSupplier"] = pays, not pays or group == "Owners"
        if self._random.random() >= _OWED_SHARE[group]:
            return
        owed = self._random.randrange(20_00, 4_500_00) / 100
        overdue = owed if self._random.random() < _OVERDUE_SHARE else 0.0
        sides: dict[str, Any] = {
            "AccountsReceivable": {"Outstanding": 0.0, "Overdue": 0.0},
            "AccountsPayable": {"Outstanding": 0.0, "Overdue": 0.0},
        }
        side = "AccountsReceivable" if group == "Tenants" else "AccountsPayable"
        sides[side] = {"Outstanding": owed, "Overdue": overdue}
        document["Balances"] = sides

    def _pick(self, choices: Any) -> Any:
        return choices[int(self._random.random() * len(choices))]


GROUPS = ("Tenants", "Owners", "Trades", "Utilities")
_SECOND_ORGANISATION = 7
# The first contact of the second organisation has the name of one in the first: Re-Leased has them as one.
_IN_BOTH = 3
_NAMESPACE = uuid.UUID("8c1f0a54-3f0e-4a55-9d0b-6a1f5e0c2d11")
_ORGANISATIONS = (
    (1, "Harbour & Vine Property Trust (Practice)", "!Hv4Pt"),
    (2, "Kererū Lane Holdings (Practice)", "!Kr2Ln"),
)
_COLUMNS = (
    *books.COLUMNS, "id", "org", "updated", "created", "merged_to", "repeating", "released_active",
    "released_linked",
)  # fmt: skip
_INSERT = f"INSERT INTO contacts ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own column names


@dataclass(frozen=True, slots=True)
class _Role:
    """What is special about a contact. `twin` is the number of another contact."""

    active: bool | None = None
    twin: int | None = None
    merged: bool = False
    gdpr: bool = False
    repeating: bool = False
    linked: bool = True
    currency: str | None = None


def seed(file: Path, contacts: int) -> None:
    """Create the practice database, with this many contacts in the first organisation."""
    with build_database(file) as connection:
        connection.execute("INSERT INTO meta VALUES ('contacts', ?)", (str(contacts),))
        first_row = 1
        for org, name, short_code in _ORGANISATIONS:
            count = contacts if org == 1 else max(1, contacts // _SECOND_ORGANISATION)
            tenant_id = str(uuid.uuid5(_NAMESPACE, name))
            connection.execute(
                "INSERT INTO organisations VALUES (?, ?, ?, ?, ?)",
                (org, tenant_id, name, short_code, NEWEST_MS - 4 * 365 * 86_400_000),
            )
            connection.execute(
                "INSERT INTO connections VALUES (?, ?, ?, ?, ?)",
                (str(uuid.uuid5(_NAMESPACE, f"connection {org}")), org, str(uuid.uuid5(_NAMESPACE, "event")),
                 NEWEST_MS, NEWEST_MS),
            )  # fmt: skip
            _fill(connection, org, first_row, count)
            first_row += count
        fill(connection)


def _fill(connection: sqlite3.Connection, org: int, first_row: int, count: int) -> None:
    groups = {name: str(uuid.uuid5(_NAMESPACE, f"{org} {name}")) for name in GROUPS}
    connection.executemany(
        "INSERT INTO groups VALUES (?, ?, ?, 'ACTIVE')", [(groups[name], org, name) for name in GROUPS]
    )
    members: list[tuple[str, int]] = []
    connection.executemany(_INSERT, _rows(org, first_row, count, groups, members))
    connection.executemany("INSERT INTO group_members VALUES (?, ?)", members)


def _rows(
    org: int, first_row: int, count: int, groups: dict[str, str], members: list[tuple[str, int]]
) -> Iterator[tuple[Any, ...]]:
    factory = ContactFactory(f"reshelve {org}")
    shown = {name: group_document(group_id, name) for name, group_id in groups.items()}
    roles, plain = _roles(count), _Role()
    names: dict[int | None, str] = {}
    wanted = {role.twin for role in roles.values()}
    for number in range(count):
        role = roles.get(number, plain)
        given = AWKWARD_NAMES[number] if org == 1 and number < len(AWKWARD_NAMES) else None
        if role.twin is not None and not role.merged:
            given = names[role.twin]
        sample = factory.make(number, name=given, active=True if number < len(AWKWARD_NAMES) else role.active)
        if org > 1 and number == 0:
            sample.document["Name"] = AWKWARD_NAMES[_IN_BOTH]
        if number in wanted:
            names[number] = sample.document["Name"]
        sample.document["ContactGroups"] = [shown[sample.group]]
        members.append((groups[sample.group], first_row + number))
        yield _row(org, first_row + number, sample, role, factory)


def _row(org: int, row: int, sample: SampleContact, role: _Role, factory: ContactFactory) -> tuple[Any, ...]:
    document = sample.document
    merged_to = factory.contact_id(role.twin) if role.merged and role.twin is not None else None
    if role.merged:
        document["MergedToContactID"] = merged_to
    if role.merged or role.gdpr:
        document["ContactStatus"] = ARCHIVED if role.merged else GDPR
    if role.currency is not None:
        document["DefaultCurrency"] = role.currency
    document = books.in_order(document)
    active = document["ContactStatus"] == ACTIVE
    return (
        *books.columns(document), row, org, sample.updated, sample.created, merged_to, role.repeating,
        active, role.linked,
    )  # fmt: skip


def _roles(count: int) -> dict[int, _Role]:
    """Distribute the special cases over the first contacts; small databases have fewer of them."""
    start, step = len(AWKWARD_NAMES), 3
    ordinary = _Role(active=True)
    cases = [
        *[replace(ordinary, active=False, twin=0)] * 6,
        *[replace(ordinary, active=False, twin=0, merged=True)] * 4,
        *[replace(ordinary, repeating=True)] * 6,
        *[replace(ordinary, linked=False)] * 2,
        # Re-Leased unlinks contacts in a currency other than the organisation's.
        *[replace(ordinary, linked=False, currency="AUD")] * 2,
        *[replace(ordinary, active=False, linked=False)] * 2,
        *[replace(ordinary, active=False, gdpr=True)] * 2,
    ]
    roles: dict[int, _Role] = {}
    number = start
    for case in cases[:: max(1, -(-len(cases) * 10 // count))]:
        # The contact before a twin is the active one with the same name, or the one it was merged into.
        roles[number] = ordinary
        roles[number + 1] = case if case.twin is None else replace(case, twin=number)
        number += step
    return roles
