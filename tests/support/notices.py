"""Notices whose sentence a test chooses."""

from __future__ import annotations

from tui.model.reasons import FeedReason, Notice


def notice(words: str) -> Notice:
    """Return a notice that shows these words alone, as those of another program."""
    return Notice(FeedReason.SOURCE_PROBLEM, {"problem": words})
