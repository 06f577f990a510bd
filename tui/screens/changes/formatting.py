"""Text for the list of changes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui import messages
from tui.actions import default_key
from tui.messages import formats
from tui.messages.contacts import END_LABELS, RETRIED
from tui.messages.formats import format_number, pluralize
from tui.messages.texts import fill_in
from tui.model.change import Action, LogEvent, Origin, State
from tui.model.change_list import BatchKind, ChangeGroup, UndoOutcome
from tui.model.reasons import Notice
from tui.screens.tenancy import formatting as tenancy
from tui.widgets.status_badge import StatusBadge, badge_for, refusal_advice
from tui.widgets.text import content, fit, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from tui.model.change import Change, ChangeLogEntry
    from tui.model.change_list import PlanLine, RequestResult, UndoPlan
    from tui.model.reasons import ContactReason, UndoReason
    from tui.model.snapshot import ChangeView


NOTHING_YET: Final = "No changes yet. Press {back}, then archive or restore a contact."
NOT_FOUND: Final = "No changes match this search. Press {clear} to clear the search."
EMPTY: Final = {
    ChangeGroup.ALL: NOTHING_YET,
    ChangeGroup.OPEN: "No changes in progress. Press {all} to show all changes.",
    ChangeGroup.REFUSED: "No changes refused by Xero. Press {all} to show all changes.",
    ChangeGroup.PENDING: "No changes pending sync. Press {all} to show all changes.",
    ChangeGroup.DONE: "No finished changes yet. Press {all} to show all changes.",
}
READING: Final = "Loading changes…"
_ACTIONS: Final = {Action.ARCHIVE: "archive", Action.RESTORE: "restore"}
_END_BADGES: Final = {
    **{state: StatusBadge("·", label, "muted") for state, label in END_LABELS.items()},
    State.CONFIRMED: StatusBadge("✓", "Done", "muted"),
}
_RETRIED: Final = StatusBadge("·", RETRIED, "muted")
_ACTION, _SIGN, _WHEN, _GAP = 8, 21, 12, 2
_LEAST_NAME: Final = 12
_ROOM_FOR_WORDS: Final = 96


def requested_message(action: Action, count: int) -> str:
    """Return what was just requested."""
    doing = "Archiving" if action is Action.ARCHIVE else "Restoring"
    return f"{doing} {pluralize(count, 'contact')}." if count else "Already in progress."


def result_message(
    result: RequestResult,
    key: Callable[[str], str] = default_key,
    *,
    retry: str = "retry_contact",
    is_contact: bool = False,
) -> str:
    """Return what has become of a request: `21 archived, 1 refused by Xero · u undoes · R retries`.

    The first refusal is given with its reason and what to do next. `key` formats an action's key; `retry` is
    the action that retries; with `is_contact` the contact's page is open.
    """
    totals = result.totals
    if sum(totals.values()) == totals.get(State.QUEUED, 0) + totals.get(State.SENDING, 0):
        return requested_message(result.action, sum(totals.values()))
    done = "archived" if result.action is Action.ARCHIVE else "restored"
    counts = (
        (totals.get(State.CONFIRMED, 0), done),
        (totals.get(State.AWAITING_USER, 0), "to finish in Xero"),
        (totals.get(State.REFUSED, 0), "refused by Xero"),
        (totals.get(State.CANCELLED, 0), "cancelled"),
        (totals.get(State.DISMISSED, 0), "not waited for"),
        (result.in_progress_total, "in progress"),
    )
    text = ", ".join(f"{format_number(count)} {what}" for count, what in counts if count)
    if totals.get(State.AWAITING_USER, 0):
        text += f" · {key('manual_restores')} opens them"
    if any(totals.get(state, 0) for state in (State.CONFIRMED, State.AWAITING_USER)):
        text += f" · {key('undo')} undoes"
    if result.refused is None:
        return text
    name, why = safe(result.refused.name, 40), messages.as_sentence(messages.why(result.refused))
    opens = f"{key('open_in_xero')} opens it in Xero."
    advice = opens if is_contact else f"On the contact, {opens}"
    return f"{text} · {key(retry)} retries. {name}: {f'{why} ' if why else ''}{advice}"


def change_badge(view: ChangeView, now: datetime) -> StatusBadge:
    """Return the badge of a change; every change has one in this list."""
    change = view.change
    if change.state is State.REFUSED and change.superseded:
        return _RETRIED
    shown = badge_for(view, now.astimezone())
    return shown if shown.text else _END_BADGES.get(change.state, shown)


def titles(width: int) -> Content:
    """Format the column titles for rows of this width."""
    requested = "Requested".rjust(_WHEN)
    return Content.styled(
        (" " * _GAP).join(_cells(width, "Contact", "Change", "Status", requested, "Reason")), "$text-muted"
    )


def row(view: ChangeView, width: int, now: datetime) -> Content:
    """Format one change as a row of this width."""
    change, badge = view.change, change_badge(view, now)
    when = formats.short_time(change.requested_at, now).rjust(_WHEN)
    status, action = badge.fitted(_SIGN).text, _ACTIONS[change.action]
    cells = _cells(width, change.name, action, status, when, messages.why(change))
    name_style = "bold" if change.state.is_open else ""
    styles = [name_style, "$text-muted", f"$text-{badge.style}" if badge.style else "", *["$text-muted"] * 2]
    return Content(" " * _GAP).join(
        Content.styled(cell, style) for cell, style in zip(cells, styles, strict=False)
    )


def _cells(width: int, *texts: str) -> list[str]:
    """Return the cells that fit: the time is dropped first; the reason needs a wide row."""
    name, action, status, when, why = texts
    taken = _ACTION + _SIGN + _WHEN + 3 * _GAP
    if width - taken < _LEAST_NAME:
        free = max(4, width - _ACTION - _SIGN - 2 * _GAP)
        return [fit(name, free), fit(action, _ACTION), fit(status, _SIGN)]
    free = width - taken
    kept = free // 2 if width >= _ROOM_FOR_WORDS else free
    cells = [fit(name, kept), fit(action, _ACTION), fit(status, _SIGN), fit(when, _WHEN)]
    return [*cells, fit(why, free - kept - _GAP)] if kept < free else cells


def details(
    view: ChangeView,
    entries: Sequence[ChangeLogEntry],
    now: datetime,
    key: Callable[[str], str] = default_key,
) -> Content:
    """Format the history of one change, newest entry first."""
    change, badge = view.change, change_badge(view, now)
    written = [
        Content.assemble(
            content(change.name, "bold"),
            "  ",
            (badge.text, f"$text-{badge.style}" if badge.style else ""),
        ),
        Content.styled(_requested_line(change, now), "$text-muted"),
    ]
    if why := messages.why(change):
        written.append(content(why, "$text-error" if change.state is State.REFUSED else "$text-muted"))
    to_do = refusal_advice(change, retry="retry", key=key)
    if to_do:
        written.append(content(to_do, "$text-warning"))
    if change.note:
        written.append(Content.assemble(("Your note: ", "$text-muted"), content(change.note)))
    written += (
        Content.assemble((f"{entry_time(entry)}  ", "$text-muted"), content(entry_text(entry)))
        for entry in reversed(entries)
    )
    return Content("\n").join(written)


_STATE_TEXT: Final = {
    State.QUEUED: "queued",
    State.SENDING: "sent to Xero",
    State.UNKNOWN: "not confirmed yet, checking with Xero",
    State.AWAITING_USER: "waiting for you to click Restore in Xero",
    State.CONFIRMED: "confirmed by Xero",
    State.REFUSED: "refused by Xero",
    State.CANCELLED: "cancelled before sending",
    State.DISMISSED: "no longer waiting",
}
_EVENT_TEXT: Final[dict[str, str]] = {
    LogEvent.REQUESTED: "requested in Reshelve",
    LogEvent.DETECTED: "made in Xero, outside Reshelve",
    LogEvent.SYNCED: "synced to Re-Leased",
    LogEvent.CHECKED: "checked in Re-Leased by you",
    LogEvent.RETRIED: "retried as a new change",
    LogEvent.RENAMED: "continued under the contact's new name",
    LogEvent.NOTE: "updated",
    LogEvent.NOTE_SENT: "note sent to Xero",
    LogEvent.NOTE_WRITTEN: "note written to the contact's history in Xero",
    LogEvent.NOTE_REFUSED: "note not accepted by Xero",
}


def entry_time(entry: ChangeLogEntry) -> str:
    """Format the time of a change log entry."""
    return f"{formats.day(entry.at.astimezone())} {formats.time_of_day(entry.at)}"


def entry_text(entry: ChangeLogEntry) -> str:
    """Describe a change log entry and its reason."""
    text = _EVENT_TEXT.get(entry.transition) or _STATE_TEXT[entry.state]
    why = messages.why(entry)
    return f"{_ACTIONS[entry.action].capitalize()} {text}{f': {why}' if why else ''}"


def _requested_line(change: Change, now: datetime) -> str:
    when = formats.short_time(change.requested_at, now)
    if change.origin is Origin.XERO:
        return f"{_ACTIONS[change.action].capitalize()} made in Xero, found {when}"
    return f"{_ACTIONS[change.action].capitalize()} requested in Reshelve, {when}"


def cancel_explanation(change: Change) -> tuple[str, ...]:
    """Describe the effect of cancelling."""
    if change.state is State.AWAITING_USER:
        return (f"Reshelve stops waiting for the restore of {change.name}.", "Nothing changes in Xero.")
    return (
        f"The {_ACTIONS[change.action]} of {change.name} is cancelled before sending.",
        "Nothing changes in Xero.",
    )


def not_cancellable_reason(change: Change, undo: str) -> str:
    """Explain why a change can't be cancelled; `undo` is the key that undoes."""
    if change.state.is_open:
        return f"This change is being sent. Once it is done, press {undo} to undo it."
    if change.state is State.CONFIRMED:
        return f"Xero has already made this change. Press {undo} to undo your last action."
    return "This change is finished. Nothing to cancel."


