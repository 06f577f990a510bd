"""What the list of contact groups says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.screens.tenancy.tenancy_format import format_groups
from tui.widgets.formatting import pluralize
from tui.widgets.text import cells, content, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.tenancy import ContactGroup

TITLE: Final = "Which groups are tenants?"
EXPLANATION: Final = (
    "Xero's contact groups. Archiving a contact in a marked one warns each time; in Xero nothing changes."
)
_RENAMED: Final = "A group that is renamed in Xero has to be marked again."
NO_GROUPS: Final = (
    "No contact is in a contact group. A contact group is a list of contacts that you name, such as "
    "Tenants. Make one in Xero: Contacts › All contacts › New group, then add contacts to it. Reshelve "
    "lists it here once it has read those contacts."
)
STILL_READING: Final = (
    "No contact read so far is in a contact group. The contacts are still being read from Xero; groups are "
    "listed here once that is done."
)
_GAP: Final = 2


def hint(groups: Sequence[ContactGroup]) -> str:
    """Say which groups sound like tenants and aren't marked, else what a mark goes by."""
    candidates = [each.name for each in groups if each.sounds_like_tenants and not each.is_tenants]
    if not candidates:
        return _RENAMED
    verb = "sounds" if len(candidates) == 1 else "sound"
    return f"{format_groups(candidates)} {verb} like tenants. Nothing is marked until you say so."


def row(group: ContactGroup, width: int) -> Content:
    """Write one group: its tick, its name, how many contacts it concerns."""
    checkbox = ("[✓] ", "bold $text-success") if group.is_tenants else ("[ ] ", "$text-muted")
    count = _count(group)
    room = max(0, width - len(checkbox[0]) - cells(count) - _GAP)
    style = "bold" if group.is_tenants else ""
    return Content.assemble(
        checkbox, content(fit(group.name, room), style), " " * _GAP, (count, "$text-muted")
    )


def _count(group: ContactGroup) -> str:
    if not group.is_known:
        return "no contact in it (renamed?)"
    return pluralize(group.active, "active contact") if group.active else "no active contact"


def marked_message(group: ContactGroup) -> str:
    """Say what a press has done."""
    if group.is_tenants:
        return f"Marked: archiving a contact in {format_groups([group.name])} warns from now on."
    return f"Not marked any more: {format_groups([group.name])} warns no longer."
