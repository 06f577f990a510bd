"""What the list of contact groups says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.widgets.formatting import format_number, pluralize
from tui.widgets.text import cells, content, fit, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.tenancy import ContactGroup


# A group's name comes from outside, and may be of any length.
_LONGEST_NAME: Final = 40
_GROUPS_NAMED: Final = 2

_IN_SHORT: Final = (
    "Re-Leased picks {them} up at its next sync; a tenancy that bills {one} can't be invoiced from then on."
)
_HEADING: Final = "Look in Re-Leased first"
_LOOK_ONE: Final = (
    "Is it the billing contact of an active tenancy? Neither Xero nor Reshelve knows of tenancies."
)
_LOOK_MANY: Final = (
    "Is one of them the billing contact of an active tenancy? Neither Xero nor Reshelve knows of tenancies."
)
# In Re-Leased's own words, as its help centre gives them.
_E_MAIL: Final = "Billing Contact for Tenancy was Archived"
_FAILURE: Final = (
    "The contact with the specified contact details has been archived. The contact must be un-archived "
    "before creating new invoices or credit notes."
)
_AFTER: Final = "After Re-Leased's next sync:"
_MOVES_ONE: Final = "• The contact stands under Re-Leased's Archived tab, and can't be picked there any more."
_MOVES_MANY: Final = (
    "• The contacts stand under Re-Leased's Archived tab, and can't be picked there any more."
)
_FAILS: Final = (
    f"• If a tenancy bills it, Re-Leased e-mails “{_E_MAIL}”. The tenancy's next invoices fail and stay in "
    f"Drafts: “{_FAILURE}”"
)
_FIX: Final = "• The cure: change the tenancy's Xero Invoice contact in Re-Leased, or restore the contact."
_MARKING: Final = (
    "{key} marks the contact groups that are tenants: Reshelve then warns of each of their contacts, every "
    "time. All this is said in full only before the first archive."
)


def short_explanation(count: int) -> str:
    """Say in a sentence what Re-Leased does with what is archived."""
    return (
        _IN_SHORT.format(them="it", one="it")
        if count == 1
        else _IN_SHORT.format(them="them", one="one of them")
    )


def full_explanation(count: int, key: str = "") -> tuple[tuple[str, str], ...]:
    """Say all of it, each part with its kind; `key` is the one that marks groups, where it works."""
    is_one = count == 1
    parts = (
        ("title", _HEADING),
        ("words", _LOOK_ONE if is_one else _LOOK_MANY),
        ("title", _AFTER),
        ("words", _MOVES_ONE if is_one else _MOVES_MANY),
        ("words", _FAILS),
        ("words", _FIX),
    )
    return (*parts, ("note", _MARKING.format(key=key))) if key else parts


def format_groups(groups: Sequence[str]) -> str:
    """Write groups by their names: “Tenants”, “Lessees” and 2 more groups."""
    shown = [f"“{safe(name, _LONGEST_NAME)}”" for name in groups[:_GROUPS_NAMED]]
    more = len(groups) - len(shown)
    if more:
        shown.append(pluralize(more, "more group"))
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def warning(groups: Sequence[str]) -> str:
    """Warn of one contact that is in these groups of tenants."""
    return f"In {format_groups(groups)}: if a tenancy in Re-Leased bills it, its next invoices will fail."


def mention(groups: Sequence[str]) -> str:
    """Say of one contact among several that it is in these groups."""
    return f"In {format_groups(groups)}."


def summary(affected: Sequence[Sequence[str]], total: int) -> str:
    """Warn of several contacts among all that are to be archived, given the groups of each."""
    counts = Counter(name for groups in affected for name in groups)
    in_groups = format_groups([name for name, _ in counts.most_common()])
    how_many = (
        f"All {format_number(total)}"
        if len(affected) == total
        else f"{format_number(len(affected))} of these"
    )
    return (
        f"{how_many} are in {in_groups}. Look in Re-Leased first: a tenancy that bills one of them can't be "
        "invoiced once it is archived."
    )


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