VERBS: Final = {BatchKind.UNDO: "Undo", BatchKind.REDO: "Redo"}
_NAMED: Final = 12
_DOING: Final = {Action.ARCHIVE: "archive", Action.RESTORE: "restore"}
_OUTCOMES: Final = {
    UndoOutcome.CANCEL: "cancelled before sending",
    UndoOutcome.DISMISS: "stopped waiting",
    UndoOutcome.RESTORE: "restored after you click Restore in Xero",
    UndoOutcome.ARCHIVE: "archived",
}


def question(plan: UndoPlan) -> str:
    """Return the question for the whole batch: "Undo 12 archives?"."""
    actions = {line.target.change.action for line in plan.lines}
    noun = _DOING[actions.pop()] if len(actions) == 1 else "change"
    return f"{VERBS[plan.kind]} {pluralize(len(plan.lines), noun)}?"


def explanation(plan: UndoPlan, now: datetime) -> tuple[str, ...]:
    """Describe when the batch was requested, what undo does, and to which contacts."""
    text = formats.short_time(plan.batch.at, now)
    requested = f"Requested {'on' if ' ' in text else 'at'} {text}."
    # Contacts in tenant groups first; the sort is stable.
    marked = plan.tenancy_warnings.tenant_groups
    lines = sorted(plan.lines, key=lambda line: not line.tenant_groups(marked))
    listed = [f"• {line.target.change.name}: {format_outcome(line, marked)}" for line in lines[:_NAMED]]
    more = len(lines) - _NAMED
    and_more = [f"and {format_number(more)} more"] if more > 0 else []
    return (
        requested,
        f"Result: {summary(plan)}.",
        *_tenancy_warnings(plan),
        *listed,
        *and_more,
        *_first_archive_explanation(plan),
    )


