"""Reads further fields of a contact from the JSON that Xero returned, for the contact's page."""

from __future__ import annotations

from typing import Final

import msgspec

from tui.model.contact import ContactRecord
from tui.net.lenient_json import UndecodableError, decode
from tui.xero.parsing import Phone, phone_text

_PHONES: Final = {"DEFAULT": "Phone", "MOBILE": "Mobile", "DDI": "Direct", "FAX": "Fax"}
_ADDRESSES: Final = {"STREET": "Street address", "POBOX": "Postal address"}


class _Struct(msgspec.Struct, rename="pascal", gc=False):
    """As in `tui.xero.parsing`; texts aren't limited, as they are only shown."""


class _Address(_Struct):
    address_type: str | None = None
    attention_to: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    address_line3: str | None = None
    address_line4: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


class _Person(_Struct):
    first_name: str | None = None
    last_name: str | None = None
    email_address: str | None = None


class _BatchPayments(_Struct):
    bank_account_number: str | None = None


class _Record(_Struct):
    phones: tuple[Phone, ...] | None = None
    addresses: tuple[_Address, ...] | None = None
    contact_persons: tuple[_Person, ...] | None = None
    tax_number: str | None = None
    bank_account_details: str | None = None
    batch_payments: _BatchPayments | None = None
    company_number: str | None = None
    default_currency: str | None = None
    website: str | None = None


def contact_record(raw: bytes) -> ContactRecord:
    """Return the further fields of a contact; what is missing or unusable is left out."""
    try:
        found = decode(raw, _Record)
    except UndecodableError:
        return ContactRecord()
    payments = found.batch_payments or _BatchPayments()
    phones = {phone.phone_type: phone_text(phone) for phone in found.phones or ()}
    addresses = {address.address_type: _lines(address) for address in found.addresses or ()}
    return ContactRecord(
        phones=tuple((label, phones[kind]) for kind, label in _PHONES.items() if phones.get(kind)),
        addresses=tuple(
            (label, addresses[kind]) for kind, label in _ADDRESSES.items() if addresses.get(kind)
        ),
        people=tuple(text for person in found.contact_persons or () if (text := _person(person))),
        tax_number=found.tax_number or "",
        bank_account=found.bank_account_details or payments.bank_account_number or "",
        company_number=found.company_number or "",
        currency=found.default_currency or "",
        website=found.website or "",
    )


def _lines(address: _Address) -> str:
    town = " ".join(part for part in (address.city, address.region, address.postal_code) if part)
    lines = (
        address.attention_to,
        address.address_line1,
        address.address_line2,
        address.address_line3,
        address.address_line4,
        town,
        address.country,
    )
    return ", ".join(line for line in lines if line)


def _person(person: _Person) -> str:
    name = " ".join(part for part in (person.first_name, person.last_name) if part)
    return ", ".join(part for part in (name, person.email_address) if part)
