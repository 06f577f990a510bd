"""Text for the comparison of a file with Xero."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from textual.content import Content

from tui import messages
from tui.messages import formats
from tui.messages.formats import NO_VALUE, format_number, format_size, pluralize
from tui.model.change import Action, State
from tui.model.comparison import AmbiguousLine, Match, Mismatch, MismatchReason, XeroContact
from tui.model.contact import ContactStatus
from tui.model.contact_file import FileContact, FileProblem
from tui.model.query import fold
from tui.widgets.file_format import REASONS, STATUSES
from tui.widgets.status_badge import badge_for
from tui.widgets.text import content, fit, safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tui.model.contact_file import ContactFileError
    from tui.screens.compare.choose_file import PathEntry


if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui.model.comparison import FileComparison

    Raw = Match | Mismatch | AmbiguousLine | FileContact | XeroContact


class LineKind(StrEnum):
    """The result of the comparison for a contact, most important first."""

    DIFFER = "differ"
    UNCLEAR = "unclear"
    AGREE = "agree"
    FILE = "file"
    XERO = "xero"


class ComparisonEntry(Struct, frozen=True):
    """One contact, in the file and in Xero; None on a side that doesn't have it.

    `candidates` are the possible matches of an ambiguous line; `difference` describes a mismatch.
    """

    listed: FileContact | None = None
    contact: XeroContact | None = None
    candidates: tuple[XeroContact, ...] = ()
    difference: Mismatch | None = None

    @property
    def name(self) -> str:
        """The displayed name; Xero's takes precedence over the file's."""
        listed = self.listed
        name = self.contact.name if self.contact is not None else ""
        return name or (listed and (listed.name or listed.email or listed.xero_id)) or "no name"

    @property
    def email(self) -> str:
        """The e-mail address; Xero's takes precedence over the file's."""
        email = self.contact.email if self.contact is not None else ""
        return email or (self.listed.email if self.listed is not None else "")


def lines_of(comparison: FileComparison, kind: LineKind) -> Sequence[Raw]:
    """Return the lines of one kind, in the comparison's order."""
    lines: Mapping[LineKind, Sequence[Raw]] = {
        LineKind.DIFFER: comparison.mismatches,
        LineKind.UNCLEAR: comparison.ambiguous,
        LineKind.AGREE: comparison.matches,
        LineKind.FILE: comparison.only_in_file,
        LineKind.XERO: comparison.only_in_xero,
    }
    return lines[kind]


def counts(comparison: FileComparison) -> Mapping[LineKind, int]:
    """Count the lines of each kind."""
    return {kind: len(lines_of(comparison, kind)) for kind in LineKind}


def to_entry(item: Raw) -> ComparisonEntry:
    """Return a line as it is displayed; created only for visible lines."""
    if isinstance(item, XeroContact):
        return ComparisonEntry(contact=item)
    if isinstance(item, FileContact):
        return ComparisonEntry(listed=item)
    if isinstance(item, AmbiguousLine):
        return ComparisonEntry(listed=item.listed, candidates=item.candidates)
    difference = item if isinstance(item, Mismatch) else None
    return ComparisonEntry(item.listed, item.contact, difference=difference)


def searchable(lines: Iterable[Raw]) -> list[str]:
    """Return the case-folded text of each line for searching: names and e-mail addresses."""
    return [fold(_text(to_entry(line))) for line in lines]


def _text(entry: ComparisonEntry) -> str:
    listed, contacts = entry.listed, entry.candidates
    if entry.contact is not None:
        contacts = (entry.contact,)
    parts = [part for contact in contacts for part in (contact.name, contact.email)]
    if listed is not None:
        parts += (listed.name, listed.email)
    return "\n".join(parts)


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tui.model.comparison import FileComparison
    from tui.model.contact import Row

    #: Returns the key currently bound to an action.
    Key = Callable[[str], str]

