"""What the comparison of a file with Xero says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct
from textual.content import Content

from tui.model.change import Action, State
from tui.model.comparison import MismatchReason
from tui.model.contact import ContactStatus
from tui.screens.compare.lines import LineKind
from tui.widgets.file_format import REASONS, STATUSES, moment
from tui.widgets.formatting import counted, number
from tui.widgets.status_badge import sign
from tui.widgets.text import NOTHING, content, fit, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tui.model.comparison import Ambiguous, FileComparison
    from tui.model.matching import XeroContact
    from tui.model.rows import Row
    from tui.screens.compare.lines import ComparisonEntry

    #: What tells the key of an action as it is now.
    Key = Callable[[str], str]

EMPTY: Final = {
    LineKind.DIFFER: "Nothing differs: every contact found on both sides is in the same tab of both.",
    LineKind.UNCLEAR: "Nothing is left for you to tell: every line means one contact, or none.",
    LineKind.AGREE: "Nothing agrees. Is it this organisation's file, and of the tab you meant?",
    LineKind.FILE: "Every contact in the file was found in Xero.",
    LineKind.XERO: "Every contact that Xero has in the tabs of this file is in the file.",
}
NOT_FOUND: Final = "No contact here has all of these words. Press {clear} to clear the search."
NOT_IN_XERO: Final = "Xero has no contact that this line could mean."
_SHORT_REASONS: Final = {
    MismatchReason.UNDER_WAY: "change under way",
    MismatchReason.CHANGED_SINCE: "changed since",
    MismatchReason.WAITING: "not picked up yet",
    MismatchReason.UNLINKED: "unlinked there",
    MismatchReason.UNKNOWN: "unexplained",
}
_SHORT_STATUSES: Final = {ContactStatus.GDPRREQUEST: "GDPR"}
_STATUS, _GAP, _STATE = 8, 2, 20
_ROOM_FOR_EMAIL, _ROOM_FOR_BOTH, _ROOM_FOR_STATE = 92, 70, 44
_UNRECORDED: Final = "+ not recorded yet"


class LineLook(Struct, frozen=True):
    """What decides how a line looks apart from the line: where it stands, and how it stands by now.

    `row` is the contact as it is known now, None until it has been read.
    """

    kind: LineKind
    row: Row | None = None
    is_selected: bool = False
    is_unrecorded: bool = False


def only_differing(key: Key) -> str:
    """Say why there is nothing to select or act on here."""
    return f"Only what differs can be selected and acted on. {key('kind_differ')} shows it."


def nothing_to(action: Action, key: Key) -> str:
    """Say that none of the lines chosen could be changed this way to agree."""
    if action is Action.ARCHIVE:
        return f"None of these is archived in Re-Leased. {_mend(Action.RESTORE, key)} what is active there."
    return f"None of these is active in Re-Leased. {_mend(Action.ARCHIVE, key)} what is archived there."


def _mend(action: Action, key: Key) -> str:
    return f"{key(action.value)} {'archives' if action is Action.ARCHIVE else 'restores'} in Xero"


def heading(found: FileComparison, organisation: str) -> Content:
    """Name the file, what it was held against, and how old it is."""
    source = found.source
    return Content.assemble(
        ("Compared", "bold $text-primary"),
        "  ",
        content(safe(source.name, 60), "bold"),
        f" of {moment(source.dated)} with ",
        content(safe(organisation, 60), "bold"),
    )


def notes(found: FileComparison, unrecorded: int, recorded: int, key: Key) -> Content:
    """Say what was assumed, what looks odd, and what the file proves."""
    said = [content(note, "$text-warning") for note in (*found.source.notes, *found.notes)]
    if unrecorded:
        how = f" {key('record')} records it." if key("record") else ""
        said.append(Content.styled(f"{proof(unrecorded)}{how}", "$text-accent"))
    elif recorded:
        said.append(Content.styled(f"Recorded: {done(recorded)}", "$text-success"))
    else:
        said.append(Content.styled(NOTHING_NEW, "$text-muted"))
    if found.repeated:
        verb = "line repeats" if found.repeated == 1 else "lines repeat"
        said.append(
            Content.styled(f"{number(found.repeated)} {verb} what an earlier one says.", "$text-muted")
        )
    return Content("\n").join(said)


NOTHING_NEW: Final = "The file proves no change that isn't known to have arrived: there is nothing to record."


def proof(count: int) -> str:
    """Say how many changes the file proves."""
    return f"The file proves that {counted(count, 'more change')} reached Re-Leased."


def done(count: int) -> str:
    """Say how many changes are read now that weren't."""
    return f"{counted(count, 'change')} {'is' if count == 1 else 'are'} now read by Re-Leased."


def recording(found: FileComparison, count: int) -> Iterator[str]:
    """Say what recording comes to."""
    yield proof(count)
    yield (
        f"They count as read, dated as the file: {moment(found.source.dated)}. Nothing is changed in Xero or "
        "Re-Leased."
    )
    if found.ambiguous:
        lines = counted(len(found.ambiguous), "line")
        yield f"{lines} for you to tell {'is' if len(found.ambiguous) == 1 else 'are'} left out for now."


# --- rows ---


def titles(kind: LineKind, width: int) -> Content:
    """Write the titles of the columns for rows of this width."""
    last = {LineKind.DIFFER: "Why", LineKind.UNCLEAR: "Could be", LineKind.FILE: "Where"}.get(
        kind, "Last change"
    )
    cells = _cells(kind, width, "  Contact", "E-mail", "There", "In Xero", last)
    return Content.styled("  ".join(cells.values()), "$text-muted")


