"""Contacts for tests of the screens, and the time of those tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tui.model.contact import Balances, Contact, ContactStatus
from tui.model.query import fold

NOW = datetime(2026, 3, 5, 12, 41, 7, tzinfo=UTC)

_NAMES = (
    "Abel Tasman Lettings", "Aroha Tamihana", "Bayside Club", "Bayside Fish & Chips", "Bayside Wholesale",
    "Boulder Plumbing", "Capital Cab Co", "City Limousines", "Coco Café", "DIISR - Small Business Services",
    "Fulton Airport Parking", "Gateway Motors", "Hamilton Smith Ltd", "Hoyt Productions",
    "Jakaranda Maple Systems", "Kaikōura Holiday Homes", "Mercury Energy", "MCO Cleaning Services",
    "Ōtautahi Roofing", "PC Complete", "PowerDirect", "Rex Media Group", "Ridgeway University",
    "SMART Agency", "Swanston Security", "Truxton Property", "Wilson Periodicals", "Xena Blinds",
    "Young Bros Transport", "Zephyr Air Conditioning",
)  # fmt: skip
_PLACES = (
    "Akaroa", "Birkenhead", "Cashmere", "Devonport", "Eastbourne", "Fendalton", "Glen Eden", "Hataitai",
    "Island Bay", "Johnsonville", "Karori", "Lyttelton", "Miramar", "Newtown", "Oriental Bay", "Petone",
    "Queenstown", "Remuera", "Seatoun", "Takapuna", "Upper Hutt", "Vogeltown", "Wadestown",
)  # fmt: skip
_TRADES = (
    "Electrical", "Gardens", "Dental", "Rentals", "Bakery", "Painters", "Joinery", "Law", "Motors", "Books",
    "Physio", "Cleaning", "Glass", "Catering", "Surveyors", "Storage", "Optics", "Signs", "Travel", "Yoga",
)  # fmt: skip


def contact_id(number: int) -> str:
    return f"0000{number:04x}-1111-4222-8333-444455556666"


def contacts(count: int = len(_NAMES)) -> list[Contact]:
    return [_contact(number) for number in range(count)]


def _contact(number: int) -> Contact:
    name = _NAMES[number % len(_NAMES)]
    if number >= len(_NAMES):
        name = f"{_PLACES[number % len(_PLACES)]} {_TRADES[number * 7 % len(_TRADES)]}"
        again = number // (len(_PLACES) * len(_TRADES))
        name += f" {again + 1}" if again else ""
    word = fold(name.split()[0])
    owed = (number * 7919) % 90_000 if number % 13 % 3 else 0
    return Contact(
        contact_id=contact_id(number),
        name=name,
        status=ContactStatus.ARCHIVED if number % 7 == 5 else ContactStatus.ACTIVE,
        updated_at=NOW - timedelta(days=number + 7),
        first_name="Robin",
        last_name=name.split()[-1],
        email=f"accounts@{word}.example" if number % 11 % 4 else "",
        account_number=f"AC-{number:05}",
        phone=f"+64 4 555 {number:04}",
        is_customer=True,
        is_supplier=number % 4 == 0,
        groups=("Tenants",) if number % 2 else (),
        balances=Balances(
            receivable=owed,
            receivable_overdue=owed // 2 if number % 2 else 0,
            read_at=NOW - timedelta(hours=3),
        ),
    )
