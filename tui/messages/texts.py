"""The building blocks of the text catalogues, and texts that don't belong to a single part of the program."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from tui.messages import formats
from tui.model.reasons import GeneralReason, Param, ReadOnlyReason, Reason, SystemReason


class Text(Struct, frozen=True):
    """The text of a reason: what happened, then what to do.

    `action` is the ID of the action that helps; screens add its current key. Parameters are in braces.
    `{n:contact}` formats a number with its noun, `{n:entry/entries}` one with an irregular plural, and
    `{n:,}` a number alone. Durations are formatted as `5 minutes`, times as a local date and time.
    """

    message: str
    next_step: str = ""
    action: str = ""


#: The texts of one part of the program; a function where the text depends on a parameter.
Catalogue = Mapping[Reason, Text | Callable[[Mapping[str, Param]], Text]]


class _Formatter(string.Formatter):
    """Formats parameters with the program's formats."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, datetime):
            return formats.date_and_time(value)
        if isinstance(value, date):
            return formats.day(value)
        if isinstance(value, timedelta):
            return formats.duration(value)
        if format_spec == ",":
            return formats.format_number(int(value))
        if format_spec:
            one, _, many = format_spec.partition("/")
            return formats.pluralize(int(value), one, many)
        return format(value, format_spec)


_FORMATTER = _Formatter()


def fill_in(sentence: str, params: Mapping[str, Param]) -> str:
    """Fill in the parameters of a text."""
    return _FORMATTER.vformat(sentence, (), params)


TEXTS: Final[Catalogue] = {
    GeneralReason.BUG: Text(
        "This is a bug in Reshelve.",
        "Nothing is lost: your changes are saved on this computer. Details are in {log}. Restart Reshelve.",
    ),
    GeneralReason.BUG_NOT_LOGGED: Text(
        "This is a bug in Reshelve.",
        "Nothing is lost: your changes are saved on this computer. "
        "Details couldn't be written to a log file. Restart Reshelve.",
    ),
    GeneralReason.UNEXPECTED_ERROR: Text(
        "Unexpected error in Reshelve ({kind}). Nothing is lost.",
        "Reshelve will retry. Details are in the log file.",
    ),
    ReadOnlyReason.CONNECTION: Text(
        "Read-only connection: nothing was changed.", "Connect again without “Read-only”."
    ),
    ReadOnlyReason.OPTION: Text("Started with --read-only: nothing was changed."),
    SystemReason.CANNOT_LOCK: Text(
        "This drive can't lock files ({problem}). Nothing changed.",
        "Set RESHELVE_HOME to a folder on a local drive. "
        "If {folder} is on one, check that you can write to it.",
    ),
    SystemReason.NOT_A_FILE: Text(
        "That name is a folder or device.", "Nothing was saved. Choose another name."
    ),
    SystemReason.NOT_A_FILE_NAME: Text("That isn't a file name.", "Nothing was saved. Choose another name."),
    SystemReason.FILE_NOT_SAVED: Text(
        "Can't save the file: {problem}.", "Nothing was saved. Choose another location, then try again."
    ),
    SystemReason.TOO_MANY_ROWS: Text(
        "An Excel sheet has at most {most:row}.", "Nothing was saved. Choose CSV, or export fewer contacts."
    ),
}
