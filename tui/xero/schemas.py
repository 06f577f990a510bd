"""Xero's JSON as it comes over the wire (Xero's OpenAPI, v16.1, and what was seen live).

Nearly every field may be missing, null or empty, which all mean the same. Read leniently
(`tui.net.lenient_json`), a field of a wrong type or size is missing as well; required are the fields without
which nothing can be said.
"""

from __future__ import annotations

import re
from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import msgspec

from tui.model import timestamps

if TYPE_CHECKING:
    from datetime import datetime

# Thirteen digits reach beyond the last moment that is believed.
_DATE: Final = re.compile(r"/Date\((-?[0-9]{1,13})(?:[+-][0-9]{4})?\)/")

# Far more than Xero takes for any field.
_Text = Annotated[str, msgspec.Meta(max_length=32_768)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


def parse_json_date(text: str | None) -> datetime | None:
    """Read `/Date(1488391422280+0000)/`: milliseconds since 1970 in UTC, with or without the offset.

    None for anything else, and for a moment that isn't believed (`moments.valid_timestamp`).
    """
    found = _DATE.fullmatch(text or "")
    return None if found is None else timestamps.from_milliseconds(int(found[1]))


class _XeroStruct(msgspec.Struct, rename="pascal", gc=False):
    """Xero writes all names in PascalCase, and adds fields as it pleases: unknown ones are ignored."""


class Phone(_XeroStruct):
    """One of a contact's fixed slots: DDI, DEFAULT, FAX, MOBILE; often an empty stub."""

    phone_type: _Text | None = None
    phone_number: _Text | None = None
    phone_area_code: _Text | None = None
    phone_country_code: _Text | None = None


class GroupElement(_XeroStruct):
    """A contact group that a contact is in."""

    name: _Text | None = None


class Amounts(_XeroStruct):
    """One side of the balances, in the organisation's currency; `Decimal`, as money is no float."""

    #: A part that can't be read makes the whole unknown: as zero it would say that nothing is owed.
    is_indivisible: ClassVar[bool] = True

    outstanding: Decimal | None = None
    overdue: Decimal | None = None


class BalancesElement(_XeroStruct):
    """Left out of light lists, and of contacts that never had an invoice."""

    is_indivisible: ClassVar[bool] = True

    accounts_receivable: Amounts | None = None
    accounts_payable: Amounts | None = None


class ContactElement(_XeroStruct):
    """The fields of a contact that are shown, searched or decided on; the rest stays in the raw JSON."""

    contact_id: _Id = msgspec.field(name="ContactID")
    contact_status: _Text
    updated_date_utc: _Text = msgspec.field(name="UpdatedDateUTC")
    name: _Text | None = None
    first_name: _Text | None = None
    last_name: _Text | None = None
    email_address: _Text | None = None
    account_number: _Text | None = None
    contact_number: _Text | None = None
    is_customer: bool | None = None
    is_supplier: bool | None = None
    merged_to_contact_id: _Text | None = msgspec.field(name="MergedToContactID", default=None)
    phones: tuple[Phone, ...] | None = None
    contact_groups: tuple[GroupElement, ...] | None = None
    balances: BalancesElement | None = None


class Pagination(msgspec.Struct, rename="camel", gc=False):
    """The one lower-case block of an envelope."""

    page: _Count
    page_count: _Count
    item_count: _Count
    page_size: _Count | None = None


class ContactsEnvelope(_XeroStruct):
    """A list of contacts, each kept as it came so that one broken element can't spoil the others."""

    contacts: tuple[msgspec.Raw, ...]
    date_time_utc: _Text | None = msgspec.field(name="DateTimeUTC", default=None)
    pagination: Pagination | None = msgspec.field(name="pagination", default=None)


class ValidationError(_XeroStruct):
    """One reason why an element was refused."""

    message: _Text | None = None


class ElementStatus(_XeroStruct):
    """What a bulk write says of one element, whatever else is in it."""

    contact_id: _Id | None = msgspec.field(name="ContactID", default=None)
    status_attribute_string: _Text | None = None
    has_validation_errors: bool | None = None
    validation_errors: tuple[ValidationError, ...] | None = None


class Problem(_XeroStruct):
    """The JSON of a failed call; Xero's gateway and its API fill in different fields."""

    type: _Text | None = None
    title: _Text | None = None
    detail: _Text | None = None
    message: _Text | None = None
    elements: tuple[msgspec.Raw, ...] | None = None


class OrganisationElement(_XeroStruct):
    """The fields of an organisation that matter here."""

    organisation_id: _Text | None = msgspec.field(name="OrganisationID", default=None)
    name: _Text | None = None
    short_code: _Text | None = None
    base_currency: _Text | None = None
    timezone: _Text | None = None
    is_demo_company: bool | None = None


class OrganisationsEnvelope(_XeroStruct):
    """A list that always holds exactly one organisation."""

    organisations: tuple[OrganisationElement, ...]


class HistoryRecord(_XeroStruct):
    """One entry of a contact's history."""

    changes: _Text | None = None
    date_utc: _Text | None = msgspec.field(name="DateUTC", default=None)
    date_utc_string: _Text | None = msgspec.field(name="DateUTCString", default=None)
    user: _Text | None = None
    details: _Text | None = None


class HistoryEnvelope(_XeroStruct):
    """A contact's history, newest first (seen)."""

    history_records: tuple[HistoryRecord, ...]


class ConnectionElement(msgspec.Struct, rename="camel", gc=False):
    """One of the organisations a sign-in is connected to; the identity service writes camelCase."""

    tenant_id: _Id
    tenant_type: _Text | None = None
    tenant_name: _Text | None = None


class StatusElement(_XeroStruct):
    """A contact as sent to change its status: fields left out keep their values (seen)."""

    contact_id: str = msgspec.field(name="ContactID")
    contact_status: str


class StatusEnvelope(_XeroStruct):
    """The body of a bulk change of status."""

    contacts: tuple[StatusElement, ...]
