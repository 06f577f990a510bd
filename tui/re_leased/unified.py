"""Re-Leased's contacts and companies through Unified.to's accounting API.

Unified.to's SDK documents the requests and the fields. It doesn't document how errors are worded, which page
size Re-Leased allows, or which fields Re-Leased fills, so nothing here relies on those: a status comes
only from the contact itself, and a list doesn't end at a short page, but where nothing more comes.
"""

from __future__ import annotations

import asyncio
import math
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import IntEnum
from hashlib import blake2b
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import quote, urlsplit

from msgspec import Raw, Struct

from tui import __version__
from tui.model import timestamps
from tui.model.errors import ContactSourceError, KeychainError, NetworkSetupError
from tui.model.re_leased import (
    FieldMapping,
    Page,
    ReLeasedCompany,
    ReLeasedContact,
    raw_value,
    value_text,
)
from tui.model.reasons import ContactSourceReason, Service
from tui.net import lenient_json
from tui.net.loopback import is_loopback
from tui.re_leased.source import OpenSource
from tui.settings.schema import UNIFIED_KEY_VARIABLE
from tui.system.keychain import KeychainEntry, Secret
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import httpx

_T = TypeVar("_T")
# The values that httpx takes in a query, of which only text is used.
_QueryValue = str | int | float | bool | None

_LIMIT: Final = 100
_FIELDS: Final = (
    "id", "updated_at", "name", "company_name", "first_name", "last_name", "emails", "currency", "is_active",
    "organization_id", "raw",
)  # fmt: skip
_COMPANY_FIELDS: Final = ("id", "name", "currency", "timezone")
#: More contacts than any firm has: a list that never ends is stopped there.
MOST_CONTACTS: Final = 1_000_000
#: Seconds to wait for one response: Unified.to queries Re-Leased in that time.
LONGEST_WAIT: Final = 60.0
_DEFAULT_RETRY: Final = 60.0
_LONGEST_RETRY: Final = 86_400.0
_LONGEST_TEXT: Final = 32_768
_LONGEST_DETAIL: Final = 300
_LONGEST_KEY: Final = 4_096
_MOST_EMAILS: Final = 50
# Optional in the response to a list: "when the integration supports a total count".
_TOTAL: Final = "X-Total-Count"
_MOST_DIGITS: Final = 9
_PAUSED: Final = "paused"
_BOOLEAN_WORDS: Final = frozenset({"true", "false"})


class UnifiedKey:
    """The API key of a Unified.to workspace in the system's keychain, for one installation. Methods block.

    On computers without a keychain, the environment variable `RESHELVE_UNIFIED_API_KEY` has the key instead:
    while it is set, the keychain isn't read.
    """

    def __init__(self, folder: Path) -> None:
        self._entry = KeychainEntry(f"Unified.to API key in {folder}")

    @property
    def is_in_environment(self) -> bool:
        """Whether the environment variable has the key."""
        return bool(os.environ.get(UNIFIED_KEY_VARIABLE, "").strip())

    @staticmethod
    def parse(text: str) -> Secret:
        """Return a key that was entered, without spaces around it. Raises `ContactSourceError`."""
        return _usable_key(Secret(text.strip()), ContactSourceReason.KEY_UNUSABLE)

    def load(self) -> Secret:
        """Return the key. Raises `ContactSourceError` without one, and `KeychainError` while waiting."""
        if self.is_in_environment:
            given = Secret(os.environ[UNIFIED_KEY_VARIABLE].strip())
            return _usable_key(given, ContactSourceReason.KEY_VARIABLE_UNUSABLE)
        kept = _unless_waiting(self._entry.load, ContactSourceReason.KEYCHAIN_LOCKED)
        return _usable_key(kept, ContactSourceReason.NO_KEY)

    def save(self, key: str) -> None:
        """Replace the key. Raises `ContactSourceError`, and `KeychainError` while waiting."""
        usable = self.parse(key)
        _unless_waiting(lambda: self._entry.save(usable), ContactSourceReason.KEY_NOT_SAVED)

    def delete(self) -> None:
        """Remove the key, if there is one. Raises `ContactSourceError`, and `KeychainError` while waiting."""
        _unless_waiting(self._entry.delete, ContactSourceReason.KEY_NOT_REMOVED)


def _unless_waiting(call: Callable[[], _T], reason: ContactSourceReason) -> _T:
    """Return what the keychain returns. Raises `ContactSourceError`, and `KeychainError` while waiting."""
    try:
        return call()
    except KeychainError as error:
        if error.is_waiting:
            raise
        raise ContactSourceError(reason) from error


