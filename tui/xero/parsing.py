"""From Xero's JSON to the program's own values."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tui.model.backend import HistoryLine
from tui.model.contact import Balances, Contact, ContactStatus
from tui.net.lenient_json import UndecodableError
from tui.net.lenient_json import decode as decode_leniently
from tui.system.log import logger
from tui.xero import schemas
from tui.xero.dates import date_in
from tui.xero.results import ContactsPage, Element, OrganisationDetails, mark_without_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    import msgspec

_NO_ID: Final = "00000000-0000-0000-0000-000000000000"
_PHONES: Final = ("DEFAULT", "MOBILE", "DDI")
# All but our own mark: from Xero it would be an unknown status.
_STATUSES: Final = {str(status): status for status in ContactStatus if status is not ContactStatus.DELETED}
_HUNDREDTH: Final = Decimal("0.01")
# More than any ledger holds, and still safe in the 64 bits of a database column.
_MOST: Final = Decimal(10) ** 15
_LOGGED_A_LINE: Final = 25
_MARK_BYTES: Final = 8
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}")
# Nothing else goes into a log or an address.
_PLAIN: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


def contacts_page(body: bytes, *, page: int, page_size: int, date_header: str = "") -> ContactsPage:
    """Read one page of contacts, without those that can't be read, which are logged.

    Raises `UndecodableError`, also for a page that is empty although contacts are said to be on it.
    """
    envelope = decode_leniently(body, schemas.ContactsEnvelope)
    contacts: list[Contact] = []
    unreadable: list[msgspec.Raw] = []
    for raw in envelope.contacts:
        try:
            contacts.append(contact(raw))
        except UndecodableError:
            unreadable.append(raw)
    unreadable_ids = _ids_or_marks(unreadable)
    for start in range(0, len(unreadable_ids), _LOGGED_A_LINE):
        some = unreadable_ids[start : start + _LOGGED_A_LINE]
        logger.warning("%d contacts of a page can't be read: %s", len(some), ", ".join(some))
    pagination = envelope.pagination
    if pagination is None:
        # Unpaged shapes say nothing: a full page may have a follower, a short one is the last.
        is_last = len(envelope.contacts) < page_size
        pagination = schemas.Pagination(page, page if is_last else page + 1, len(envelope.contacts))
    elif not envelope.contacts and pagination.item_count > (page - 1) * page_size:
        raise UndecodableError
    return ContactsPage(
        contacts=tuple(contacts),
        page=pagination.page,
        page_count=pagination.page_count,
        item_count=pagination.item_count,
        answered_at=schemas.moment(envelope.date_time_utc) or date_in(date_header) or datetime.now(UTC),
        unreadable_ids=unreadable_ids,
        is_counted=envelope.pagination is not None,
        is_whole=envelope.pagination is not None
        and pagination.page == page
        and _has_all(
            pagination, page_size, len({each.contact_id for each in contacts}) + len(unreadable_ids)
        ),
    )


def _has_all(pagination: schemas.Pagination, asked_size: int, found: int) -> bool:
    """Say whether so many contacts are all that should be on a page, and no other page is left unnamed."""
    size = pagination.page_size or asked_size
    rest = pagination.item_count - (pagination.page - 1) * size
    return found >= min(rest, size) and (rest <= size or pagination.page < pagination.page_count)


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
    return elements(decode_leniently(body, schemas.ContactsEnvelope).contacts, sent)


def organisation(body: bytes) -> OrganisationDetails:
    """Read `GET /Organisation`. Raises `UndecodableError`."""
    found = decode_leniently(body, schemas.OrganisationsEnvelope).organisations
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
        for record in decode_leniently(body, schemas.HistoryEnvelope).history_records
    ]


def contact(raw: msgspec.Raw) -> Contact:
    """Read one contact. Raises `UndecodableError` where its id, status or time of update is unknown."""
    found = decode_leniently(raw, schemas.ContactElement)
    status, updated_at = _STATUSES.get(found.contact_status), schemas.moment(found.updated_date_utc)
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
        merged_to=_other_id(found.merged_to_contact_id),
        balances=_balances(found.balances) if found.balances else None,
        raw=bytes(raw),
    )


def is_id(text: str) -> bool:
    """Say whether a text can be the id of a contact in Xero."""
    return text != _NO_ID and _GUID.fullmatch(text) is not None


def is_plain(text: str) -> bool:
    """Say whether a text can be written into a log or an address as it is."""
    return _PLAIN.fullmatch(text) is not None


def _other_id(text: str | None) -> str:
    """Return an id that decides what can be done with a contact; empty for whatever isn't one."""
    return text if text and is_id(text) else ""


def _phone(phones: tuple[schemas.Phone, ...]) -> str:
    numbers = {phone.phone_type: phone for phone in phones if phone.phone_number}
    for kind in _PHONES:
        phone = numbers.get(kind)
        if phone is not None:
            parts = (phone.phone_country_code, phone.phone_area_code, phone.phone_number)
            return " ".join(part for part in parts if part)
    return ""


def _balances(balances: schemas.BalancesElement) -> Balances | None:
    receivable = balances.accounts_receivable or schemas.Amounts()
    payable = balances.accounts_payable or schemas.Amounts()
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


def _ids_or_marks(raws: Sequence[msgspec.Raw]) -> tuple[str, ...]:
    """Name elements that can't be read, each once: by its id, else by a mark made from its content."""
    marks: Counter[str] = Counter()
    names: dict[str, None] = {}
    for raw in raws:
        name = _id(raw)
        if name is None:
            digest = blake2b(raw, digest_size=_MARK_BYTES).hexdigest()
            marks[digest] += 1
            name = mark_without_id(f"{digest} {marks[digest]}")
        names[name] = None
    return tuple(names)


def _id(raw: msgspec.Raw) -> str | None:
    with suppress(UndecodableError):
        contact_id = decode_leniently(raw, schemas.ElementStatus).contact_id
        if contact_id and is_plain(contact_id):
            return contact_id
    return None


def _judge(raw: msgspec.Raw, sent_id: str) -> Element | None:
    try:
        verdict = decode_leniently(raw, schemas.ElementStatus)
    except UndecodableError:
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
    except UndecodableError:
        return Element(contact_id, None, "")


def _when(record: schemas.HistoryRecord) -> str:
    at = schemas.moment(record.date_utc)
    if at is None:
        return record.date_utc_string or ""
    return at.astimezone().strftime("%d %b %Y %H:%M").lstrip("0")
