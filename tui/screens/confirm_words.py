"""What the confirmation dialog says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.change import Action
from tui.widgets.words import counted, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.model.backend import Check

NAMES: Final = {Action.ARCHIVE: "Archive", Action.RESTORE: "Restore"}
ASKING: Final = "Asking Xero …"
_NAMED: Final = 8

_ARCHIVE_ONE: Final = (
    "It moves to Archived in Xero. Re-Leased picks it up at its next sync. If it is the billing contact of "
    "an active tenancy in Re-Leased, the tenancy's next invoices will fail until you change its invoice "
    "contact."
)
_ARCHIVE_MANY: Final = (
    "They move to Archived in Xero. Re-Leased picks them up at its next sync. If one of them is the billing "
    "contact of an active tenancy in Re-Leased, its next invoices will fail until you change the tenancy's "
    "invoice contact."
)
_RESTORE_ONE: Final = (
    "Xero's API may refuse to restore it. Then you are taken to its page in Xero, where you press Restore; "
    "Reshelve notices and finishes by itself. Re-Leased picks it up at its next sync."
)
_RESTORE_MANY: Final = (
    "Xero's API may refuse to restore them. Then you are taken to their pages in Xero, where you press "
    "Restore; Reshelve notices and finishes by itself. Re-Leased picks them up at its next sync."
)
_EXPLANATIONS: Final = {
    Action.ARCHIVE: (_ARCHIVE_ONE, _ARCHIVE_MANY),
    Action.RESTORE: (_RESTORE_ONE, _RESTORE_MANY),
}


def explanation(action: Action, count: int) -> str:
    """Say what happens then, in Xero and in Re-Leased."""
    one, many = _EXPLANATIONS[action]
    return one if count == 1 else many


def heading(action: Action, possible: int, chosen: int) -> str:
    """Name the dialog: how many of those chosen can be changed."""
    if possible in {0, chosen}:
        return f"{NAMES[action]} {counted(chosen, 'contact')}?"
    return f"{NAMES[action]} {number(possible)} of {counted(chosen, 'contact')}?"


def button(action: Action, count: int) -> str:
    """Name what pressing it does."""
    return f"{NAMES[action]} {number(count)}" if count > 1 else NAMES[action]


def freshness(check: Check) -> tuple[str, str]:
    """Say whether Xero was asked just now, with a style."""
    if check.is_fresh:
        return "Read from Xero just now.", "$text-success"
    reason = check.stale_reason or "Xero could not be asked."
    return f"{reason} This is what the local copy says.", "$text-warning"


def lines(check: Check) -> Iterator[tuple[str, str, str]]:
    """Yield what is listed: a kind, the words, a style. Lines with warnings come first."""
    possible = sorted(check.possible, key=lambda line: not line.warnings)
    warned = sum(1 for line in possible if line.warnings)
    shown = max(_NAMED, warned)
    for line in possible[:shown]:
        yield "name", f"• {line.contact.name}", ""
        for warning in line.warnings:
            yield "warning", f"! {warning}", "$text-warning"
    if len(possible) > shown:
        yield "more", f"and {number(len(possible) - shown)} more", "$text-muted"
    blocked = [line for line in check.lines if line.blocked]
    if blocked:
        yield "heading", "Left out:" if possible else "This can't be done:", "bold $text-error"
    for line in blocked[:_NAMED]:
        yield "name", f"✗ {line.contact.name}", "$text-muted"
        yield "warning", line.blocked, "$text-error"
    if len(blocked) > _NAMED:
        yield "more", f"and {number(len(blocked) - _NAMED)} more", "$text-muted"
