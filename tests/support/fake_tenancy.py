"""Contact groups and their marks, in the engine in memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tui.model.contact import ContactStatus
from tui.model.tenancy import ContactGroup, sort_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.contact import Contact


@dataclass(eq=False, kw_only=True)
class FakeTenancy:
    """Lists the groups of the known contacts; `marked` are those of tenants."""

    known: dict[str, Contact]
    marked: set[str] = field(default_factory=set)
    is_first_archive: bool = False

    async def groups(self) -> Sequence[ContactGroup]:
        self._called("groups")
        active: Counter[str] = Counter()
        for contact in self.known.values():
            for name in contact.groups:
                active[name] += contact.status is ContactStatus.ACTIVE
        known = [ContactGroup(name, count, name in self.marked) for name, count in active.items()]
        gone = [ContactGroup(name, 0, True, False) for name in self.marked - set(active)]  # noqa: FBT003 - fields in order
        return sort_groups([*known, *gone])

    async def mark_tenants(self, name: str, *, on: bool) -> None:
        self._called("mark_tenants", name, on)
        if on:
            self.marked.add(name)
        else:
            self.marked.discard(name)
        self.publish_changes()

    def publish_changes(self, **parts: Any) -> None:
        raise NotImplementedError

    def _called(self, call: str, *arguments: Any) -> None:
        raise NotImplementedError
