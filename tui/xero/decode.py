"""From Xero's JSON to the program's own values."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from msgspec.structs import replace

from tui.log import logger
from tui.model.backend import HistoryLine
from tui.model.contact import Balances, Contact, ContactStatus
from tui.xero import wire
from tui.xero.answers import ContactsPage, Element, OrganisationDetails
from tui.xero.dates import date_in

if TYPE_CHECKING:
    from collections.abc import Sequence

_T = TypeVar("_T")

_NO_ID: Final = "00000000-0000-0000-0000-000000000000"
_PHONES: Final = ("DEFAULT", "MOBILE", "DDI")
# All but our own mark: from Xero it would be a status that nobody knows.
_STATUSES: Final = {str(status): status for status in ContactStatus if status is not ContactStatus.GONE}
_HUNDREDTH: Final = Decimal("0.01")
# More than any ledger holds, and still safe in the 64 bits of a database column.
_MOST: Final = Decimal(10) ** 15
# What a value of the wrong shape or size raises on its way.
_BROKEN: Final = (msgspec.MsgspecError, ValueError, ArithmeticError)
# Every escape is matched, so that an escaped backslash before a `u` isn't taken for the start of one.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)

_contacts = msgspec.json.Decoder(wire.ContactsEnvelope)
_contact = msgspec.json.Decoder(wire.ContactElement)
_verdict = msgspec.json.Decoder(wire.Verdict)
_organisations = msgspec.json.Decoder(wire.OrganisationsEnvelope)
_history = msgspec.json.Decoder(wire.HistoryEnvelope)


class UndecodableError(ValueError):
    """An answer that makes no sense as a whole."""


def contacts_page(body: bytes, *, page: int, page_size: int, date_header: str = "") -> ContactsPage:
    """Read one page of contacts. Raises `UndecodableError`; a broken element is left out and logged."""
    envelope = _envelope(_contacts, body)
    contacts = tuple(_readable(envelope.contacts))
    pagination = envelope.pagination
    if pagination is None:
        # Unpaged shapes say nothing: a full page may have a follower, a short one is the last.
        is_last = len(envelope.contacts) < page_size
        pagination = wire.Pagination(page, page if is_last else page + 1, len(envelope.contacts))
    return ContactsPage(
        contacts=contacts,
        page=pagination.page,
        page_count=pagination.page_count,
        item_count=pagination.item_count,
        answered_at=_answered_at(envelope.date_time_utc, date_header),
        unreadable=len(envelope.contacts) - len(contacts),
        is_counted=envelope.pagination is not None,
    )


def elements(
    parts: Sequence[msgspec.Raw], sent: Sequence[str], *, was_refused: bool = False
) -> list[Element]:
    """Judge each element of a bulk write, or of one that was refused as a whole.

    Stubs may come without an id: elements keep the order of what was sent, so their place tells.
    """
    in_order = len(parts) == len(sent)
    judged = []
    for place, raw in enumerate(parts):
        element = _judge(raw, sent[place] if in_order else "")
        if element is not None:
            # Nothing of a refused call was carried out: its sound elements only echo what was sent.
            judged.append(replace(element, contact=None) if was_refused else element)
    return judged


def bulk_answer(body: bytes, sent: Sequence[str]) -> list[Element]:
    """Read the 200 of a bulk write. Raises `UndecodableError`."""
    return elements(_envelope(_contacts, body).contacts, sent)


def organisation(body: bytes) -> OrganisationDetails:
    """Read `GET /Organisation`. Raises `UndecodableError`."""
    found = _envelope(_organisations, body).organisations
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


def history(body: bytes) -> list[HistoryLine]:
    """Read a contact's history. Raises `UndecodableError`."""
    return [
        HistoryLine(_when(record), record.user or "", record.changes or "", record.details or "")
        for record in _envelope(_history, body).history_records
    ]