EMPTY: Final = {
    LineKind.DIFFER: "No differences: every contact found in both has the same status in both.",
    LineKind.UNCLEAR: "Nothing to review: every line matches one contact, or none.",
    LineKind.AGREE: "No matches. Is this the right organisation, and the right tab?",
    LineKind.FILE: "Every contact in Re-Leased was found in Xero.",
    LineKind.XERO: "Every contact in Xero with a status that was compared is in Re-Leased.",
}
EXPORT_ABOUT: Final = "Exports all groups to a CSV file, also contacts that the search hides. Save as:"
NOT_FOUND: Final = "No contacts match this search. Press {clear} to clear the search."
NOT_IN_XERO: Final = "No contact in Xero matches this line."
_SHORT_REASONS: Final = {
    MismatchReason.IN_PROGRESS: "in progress",
    MismatchReason.CHANGED_SINCE: "changed since",
    MismatchReason.PENDING: "not synced then",
    MismatchReason.NOT_LINKED: "not linked",
    MismatchReason.FOREIGN_CURRENCY: "foreign currency",
    MismatchReason.UNKNOWN: "cause unknown",
}
_SHORT_STATUSES: Final = {ContactStatus.GDPRREQUEST: "GDPR"}
_STATUS, _GAP, _STATE = 9, 2, 21
_ROOM_FOR_EMAIL, _ROOM_FOR_BOTH, _ROOM_FOR_STATE = 92, 70, 44
_UNRECORDED: Final = "+ not recorded yet"


class LineContext(Struct, frozen=True):
    """The state that determines how a line looks.

    `row` is the contact's current state, None until it is loaded.
    """

    kind: LineKind
    row: Row | None = None
    is_selected: bool = False
    is_unrecorded: bool = False
    is_file: bool = True


def only_differences_message(key: Key) -> str:
    """Explain why nothing can be selected or changed here."""
    return f"Only differences can be selected and changed. Press {key('kind_differ')} to show them."


def no_targets_message(action: Action, key: Key) -> str:
    """Explain that this action wouldn't make any of the chosen lines agree."""
    if action is Action.ARCHIVE:
        return (
            f"None of these is archived in Re-Leased. {_fix_hint(Action.RESTORE, key)} those that are active "
            "in Re-Leased."
        )
    return (
        f"None of these is active in Re-Leased. {_fix_hint(Action.ARCHIVE, key)} those that are archived in "
        "Re-Leased."
    )


def _fix_hint(action: Action, key: Key) -> str:
    return f"Press {key(action.value)} to {action.value}"


def heading(comparison: FileComparison, organisation: str) -> Content:
    """Return the file's name, its age, and the organisation it is compared with."""
    source = comparison.source
    return Content.assemble(
        ("Compared", "bold $text-primary"),
        "  ",
        content(safe(source.name, 60), "bold"),
        f" of {formats.date_and_time(source.exported_at)} with ",
        content(safe(organisation, 60), "bold"),
    )


def notes(comparison: FileComparison, unrecorded: int, recorded: int, key: Key) -> Content:
    """Return assumptions, oddities, and the number of changes the file confirms."""
    lines = [
        content(messages.in_full(note), "$text-warning")
        for note in (*comparison.source.notes, *comparison.notes)
    ]
    if unrecorded:
        how = f" Press {key('mark_synced')} to mark as synced." if key("mark_synced") else ""
        lines.append(Content.styled(f"{proved_message(unrecorded)}{how}", "$text-accent"))
    elif recorded:
        lines.append(Content.styled(f"Recorded: {recorded_message(recorded)}", "$text-success"))
    else:
        lines.append(Content.styled(NOTHING_NEW, "$text-muted"))
    if comparison.without_status:
        without = pluralize(len(comparison.without_status), "contact")
        lines.append(Content.styled(f"{without} came without a status and can't be compared.", "$text-muted"))
    if comparison.repeated:
        repeated = pluralize(comparison.repeated, "line repeats", "lines repeat")
        lines.append(Content.styled(f"{repeated} an earlier line.", "$text-muted"))
    return Content("\n").join(lines)


NOTHING_NEW: Final = "No further changes are confirmed. Nothing to record."


def proved_message(count: int) -> str:
    """Return how many changes are confirmed."""
    return f"{pluralize(count, 'more change')} confirmed by Re-Leased's data."


def recorded_message(count: int) -> str:
    """Return how many changes were marked as synced."""
    return f"{pluralize(count, 'change')} marked as synced."


def record_explanation(comparison: FileComparison, count: int) -> Iterator[str]:
    """Describe the effect of marking as synced."""
    yield proved_message(count)
    exported = formats.date_and_time(comparison.source.exported_at)
    yield f"Shown as Synced, dated {exported}. Nothing changes in Xero or Re-Leased."
    if comparison.ambiguous:
        lines = pluralize(len(comparison.ambiguous), "line to review is", "lines to review are")
        yield f"{lines} left out for now."


# --- rows ---


def titles(kind: LineKind, width: int, *, is_file: bool) -> Content:
    """Format the column titles for rows of this width; `is_file` is whether a file was compared."""
    where = "Where" if is_file else ""
    last = {LineKind.DIFFER: "Why", LineKind.UNCLEAR: "Matches", LineKind.FILE: where}.get(
        kind, "Last change"
    )
    cells = _cells(kind, width, "  Contact", "E-mail", "Re-Leased", "Xero", last)
    return Content.styled("  ".join(cells.values()), "$text-muted")