def _usable_key(key: Secret, reason: ContactSourceReason) -> Secret:
    """Return the key if it can be sent in a header. Raises `ContactSourceError` with the reason."""
    if not 0 < len(key) <= _LONGEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise ContactSourceError(reason)
    return key


class UnifiedSource(OpenSource):
    """Reads the contacts of one connection, in pages of 100, and of one company if one is given.

    `api_key` returns the key; it may block, and is called in a thread at the start of each list, as a
    keychain is too slow for each page. Raises `ContactSourceError` for a URL that would send the key
    unencrypted.
    """

    def __init__(
        self,
        *,
        base_url: str,
        connection_id: str,
        api_key: Callable[[], str],
        company_id: str | None = None,
        mapping: FieldMapping | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if urlsplit(base_url).scheme != "https" and not is_loopback(base_url):
            raise ContactSourceError(ContactSourceReason.INSECURE_URL)
        if not connection_id:
            raise ContactSourceError(ContactSourceReason.NO_CONNECTION_ID)
        self._base_url = base_url
        self._path = f"/accounting/{quote(connection_id, safe='')}"
        self._api_key = api_key
        self._key: Secret | None = None
        self._company_id = company_id or None
        self.mapping = mapping or FieldMapping()
        self._transport = transport
        self._open_lock = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def list_contacts(self, updated_since: datetime | None, cursor: str | None) -> Page:
        """Return a page of the contacts, archived ones included. Raises `ContactSourceError`."""
        position = _Position.parse(cursor)
        params: list[tuple[str, _QueryValue]] = [
            ("limit", str(_LIMIT)),
            ("offset", str(position.offset)),
            # An order that edits don't change: they would move contacts from one page to another.
            ("sort", "created_at"),
            ("order", "asc"),
            *(("fields", name) for name in _FIELDS),
        ]
        if updated_since is not None:
            params.append(("updated_gte", _iso(updated_since)))
        if self._company_id is not None:
            params.append(("org_id", self._company_id))
        response = await self._get("/contact", params, position)
        # Only a full list shows that a contact isn't there.
        is_full = updated_since is None
        return await asyncio.to_thread(self._page, response, position, is_proof_wanted=is_full)

    async def companies(self) -> list[ReLeasedCompany]:
        """Return Re-Leased's companies. Raises `ContactSourceError`, also if one can't be read."""
        found: list[ReLeasedCompany] = []
        position = _Position()
        while True:
            params: list[tuple[str, _QueryValue]] = [("limit", str(_LIMIT)), ("offset", str(position.offset))]
            params += [("fields", name) for name in _COMPANY_FIELDS]
            response = await self._get("/organization", params, position)
            elements = _elements(response.content)
            found += map(_company, elements)
            page = [one.id for one in found[position.offset :]]
            next_position = position.after(page, _total(response), is_proof_wanted=False)
            if next_position is None:
                return found
            position = next_position

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _page(self, response: httpx.Response, position: _Position, *, is_proof_wanted: bool) -> Page:
        contacts: list[ReLeasedContact] = []
        keys: list[str] = []
        unreadable = other_company = 0
        for element in _elements(response.content):
            try:
                contact = _contact(element, self.mapping)
            except lenient_json.UndecodableError:
                unreadable += 1
                keys.append(blake2b(element, digest_size=8).hexdigest())
                continue
            keys.append(f"{contact.id} {contact.company_id}")
            if self._company_id is not None and contact.company_id not in {None, self._company_id}:
                other_company += 1
            else:
                contacts.append(contact)
        if unreadable:
            logger.warning("left out %d contacts of Re-Leased that can't be read", unreadable)
        following = position.after(keys, _total(response), is_proof_wanted=is_proof_wanted)
        cursor = None if following is None else following.cursor
        return Page(tuple(contacts), cursor, unreadable, other_company)

    async def _get(
        self, path: str, params: list[tuple[str, _QueryValue]], position: _Position
    ) -> httpx.Response:
        """Return the 200 with JSON in it. Raises `ContactSourceError`."""
        client = await self._open()
        key = self._key
        if key is None or position.offset == 0:
            key = self._key = await self._load_key()
        response = await self._send(client, f"{self._path}{path}", params, key)
        _raise_for_failure(response, key)
        return response

    async def _load_key(self) -> Secret:
        try:
            key = Secret(await asyncio.to_thread(self._api_key))
        except KeychainError as error:
            reason = error.reason if error.is_waiting else ContactSourceReason.KEYCHAIN_LOCKED
            raise ContactSourceError(reason) from error
        return _usable_key(key, ContactSourceReason.NO_KEY)

    async def _open(self) -> httpx.AsyncClient:
        async with self._open_lock:
            if self._client is None:
                try:
                    self._client = await asyncio.to_thread(_open_client, self._base_url, self._transport)
                except NetworkSetupError as error:
                    raise ContactSourceError(error.reason, **error.notice.params) from error
            return self._client

    async def _send(
        self, client: httpx.AsyncClient, path: str, params: list[tuple[str, _QueryValue]], key: Secret
    ) -> httpx.Response:
        import httpx

        from tui.net import environment
        from tui.net.response_limit import MAX_BYTES, TooLargeError

        failure: BaseException
        # httpx hides this header in its own `repr`.
        headers = httpx.Headers({"Authorization": f"Bearer {key}"})
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                response = await client.get(path, params=params, headers=headers)
        except TooLargeError:
            raise ContactSourceError(ContactSourceReason.TOO_LARGE, megabytes=MAX_BYTES // 2**20) from None
        except Exception as error:  # noqa: BLE001 - httpx passes some errors from below it on as they are
            logger.info("no response from Unified.to: %s", type(error).__name__)
            failure = error
        else:
            if not environment.is_proxy_password_wanted(response):
                return response
            problem: NetworkSetupError | None = environment.proxy_password_problem(self._base_url)
            assert problem is not None  # noqa: S101 - for the types
            raise ContactSourceError(problem.reason, **problem.notice.params)
        problem = await asyncio.to_thread(environment.setup_problem, failure, self._base_url, Service.UNIFIED)
        # Without a cause: it has the request, and that has the key.
        if problem is not None:
            raise ContactSourceError(problem.reason, **problem.notice.params) from None
        if isinstance(failure, httpx.RemoteProtocolError | httpx.DecodingError | httpx.ReadError):
            raise ContactSourceError(ContactSourceReason.CUT_SHORT) from None
        if isinstance(failure, TimeoutError | httpx.TimeoutException) and not isinstance(
            failure, httpx.ConnectTimeout
        ):
            raise ContactSourceError(ContactSourceReason.TIMED_OUT, seconds=int(LONGEST_WAIT)) from None
        raise ContactSourceError(ContactSourceReason.UNREACHABLE) from None


def _open_client(base_url: str, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    """Create the client in a thread: loading httpx and certificates takes a tenth of a second."""
    import httpx

    from tui.net import environment
    from tui.net.response_limit import ACCEPT_ENCODING, limit_async

    return httpx.AsyncClient(
        base_url=base_url,
        headers={
            "User-Agent": f"reshelve/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": ACCEPT_ENCODING,
        },
        timeout=httpx.Timeout(connect=5.0, read=LONGEST_WAIT, write=10.0, pool=5.0),
        trust_env=False,
        transport=transport or environment.async_transport(base_url),
        event_hooks={"response": [limit_async]},
    )


# --- pages ---


class _Stage(IntEnum):
    """How far the end of a list is shown: by nothing, one empty page, or the same page empty twice."""

    READING = 0
    AGAIN = 1
    BEYOND = 2


class _Position(Struct, frozen=True):
    """Where a page starts; `digest` is of the page before, `size` the number of contacts on the largest."""

    offset: int = 0
    digest: str = ""
    size: int = 1
    stage: _Stage = _Stage.READING

    @classmethod
    def parse(cls, cursor: str | None) -> _Position:
        """Read a cursor. Raises `ContactSourceError` if this source didn't return it."""
        if cursor is None:
            return cls()
        try:
            offset, digest, size, stage = cursor.split(".")
            return cls(int(offset), digest, int(size), _Stage(int(stage)))
        except ValueError:
            raise ContactSourceError(ContactSourceReason.INCOMPLETE) from None

    @property
    def cursor(self) -> str:
        return f"{self.offset}.{self.digest}.{self.size}.{self.stage.value}"

    def after(self, keys: Iterable[str], total: int | None, *, is_proof_wanted: bool) -> _Position | None:
        """Return where the next page starts; None if this page, with an entry for each contact, was the last.

        A short page doesn't show the end: it can be the most that Re-Leased returns at a time, or a page from
        which some were left out. Nor does one empty page, if proof is wanted: it can be an accident, or all
        of it was left out. So it is requested again, and then the page beyond it, which has to be empty.
        A total that was reached saves all that. Raises `ContactSourceError` for a list that doesn't add up.
        """
        keys = tuple(keys)
        count, end = len(keys), self.offset + len(keys)
        digest = blake2b("\n".join(keys).encode(errors="replace"), digest_size=8).hexdigest()
        if count and self.stage is _Stage.BEYOND:
            raise ContactSourceError(ContactSourceReason.INCOMPLETE)
        if count and digest == self.digest:
            raise ContactSourceError(ContactSourceReason.REPEATED_PAGE)
        if end > MOST_CONTACTS:
            raise ContactSourceError(ContactSourceReason.TOO_MANY, most=MOST_CONTACTS)
        if count:
            return None if count < _LIMIT and end == total else _Position(end, digest, max(self.size, count))
        if self.stage is _Stage.BEYOND:
            return None
        if total is not None and end < total:
            raise ContactSourceError(ContactSourceReason.INCOMPLETE)
        if end == total or not is_proof_wanted:
            return None
        if self.stage is _Stage.READING:
            return _Position(end, self.digest, self.size, _Stage.AGAIN)
        return _Position(end + self.size, self.digest, self.size, _Stage.BEYOND)


def _total(response: httpx.Response) -> int | None:
    text = response.headers.get(_TOTAL, "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _iso(moment: datetime) -> str:
    """Return a time as Unified.to documents it. The fraction of a second is cut off, which asks for more."""
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- contacts ---


class _Email(Struct, gc=False):
    email: str | None = None


class _Contact(Struct, gc=False):
    """The fields in use, each of them decoded on its own if one has an odd type."""

    id: str | int | None = None
    updated_at: str | None = None
    name: str | None = None
    company_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    emails: tuple[_Email | None, ...] | None = None
    currency: str | None = None
    is_active: bool | None = None
    organization_id: str | int | None = None
    raw: dict[str, Any] | None = None


class _Company(Struct, gc=False):
    id: str | int | None = None
    name: str | None = None
    currency: str | None = None
    timezone: str | None = None


def _elements(body: bytes) -> list[Raw]:
    """Return the elements of a list. Raises `ContactSourceError` for anything else, such as a part of one."""
    kind = list[Raw]
    elements: list[Raw] | None = None
    with suppress(*lenient_json.DECODE_ERRORS):
        elements = lenient_json.decoder(kind).decode(body)
    if elements is None:
        # Otherwise half an emoji in one name would make the whole page unreadable. `NaN` becomes null: false
        # would be a status that Re-Leased didn't return.
        with suppress(*lenient_json.DECODE_ERRORS):
            elements = lenient_json.decoder(kind).decode(lenient_json.repaired(body, constant=None))
    if elements is None:
        raise ContactSourceError(ContactSourceReason.UNREADABLE)
    return elements


def _decode(element: Raw, kind: type[_T]) -> _T:
    """Decode an element. Fields of an odd type are treated as missing. Raises `UndecodableError`."""
    with suppress(*lenient_json.DECODE_ERRORS):
        strict: _T = lenient_json.decoder(cast("Any", kind)).decode(element)
        return strict
    content = bytes(element)
    with suppress(*lenient_json.DECODE_ERRORS):
        content = lenient_json.repaired(content, constant=None)
    return lenient_json.decode(content, kind)


def _contact(element: Raw, mapping: FieldMapping) -> ReLeasedContact:
    """Parse a contact. Raises `UndecodableError` without an ID."""
    found = _decode(element, _Contact)
    identifier = _id_text(found.id)
    if not identifier:
        raise lenient_json.UndecodableError
    raw = found.raw or {}
    person = " ".join(filter(None, map(_text, (found.first_name, found.last_name))))
    name = _text(found.name) or _text(found.company_name) or person
    emails = (_text(email.email) for email in (found.emails or ())[:_MOST_EMAILS] if email is not None)
    return ReLeasedContact(
        id=identifier,
        xero_id=_xero_id(raw, mapping),
        name=name,
        people=(person,) if person and person != name else (),
        emails=tuple(dict.fromkeys(filter(None, emails))),
        archived=_archived(found.is_active, raw, mapping),
        updated_at=timestamps.from_iso_text(found.updated_at),
        company_id=_id_text(found.organization_id) or None,
        currency=_text(found.currency) or None,
        raw=raw,
    )


def _archived(is_active: bool | None, raw: Mapping[str, object], mapping: FieldMapping) -> bool | None:  # noqa: FBT001 - a field of the contact
    """Return the status; None if there is none, or if the two fields contradict each other."""
    own = None if is_active is None else not is_active
    named = _named_status(raw, mapping)
    if own is None or named is None:
        return named if own is None else own
    return own if own is named else None


def _named_status(raw: Mapping[str, object], mapping: FieldMapping) -> bool | None:
    """Return the status in the field that the user chose."""
    if not mapping.archived_field:
        return None
    value = raw_value(raw, mapping.archived_field)
    words = {word.strip().casefold() for word in mapping.archived_values}
    if not words:
        return value if isinstance(value, bool) else None
    text = (value_text(value) or "").strip().casefold()
    # Words have no meaning for a field that is true or false, nor do true and false for a field of words.
    if not text or isinstance(value, bool) is not bool(words & _BOOLEAN_WORDS):
        return None
    return text in words


def _xero_id(raw: Mapping[str, object], mapping: FieldMapping) -> str | None:
    if not mapping.xero_id_field:
        return None
    return _text(value_text(raw_value(raw, mapping.xero_id_field))) or None


def _company(element: Raw) -> ReLeasedCompany:
    try:
        found = _decode(element, _Company)
    except lenient_json.UndecodableError:
        found = _Company()
    identifier = _id_text(found.id)
    if not identifier:
        # One that is missing could be the right one.
        raise ContactSourceError(ContactSourceReason.UNREADABLE)
    return ReLeasedCompany(identifier, _text(found.name), _text(found.currency), _text(found.timezone))


def _id_text(value: str | int | None) -> str:
    return _text(str(value)) if value is not None else ""


def _text(value: str | None) -> str:
    return (value or "").strip()[:_LONGEST_TEXT]


# --- failures ---


class _Problem(Struct, gc=False):
    message: str | None = None
    error: str | None = None
    detail: str | None = None


def _raise_for_failure(response: httpx.Response, key: Secret) -> None:
    """Raise the error for any response other than a 200 with JSON."""
    status = response.status_code
    detail = _failure_detail(response, key)
    is_page = "html" in response.headers.get("Content-Type", "").lower() or _starts_as_page(response.content)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise ContactSourceError(
            ContactSourceReason.RATE_LIMITED, wait=timedelta(seconds=_retry_after(response)), detail=detail
        )
    if is_page and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ContactSourceError(ContactSourceReason.WEB_PAGE, status=status)
    if status == HTTPStatus.OK:
        return
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and _PAUSED in detail.lower():
        raise ContactSourceError(ContactSourceReason.PAUSED, status=status, detail=detail)
    reasons = {
        HTTPStatus.UNAUTHORIZED: ContactSourceReason.KEY_REFUSED,
        HTTPStatus.FORBIDDEN: ContactSourceReason.FORBIDDEN,
        HTTPStatus.NOT_FOUND: ContactSourceReason.NO_SUCH_CONNECTION,
    }
    if status in reasons:
        raise ContactSourceError(reasons[HTTPStatus(status)], detail=detail)
    raise ContactSourceError(ContactSourceReason.HTTP_ERROR, status=status, detail=detail)


def _starts_as_page(content: bytes) -> bool:
    return content[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _failure_detail(response: httpx.Response, key: Secret) -> str:
    """Return the message of a refusal, after a colon and without the key; empty if there is none."""
    if response.status_code == HTTPStatus.OK:
        return ""
    problem = _Problem()
    with suppress(lenient_json.UndecodableError):
        problem = lenient_json.decode(response.content, _Problem)
    words = problem.message or problem.detail or problem.error or ""
    words = " ".join(words.replace(str(key), "…").split()).rstrip(".:")
    return f": {words[:_LONGEST_DETAIL]}" if words else ""


def _retry_after(response: httpx.Response) -> float:
    """Return `Retry-After` (RFC 9110) in seconds: a number, or a date by the server's clock."""
    text = response.headers.get("Retry-After", "")
    seconds = math.nan
    try:
        seconds = float(text)
    except ValueError:
        with suppress(ValueError, TypeError, OverflowError):
            until = timestamps.valid_timestamp(parsedate_to_datetime(text))
            now = timestamps.valid_timestamp(parsedate_to_datetime(response.headers.get("Date", "")))
            if until is not None and now is not None:
                seconds = (until - now).total_seconds()
    return min(max(seconds, 1.0), _LONGEST_RETRY) if math.isfinite(seconds) else _DEFAULT_RETRY
