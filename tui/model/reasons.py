"""Why something happened or failed, as values. `tui.messages` turns them into sentences.

Everything below the screens returns and raises these codes, so that a sentence can be reworded without
touching what is stored, and so that no sentence names a key.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

#: What a reason's sentence can contain. Text from outside is made safe where the sentence is shown.
Param = str | int | float | date | datetime | timedelta


class Reason(StrEnum):
    """A reason code. Its values are unique in the program and, once stored, never change."""


class Notice(Struct, frozen=True):
    """A reason with its parameters: what a sentence is made of."""

    reason: Reason
    params: dict[str, Param] = {}

    def __str__(self) -> str:
        """Return the code and its parameters, for the log."""
        params = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.reason} ({params})" if params else str(self.reason)


class GeneralReason(Reason):
    """Reasons that belong to no single part of the program."""

    BUG = "general.bug"
    BUG_NOT_LOGGED = "general.bug_not_logged"
    STORE_CLOSED = "general.store_closed"
    UNEXPECTED_ERROR = "general.unexpected_error"
    LEGACY = "general.legacy"


class ReadOnlyReason(Reason):
    """Why changes are blocked: the connection's permissions, or the option `--read-only`."""

    CONNECTION = "read_only.connection"
    OPTION = "read_only.option"
