"""Generates contacts one by one: kind, name, details, balances."""

from __future__ import annotations

import hashlib
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

from tui.sandbox.books import ACTIVE, ARCHIVED, Document, blank, with_edit_defaults
from tui.sandbox.clock import xero_date
from tui.sandbox.sample_data import names

# Fixed, so that the sample contacts are always the same: 30 June 2026, 12:00 UTC.
NEWEST_MS = 1_782_820_800_000
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
        return self._pick(names.FIRST_NAMES), self._pick(names.LAST_NAMES)

    def _name(self, group: str, person: tuple[str, str]) -> str:
        first, last = person
        roll = self._random.random()
        if group in {"Tenants", "Owners"} and roll >= _FIRM_SHARE:
            other = f" & {self._pick(names.FIRST_NAMES)}" if roll > 1 - _COUPLE_SHARE else ""
            return f"{first}{other} {last}"
        if group == "Owners":
            return f"{last} Family Trust"
        if group == "Utilities" and roll < _FIRM_SHARE:
            return f"{self._pick(names.FIRM_WORDS)} District Council"
        if group == "Trades":
            start = last if roll < _FIRM_SHARE else self._pick(names.FIRM_WORDS)
            return f"{start} {self._pick(names.TRADES)} Ltd"
        ends = names.TENANT_FIRMS if group == "Tenants" else names.UTILITIES
        return f"{self._pick(names.FIRM_WORDS)} {self._pick(ends)}"

    def _unique(self, name: str) -> str:
        """Make a name unique as users do: by a place, then by a street and number, and finally by a count."""
        if name not in self._names:
            return name
        street = self._pick(names.STREETS)
        for candidate in (
            f"{name} ({self._pick(names.TOWNS)[0]})",
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
        town, post_code = self._pick(names.TOWNS)
        street = self._pick(names.STREETS)
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
