"""What is said of tenancies before a contact is archived. Nobody here knows of them: it only reminds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tui.widgets.formatting import format_number, pluralize
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

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
