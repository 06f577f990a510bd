"""Where the words of a query stand in a text as it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.query import fold

if TYPE_CHECKING:
    from collections.abc import Sequence


def match_spans(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Return the parts of the text, as (start, stop) in order and apart, in which folded words are found."""
    if not words:
        return []
    folded, origin = _fold_with_origin(text)
    hits = bytearray(len(text) + 1)
    for word in words:
        start = folded.find(word) if word else -1
        while start >= 0:
            stop = start + len(word)
            first, last = origin[start], origin[stop - 1]
            hits[first : last + 1] = b"\x01" * (last + 1 - first)
            start = folded.find(word, stop)
    return _runs(hits)


def _fold_with_origin(text: str) -> tuple[str, Sequence[int]]:
    """Fold a text and return which of its characters each folded one comes from.

    Folding changes lengths ("Ⅷ" becomes "viii", an apostrophe nothing), but never reaches over a
    character, so folding them one by one gives the same.
    """
    folded = fold(text)
    if text.isascii() and len(folded) == len(text):
        return folded, range(len(text))
    pieces = [fold(char) for char in text]
    return "".join(pieces), [index for index, piece in enumerate(pieces) for _ in piece]


def _runs(hits: bytearray) -> list[tuple[int, int]]:
    """Return the stretches of ones; the last entry is always zero, so that every stretch ends."""
    spans: list[tuple[int, int]] = []
    start = hits.find(1)
    while start >= 0:
        stop = hits.find(0, start)
        spans.append((start, stop))
        start = hits.find(1, stop)
    return spans
