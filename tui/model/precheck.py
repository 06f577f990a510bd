"""The check of contacts before they are changed, for the confirmation dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from tui.model.change import Action
from tui.model.tenancy import tenant_groups_among

if TYPE_CHECKING:
    from tui.model.contact import Contact
    from tui.model.reasons import ContactReason, Notice


class PrecheckLine(Struct, frozen=True):
    """One contact that is about to be changed, and what the user should know about it.

    `blocked_reason` is why it would be left out; warnings never block. `tenant_groups` are those of its
    groups that the user marked as tenants, if it is about to be archived.
    """

    contact: Contact
    warnings: tuple[Notice, ...] = ()
    blocked_reason: ContactReason | None = None
    tenant_groups: tuple[str, ...] = ()

    def with_tenant_groups(self, tenant_groups: frozenset[str]) -> PrecheckLine:
        """Return a copy for other groups marked as tenants."""
        return replace(
            self,
            tenant_groups=()
            if self.blocked_reason
            else tenant_groups_among(self.contact.groups, tenant_groups),
        )


class Precheck(Struct, frozen=True):
    """The contents of the confirmation dialog.

    `stale_reason` is why some lines are saved data, None if all were just read from Xero. `is_first_archive`
    means that none was requested here yet in this organisation.
    """

    action: Action
    lines: tuple[PrecheckLine, ...]
    stale_reason: Notice | None = None
    is_first_archive: bool = False

    @property
    def possible(self) -> tuple[PrecheckLine, ...]:
        """The lines that can be changed."""
        return tuple(line for line in self.lines if not line.blocked_reason)

    def with_tenant_groups(self, tenant_groups: frozenset[str]) -> Precheck:
        """Return a copy for other groups marked as tenants; only archiving affects tenancies."""
        if self.action is not Action.ARCHIVE:
            return self
        return replace(self, lines=tuple(line.with_tenant_groups(tenant_groups) for line in self.lines))
