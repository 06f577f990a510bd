"""What the screen of possible duplicates says, and how it shows a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.messages.activity import last_activity
from tui.messages.duplicates import reasons_text
from tui.messages.formats import format_number, money, pluralize, short_time
from tui.model.duplicates import DuplicateReason, pair_of
from tui.screens.contact_format import STATUS
from tui.widgets.text import cells, content, fit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tui.model.duplicates import DuplicateGroup, DuplicateMember

TITLE: Final = "Possible duplicates"
NONE_FOUND: Final = "No possible duplicates among the active contacts. Press {back} to go back."
NOTHING_HERE: Final = "There is no contact here."
DISMISSED: Final = "Marked as not duplicates. Press {key} again to undo."
RESTORED: Final = "Marked as possible duplicates again."
COPIED: Final = "Copied {links}, one per line."
NO_BROWSER: Final = "No browser found. Press {key} to copy the links, then open them on any computer."
_SEARCHING: Final = "Comparing contacts… {percent} %. Press {back} to cancel."
_LOADING: Final = "Not all contacts are loaded yet."
_MERGE: Final = "Xero's API can't merge contacts. To merge, open them in Xero{with_key}: "
_STATUS_WIDTH: Final = 10
_SCORE_WIDTH: Final = 6
_OWES_WIDTH: Final = 14
_WIDE, _MEDIUM = 84, 56
_LABEL: Final = 14
_NARROWEST: Final = 20
_MATCH: Final = "= "

_NAME_REASONS: Final = frozenset(
    {
        DuplicateReason.SAME_NAME, DuplicateReason.COMPANY_FORM, DuplicateReason.WORD_ORDER,
        DuplicateReason.SPELLING, DuplicateReason.INITIALS, DuplicateReason.EXTRA_WORD,
    }
)  # fmt: skip


def searching(done: int, total: int, back: str) -> str:
    """Say how far the search is."""
    return _SEARCHING.format(percent=100 * done // max(total, 1), back=back)


def summary(total: int, shown: int, *, is_loading: bool) -> str:
    """Say how many groups there are, and whether these are all."""
    found = pluralize(total, "group")
    best = f"{found}, the best {format_number(shown)} shown" if shown < total else found
    return f"{best}. {_LOADING}" if is_loading else f"{best}."


def row(
    group: DuplicateGroup, member: DuplicateMember, width: int, *, is_first: bool, is_dismissed: bool
) -> Content:
    """Format one contact of a group; the first one has the group's score."""
    contact = member.contact
    score = f"{group.score} %" if is_first else ""
    words, style = STATUS[contact.status]
    if is_dismissed:
        words, style = "Not duplicates", "$text-muted"
    status_width = 15 if is_dismissed else _STATUS_WIDTH
    owes_width = _OWES_WIDTH if width >= _WIDE else 0
    room = width - _SCORE_WIDTH - status_width - owes_width
    email_width = room // 3 if width >= _MEDIUM else 0
    owes = "" if contact.balances is None else money(contact.balances.receivable)
    return Content.assemble(
        (fit(score, _SCORE_WIDTH), "$text-accent"),
        _cell_with_gap(contact.name, room - email_width, "$text-muted" if is_dismissed else ""),
        _cell_with_gap(contact.email, email_width, "$text-muted") if email_width else "",
        fit(owes, owes_width - 2, "right") + "  " if owes_width else "",
        (fit(words, status_width), style),
    )


def _cell_with_gap(text: str, width: int, style: str = "") -> Content:
    """Return a text as a cell of a table, with a gap after it."""
    return Content.styled(fit(text, width - 1) + " ", style)


