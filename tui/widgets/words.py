"""Numbers and lists in plain English."""

from __future__ import annotations


def number(count: int) -> str:
    """Write a number with its thousands apart: 1,402."""
    return f"{count:,}"


def counted(count: int, one: str, many: str = "") -> str:
    """Write a number with its noun: `1 contact`, `1,402 contacts`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"
