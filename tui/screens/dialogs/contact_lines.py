"""The list of contacts in the confirmation: each with what it owes, its warnings, or why it is left out."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from textual.content import Content

from tui import messages
from tui.messages.formats import money, pluralize
from tui.model.query import fold
from tui.model.reasons import ContactReason, Notice
from tui.screens.tenancy.formatting import mention, summary, warning
from tui.widgets.text import cells, content, fit
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.model.change import Precheck, PrecheckLine
    from tui.model.contact import Contact


_GAP: Final = 2
_LEAST_NAME: Final = 20
_MOST_NAME: Final = 32
_LEAST_TEXT: Final = 12
_HIDDEN: Final = " (not shown)"
_NUMBER: Final = "Number or e-mail"
_MOST_TEXT: Final = 28


class ConfirmationLines(VirtualList, can_focus=False):
    """The lines of the confirmation; it has no cursor."""

    HAS_CURSOR = False


class ContactLine(Struct, frozen=True):
    """One line of the list, not yet formatted: the name of a contact, or a text about it."""

    kind: str
    text: str
    style: str = ""
    contact: Contact | None = None


class Columns(Struct, frozen=True):
    """The width of each column in cells; a column without room or without values has none."""

    name: int
    number: int = 0
    they_owe: int = 0
    overdue: int = 0
    groups: int = 0

    @classmethod
    def of(cls, contacts: Sequence[Contact], width: int, *, has_hidden: bool = False) -> Columns:
        """Fit the columns into a width. What contacts owe has priority over their number and groups."""
        they_owe = _amount_width("They owe", [_owed(contact)[0] for contact in contacts])
        overdue = _amount_width("Overdue", [_owed(contact)[1] for contact in contacts])
        room = width - they_owe - overdue
        if room < _LEAST_NAME:
            they_owe, overdue, room = 0, 0, width
        name = max((cells(contact.name) for contact in contacts), default=0) + _GAP
        name = min(name, _MOST_NAME) + (len(_HIDDEN) if has_hidden else 0)
        room -= name
        number = _text_width([_number(contact) for contact in contacts], room)
        groups = _text_width([_groups(contact) for contact in contacts], room - number)
        rest = width - they_owe - overdue - number - groups
        return cls(max(1, min(name, rest)), number, they_owe, overdue, groups)

    @property
    def has_amounts(self) -> bool:
        """Whether what the contacts owe is in columns."""
        return bool(self.they_owe)

    @property
    def heading(self) -> str:
        """The titles of the columns; "" if there is only the name."""
        if self.name and not (self.number or self.they_owe or self.groups):
            return ""
        number = _NUMBER if self.number >= len(_NUMBER) + _GAP else "Number"
        return self._join("  Contact", number, "They owe", "Overdue", "Groups")

    def _join(self, name: str, number: str, they_owe: str, overdue: str, groups: str) -> str:
        return "".join(
            (
                fit(name, self.name),
                _column(number, self.number),
                fit(they_owe, self.they_owe, "right"),
                fit(overdue, self.overdue, "right"),
                _column(groups, self.groups),
            )
        ).rstrip()

    def row(self, line: ContactLine) -> Content:
        """Format the line of a contact."""
        contact = line.contact
        if contact is None:
            return content(line.text, line.style)
        they_owe, overdue = _owed(contact)
        # Blank, as in the list: Xero hasn't returned the balances.
        amounts = ("", "") if contact.balances is None else (money(they_owe), money(overdue))
        amount_style = "$text-warning" if they_owe else "$text-muted"
        return Content.assemble(
            content(fit(line.text, self.name), line.style),
            content(_column(_number(contact), self.number), "$text-muted"),
            content(fit(amounts[0], self.they_owe, "right"), amount_style),
            content(fit(amounts[1], self.overdue, "right"), amount_style if overdue else "$text-muted"),
            content(_column(_groups(contact), self.groups), "$text-muted"),
        )


def _column(text: str, width: int) -> str:
    return " " * min(_GAP, width) + fit(text, width - _GAP)


def _amount_width(title: str, amounts: Sequence[int]) -> int:
    if not any(amounts):
        return 0
    return max(len(title), *(len(money(amount)) for amount in amounts)) + _GAP


def _text_width(texts: Sequence[str], room: int) -> int:
    longest = max(map(cells, texts), default=0)
    if not longest or room < _LEAST_TEXT + _GAP:
        return 0
    return min(max(longest, _LEAST_TEXT), _MOST_TEXT, room - _GAP) + _GAP


def _owed(contact: Contact) -> tuple[int, int]:
    balances = contact.balances
    return (0, 0) if balances is None else (balances.receivable, balances.receivable_overdue)


def _number(contact: Contact) -> str:
    return contact.contact_number or contact.account_number or contact.email


def _groups(contact: Contact) -> str:
    return ", ".join(contact.groups)


def totals(precheck: Precheck, currency: str) -> str:
    """Return what several contacts owe together; "" for a single one."""
    possible = precheck.possible
    if len(possible) < 2:  # noqa: PLR2004 - a total of one is no total
        return ""
    owed, overdue = (
        sum(amounts) for amounts in zip(*(_owed(line.contact) for line in possible), strict=True)
    )
    parts = [pluralize(len(possible), "contact")]
    if owed:
        parts.append(f"they owe {currency} {money(owed)}" if currency else f"they owe {money(owed)}")
    if overdue:
        parts.append(f"overdue {money(overdue)}")
    return " · ".join(parts)


def tenants_summary(precheck: Precheck) -> str:
    """Return how many of several contacts are in tenant groups; "" for at most one."""
    affected = [line.tenant_groups for line in precheck.possible if line.tenant_groups]
    return f"! {summary(affected, len(precheck.possible))}" if len(affected) > 1 else ""


def contact_lines(
    precheck: Precheck, hidden: frozenset[str], columns: Columns, width: int
) -> tuple[ContactLine, ...]:
    """Return the lines: protected contacts, tenants, others with warnings, those the list behind hides.

    Then come the others, and at the end those that are left out. Only texts that are too long for the width
    are wrapped here; the lines of contacts are formatted when they are visible.
    """
    names = Counter(fold(line.contact.name) for line in precheck.lines)
    lines = []
    for line in _all_lines(precheck, hidden, names, columns):
        if line.contact is None and cells(line.text) > width:
            parts = _wrapped(line.text, width)
            lines += [ContactLine(line.kind, part, line.style) for part in parts]
        else:
            lines.append(line)
    return tuple(lines)


@lru_cache(maxsize=256)
def _wrapped(text: str, width: int) -> tuple[str, ...]:
    first, *rest = [part.plain.rstrip() for part in content(text).wrap(max(1, width - _GAP))]
    return first, *(f"{' ' * _GAP}{part}" for part in rest)


def _all_lines(
    precheck: Precheck, hidden: frozenset[str], names: Counter[str], columns: Columns
) -> Iterator[ContactLine]:
    def is_hidden(line: PrecheckLine) -> bool:
        return line.contact.contact_id in hidden

    possible = sorted(
        precheck.possible,
        key=lambda line: (
            not line.is_protected,
            not line.tenant_groups,
            not line.warnings,
            not is_hidden(line),
        ),
    )
    is_alone = sum(1 for line in possible if line.tenant_groups) == 1
    for line in possible:
        name = f"• {line.contact.name}{_HIDDEN if is_hidden(line) else ''}"
        yield ContactLine("name", name, "", line.contact)
        yield from _number_line(line.contact, names, columns)
        for text in _warnings(line, columns, is_alone=is_alone):
            yield ContactLine("warning", f"! {text}", "$text-warning")
    blocked = [line for line in precheck.lines if line.blocked_reason]
    if blocked:
        yield ContactLine("heading", "Left out:" if possible else "Can't be changed:", "bold $text-error")
    for line in blocked:
        yield ContactLine("name", f"✗ {line.contact.name}", "$text-muted", line.contact)
        yield from _number_line(line.contact, names, columns)
        if line.blocked_reason is ContactReason.HAS_WARNINGS:
            for text in _warnings(line, columns, is_alone=False):
                yield ContactLine("warning", f"! {text}", "$text-muted")
        elif line.blocked_reason is not None:
            yield ContactLine("warning", messages.message(Notice(line.blocked_reason)), "$text-error")


def _number_line(contact: Contact, names: Counter[str], columns: Columns) -> Iterator[ContactLine]:
    """Tell namesakes apart where there is no room for a column."""
    if not columns.number and names[fold(contact.name)] > 1 and (number := _number(contact)):
        yield ContactLine("number", f"  {number}", "$text-muted")


def _warnings(line: PrecheckLine, columns: Columns, *, is_alone: bool) -> Iterator[str]:
    if line.tenant_groups:
        yield warning(line.tenant_groups) if is_alone else mention(line.tenant_groups)
    for notice in line.warnings:
        if notice.reason is not ContactReason.THEY_OWE or not columns.has_amounts:
            yield messages.in_full(notice)