def side_by_side(
    group: DuplicateGroup,
    members: Sequence[DuplicateMember],
    current: DuplicateMember,
    width: int,
    now: datetime,
) -> Content:
    """Format the contacts of a group beside each other, the one under the cursor first.

    What they have in common with it is marked. As many are shown as there is room for, at least one other.
    """
    others = [member for member in members if member is not current]
    reasons = {pair.keys: pair.reasons for pair in group.pairs}

    def common(other: DuplicateMember) -> tuple[DuplicateReason, ...]:
        return reasons.get(pair_of(current.contact.contact_id, other.contact.contact_id), ())

    # Those with a match of their own first: in a large group, not each one has one with each other.
    others.sort(key=lambda other: not common(other))
    room = max(2, (width - _LABEL) // (_NARROWEST + len(_MATCH)))
    shown = others[: room - 1]
    column = max(6, (width - _LABEL) // (1 + len(shown)))
    own = list(_fields(current, now))
    lines = []
    for place, (label, value, marked_by) in enumerate(own):
        theirs = [(list(_fields(other, now))[place][1], common(other)) for other in shown]
        if not value and not any(text for text, _ in theirs):
            continue
        is_marked = any(marked_by & set(found) for _, found in theirs)
        parts = [_cell(value, column, is_marked=is_marked)]
        parts += [_cell(text, column, is_marked=bool(marked_by & set(found))) for text, found in theirs]
        lines.append(Content.assemble((fit(label, _LABEL), "$text-muted"), *parts))
    if shown and (why := reasons_text(common(shown[0]))):
        lines.append(content(f"In common: {why}.", "$text-success"))
    if hidden := len(others) - len(shown):
        lines.append(content(f"And {pluralize(hidden, 'more contact')} in this group.", "$text-muted"))
    return Content("\n").join(lines)


def merge_lines(urls: Sequence[str], key: str, width: int) -> Content:
    """Say how to merge the contacts, with their links where there is room for them."""
    how = _MERGE.format(with_key=f" ({key})" if key else "")
    fitting = [url for url in urls if cells(url) <= width]
    if len(fitting) < len(urls):
        return content(f"{how.removesuffix(': ')}.", "$text-muted")
    lines = [content(how.strip(), "$text-muted"), *(content(url) for url in urls)]
    return Content("\n").join(lines)


def _cell(text: str, width: int, *, is_marked: bool) -> Content:
    # The sign is for those who can't see the colour.
    mark = _MATCH if is_marked else " " * len(_MATCH)
    return Content.styled(fit(f"{mark}{text}", width - 1) + " ", "$text-success bold" if is_marked else "")


def _fields(member: DuplicateMember, now: datetime) -> Iterator[tuple[str, str, frozenset[DuplicateReason]]]:
    """Yield the label and text of each field, and what marks it as matching."""
    contact, record = member.contact, member.record
    none: frozenset[DuplicateReason] = frozenset()
    known = contact.balances
    yield "Name", contact.name, _NAME_REASONS
    yield "Status", STATUS[contact.status][0], none
    yield "E-mail", contact.email, frozenset({DuplicateReason.EMAIL})
    phones = dict.fromkeys((*(text for _, text in record.phones), contact.phone))
    yield "Phone", ", ".join(filter(None, phones)), frozenset({DuplicateReason.PHONE})
    yield "Tax number", record.tax_number, frozenset({DuplicateReason.TAX_NUMBER})
    yield "Bank account", record.bank_account, frozenset({DuplicateReason.BANK_ACCOUNT})
    yield "Account no.", contact.account_number, frozenset({DuplicateReason.ACCOUNT_NUMBER})
    yield "They owe", "" if known is None else _owed(known.receivable, known.receivable_overdue), none
    yield "You owe", "" if known is None else _owed(known.payable, known.payable_overdue), none
    yield "Last activity", "" if member.activity is None else last_activity(member.activity), none
    yield "Groups", ", ".join(contact.groups), none
    yield "Changed", short_time(contact.updated_at, now), none


def _owed(outstanding: int, overdue: int) -> str:
    return f"{money(outstanding)}, {money(overdue)} overdue" if overdue else money(outstanding)