_STEPS: Final = {
    (UndoOutcome.CANCEL, False): "{n:,} cancelled before sending",
    (UndoOutcome.DISMISS, False): "{n:restore} no longer waiting",
    (UndoOutcome.RESTORE, False): "{n:restore} to finish in Xero",
    (UndoOutcome.RESTORE, True): "{n:restore} after Xero's reply",
    (UndoOutcome.ARCHIVE, False): "{n:archive}",
    (UndoOutcome.ARCHIVE, True): "{n:archive} after Xero's reply",
}


def summary(plan: UndoPlan) -> str:
    """Summarise what it does, without a full stop: "3 cancelled before sending; 2 skipped: …"."""
    steps = Counter((line.outcome, line.waits_for_reply) for line in plan.steps)
    parts = [fill_in(text, {"n": steps[step]}) for step, text in _STEPS.items() if steps[step]]
    left = Counter(line.reason for line in plan.lines if not line.outcome.has_effect)
    parts += [
        f"{format_number(count)} skipped{f': {_clause(reason)}' if reason else ''}"
        for reason, count in left.items()
    ]
    return "; ".join(parts) or "nothing to do"


def _clause(reason: ContactReason | UndoReason) -> str:
    """Format a reason to follow a colon or comma."""
    text = messages.message(Notice(reason)).rstrip(".")
    return f"{text[:1].lower()}{text[1:]}"


def _tenancy_warnings(plan: UndoPlan) -> Iterator[str]:
    """Warn about contacts in tenant groups that will be archived."""
    affected = [
        groups for line in plan.lines if (groups := line.tenant_groups(plan.tenancy_warnings.tenant_groups))
    ]
    if len(affected) == 1:
        yield f"! {tenancy.warning(affected[0])}"
    elif affected:
        yield f"! {tenancy.summary(affected, len(plan.lines))}"


def _first_archive_explanation(plan: UndoPlan) -> Iterator[str]:
    """Explain archiving if this is the first archive made in Reshelve."""
    count = sum(1 for line in plan.lines if line.outcome is UndoOutcome.ARCHIVE)
    if count and plan.tenancy_warnings.is_first_archive:
        yield from (words for _, words in tenancy.full_explanation(count))


def format_outcome(line: PlanLine, marked: frozenset[str]) -> str:
    """Describe what an undo or redo does to one contact; `marked` are the groups of tenants."""
    if not line.outcome.has_effect:
        return f"skipped, {_clause(line.reason)}" if line.reason else "skipped"
    groups = line.tenant_groups(marked)
    text = _OUTCOMES[line.outcome] + (" after Xero's reply" if line.waits_for_reply else "")
    return f"{text}, in {tenancy.format_groups(groups)}" if groups else text


def nothing_to_do(kind: BatchKind, plan: UndoPlan | None) -> str:
    """Explain why there is nothing to undo or redo."""
    if plan is None:
        return f"Nothing to {VERBS[kind].lower()}."
    return f"Can't {VERBS[kind].lower()}: {summary(plan)}."


def done_message(plan: UndoPlan) -> str:
    """Describe the actual result."""
    if not plan.steps:
        return nothing_to_do(plan.kind, plan)
    return f"{VERBS[plan.kind]}ne: {summary(plan)}."
