"""Text for tenant groups and archive warnings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.messages.formats import format_number, pluralize
from tui.widgets.text import cells, content, fit, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.contact import ContactGroup


# Group names come from Xero and may be of any length.
_LONGEST_NAME: Final = 40
_GROUPS_NAMED: Final = 2

_IN_SHORT: Final = (
    "Check Re-Leased first. If {it} is billed for an active tenancy, its invoices will fail after the next "
    "sync. To fix that later: change the tenancy's Xero Invoice contact, or restore the contact."
)
_HEADING: Final = "Check Re-Leased first"
_LOOK_ONE: Final = "Is it billed for an active tenancy? Only Re-Leased knows."
_LOOK_MANY: Final = "Is one of them billed for an active tenancy? Only Re-Leased knows."
# Quoted from Re-Leased's help centre.
_E_MAIL: Final = "Billing Contact for Tenancy was Archived"
_FAILURE: Final = (
    "The contact with the specified contact details has been archived. The contact must be un-archived "
    "before creating new invoices or credit notes."
)
_AFTER: Final = "After Re-Leased's next sync:"
_MOVES_ONE: Final = "• It moves to Re-Leased's Archived tab and can't be selected."
_MOVES_MANY: Final = "• They move to Re-Leased's Archived tab and can't be selected."
_FAILS: Final = (
    f"• If {{it}} is billed for a tenancy, Re-Leased e-mails “{_E_MAIL}”. The tenancy's next invoices fail "
    f"and stay in Drafts: “{_FAILURE}”"
)
_FIX: Final = (
    "• To fix: change the tenancy's Xero Invoice contact in Re-Leased, or restore the contact. "
    "Then approve the invoices in Drafts again."
)
_MARKING: Final = (
    "Press {key} to choose your tenant groups: archiving their contacts then warns. This text is shown in "
    "full only the first time."
)


def short_explanation(count: int) -> str:
    """Describe in short what archiving does in Re-Leased."""
    return _IN_SHORT.format(it="this contact") if count == 1 else _IN_SHORT.format(it="one of these contacts")


def full_explanation(count: int, key: str = "") -> tuple[tuple[str, str], ...]:
    """Describe in full what archiving does in Re-Leased, as (kind, text) parts.

    `key` opens the tenant groups; empty if it isn't available.
    """
    is_one = count == 1
    parts = (
        ("title", _HEADING),
        ("words", _LOOK_ONE if is_one else _LOOK_MANY),
        ("title", _AFTER),
        ("words", _MOVES_ONE if is_one else _MOVES_MANY),
        ("words", _FAILS.format(it="it" if is_one else "one")),
        ("words", _FIX),
    )
    return (*parts, ("note", _MARKING.format(key=key))) if key else parts


def format_groups(groups: Sequence[str]) -> str:
    """Format group names: “Tenants”, “Lessees” and 2 more groups."""
    shown = [f"“{safe(name, _LONGEST_NAME)}”" for name in groups[:_GROUPS_NAMED]]
    more = len(groups) - len(shown)
    if more:
        shown.append(pluralize(more, "more group"))
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def warning(groups: Sequence[str]) -> str:
    """Return the warning for one contact in these tenant groups."""
    return (
        f"In {format_groups(groups)}: if it is billed for a tenancy in Re-Leased, its next invoices will "
        "fail."
    )


def mention(groups: Sequence[str]) -> str:
    """Return the short note for one of several contacts in these groups."""
    return f"In {format_groups(groups)}."


def summary(affected: Sequence[Sequence[str]], total: int) -> str:
    """Return the warning for several contacts to be archived, given the tenant groups of each."""
    counts = Counter(name for groups in affected for name in groups)
    in_groups = format_groups([name for name, _ in counts.most_common()])
    how_many = (
        f"All {format_number(total)}"
        if len(affected) == total
        else f"{format_number(len(affected))} of these"
    )
    return (
        f"{how_many} are in {in_groups}. Check Re-Leased first: once archived, a contact billed for a "
        "tenancy can't be invoiced."
    )


TITLE: Final = "Choose tenant groups"
EXPLANATION: Final = (
    "Choose the contact groups in Xero that contain tenants. Archiving a contact in one of them then shows a "
    "warning. Nothing changes in Xero."
)
_RENAMED: Final = "If you rename a group in Xero, choose it again here."
NO_GROUPS: Final = (
    "No contact is in a contact group. To create one in Xero: Contacts › All contacts › New group, name it "
    "(for example Tenants), then add contacts. It appears here after those contacts are loaded."
)
STILL_READING: Final = (
    "None of the contacts loaded so far is in a contact group. Groups appear here when all contacts are "
    "loaded."
)
_GAP: Final = 2


def hint(groups: Sequence[ContactGroup]) -> str:
    """Suggest groups that sound like tenants, or else explain that renamed groups must be chosen again."""
    candidates = [group.name for group in groups if group.sounds_like_tenants and not group.is_tenants]
    if not candidates:
        return _RENAMED
    is_one = len(candidates) == 1
    looks = "looks like a tenant group" if is_one else "look like tenant groups"
    return f"{format_groups(candidates)} {looks}, but {'isn' if is_one else 'aren'}'t chosen yet."


def row(group: ContactGroup, width: int) -> Content:
    """Format one group: checkbox, name, number of active contacts."""
    checkbox = ("[✓] ", "bold $text-success") if group.is_tenants else ("[ ] ", "$text-muted")
    count = f"protected · {_count(group)}" if group.is_protected else _count(group)
    room = max(0, width - len(checkbox[0]) - cells(count) - _GAP)
    style = "bold" if group.is_tenants else ""
    return Content.assemble(
        checkbox, content(fit(group.name, room), style), " " * _GAP, (count, "$text-muted")
    )


def protected_message(group: ContactGroup) -> str:
    """Describe the effect of protecting a group, or of ending that."""
    name = format_groups([group.name])
    if group.is_protected:
        return f"Protected: archiving a contact in {name} now asks twice."
    return f"No longer protected: archiving a contact in {name} asks once."


def _count(group: ContactGroup) -> str:
    if not group.is_known:
        return "no contacts (renamed?)"
    return pluralize(group.active, "active contact") if group.active else "no active contacts"


def marked_message(group: ContactGroup) -> str:
    """Describe the effect of choosing or deselecting a group."""
    if group.is_tenants:
        return f"Tenant group: archiving a contact in {format_groups([group.name])} now shows a warning."
    return f"Not a tenant group: {format_groups([group.name])} no longer shows a warning."
