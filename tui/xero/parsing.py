"""Parse Xero's JSON into Reshelve's own values."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import msgspec
from msgspec.structs import replace

from tui.model import timestamps
from tui.model.contact import Balances, Contact, ContactStatus, HistoryEntry
from tui.net.lenient_json import UndecodableError
from tui.net.lenient_json import decode as decode_leniently
from tui.system.log import logger
from tui.xero.results import ContactsPage, ContactWriteResult, OrganisationDetails, placeholder_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx


# Thirteen digits reach beyond the last plausible time.
_DATE: Final = re.compile(r"/Date\((-?[0-9]{1,13})(?:[+-][0-9]{4})?\)/")

# Far more than Xero accepts for any field.
_Text = Annotated[str, msgspec.Meta(max_length=32_768)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


def parse_json_date(text: str | None) -> datetime | None:
    """Parse `/Date(1488391422280+0000)/`: milliseconds since 1970 in UTC, with or without the offset.

    None for anything else, and for implausible times (`timestamps.valid_timestamp`).
    """
    found = _DATE.fullmatch(text or "")
    return None if found is None else timestamps.from_milliseconds(int(found[1]))


class _XeroStruct(msgspec.Struct, rename="pascal", gc=False):
    """Xero uses PascalCase and may add fields: unknown ones are ignored."""


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
    """One side of the balances, in the organisation's currency; `Decimal`, because money isn't a float."""

    #: An unreadable part makes all of it unknown: zero would mean that nothing is owed.
    is_indivisible: ClassVar[bool] = True

    outstanding: Decimal | None = None
    overdue: Decimal | None = None


class BalancesElement(_XeroStruct):
    """Missing in light lists, and for contacts that never had an invoice."""

    is_indivisible: ClassVar[bool] = True

    accounts_receivable: Amounts | None = None
    accounts_payable: Amounts | None = None


class ContactElement(_XeroStruct):
    """The contact fields in use; the rest stays in the raw JSON."""

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
    """The only lower-case block of an envelope."""

    page: _Count
    page_count: _Count
    item_count: _Count
    page_size: _Count | None = None


class ContactsEnvelope(_XeroStruct):
    """A list of contacts, each kept raw, so that a broken element doesn't affect the others."""

    contacts: tuple[msgspec.Raw, ...]
    date_time_utc: _Text | None = msgspec.field(name="DateTimeUTC", default=None)
    pagination: Pagination | None = msgspec.field(name="pagination", default=None)


class ValidationError(_XeroStruct):
    """One reason why an element was refused."""

    message: _Text | None = None


class ElementStatus(_XeroStruct):
    """The result of one element in a bulk write."""

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
    """The organisation fields in use."""

    organisation_id: _Text | None = msgspec.field(name="OrganisationID", default=None)
    name: _Text | None = None
    short_code: _Text | None = None
    base_currency: _Text | None = None
    timezone: _Text | None = None
    is_demo_company: bool | None = None


class OrganisationsEnvelope(_XeroStruct):
    """A list with exactly one organisation."""

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
    """An organisation of a sign-in; the identity service uses camelCase."""

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


class NoteElement(_XeroStruct):
    """A note as sent to a contact's history."""

    details: str


class NoteEnvelope(_XeroStruct):
    """The body of a call that adds notes."""

    history_records: tuple[NoteElement, ...]


def response_date(response: httpx.Response) -> datetime | None:
    """Return a response's `Date` (RFC 9110: in whole seconds), None if missing or invalid."""
    return parse_http_date(response.headers.get("Date", ""))


def parse_http_date(header: str) -> datetime | None:
    """Parse such a header; None for a time that `timestamps.valid_timestamp` rejects."""
    try:
        # Without a time zone, the time is unknown.
        return timestamps.valid_timestamp(parsedate_to_datetime(header))
    except (ValueError, TypeError, OverflowError):
        return None


_NO_ID: Final = "00000000-0000-0000-0000-000000000000"
_PHONES: Final = ("DEFAULT", "MOBILE", "DDI")
# All but our own value: from Xero it would be an unknown status.
_STATUSES: Final = {str(status): status for status in ContactStatus if status is not ContactStatus.DELETED}
_HUNDREDTH: Final = Decimal("0.01")
# More than any ledger has, and within a 64-bit database column.
_MOST: Final = Decimal(10) ** 15
_LOGGED_A_LINE: Final = 25
_MARK_BYTES: Final = 8
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}")
# Only this is allowed in logs and URLs.
_PLAIN: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


