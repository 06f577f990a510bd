"""Re-Leased's own contacts and companies, as a source read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from tui.model.query import fold

if TYPE_CHECKING:
    from tui.model.reasons import Notice

# The name that contacts have in Re-Leased after they were deleted there (its help centre).
_DELETED_NAME: Final = "deletedcontact"
_LONGEST_VALUE: Final = 200
_MOST_FIELDS: Final = 200
_DEEPEST: Final = 8


class ReLeasedContact(Struct, frozen=True):
    """A contact in Re-Leased; text is as received.

    `xero_id` is Xero's ContactID, None if the source returned none. `people` are the persons named besides
    the contact itself. `archived` is None if the source returned no status: the contact then proves
    nothing. `company_id` is the Re-Leased company that the source lists the contact under; a contact can
    belong to several. `raw` is Re-Leased's own record, whatever it holds.
    """

    id: str
    xero_id: str | None = None
    name: str = ""
    people: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    archived: bool | None = None
    updated_at: datetime | None = None
    company_id: str | None = None
    currency: str | None = None
    raw: Mapping[str, object] = field(default_factory=dict)

    def raw_fields(self) -> dict[str, str]:
        """Return the fields of `raw` by path, such as `raw.isArchived`, with their values as short text.

        The first 200, for a report of what a source returns. A field without a value is "null".
        """
        found: dict[str, str] = {}
        _collect("raw", self.raw, found, 0)
        return found


class FieldMapping(Struct, frozen=True):
    """The fields of Re-Leased's own record that the user chose for what Unified.to's own fields lack.

    Paths start with `raw`, such as `raw.isArchived`; empty means that none is known. Without
    `archived_values` the field must be true or false. With them, a contact is archived if the field has one
    of them, in any case, and active if it has another value of the same kind.
    """

    archived_field: str = ""
    archived_values: tuple[str, ...] = ()
    xero_id_field: str = ""


class ReLeasedCompany(Struct, frozen=True):
    """A company in Re-Leased, which syncs with one Xero organisation. Text is empty if unknown."""

    id: str
    name: str = ""
    currency: str = ""
    timezone: str = ""


class Page(Struct, frozen=True):
    """One page of a list of contacts.

    `next_cursor` continues the list; None means that this was the last page. `unreadable` counts contacts of
    this page that couldn't be read, and `other_company` those of a company other than the one
    requested; both are left out.
    """

    contacts: tuple[ReLeasedContact, ...]
    next_cursor: str | None
    unreadable: int = 0
    other_company: int = 0


class ReadCounts(Struct, frozen=True):
    """What a complete read of Re-Leased's contacts returned, in numbers.

    `total` counts all contacts except those deleted in Re-Leased (`deleted`). `unreadable` could not be
    parsed, `other_company` belong to another company than the chosen one. `matched` are those that certainly
    are a Xero contact, `unclear` those that could be several or a similar one, `unmatched` none.
    """

    total: int = 0
    with_status: int = 0
    archived: int = 0
    with_xero_id: int = 0
    matched: int = 0
    unclear: int = 0
    unmatched: int = 0
    unreadable: int = 0
    other_company: int = 0
    deleted: int = 0


class ContactRead(Struct, frozen=True):
    """A complete read of Re-Leased's contacts. `began_at` is by Xero's clock: it shows nothing later.

    `company_zone` is the time zone of their company in Re-Leased, by its IANA name; empty if unknown.
    """

    began_at: datetime
    counts: ReadCounts
    company_zone: str = ""


class ConnectionTest(Struct, frozen=True):
    """What a complete read of Re-Leased's contacts returned, which recorded nothing.

    `confirmable` counts the contacts that certainly are one in Xero and came with a status: only their
    changes can be confirmed. `is_other_company` is whether too few contacts match for this to be the
    organisation's company, `has_several_companies` whether they belong to more than one: neither shows
    anything. `examples` are the first few contacts, before any was left out. `mapping` has the fields that
    the user chose, None if the source takes none.
    """

    organisation: str
    began_at: datetime
    counts: ReadCounts
    confirmable: int
    is_other_company: bool = False
    has_several_companies: bool = False
    examples: tuple[ReLeasedContact, ...] = ()
    mapping: FieldMapping | None = None


class ContactReading(Struct, frozen=True):
    """The state of reading Re-Leased's own contacts.

    `last` is the last read of all contacts, `last_began_at` when the last read of any kind began; both None
    before the first. `problem` is why the last attempt failed. Until the first read of all contacts
    ends, `received` counts those so far while one is going on; None otherwise.
    """

    last: ContactRead | None = None
    last_began_at: datetime | None = None
    problem: Notice | None = None
    received: int | None = None

    @property
    def has_statuses(self) -> bool:
        """Whether Re-Leased returned the status of any contact, so that a change can be confirmed."""
        return self.last is not None and self.last.counts.with_status > 0


def is_deleted_name(name: str) -> bool:
    """Whether this is the name that Re-Leased gives to contacts that were deleted there."""
    return "".join(fold(name).split()) == _DELETED_NAME


def raw_value(raw: Mapping[str, object], path: str) -> object:
    """Return the value of `raw` at a path such as `raw.status.name`; None if there is none.

    A number in the path is a position in a list, counted from 0.
    """
    value: object = raw
    for name in path.split(".")[1:]:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, Sequence) and not isinstance(value, str) and name.isdecimal():
            value = value[int(name)] if len(name) <= _DEEPEST and int(name) < len(value) else None
        else:
            return None
    return value


def value_text(value: object) -> str | None:
    """Return a single value as text, as JSON writes it; None for lists, objects and no value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else None


def _collect(path: str, value: object, found: dict[str, str], depth: int) -> None:
    if len(found) >= _MOST_FIELDS:
        return
    if depth < _DEEPEST and isinstance(value, Mapping):
        for name, inner in value.items():
            _collect(f"{path}.{name}", inner, found, depth + 1)
    elif depth < _DEEPEST and isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            _collect(f"{path}.{index}", inner, found, depth + 1)
    else:
        text = value_text(value)
        found[path] = ("null" if value is None else "…") if text is None else text[:_LONGEST_VALUE]
