"""Notices with a sentence of the test's choice."""

from __future__ import annotations

from tui.model.reasons import FeedReason, Notice


def notice(words: str) -> Notice:
    """Return a notice that shows only these words, as from another program."""
    return Notice(FeedReason.SOURCE_PROBLEM, {"problem": words})
