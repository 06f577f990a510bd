"""Why an invoice of Re-Leased may fail: what is known of its contact in every organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.model.evidence import SyncStatus

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.change import Change
    from tui.model.contact import Organisation
    from tui.model.organisation_search import SearchState
    from tui.model.snapshot import ChangeView

#: What shows that Re-Leased has a change: its own data, or the user who looked there.
_SEEN: frozenset[SyncStatus] = frozenset({SyncStatus.SYNCED, SyncStatus.CHECKED})


class NamedContact(Struct, frozen=True):
    """Another contact; the name is empty if it isn't in the local database."""

    contact_id: str
    name: str = ""


class ContactFinding(Struct, frozen=True):
    """One contact, by saved data.

    `last` is the change that gave it its status, None if the change log doesn't have it; `open_change` one
    that Xero hasn't confirmed yet. `survivor` is the contact that it was merged into, `namesake` an active
    one because of which Xero would refuse a restore. `approved_at` is when the user last recorded that its
    Drafts were approved again.
    """

    contact_id: str
    name: str
    status: ContactStatus
    last: ChangeView | None = None
    open_change: Change | None = None
    survivor: NamedContact | None = None
    namesake: NamedContact | None = None
    approved_at: datetime | None = None

    @property
    def can_be_restored(self) -> bool:
        """Whether it is archived, and neither merged nor on its way."""
        return self.status is ContactStatus.ARCHIVED and self.survivor is None and self.open_change is None

    @property
    def is_active(self) -> bool:
        """Whether it is active in Xero."""
        return self.status is ContactStatus.ACTIVE

    @property
    def is_synced(self) -> bool | None:
        """Whether Re-Leased is known to have the last change; None if there is no change to look for."""
        if self.last is None or self.last.change.state is not State.CONFIRMED:
            return None
        return self.last.sync is not None and self.last.sync.status in _SEEN

    @property
    def is_approved(self) -> bool:
        """Whether the Drafts were approved again since the contact was last archived or restored."""
        if self.approved_at is None:
            return False
        since = None if self.last is None else self.last.change.confirmed_at
        return since is None or self.approved_at >= since

    @property
    def was_restored(self) -> bool:
        """Whether the change log has the restore that made it active."""
        return self.last is not None and self.last.change.action is Action.RESTORE


class OrganisationFindings(Struct, frozen=True):
    """The contacts that a text names in one organisation: the first ones, and how many there are."""

    organisation: Organisation
    state: SearchState
    contacts: tuple[ContactFinding, ...] = ()
    total: int = 0
