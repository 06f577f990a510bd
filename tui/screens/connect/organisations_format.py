"""What the list of organisations says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.widgets.formatting import format_number, pluralize
from tui.widgets.text import content, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.account import OrganisationSummary

REFRESHING: Final = "Asking Xero which organisations there are …"
REFRESHED: Final = "As Xero says just now."
_NAMED: Final = 12
_NARROW: Final = 60
_AFTER_DISCONNECT: Final = (
    "The sign-in is revoked at Xero and its tokens are forgotten. The local copies and the journals stay on "
    "this machine: connect again, and queued changes go on."
)


def line(listed: OrganisationSummary, width: int, *, is_open: bool, is_practice: bool) -> Content:
    """Write one organisation, its name on the left, how it stands on the right, in exactly this width."""
    organisation = listed.organisation
    symbol, style = _symbol(listed, is_open=is_open)
    is_narrow = width < _NARROW
    demo = "DEMO" if is_narrow else "DEMO COMPANY"
    # On a narrow screen the key bar's mark has to do: in practice every line would have the same.
    mark = ("" if is_narrow else "PRACTICE") if is_practice else demo if organisation.is_demo else ""
    badge = Content.assemble((f" {mark} ", "bold $background on $warning"), " ") if mark else Content("")
    right = _status(listed)
    if organisation.is_read_only:
        right = Content.assemble(("read only", "$text-accent"), "  ", right)
    room = max(8, width - 3 - badge.cell_length - right.cell_length)
    name = content(fit(organisation.name, room), "bold" if is_open else "")
    return Content.assemble((symbol, style), " ", name, " ", badge, right).truncate(width)


def _symbol(listed: OrganisationSummary, *, is_open: bool) -> tuple[str, str]:
    if listed.is_removed:
        return "✗", "$text-error"
    return ("●", "$text-success") if is_open else ("○", "$text-muted")


def _status(listed: OrganisationSummary) -> Content:
    if listed.is_removed:
        return Content.styled("removed in Xero", "$text-error")
    if not listed.is_counted:
        return Content.styled("…", "$text-muted")
    if listed.pending is None and listed.not_in_xero is None:
        return Content.styled("not opened yet", "$text-muted")
    counts = ((listed.pending, "pending"), (listed.not_in_xero, "unfinished"))
    parts = [f"{format_number(count)} {word}" for count, word in counts if count]
    if parts:
        return Content.styled(", ".join(parts), "$text-warning")
    return Content.styled("nothing pending", "$text-muted")


def disconnect_explanation(names: Sequence[str]) -> tuple[str, ...]:
    """Say which organisations go together, and what happens to them."""
    if len(names) == 1:
        return (f"{names[0]} is no longer reached from here.", _AFTER_DISCONNECT)
    more = [f"and {format_number(len(names) - _NAMED)} more"] if len(names) > _NAMED else []
    listed = [f"• {name}" for name in names[:_NAMED]]
    return (
        f"One sign-in opens {pluralize(len(names), 'organisation')}, which are no longer reached from here:",
        *listed,
        *more,
        _AFTER_DISCONNECT,
    )
