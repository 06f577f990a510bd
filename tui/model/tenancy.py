"""Tenant groups: which contact groups the user has marked as tenants, and the warnings about them.

Xero doesn't know about tenancies, and Re-Leased can't be queried. A group's name is only a hint; only the
user marks it, and the last mark of a name counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

# Parts of words, so that "Ex-tenants" and "Tenancies" are found as well.
_TENANT_WORDS: Final = ("tenant", "tenanc", "lessee", "renter", "leaseholder", "occupier")


class ContactGroup(Struct, frozen=True):
    """A contact group of Xero, from the local database.

    `active` counts its active contacts, which can still be archived. `is_known` is whether it has any
    contacts: a marked group that was renamed or emptied in Xero stays in the list without any.
    """

    name: str
    active: int
    is_tenants: bool = False
    is_known: bool = True

    @property
    def sounds_like_tenants(self) -> bool:
        """Whether its name suggests tenants. This alone doesn't mark it."""
        folded = self.name.casefold()
        return any(part in folded for part in _TENANT_WORDS)


class TenancyWarnings(Struct, frozen=True):
    """Warnings about tenancies, to show before anything is archived.

    `tenant_groups` are the names of the groups of tenants; `is_first_archive` means that no archive was ever
    requested here in this organisation.
    """

    tenant_groups: frozenset[str] = frozenset()
    is_first_archive: bool = False


#: For actions that archive nothing.
NO_WARNINGS: Final = TenancyWarnings()


def current_tenant_groups(marks: Iterable[tuple[str, bool]]) -> frozenset[str]:
    """Replay the marks of groups in order; returns the names that are marked now."""
    last = dict(marks)
    return frozenset(name for name, is_tenants in last.items() if is_tenants)


def tenant_groups_among(groups: Iterable[str], tenant_groups: frozenset[str]) -> tuple[str, ...]:
    """Return which of a contact's groups are marked, in their order."""
    return tuple(name for name in groups if name in tenant_groups)


def sort_groups(groups: Iterable[ContactGroup]) -> tuple[ContactGroup, ...]:
    """Sort the marked groups first, then those whose names suggest tenants, each by name."""
    return tuple(
        sorted(
            groups,
            key=lambda group: (
                not group.is_tenants,
                not group.sounds_like_tenants,
                group.name.casefold(),
                group.name,
            ),
        )
    )
