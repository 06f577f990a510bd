"""A small model of Xero with the client's interface, and faults on request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from tui.model.change import Action
from tui.model.contact import Contact, ContactStatus
from tui.model.errors import OfflineError, RateLimitedError, ReconnectError, RejectedError, ReplyLostError
from tui.model.reasons import XeroReason
from tui.xero.results import CallsLeft, ContactsPage, ContactWriteResult, LookupResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.engine.clock import XeroClock
    from tui.model.errors import XeroError
    from tui.xero.client import XeroClient

START = datetime(2026, 3, 3, 12, tzinfo=UTC)
ARCHIVED_WORDS = "Archived contacts cannot currently be edited via the API."
REPEATING_WORDS = "Contacts cannot be archived if they are associated with repeating invoices"


def contact(
    contact_id: str,
    status: ContactStatus = ContactStatus.ACTIVE,
    *,
    name: str = "",
    updated_at: datetime = START - timedelta(days=1),
) -> Contact:
    return Contact(contact_id, name or f"Contact {contact_id}", status, updated_at)


class Fault(StrEnum):
    """What can go wrong with one request."""

    OFFLINE = "offline"
    LIMITED = "limited"
    SIGNED_OUT = "signed out"
    DROPPED_BEFORE = "dropped before it was carried out"
    DROPPED_AFTER = "dropped after it was carried out"
    REJECTED = "refused as a whole"


def raised_for(fault: Fault) -> XeroError:
    match fault:
        case Fault.OFFLINE:
            return OfflineError(XeroReason.OFFLINE)
        case Fault.LIMITED:
            return RateLimitedError(30, "minute")
        case Fault.SIGNED_OUT:
            return ReconnectError(XeroReason.SIGN_IN_INVALID)
        case Fault.REJECTED:
            return RejectedError(
                XeroReason.REJECTED, status=400, xero_message="A validation exception occurred"
            )
        case Fault.DROPPED_BEFORE | Fault.DROPPED_AFTER:
            return ReplyLostError(XeroReason.NO_REPLY)


@dataclass
class Clock:
    """Advances only when the test moves it."""

    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


def tell_time(clock: XeroClock, date: datetime) -> None:
    """Let Xero reply at that time as often as it takes to be trusted."""
    for _ in range(3):
        clock.update_offset(date, 0.1)


@dataclass
class ModelXero:
    """Archives, refuses to restore, and judges each element, as seen on live organisations.

    `write_faults` and `read_faults` are used up one a call. `unanswered` contacts are left out of the
    answer to a write, `ignored` ones are given back as they were.
    """

    contacts_now: dict[str, Contact] = field(default_factory=dict)
    restores: bool = False
    repeating: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)
    write_faults: list[Fault | None] = field(default_factory=list)
    read_faults: list[Fault | None] = field(default_factory=list)
    writes: list[tuple[Action, tuple[str, ...], str]] = field(default_factory=list)
    reads: list[tuple[str, ...]] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    calls_left: CallsLeft = field(default_factory=CallsLeft)
    last_reply_at: datetime | None = None

    @classmethod
    def of(cls, *contacts: Contact) -> ModelXero:
        return cls({one.contact_id: one for one in contacts})

    @property
    def client(self) -> XeroClient:
        return cast("XeroClient", self)

    def on_slow_response(self, listener: Callable[[float | None], None]) -> None:
        """No reply here is slow."""

    def on_server_time(self, listener: Callable[[datetime, float], None]) -> None:
        """Report no server time; a test that is about it does."""

    def status(self, contact_id: str) -> ContactStatus:
        return self.contacts_now[contact_id].status

    def set_status(self, contact_id: str, status: ContactStatus) -> None:
        """Change a contact as on Xero's own pages."""
        self.clock.forward(seconds=1)
        changed = replace(self.contacts_now[contact_id], status=status, updated_at=self.clock())
        self.contacts_now[contact_id] = changed

    async def look_up(self, contact_ids: Sequence[str]) -> LookupResult:
        self._suffer(self.read_faults)
        self.reads.append(tuple(contact_ids))
        known = self.contacts_now
        return LookupResult(
            tuple(known[one] for one in contact_ids if one in known),
            tuple(one for one in contact_ids if one not in known),
        )

    async def may_read_activity(self) -> bool:
        """Return False: no transactions are read."""
        return False

    async def contacts(
        self, page: int, *, page_size: int = 1000, modified_since: datetime | None = None
    ) -> ContactsPage:
        self._suffer(self.read_faults)
        found = sorted(
            (
                one
                for one in self.contacts_now.values()
                if modified_since is None or one.updated_at > modified_since
            ),
            key=lambda one: one.contact_id,
        )
        start = (page - 1) * page_size
        return ContactsPage(
            contacts=tuple(found[start : start + page_size]),
            page=page,
            page_count=-(-len(found) // page_size),
            item_count=len(found),
            answered_at=self.clock(),
        )

    async def change_status(
        self, action: Action, contact_ids: Sequence[str], *, idempotency_key: str
    ) -> list[ContactWriteResult]:
        assert 0 < len(contact_ids) <= 50
        fault = self.write_faults.pop(0) if self.write_faults else None
        if fault is not None and fault is not Fault.DROPPED_AFTER:
            raise raised_for(fault)
        self.writes.append((action, tuple(contact_ids), idempotency_key))
        if not self.contacts_now.keys() >= set(contact_ids):
            raise RejectedError(XeroReason.NOT_FOUND, status=404)
        elements = [self._change(action, one) for one in contact_ids if one not in self.unanswered]
        if fault is not None:
            raise raised_for(fault)
        return elements

    def _change(self, action: Action, contact_id: str) -> ContactWriteResult:
        before = self.contacts_now[contact_id]
        if contact_id in self.ignored:
            return ContactWriteResult(contact_id, before, "")
        if before.status is not ContactStatus.ACTIVE and not (self.restores and action is Action.RESTORE):
            return ContactWriteResult(contact_id, None, ARCHIVED_WORDS)
        if action is Action.ARCHIVE and contact_id in self.repeating:
            return ContactWriteResult(contact_id, None, REPEATING_WORDS)
        if before.status is not action.target_status:
            self.set_status(contact_id, action.target_status)
        return ContactWriteResult(contact_id, self.contacts_now[contact_id], "")

    def _suffer(self, faults: list[Fault | None]) -> None:
        fault = faults.pop(0) if faults else None
        if fault is not None:
            raise raised_for(fault)