def contacts_page(body: bytes, *, page: int, page_size: int, date_header: str = "") -> ContactsPage:
    """Parse one page of contacts; unreadable ones are logged and left out.

    Raises `UndecodableError`, also for an empty page that should have contacts.
    """
    envelope = decode_leniently(body, ContactsEnvelope)
    contacts: list[Contact] = []
    unreadable: list[msgspec.Raw] = []
    for raw in envelope.contacts:
        try:
            contacts.append(contact(raw))
        except UndecodableError:
            unreadable.append(raw)
    unreadable_ids = _ids_or_placeholders(unreadable)
    for start in range(0, len(unreadable_ids), _LOGGED_A_LINE):
        some = unreadable_ids[start : start + _LOGGED_A_LINE]
        logger.warning("%d contacts of a page can't be read: %s", len(some), ", ".join(some))
    pagination = envelope.pagination
    if pagination is None:
        # Without pagination: a full page may not be the last one, a shorter one is.
        is_last = len(envelope.contacts) < page_size
        pagination = Pagination(page, page if is_last else page + 1, len(envelope.contacts))
    elif not envelope.contacts and pagination.item_count > (page - 1) * page_size:
        raise UndecodableError
    return ContactsPage(
        contacts=tuple(contacts),
        page=pagination.page,
        page_count=pagination.page_count,
        item_count=pagination.item_count,
        answered_at=parse_json_date(envelope.date_time_utc)
        or parse_http_date(date_header)
        or datetime.now(UTC),
        unreadable_ids=unreadable_ids,
        has_pagination=envelope.pagination is not None,
        is_complete=envelope.pagination is not None
        and pagination.page == page
        and _is_page_complete(
            pagination, page_size, len({item.contact_id for item in contacts}) + len(unreadable_ids)
        ),
    )


def _is_page_complete(pagination: Pagination, asked_size: int, found: int) -> bool:
    """Whether a page has all the contacts it should, and the page count is consistent."""
    size = pagination.page_size or asked_size
    rest = pagination.item_count - (pagination.page - 1) * size
    return found >= min(rest, size) and (rest <= size or pagination.page < pagination.page_count)


def elements(
    parts: Sequence[msgspec.Raw], sent: Sequence[str], *, was_refused: bool = False
) -> list[ContactWriteResult]:
    """Return the result for each element of a bulk write, or of one that was refused as a whole.

    Stubs may lack an ID: elements are in the order of the request, so the position identifies them.
    """
    in_order = len(parts) == len(sent)
    results = []
    for index, raw in enumerate(parts):
        element = _parse_element(raw, sent[index] if in_order else "")
        if element is not None:
            # A refused request changed nothing: its valid elements only echo what was sent.
            results.append(replace(element, contact=None) if was_refused else element)
    return results


def bulk_answer(body: bytes, sent: Sequence[str]) -> list[ContactWriteResult]:
    """Parse the 200 of a bulk write. Raises `UndecodableError`."""
    return elements(decode_leniently(body, ContactsEnvelope).contacts, sent)


def organisation(body: bytes) -> OrganisationDetails:
    """Parse `GET /Organisation`. Raises `UndecodableError`."""
    found = decode_leniently(body, OrganisationsEnvelope).organisations
    if not found:
        raise UndecodableError
    first = found[0]
    return OrganisationDetails(
        name=first.name or "",
        short_code=first.short_code or "",
        base_currency=first.base_currency or "",
        timezone=first.timezone or "",
        is_demo=bool(first.is_demo_company),
        organisation_id=first.organisation_id or "",
    )


def history(body: bytes) -> list[HistoryEntry]:
    """Parse a contact's history. Raises `UndecodableError`."""
    return [
        HistoryEntry(
            # Without an offset, because it is in UTC.
            parse_json_date(record.date_utc) or timestamps.from_iso_text(f"{record.date_utc_string}Z"),
            record.user or "",
            record.changes or "",
            record.details or "",
        )
        for record in decode_leniently(body, HistoryEnvelope).history_records
    ]


