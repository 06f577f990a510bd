"""Xero's JSON as it comes over the wire (Xero's OpenAPI, v16.1, and what was seen live).

Nearly every field may be missing, null or empty, which all mean the same.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from typing import Final

import msgspec

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = re.compile(r"/Date\((-?[0-9]+)(?:[+-][0-9]{4})?\)/")


def moment(text: str) -> datetime:
    """Read `/Date(1488391422280+0000)/`: milliseconds since 1970 in UTC, with or without the offset.

    Raises `ValueError` or `OverflowError` when it isn't one.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError("not a date as Xero writes them")
    return _EPOCH + timedelta(milliseconds=int(found[1]))


class _Wire(msgspec.Struct, rename="pascal", gc=False):
    """Xero writes all names in PascalCase, and adds fields as it pleases: unknown ones are ignored."""


class Phone(_Wire):
    """One of a contact's fixed slots: DDI, DEFAULT, FAX, MOBILE; often an empty stub."""

    phone_type: str | None = None
    phone_number: str | None = None
    phone_area_code: str | None = None
    phone_country_code: str | None = None


class Group(_Wire):
    """A contact group that a contact is in."""

    name: str | None = None


class Amounts(_Wire):
    """One side of the balances, in the organisation's currency; `Decimal`, as money is no float."""

    outstanding: Decimal | None = None
    overdue: Decimal | None = None


class Balances(_Wire):
    """Left out of light lists, and of contacts that never had an invoice."""

    accounts_receivable: Amounts | None = None
    accounts_payable: Amounts | None = None


class ContactElement(_Wire):
    """The fields of a contact that are shown, searched or decided on; the rest stays in the raw JSON."""

    contact_id: str = msgspec.field(name="ContactID")
    contact_status: str
    updated_date_utc: str = msgspec.field(name="UpdatedDateUTC")
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email_address: str | None = None
    account_number: str | None = None
    contact_number: str | None = None
    is_customer: bool | None = None
    is_supplier: bool | None = None
    merged_to_contact_id: str | None = msgspec.field(name="MergedToContactID", default=None)
    phones: tuple[Phone, ...] | None = None
    contact_groups: tuple[Group, ...] | None = None
    balances: Balances | None = None


class Pagination(msgspec.Struct, rename="camel", gc=False):
    """The one lower-case block of an envelope."""

    page: int
    page_count: int
    item_count: int


class ContactsEnvelope(_Wire):
    """A list of contacts, each kept as it came so that one broken element can't spoil the others."""

    contacts: tuple[msgspec.Raw, ...]
    date_time_utc: str | None = msgspec.field(name="DateTimeUTC", default=None)
    pagination: Pagination | None = msgspec.field(name="pagination", default=None)


class ValidationError(_Wire):
    """One reason why an element was refused."""

    message: str | None = None


class Verdict(_Wire):
    """What a bulk write says of one element, whatever else is in it."""

    contact_id: str | None = msgspec.field(name="ContactID", default=None)
    status_attribute_string: str | None = None
    has_validation_errors: bool | None = None
    validation_errors: tuple[ValidationError, ...] | None = None


class Problem(_Wire):
    """The JSON of a failed call; Xero's gateway and its API fill in different fields."""

    type: str | None = None
    title: str | None = None
    detail: str | None = None
    message: str | None = None
    elements: tuple[msgspec.Raw, ...] | None = None


class OrganisationElement(_Wire):
    """The fields of an organisation that matter here."""

    organisation_id: str | None = msgspec.field(name="OrganisationID", default=None)
    name: str | None = None
    short_code: str | None = None
    base_currency: str | None = None
    timezone: str | None = None
    is_demo_company: bool | None = None


class OrganisationsEnvelope(_Wire):
    """A list that always holds exactly one organisation."""

    organisations: tuple[OrganisationElement, ...]


class HistoryRecord(_Wire):
    """One entry of a contact's history."""

    changes: str | None = None
    date_utc: str | None = msgspec.field(name="DateUTC", default=None)
    date_utc_string: str | None = msgspec.field(name="DateUTCString", default=None)
    user: str | None = None
    details: str | None = None


class HistoryEnvelope(_Wire):
    """A contact's history, newest first (seen)."""

    history_records: tuple[HistoryRecord, ...]


class Connection(msgspec.Struct, rename="camel", gc=False):
    """One of the organisations a sign-in is connected to; the identity service writes camelCase."""

    tenant_id: str
    tenant_type: str | None = None
    tenant_name: str | None = None


class StatusElement(_Wire):
    """A contact as sent to change its status: fields left out keep their values (seen)."""

    contact_id: str = msgspec.field(name="ContactID")
    contact_status: str


class StatusEnvelope(_Wire):
    """The body of a bulk change of status."""

    contacts: tuple[StatusElement, ...]
