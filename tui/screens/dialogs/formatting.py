"""Text for the confirmation dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui import messages
from tui.messages.formats import format_number, pluralize
from tui.model.change import Action
from tui.model.reasons import Notice
from tui.screens.tenancy.formatting import full_explanation, mention, short_explanation, summary, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.model.precheck import Precheck, PrecheckLine

NAMES: Final = {Action.ARCHIVE: "Archive", Action.RESTORE: "Restore"}
CHECKING: Final = "Checking with Xero…"
_NAMED: Final = 8
# Contacts with a warning are listed beyond that, up to this number, since each is a widget.
_MOST_NAMED: Final = 20
# Before the first archive, fewer names leave room for the explanation.
_NAMED_AT_FIRST: Final = 3

_RESTORE_ONE: Final = (
    "Xero's API may refuse to restore it. If so, open it in Xero and click Restore; Reshelve detects "
    "that automatically. The change then waits for Re-Leased's next sync."
)
_RESTORE_MANY: Final = (
    "Xero's API may refuse to restore them. If so, open each in Xero and click Restore; Reshelve detects "
    "that automatically. The changes then wait for Re-Leased's next sync."
)


def initial_explanation(action: Action, count: int) -> str:
    """Describe the effect before the check with Xero has finished."""
    if action is Action.ARCHIVE:
        return short_explanation(count)
    return _RESTORE_ONE if count == 1 else _RESTORE_MANY


def explanation(precheck: Precheck, key: str) -> tuple[tuple[str, str], ...]:
    """Describe the effect in Xero and in Re-Leased, as (kind, text) parts.

    `key` is the key that opens the tenant groups.
    """
    count = len(precheck.possible)
    if precheck.is_first_archive and count:
        return full_explanation(count, key)
    return (("words", initial_explanation(precheck.action, count)),) if count else ()


def heading(action: Action, possible: int, chosen: int) -> str:
    """Return the dialog's title: how many of the chosen contacts can be changed."""
    if possible in {0, chosen}:
        return f"{NAMES[action]} {pluralize(chosen, 'contact')}?"
    return f"{NAMES[action]} {format_number(possible)} of {pluralize(chosen, 'contact')}?"


def button(action: Action, count: int) -> str:
    """Return the button's label."""
    return f"{NAMES[action]} {format_number(count)}" if count > 1 else NAMES[action]


def freshness(precheck: Precheck) -> tuple[str, str]:
    """Return whether the data was just loaded from Xero, with a style."""
    if precheck.stale_reason is None:
        return "Up to date with Xero.", "$text-success"
    return f"{messages.message(precheck.stale_reason)} Showing saved data.", "$text-warning"


def not_shown(hidden: int, chosen: int) -> str:
    """Return how many of the contacts the list behind the dialog doesn't show."""
    if chosen == 1:
        return "! This contact isn't shown in the list."
    verb = "isn't" if hidden == 1 else "aren't"
    return f"! {format_number(hidden)} of these {pluralize(chosen, 'contact')} {verb} shown in the list."


def lines(precheck: Precheck, hidden: frozenset[str] = frozenset()) -> Iterator[tuple[str, str, str]]:
    """Yield the rows as (kind, text, style).

    Contacts in tenant groups come first, then others with warnings, then those the list behind doesn't show.
    """

    def is_hidden(line: PrecheckLine) -> bool:
        return line.contact.contact_id in hidden

    possible = sorted(
        precheck.possible, key=lambda line: (not line.tenant_groups, not line.warnings, not is_hidden(line))
    )
    affected = [line.tenant_groups for line in possible if line.tenant_groups]
    if len(affected) > 1:
        yield "summary", f"! {summary(affected, len(possible))}", "bold $text-warning"
    marked = sum(1 for line in possible if _warns(line) or is_hidden(line))
    named = _NAMED_AT_FIRST if precheck.is_first_archive else _NAMED
    most = _NAMED_AT_FIRST if precheck.is_first_archive else _MOST_NAMED
    shown = min(max(named, marked), most)
    for line in possible[:shown]:
        yield "name", f"• {line.contact.name}{' (not shown)' if is_hidden(line) else ''}", ""
        for text in _warnings(line, is_alone=len(affected) == 1):
            yield "warning", f"! {text}", "$text-warning"
    if len(possible) > shown:
        yield "more", _more(possible[shown:]), "$text-muted"
    yield from _blocked_lines(
        [line for line in precheck.lines if line.blocked_reason], named, is_all=not possible
    )


def _warns(line: PrecheckLine) -> bool:
    return bool(line.tenant_groups or line.warnings)


def _warnings(line: PrecheckLine, *, is_alone: bool) -> Iterator[str]:
    if line.tenant_groups:
        yield warning(line.tenant_groups) if is_alone else mention(line.tenant_groups)
    yield from map(messages.in_full, line.warnings)


def _more(hidden: Sequence[PrecheckLine]) -> str:
    warned = sum(1 for line in hidden if _warns(line))
    if not warned:
        return f"and {format_number(len(hidden))} more"
    them = "each" if warned == len(hidden) else f"{format_number(warned)} of them"
    return f"and {format_number(len(hidden))} more, {them} with a warning"


def _blocked_lines(
    blocked: Sequence[PrecheckLine], most: int, *, is_all: bool
) -> Iterator[tuple[str, str, str]]:
    if blocked:
        yield "heading", "Can't be changed:" if is_all else "Left out:", "bold $text-error"
    for line in blocked[:most]:
        yield "name", f"✗ {line.contact.name}", "$text-muted"
        if line.blocked_reason is not None:
            yield "warning", messages.message(Notice(line.blocked_reason)), "$text-error"
    if len(blocked) > most:
        yield "more", f"and {format_number(len(blocked) - most)} more", "$text-muted"
