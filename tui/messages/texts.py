"""What a catalogue of sentences is made of."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct

from tui.messages import formats
from tui.model.reasons import Param, Reason


class Text(Struct, frozen=True):
    """The sentences of a reason: what happened, then what to do.

    `action` is the id of the action that helps; screens add its key as it is now. Parameters are in
    braces. `{n:contact}` writes a number with its noun, `{n:entry/entries}` one with its own plural, and
    `{n:,}` a number alone. Durations are written as `5 minutes`, moments as a local date and time.
    """

    message: str
    next_step: str = ""
    action: str = ""


#: The sentences of one part of the program. A function serves where they depend on a parameter.
Catalogue = Mapping[Reason, Text | Callable[[Mapping[str, Param]], Text]]


class _Formatter(string.Formatter):
    """Writes parameters in the program's formats."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, datetime):
            return formats.date_and_time(value)
        if isinstance(value, date):
            return formats.day(value)
        if isinstance(value, timedelta):
            return formats.duration(value)
        if format_spec and format_spec != ",":
            one, _, many = format_spec.partition("/")
            return formats.pluralize(int(value), one, many)
        return format(value, format_spec)


_FORMATTER = _Formatter()


def fill_in(sentence: str, params: Mapping[str, Param]) -> str:
    """Write a sentence with its parameters."""
    return _FORMATTER.vformat(sentence, (), params)