def row(entry: ComparisonEntry, context: LineContext, width: int, now: datetime) -> Content:
    """Format one line as a row of this width."""
    listed, contact = entry.listed, entry.contact
    file_status = STATUSES[listed.status] if listed is not None else NO_VALUE
    status = (
        context.row.status if context.row is not None else contact.status if contact is not None else None
    )
    xero_status = (
        _SHORT_STATUSES.get(status, STATUSES[status])
        if status is not None
        else "?"
        if entry.candidates
        else NO_VALUE
    )
    words, style = state(entry, context, now)
    mark = "✓ " if context.is_selected else "  "
    cells = _cells(context.kind, width, mark + safe(entry.name), entry.email, file_status, xero_status, words)
    styles = ["bold" if context.is_selected else "", "$text-muted", "", "", f"$text-{style}" if style else ""]
    return Content("  ").join(Content.styled(cell, styles[place]) for place, cell in cells.items())


def _cells(kind: LineKind, width: int, *texts: str) -> dict[int, str]:
    """Return the cells that fit, by column; the e-mail is dropped first, then a status, then the reason.

    One status implies the other: a contact that differs is archived on one side and active on the other.
    """
    name, email, file_status, xero_status, last = texts
    statuses = {2: fit(file_status, _STATUS), 3: fit(xero_status, _STATUS)}
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


def state(entry: ComparisonEntry, context: LineContext, now: datetime) -> tuple[str, str]:
    """Summarise why a line is in its group or what has happened since, with a style."""
    if context.is_unrecorded:
        return _UNRECORDED, "accent"
    if entry.candidates:
        return pluralize(len(entry.candidates), "contact"), "warning"
    view = context.row.last_change if context.row is not None else None
    shown = badge_for(view, now.astimezone()) if view is not None else None
    if entry.difference is not None and not is_outdated(entry, context):
        return _SHORT_REASONS[
            entry.difference.reason
        ], "warning" if entry.difference.reason is MismatchReason.UNKNOWN else "muted"
    if shown is not None:
        return shown.fitted(_STATE).text, shown.style
    return (
        (f"line {format_number(entry.listed.line)}", "muted")
        if entry.contact is None and entry.listed is not None and context.is_file
        else ("", "")
    )


def is_outdated(entry: ComparisonEntry, context: LineContext) -> bool:
    """Whether the contact has changed, or is changing, since the file was compared."""
    if context.row is None or entry.listed is None:
        return False
    view = context.row.last_change
    is_open = view is not None and (view.change.state.is_open or view.change.state is State.REFUSED)
    return is_open or context.row.status is entry.listed.status


# --- selected line ---


def details(entry: ComparisonEntry, context: LineContext, now: datetime, key: Key) -> Content:
    """Describe one line in full, and what can be done about it."""
    where = "not in Re-Leased" if entry.listed is None else ""
    if entry.listed is not None and context.is_file:
        where = f"line {format_number(entry.listed.line)} of the file"
    head = Content.assemble(content(entry.name, "bold"), "  ", (where, "$text-muted"))
    return Content("\n").join([head, *(content(line) for line in _detail_lines(entry, context, now, key))])


def _detail_lines(entry: ComparisonEntry, context: LineContext, now: datetime, key: Key) -> Iterator[str]:
    if entry.difference is not None:
        yield _difference(entry, context, now, key)
    elif context.is_unrecorded:
        how = f" Press {key('mark_synced')} to mark it as synced." if key("mark_synced") else ""
        yield f"Re-Leased has the last change.{how}"
    elif len(entry.candidates) > 1:
        many = format_number(len(entry.candidates))
        yield f"{many} possible matches in Xero. Press {key('open')} to choose."
    elif entry.candidates:
        yield f"Possible match; press {key('open')} to confirm."
    elif entry.contact is None:
        yield "No contact in Xero matches this line."
    if entry.listed is not None:
        yield f"In Re-Leased: {_named(entry.listed.name, entry.listed.email, entry.listed.status)}"
    if entry.contact is not None:
        status = context.row.status if context.row is not None else entry.contact.status
        yield f"In Xero: {_named(entry.contact.name, entry.contact.email, status)}"
    elif len(entry.candidates) == 1:
        [candidate] = entry.candidates
        yield f"In Xero: {_named(candidate.name, candidate.email, candidate.status)}"


