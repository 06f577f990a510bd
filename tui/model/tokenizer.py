"""The text of the search box, cut into what was typed between spaces. Any text can be cut."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

_TERM: Final = re.compile(
    r"""
    (?=\S)
    (?P<minus> -+ (?=[^\s-]) )?
    (?: (?P<name> [A-Za-z]+ ) : )?
    (?: " (?P<quoted> [^"]* ) (?P<closing> "? ) | (?P<bare> \S* ) )
    """,
    re.VERBOSE,
)


# Texts that are pasted have typographic signs, which mean what their plain ones mean here.
_PLAIN: Final = {
    **dict.fromkeys(map(ord, "‐‑‒–—−－"), "-"),
    **dict.fromkeys(map(ord, "“”„‟＂"), '"'),
    **dict.fromkeys(map(ord, "：﹕︓∶꞉"), ":"),
}


class Term(Struct, frozen=True):
    """One piece: `-name:"value"`, of which only the value is never missing.

    `typed` has plain dashes, colons and quotation marks; `start` and `stop` say where it is in the text.
    `is_ended` says that what is typed next can't belong to it: a space follows, or its quotation marks are
    closed.
    """

    typed: str
    start: int
    stop: int
    value: str
    name: str = ""
    is_negated: bool = False
    is_quoted: bool = False
    is_ended: bool = True

    @property
    def without_sign(self) -> str:
        """What was typed, without the minus signs that negate it."""
        return self.typed.lstrip("-") if self.is_negated else self.typed


def tokenize(text: str) -> Iterator[Term]:
    """Yield the terms of a text in their order."""
    for match in _TERM.finditer(text if text.isascii() else text.translate(_PLAIN)):
        quoted = match["quoted"]
        yield Term(
            typed=match[0],
            start=match.start(),
            stop=match.end(),
            value=match["bare"] if quoted is None else quoted,
            name=match["name"] or "",
            is_negated=match["minus"] is not None,
            is_quoted=quoted is not None,
            is_ended=bool(match["closing"]) or match.end() < len(text),
        )
