"""Tenancy care: which contact groups a person has marked as tenants, and whom it concerns.

Xero knows nothing of tenancies, and Re-Leased can't be asked. A group's name suggests at most; only a
person marks it, and what was said last of a name holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

# Parts of words, so that "Ex-tenants" and "Tenancies" are found as well.
_TENANT_WORDS: Final = ("tenant", "tenanc", "lessee", "renter", "leaseholder", "occupier")


class ContactGroup(Struct, frozen=True):
    """A contact group of Xero, as the local copy knows it.

    `active` counts its active contacts, the ones that can still be archived; `is_known` says whether any
    contact is in it at all: a marked group that was renamed or emptied in Xero stays in the list without.
    """

    name: str
    active: int
    is_tenants: bool = False
    is_known: bool = True

    @property
    def sounds_like_tenants(self) -> bool:
        """Whether its name suggests tenants. That marks nothing by itself."""
        folded = self.name.casefold()
        return any(part in folded for part in _TENANT_WORDS)


class TenancyWarnings(Struct, frozen=True):
    """What is to be kept in mind of tenancies before anything is archived.

    `tenant_groups` are the names of the groups of tenants; `is_first_archive` says that no archive was ever
    asked for here in this organisation.
    """

    tenant_groups: frozenset[str] = frozenset()
    is_first_archive: bool = False


#: For what archives nothing.
NO_WARNINGS: Final = TenancyWarnings()


def current_tenant_groups(marks: Iterable[tuple[str, bool]]) -> frozenset[str]:
    """Follow what was said of groups, in the order of saying; returns the names marked now."""
    last = dict(marks)
    return frozenset(name for name, is_tenants in last.items() if is_tenants)


def tenant_groups_among(groups: Iterable[str], tenant_groups: frozenset[str]) -> tuple[str, ...]:
    """Return those of a contact's groups that are marked, in their order."""
    return tuple(name for name in groups if name in tenant_groups)


def sort_groups(groups: Iterable[ContactGroup]) -> tuple[ContactGroup, ...]:
    """Put the marked groups first, then those whose names suggest tenants, each by name."""
    return tuple(
        sorted(
            groups,
            key=lambda each: (
                not each.is_tenants,
                not each.sounds_like_tenants,
                each.name.casefold(),
                each.name,
            ),
        )
    )