def _difference(entry: ComparisonEntry, context: LineContext, now: datetime, key: Key) -> str:
    difference = entry.difference
    if difference is None or is_outdated(entry, context):
        words = state(entry, context, now)[0]
        return f"Since then: {words}." if words else "Both match now."
    fix = _fix_hint(difference.action, key)
    return f"Different: {REASONS[difference.reason]}. {fix} it in Xero."


def _named(name: str, email: str, status: ContactStatus | None) -> str:
    return ", ".join([*(safe(part, 80) for part in (name, email) if part), STATUSES[status]])


# --- questions ---


def match_question(entry: AmbiguousLine) -> tuple[str, ...]:
    """Describe the line to match."""
    listed = entry.listed
    line = f"In Re-Leased: {_named(listed.name, listed.email, listed.status)}."
    if len(entry.candidates) > 1:
        return (line, "Which contact in Xero is it?")
    return (
        line,
        "Possible match: the name or e-mail differs, or another entry shows the opposite status.",
    )


def candidate(entry: XeroContact) -> str:
    """Describe a contact in Xero so that it can be distinguished from others."""
    return f"{_named(entry.name or 'no name', entry.email, entry.status)} in Xero"


TITLE: Final = "Compare a Re-Leased export"
ABOUT: Final = (
    "A CSV or Excel file of contacts exported from Re-Leased is compared with Xero. Comparing changes "
    "nothing. Tab completes a name; ↓ goes to the list."
)
NO_SUCH_FILE: Final = "File not found. Choose one from the list, or keep typing."
INVALID_DATE: Final = "Not a valid date. Write 2026-03-31 or 2026-03-31 14:05, or leave empty."
NOTHING_HERE: Final = "No CSV or Excel file or folder starts like that."
EMPTY_FOLDER: Final = (
    "No CSV or Excel file here. Type another folder, or export the contacts from Re-Leased first."
)
COMPARING: Final = "Comparing… press {cancel} to stop."
STOPPED: Final = "Stopped. Nothing was changed."
DATE_HINT: Final = "the file's date"
AUTO: Final = "found"
FILE_STATUSES: Final = {
    AUTO: "as the file says",
    ContactStatus.ACTIVE.value: "all active",
    ContactStatus.ARCHIVED.value: "all archived",
}
DELIMITERS: Final = {
    AUTO: "automatic",
    "comma": "commas",
    "semicolon": "semicolons",
    "tab": "tabs",
    "pipe": "pipe |",
}
ENCODINGS: Final = {
    AUTO: "automatic",
    "utf-8": "UTF-8",
    "cp1252": "Windows, Western (cp1252)",
    "cp1250": "Windows, Central European (cp1250)",
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "mac_roman": "Mac OS Roman",
}
COLUMNS: Final = {
    "name_column": "Name column",
    "email_column": "E-mail column",
    "id_column": "Xero ID column",
    "status_column": "Status column",
}
_ROOM_FOR_SIZE: Final = 40
_NEXT: Final = {
    FileProblem.COLUMNS: "Choose the columns above.",
    FileProblem.STATUS: "Choose above whether they are active or archived, or which column shows it.",
    FileProblem.ENCODING: "Choose the encoding above.",
    FileProblem.SHEET: "Choose the sheet above.",
    FileProblem.DATE: "Type the export date above, no later than the file's last change.",
}


def failure_message(error: ContactFileError) -> str:
    """Describe a problem with a file, that nothing was changed, and what to do."""
    if error.problem is None:
        return messages.in_full(error)
    return f"{messages.message(error)} Nothing was changed. {_NEXT[error.problem]}"


def sheets(names: Sequence[str]) -> Mapping[str, str]:
    """Return a workbook's sheets to choose from, by index."""
    return {AUTO: "automatic", **{str(place): name for place, name in enumerate(names)}}


def columns(header: Sequence[str]) -> Mapping[str, str]:
    """Return a file's columns to choose from, by index; unnamed columns are left out."""
    named = {str(place): name for place, name in enumerate(header) if name.strip()}
    return {AUTO: "automatic", **named}


def entry_row(entry: PathEntry, width: int, now: datetime) -> Content:
    """Format a file or folder as a row of this width."""
    if entry.is_folder:
        return Content.styled(fit(f"{entry.name}/", width), "$text-primary")
    details = formats.short_time(entry.modified_at, now)
    if width >= _ROOM_FOR_SIZE:
        details += f"  {format_size(entry.size):>8}"
    return Content.assemble(
        fit(entry.name, max(8, width - len(details) - 2)), ("  " + details, "$text-muted")
    )
