"""The output of `reshelve compare`."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui import messages
from tui.messages import formats
from tui.messages.formats import format_number, pluralize
from tui.model.comparison import Finding, comparison_rows
from tui.system.user_files import csv_text
from tui.widgets.file_format import EXPORT_COLUMNS, REASONS, STATUSES, export_cells
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tui.model.comparison import (
        AmbiguousLine,
        ComparisonRow,
        FileComparison,
        Match,
        Mismatch,
        XeroContact,
    )
    from tui.model.contact import ContactStatus
    from tui.model.contact_file import FileContact

T = TypeVar("T")

_SHOWN: Final = 10
_LONGEST: Final = 80


def heading(found: FileComparison, organisation: str) -> Iterator[str]:
    """Yield the file, the organisation, and notes about assumptions and oddities."""
    source = found.source
    exported = formats.date_and_time(source.exported_at)
    yield f"{short(source.name)} compared with {short(organisation)}, exported on {exported}."
    yield from (safe(messages.in_full(note)) for note in (*source.notes, *found.notes))


def summary(found: FileComparison) -> Iterator[str]:
    """Yield the count of each group, with its first lines."""
    yield from _section("match", found.matches, _agreement)
    yield from _section("different", found.mismatches, _difference)
    yield from _section("only in the file", found.only_in_file, _file_row)
    yield from _section("only in Xero", found.only_in_xero, contact)
    yield from _section("need review", found.ambiguous, ambiguous)
    if found.repeated:
        yield f"{pluralize(found.repeated, 'duplicate line')} ignored."


def contact(one: XeroContact) -> str:
    """Format a contact in Xero, with its e-mail address and status."""
    email = f", {short(one.email)}" if one.email else ""
    return f"{short(one.name) or 'no name'}{email} ({STATUSES[one.status]} in Xero)"


def ambiguous(one: AmbiguousLine) -> str:
    """Format a line with the number of contacts it could match."""
    matches = pluralize(len(one.candidates), "possible match", "possible matches")
    return f"{_file_row(one.listed)}: {matches}"


def as_csv(found: FileComparison, organisation: str) -> str:
    """Format the whole result as CSV."""
    del organisation
    return csv_text(EXPORT_COLUMNS, map(export_cells, comparison_rows(found)))


def as_json(found: FileComparison, organisation: str) -> str:
    """Format the whole result as one JSON object. Its keys and codes stay as they are, unlike sentences."""
    rows = [_json_row(row) for row in comparison_rows(found)]
    counts = Counter(row["finding"] for row in rows)
    content = {
        "organisation": organisation,
        "file": found.source.name,
        "exported_at": found.source.exported_at.astimezone(UTC).isoformat(),
        "notes": [messages.in_full(note) for note in (*found.source.notes, *found.notes)],
        "counts": {
            **{finding.value: counts[finding.value] for finding in Finding},
            "repeated": found.repeated,
            "new_evidence": len(found.newly_synced),
        },
        "contacts": rows,
    }
    return f"{json.dumps(content, indent=2)}\n"


def _json_row(row: ComparisonRow) -> dict[str, Any]:
    listed, contact = row.listed, row.contact
    return {
        "finding": row.finding.value,
        "reason": None if row.reason is None else row.reason.name.lower(),
        "is_new_evidence": row.is_newly_synced,
        "xero": None if contact is None else _json_contact(contact),
        "re_leased": None
        if listed is None
        else {
            "line": listed.line,
            "contact_id": listed.xero_id or None,
            "name": listed.name,
            "email": listed.email,
            "status": _json_status(listed.status),
        },
        "candidates": [_json_contact(candidate) for candidate in row.candidates],
    }


def _json_contact(one: XeroContact) -> dict[str, Any]:
    return {
        "contact_id": one.contact_id,
        "name": one.name,
        "email": one.email,
        "status": _json_status(one.status),
    }


def _json_status(status: ContactStatus | None) -> str | None:
    return None if status is None else status.value.lower()


def short(text: str) -> str:
    """Return external text made safe for the terminal and shortened."""
    return safe(text, _LONGEST)


def _section(label: str, found: Sequence[T], line: Callable[[T], str]) -> Iterator[str]:
    yield f"{format_number(len(found)):>9} {label}"
    for one in found[:_SHOWN]:
        yield f"            {line(one)}"
    if len(found) > _SHOWN:
        yield f"            and {format_number(len(found) - _SHOWN)} more"


def _file_row(row: FileContact) -> str:
    name = short(row.name) or short(row.email) or short(row.xero_id) or "no name"
    return f"line {format_number(row.line)}: {name}, {STATUSES[row.status]} in the file"


def _agreement(one: Match) -> str:
    return f"line {format_number(one.listed.line)}: {contact(one.contact)}"


def _difference(one: Mismatch) -> str:
    return f"{_file_row(one.listed)}, {STATUSES[one.contact.status]} in Xero: {REASONS[one.reason]}"
