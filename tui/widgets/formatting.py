"""Numbers and lists in plain English."""

from __future__ import annotations

from typing import Final

from tui.model.errors import ReadOnlyReason

_READ_ONLY: Final = {
    ReadOnlyReason.CONNECTION: (
        "Read-only connection: nothing was changed. Connect again without “Read-only”."
    ),
    ReadOnlyReason.OPTION: "Started with --read-only: nothing was changed.",
}


def read_only_message(reason: ReadOnlyReason) -> str:
    """Say why nothing was changed in read-only mode."""
    return _READ_ONLY[reason]


def format_number(count: int) -> str:
    """Write a number with its thousands apart: 1,402."""
    return f"{count:,}"


def pluralize(count: int, one: str, many: str = "") -> str:
    """Write a number with its noun: `1 contact`, `1,402 contacts`."""
    return f"{format_number(count)} {one if count == 1 else many or one + 's'}"
