"""Sanitise all external text before it is displayed.

Names, e-mails and messages come from people and other programs. Terminals interpret escape sequences and
Textual parses markup, so neither must receive such text unchanged.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from rich.cells import cell_len, get_character_cell_size

from tui.model.query import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.content import Content


def match_spans(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Return the (start, stop) spans of the text that match folded words, in order and without overlaps."""
    if not words:
        return []
    folded, origin = _fold_with_origin(text)
    hits = bytearray(len(text) + 1)
    _mark_hits(hits, folded, origin, words)
    if "-" in folded:
        # "smithjones" finds Smith-Jones.
        kept = [place for place, char in enumerate(folded) if char != "-"]
        _mark_hits(hits, folded.replace("-", ""), [origin[place] for place in kept], words)
    return _runs(hits)


def _mark_hits(hits: bytearray, folded: str, origin: Sequence[int], words: Sequence[str]) -> None:
    for word in words:
        start = folded.find(word) if word else -1
        while start >= 0:
            stop = start + len(word)
            first, last = origin[start], origin[stop - 1]
            hits[first : last + 1] = b"\x01" * (last + 1 - first)
            start = folded.find(word, stop)


def _fold_with_origin(text: str) -> tuple[str, Sequence[int]]:
    """Fold a text and return the source character's index for each folded character.

    Folding changes lengths ("Ⅷ" becomes "viii", an apostrophe is dropped), but never combines characters, so
    folding them one by one gives the same result.
    """
    folded = fold(text)
    if text.isascii() and len(folded) == len(text):
        return folded, range(len(text))
    pieces = [fold(char) for char in text]
    return "".join(pieces), [index for index, piece in enumerate(pieces) for _ in piece]


def _runs(hits: bytearray) -> list[tuple[int, int]]:
    """Return the runs of ones; the last entry is always zero, so that every run ends."""
    spans: list[tuple[int, int]] = []
    start = hits.find(1)
    while start >= 0:
        stop = hits.find(0, start)
        spans.append((start, stop))
        start = hits.find(1, stop)
    return spans


ELLIPSIS: Final = "…"
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

# ECMA-48: strings (DCS, SOS, OSC, PM, APC) up to their terminator, then control sequences, then short
# escapes. Strings end at any other control character, so that an unterminated one can't swallow the rest of a
# name.
_ESCAPES: Final = re.compile(
    r"(?:\x1b[PX\]^_]|[\x90\x98\x9d\x9e\x9f])[^\x00-\x1f\x7f-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]+[0-~]"
    r"|\x1b[0-OQ-WYZ\\`-~]"
)

# Letters, marks and symbols that are invisible, or whose width differs between terminals and Rich: fillers,
# joiners, variation selectors and skin tones. What remains of an emoji has the same width everywhere.
_UNRELIABLE: Final = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
    | {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x1F3FB, 0x1F400)}
)
_BREAKS: Final = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85")
# More marks than any script puts on one letter would spill over adjacent lines.
_MOST_MARKS: Final = 3
# Terminals with bidirectional text treat a number after Hebrew or Arabic as part of it, and would show an
# amount on the other side of a name. A zero-width mark on both sides prevents that.
_RIGHT_TO_LEFT: Final = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
DIRECTION_MARK: Final = "\N{LEFT-TO-RIGHT MARK}"


def safe(text: str, limit: int = 2000) -> str:
    """Return one line of harmless text of at most `limit` characters, ending in `…` if it was cut.

    Escape sequences, controls, bidirectional overrides and invisible characters are removed; line breaks and
    tabs become spaces; characters without an agreed glyph (surrogates, private use, unassigned) become `�`.
    """
    if not (text.isascii() and text.isprintable()):
        text = _ESCAPES.sub("", text).replace("\r\n", "\n").translate(_HARMLESS)
        if not text.isascii():
            text = _limit_marks(unicodedata.normalize("NFC", text))
    if len(text) > limit:
        return text[: max(0, limit - 1)] + ELLIPSIS[:limit]
    return text


@lru_cache(maxsize=4096)
def _harmless(codepoint: int) -> str | None:
    """Return the replacement for a character, or None to remove it."""
    char = chr(codepoint)
    category = unicodedata.category(char)
    if char in _BREAKS or category[0] == "Z":
        return " "
    if category in {"Cc", "Cf"} or codepoint in _UNRELIABLE:
        return None
    return REPLACEMENT if category[0] == "C" else char


class _Harmless:
    """The lookup table for `str.translate`."""

    def __getitem__(self, codepoint: int) -> str | None:
        return _harmless(codepoint)


_HARMLESS: Final = _Harmless()


def _limit_marks(text: str) -> str:
    """Remove marks without a base letter, and more than the first few on one letter."""
    kept: list[str] = []
    marks = _MOST_MARKS
    for char in text:
        marks = marks + 1 if unicodedata.category(char)[0] == "M" else 0
        if marks <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def content(text: str, style: str = "") -> Content:
    """Return safe text for a widget, in one style; brackets aren't parsed as markup."""
    # Commands make text safe as well, and paint nothing.
    from textual.content import Content

    return Content.styled(safe(text), style) if style else Content(safe(text))


def cells(text: str) -> int:
    """Return the width of the text in cells, after sanitising."""
    return cell_len(safe(text))


def fit(text: str, width: int, align: Literal["left", "right"] = "left") -> str:
    """Return safe text of exactly `width` cells: padded, or cut with `…`.

    Right-to-left text is marked so that it doesn't reorder adjacent text on the line.
    """
    if width <= 0:
        return ""
    text = safe(text)
    taken = cell_len(text)
    if taken > width:
        text = _cut(text, width - 1) + ELLIPSIS
        taken = cell_len(text)
    if not text.isascii() and _RIGHT_TO_LEFT.search(text):
        text = f"{DIRECTION_MARK}{text}{DIRECTION_MARK}"
    padding = " " * (width - taken)
    return padding + text if align == "right" else text + padding


def _cut(text: str, width: int) -> str:
    """Return the start of safe text that takes at most `width` cells, without trailing spaces."""
    # Safe text has no joiners or selectors, so its width is the sum of its characters' widths.
    taken = 0
    for index, char in enumerate(text):
        taken += get_character_cell_size(char)
        if taken > width:
            return text[:index].rstrip(" ")
    return text