def row(one: ComparisonEntry, look: LineLook, width: int, now: datetime) -> Content:
    """Write one line in this width."""
    told, contact = one.listed, one.contact
    there = STATUSES[told.status] if told is not None else NOTHING
    status = look.row.status if look.row is not None else contact.status if contact is not None else None
    here = (
        _SHORT_STATUSES.get(status, STATUSES[status])
        if status is not None
        else "?"
        if one.candidates
        else NOTHING
    )
    words, style = state(one, look, now)
    mark = "✓ " if look.is_selected else "  "
    cells = _cells(look.kind, width, mark + safe(one.name), one.email, there, here, words)
    looks = ["bold" if look.is_selected else "", "$text-muted", "", "", f"$text-{style}" if style else ""]
    return Content("  ").join(Content.styled(cell, looks[place]) for place, cell in cells.items())


def _cells(kind: LineKind, width: int, *texts: str) -> dict[int, str]:
    """Fit what fits into a line, by its place: the e-mail address goes first, then a status, then why.

    A status can be told from the other one: what differs is archived there and active here, or the reverse.
    """
    name, email, there, here, last = texts
    statuses = {2: fit(there, _STATUS), 3: fit(here, _STATUS)}
    free = width - 2 * (_STATUS + _GAP)
    if width >= _ROOM_FOR_EMAIL:
        for_state = max(_STATE, free // 4)
        free -= for_state + 2 * _GAP
        wide = free * 3 // 5
        return {0: fit(name, wide), 1: fit(email, free - wide), **statuses, 4: fit(last, for_state)}
    if width >= _ROOM_FOR_BOTH:
        return {0: fit(name, free - _STATE - _GAP), **statuses, 4: fit(last, _STATE)}
    if width >= _ROOM_FOR_STATE:
        del statuses[2 if kind is LineKind.XERO else 3]
        return {0: fit(name, free + _STATUS - _STATE), **statuses, 4: fit(last, _STATE)}
    return {0: fit(name, max(4, free)), **statuses}


def state(one: ComparisonEntry, look: LineLook, now: datetime) -> tuple[str, str]:
    """Say in few words why a line is where it is or what has become of it, with a style."""
    if look.is_unrecorded:
        return _UNRECORDED, "accent"
    if one.candidates:
        return counted(len(one.candidates), "contact"), "warning"
    view = look.row.last_change if look.row is not None else None
    shown = sign(view, now.astimezone()) if view is not None else None
    if one.difference is not None and not has_moved(one, look):
        return _SHORT_REASONS[
            one.difference.why
        ], "warning" if one.difference.why is MismatchReason.UNKNOWN else "muted"
    if shown is not None:
        return shown.text, shown.style
    return (
        (f"line {one.listed.line:,}", "muted") if one.contact is None and one.listed is not None else ("", "")
    )


def has_moved(one: ComparisonEntry, look: LineLook) -> bool:
    """Whether something is being done, or was, about a difference since the file was compared."""
    if look.row is None or one.listed is None:
        return False
    view = look.row.last_change
    is_open = view is not None and (view.change.state.is_open or view.change.state is State.REFUSED)
    return is_open or look.row.status is one.listed.status


# --- the one under the cursor ---


def story(one: ComparisonEntry, look: LineLook, now: datetime, key: Key) -> Content:
    """Tell all that is known of one line, and what can be done about it."""
    where = f"line {one.listed.line:,}" if one.listed is not None else "not in the file"
    head = Content.assemble(content(one.name, "bold"), "  ", (where, "$text-muted"))
    return Content("\n").join([head, *(content(line) for line in _told(one, look, now, key))])


def _told(one: ComparisonEntry, look: LineLook, now: datetime, key: Key) -> Iterator[str]:
    if one.difference is not None:
        yield _difference(one, look, now, key)
    elif look.is_unrecorded:
        how = f" {key('record')} records that." if key("record") else ""
        yield f"It proves that Re-Leased has the last change.{how}"
    elif len(one.candidates) > 1:
        yield f"Could be any of {number(len(one.candidates))} in Xero. {key('open')} says which is meant."
    elif one.candidates:
        yield f"Could be the one below. {key('open')} says whether it is."
    elif one.contact is None:
        yield "Xero has no contact that this line could mean."
    if one.listed is not None:
        yield f"In the file: {_named(one.listed.name, one.listed.email, one.listed.status)}"
    if one.contact is not None:
        status = look.row.status if look.row is not None else one.contact.status
        yield f"In Xero: {_named(one.contact.name, one.contact.email, status)}"
    elif len(one.candidates) == 1:
        yield f"In Xero: {_named(one.candidates[0].name, one.candidates[0].email, one.candidates[0].status)}"


def _difference(one: ComparisonEntry, look: LineLook, now: datetime, key: Key) -> str:
    difference = one.difference
    if difference is None or has_moved(one, look):
        words = state(one, look, now)[0]
        return f"Since then: {words}." if words else "Both agree by now."
    mend = _mend(difference.action, key).replace(" in Xero", " it in Xero")
    return f"Differs: {REASONS[difference.why]}. {mend}."


def _named(name: str, email: str, status: ContactStatus) -> str:
    return ", ".join([*(safe(each, 80) for each in (name, email) if each), STATUSES[status]])


# --- asking ---


def asking(one: Ambiguous) -> tuple[str, ...]:
    """Say which line it is."""
    told = one.listed
    said = f"Line {told.line:,} of the file: {_named(told.name, told.email, told.status)} there."
    if len(one.candidates) > 1:
        return (said, "Which contact in Xero is it?")
    return (said, "It may be this one. Its name or e-mail differs, or other lines say the opposite of it.")


def candidate(one: XeroContact) -> str:
    """Name a contact in Xero, with what tells it from others."""
    return f"{_named(one.name or 'no name', one.email, one.status)} in Xero"