def contact(raw: msgspec.Raw) -> Contact:
    """Parse one contact. Raises `UndecodableError` if its ID, status or update time is unknown."""
    found = decode_leniently(raw, ContactElement)
    status, updated_at = _STATUSES.get(found.contact_status), parse_json_date(found.updated_date_utc)
    if status is None or updated_at is None:
        raise UndecodableError
    return Contact(
        contact_id=found.contact_id,
        name=found.name or "",
        status=status,
        updated_at=updated_at,
        first_name=found.first_name or "",
        last_name=found.last_name or "",
        email=found.email_address or "",
        account_number=found.account_number or "",
        contact_number=found.contact_number or "",
        phone=_phone(found.phones) if found.phones else "",
        is_customer=bool(found.is_customer),
        is_supplier=bool(found.is_supplier),
        groups=tuple(group.name for group in found.contact_groups or () if group.name),
        merged_to=_valid_id(found.merged_to_contact_id),
        balances=_balances(found.balances) if found.balances else None,
        raw=bytes(raw),
    )


def is_id(text: str) -> bool:
    """Whether a text can be a contact's ID in Xero."""
    return text != _NO_ID and _GUID.fullmatch(text) is not None


def is_safe_id(text: str) -> bool:
    """Whether a text is safe in a log or URL."""
    return _PLAIN.fullmatch(text) is not None


def _valid_id(text: str | None) -> str:
    """Return a valid ID, empty for anything else."""
    return text if text and is_id(text) else ""


def _phone(phones: tuple[Phone, ...]) -> str:
    numbers = {phone.phone_type: phone for phone in phones if phone.phone_number}
    for kind in _PHONES:
        phone = numbers.get(kind)
        if phone is not None:
            return phone_text(phone)
    return ""


def phone_text(phone: Phone) -> str:
    """Return a whole phone number; empty without its main part."""
    parts = (phone.phone_country_code, phone.phone_area_code, phone.phone_number)
    return " ".join(part for part in parts if part) if phone.phone_number else ""


def _balances(balances: BalancesElement) -> Balances | None:
    receivable = balances.accounts_receivable or Amounts()
    payable = balances.accounts_payable or Amounts()
    amounts = (receivable.outstanding, receivable.overdue, payable.outstanding, payable.overdue)
    if not all(amount is None or (amount.is_finite() and -_MOST < amount < _MOST) for amount in amounts):
        return None
    return Balances(
        receivable=_hundredths(receivable.outstanding),
        receivable_overdue=_hundredths(receivable.overdue),
        payable=_hundredths(payable.outstanding),
        payable_overdue=_hundredths(payable.overdue),
    )


def _hundredths(amount: Decimal | None) -> int:
    return int(amount.quantize(_HUNDREDTH, ROUND_HALF_UP).scaleb(2)) if amount else 0


def _ids_or_placeholders(raws: Sequence[msgspec.Raw]) -> tuple[str, ...]:
    """Return an entry for each unreadable element: its ID, or a placeholder made from its content."""
    counts: Counter[str] = Counter()
    names: dict[str, None] = {}
    for raw in raws:
        name = _id(raw)
        if name is None:
            digest = blake2b(raw, digest_size=_MARK_BYTES).hexdigest()
            counts[digest] += 1
            name = placeholder_id(f"{digest} {counts[digest]}")
        names[name] = None
    return tuple(names)


def _id(raw: msgspec.Raw) -> str | None:
    with suppress(UndecodableError):
        contact_id = decode_leniently(raw, ElementStatus).contact_id
        if contact_id and is_safe_id(contact_id):
            return contact_id
    return None


def _parse_element(raw: msgspec.Raw, sent_id: str) -> ContactWriteResult | None:
    try:
        verdict = decode_leniently(raw, ElementStatus)
    except UndecodableError:
        return ContactWriteResult(sent_id, None, "") if sent_id else None
    contact_id = verdict.contact_id
    if not contact_id or contact_id == _NO_ID:
        contact_id = sent_id
    if not contact_id:
        return None
    message = " ".join(error.message for error in verdict.validation_errors or () if error.message)
    is_refused = bool(message or verdict.has_validation_errors or verdict.status_attribute_string == "ERROR")
    if is_refused:
        return ContactWriteResult(contact_id, None, message)
    try:
        return ContactWriteResult(contact_id, contact(raw), "")
    except UndecodableError:
        return ContactWriteResult(contact_id, None, "")