def _envelope(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    for attempt in (body, None):
        with suppress(*_BROKEN):
            return decoder.decode(_mended(body) if attempt is None else attempt)
    # Without a cause: a decoder's message can quote what stood in the answer.
    raise UndecodableError


def _mended(body: bytes) -> bytes:
    """Replace lone surrogates, so that one such name can't hold up all other contacts for ever.

    Systems that count in UTF-16 can cut an emoji in half.
    """
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found["lone"] else found[0], body)


def _readable(parts: Sequence[msgspec.Raw]) -> list[Contact]:
    contacts = []
    for raw in parts:
        try:
            contacts.append(contact(raw))
        except _BROKEN:
            continue
    if len(contacts) < len(parts):
        logger.warning("left out %d contacts of a page that make no sense", len(parts) - len(contacts))
    return contacts


def contact(raw: msgspec.Raw) -> Contact:
    """Read one contact. Raises one of `_BROKEN` when it makes no sense or its status is unknown."""
    found = _contact.decode(raw)
    status = _STATUSES.get(found.contact_status)
    if status is None:
        raise ValueError("unknown status")
    return Contact(
        contact_id=found.contact_id,
        name=found.name or "",
        status=status,
        updated_at=wire.moment(found.updated_date_utc),
        first_name=found.first_name or "",
        last_name=found.last_name or "",
        email=found.email_address or "",
        account_number=found.account_number or "",
        contact_number=found.contact_number or "",
        phone=_phone(found.phones) if found.phones else "",
        is_customer=bool(found.is_customer),
        is_supplier=bool(found.is_supplier),
        groups=tuple(group.name for group in found.contact_groups or () if group.name),
        merged_to=found.merged_to_contact_id or "",
        balances=_balances(found.balances) if found.balances else None,
        raw=bytes(raw),
    )


def _phone(phones: tuple[wire.Phone, ...]) -> str:
    numbers = {phone.phone_type: phone for phone in phones if phone.phone_number}
    for kind in _PHONES:
        phone = numbers.get(kind)
        if phone is not None:
            parts = (phone.phone_country_code, phone.phone_area_code, phone.phone_number)
            return " ".join(part for part in parts if part)
    return ""


def _balances(balances: wire.Balances) -> Balances:
    receivable = balances.accounts_receivable or wire.Amounts()
    payable = balances.accounts_payable or wire.Amounts()
    return Balances(
        receivable=_hundredths(receivable.outstanding),
        receivable_overdue=_hundredths(receivable.overdue),
        payable=_hundredths(payable.outstanding),
        payable_overdue=_hundredths(payable.overdue),
    )


def _hundredths(amount: Decimal | None) -> int:
    if not amount:
        return 0
    if not abs(amount) < _MOST:
        raise ValueError("an amount beyond reason")
    return int(amount.quantize(_HUNDREDTH, ROUND_HALF_UP).scaleb(2))


def _judge(raw: msgspec.Raw, sent_id: str) -> Element | None:
    try:
        verdict = _verdict.decode(raw)
    except _BROKEN:
        return Element(sent_id, None, "") if sent_id else None
    contact_id = verdict.contact_id
    if not contact_id or contact_id == _NO_ID:
        contact_id = sent_id
    if not contact_id:
        return None
    words = " ".join(error.message for error in verdict.validation_errors or () if error.message)
    is_refused = bool(words or verdict.has_validation_errors or verdict.status_attribute_string == "ERROR")
    if is_refused:
        return Element(contact_id, None, words)
    try:
        return Element(contact_id, contact(raw), "")
    except _BROKEN:
        return Element(contact_id, None, "")


def _answered_at(envelope: str | None, header: str) -> datetime:
    """Tell Xero's time: from the envelope, to the millisecond, or from the header, to the second."""
    try:
        return wire.moment(envelope or "")
    except (ValueError, OverflowError):
        return date_in(header) or datetime.now(UTC)


def _when(record: wire.HistoryRecord) -> str:
    try:
        return wire.moment(record.date_utc or "").astimezone().strftime("%d %b %Y %H:%M").lstrip("0")
    except (ValueError, OverflowError):
        return record.date_utc_string or ""
