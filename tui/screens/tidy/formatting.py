"""The sentences of Tidy up, in the app and on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.messages.formats import day, format_number, pluralize
from tui.model.tidy import TidyReason
from tui.widgets.text import content, fit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tui.model.tidy import TidyCandidate, TidySurvey

TITLE: Final = "Tidy up"
LOADING: Final = "Looking at all contacts…"
STILL_LOADING: Final = "Not all contacts are loaded yet: those that are missing can't be suggested."
NO_CONTACTS: Final = "No active contacts."
NONE_IDLE: Final = "No contacts have been idle for that long."
ALL_EXCLUDED: Final = "All contacts in this list are excluded."
#: What a list of candidates is based on.
_BY_ACTIVITY: Final = (
    "Idle since its last invoice, bill, credit note, payment or bank transaction; a contact that was never "
    "used, since it was last changed in Xero."
)
_BY_UPDATES: Final = (
    "Reshelve hasn't read transactions, so last activity isn't known. “Idle” here means: no balance, and not "
    "changed in Xero. An invoice doesn't count as a change. Drafts and repeating invoices weren't checked; "
    "Xero refuses to archive a contact with repeating invoices."
)
_REASONS: Final = {
    TidyReason.PROTECTED: "protected",
    TidyReason.KEPT: "kept",
    TidyReason.TENANT: "in a tenant group",
    TidyReason.BALANCE: "with a balance",
    TidyReason.DRAFT: "with a draft",
    TidyReason.REPEATING: "with a repeating invoice",
    TidyReason.CHANGED_HERE: "archived or restored in the last 90 days",
}
_NARROW: Final = 50
_WHEN_WIDTH: Final = 28
_DATE_WIDTH: Final = 13


def basis(survey: TidySurvey) -> str:
    """Return what idle means, and what wasn't looked at."""
    return _BY_ACTIVITY if survey.knows_activity else _BY_UPDATES


def left_out(survey: TidySurvey, months: int, now: datetime) -> Iterator[str]:
    """Yield the counts of active contacts that aren't suggested, by reason."""
    recent = len(survey.candidates) - len(survey.idle(months, now))
    if recent:
        what = "used" if survey.knows_activity else "changed in Xero"
        yield f"{format_number(recent)} {what} in the last {pluralize(months, 'month')}"
    for reason, count in survey.left_out:
        yield f"{format_number(count)} {_REASONS[reason]}"


def left_out_text(survey: TidySurvey, months: int, now: datetime) -> str:
    """Return why the other active contacts aren't suggested."""
    parts = list(left_out(survey, months, now))
    return f"Left out: {', '.join(parts)}." if parts else "No active contacts are left out."


def months_row(survey: TidySurvey, months: int, width: int, now: datetime) -> Content:
    """Format a choice of months: how many contacts have been idle for that long."""
    count = len(survey.idle(months, now))
    right = pluralize(count, "contact") if count else "none"
    left = f"Idle for {pluralize(months, 'month')}"
    return Content.assemble(
        content(fit(left, min(26, max(8, width - len(right) - 1)))),
        content(f" {right}", "bold" if count else "$text-muted"),
    )


def candidate_row(
    candidate: TidyCandidate, width: int, *, is_excluded: bool, knows_activity: bool
) -> Content:
    """Format a contact: whether it is to be archived, its name, and how long it has been idle."""
    checkbox = ("[ ] ", "$text-muted") if is_excluded else ("[✓] ", "bold $text-success")
    is_narrow = width < _NARROW
    when_width = _DATE_WIDTH if is_narrow else _WHEN_WIDTH
    when = idle_text(candidate, knows_activity=knows_activity, is_short=is_narrow)
    name = fit(candidate.name, max(4, width - len(checkbox[0]) - when_width))
    return Content.assemble(
        checkbox,
        content(name, "$text-muted" if is_excluded else ""),
        content(fit(when, when_width, "right"), "$text-muted"),
    )


def idle_text(candidate: TidyCandidate, *, knows_activity: bool, is_short: bool = False) -> str:
    """Return when a contact was last used, as far as that is known."""
    if candidate.last_used is not None:
        when = day(candidate.last_used)
        return when if is_short else f"last used {when}"
    if knows_activity:
        return "never used"
    when = day(candidate.idle_since.astimezone().date())
    return when if is_short else f"changed in Xero {when}"


def review_summary(survey: TidySurvey, months: int, shown: int, excluded: int) -> str:
    """Return how many contacts are suggested, and how many of them are excluded."""
    verb = "idle" if survey.knows_activity else "without a balance and unchanged"
    text = f"{pluralize(shown, 'contact')} {verb} for {pluralize(months, 'month')}"
    return f"{text} · {format_number(excluded)} excluded" if excluded else text
