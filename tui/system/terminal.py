"""What the terminal of this program can do, as far as its environment tells."""

from __future__ import annotations

import locale
import os
import sys
from dataclasses import dataclass
from typing import Final

# Terminals that tell every key apart, by the start of TERM or TERM_PROGRAM.
_WITH_ALL_KEYS: Final = ("xterm-kitty", "xterm-ghostty", "ghostty", "foot", "alacritty", "rio")
_TRUE_COLOUR: Final = frozenset({"truecolor", "24bit"})
_LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True)
class TerminalFacts:
    """The terminal: its size is 0 by 0 if there is none.

    `term` is TERM, and `program` the name that the terminal gives itself; either may be empty. `colours` is
    how many it shows, 0 if unknown, and `has_no_colour` whether NO_COLOR turns them off. `has_all_keys` is
    whether it is known to tell every key apart.
    """

    columns: int
    lines: int
    encoding: str
    term: str
    program: str
    colours: int
    has_no_colour: bool
    has_all_keys: bool

    @property
    def is_there(self) -> bool:
        """Whether any standard stream is a terminal."""
        return self.columns > 0

    @property
    def is_dumb(self) -> bool:
        """Whether it has no screen; Windows sets no TERM."""
        return self.term == "dumb" or (not self.term and sys.platform != "win32")

    @property
    def is_unicode(self) -> bool:
        """Whether it shows all letters."""
        return self.encoding.replace("-", "").casefold() in {"utf8", "cp65001"}


def read_terminal() -> TerminalFacts:
    """Return what is known of the terminal of this program."""
    columns, lines = _size()
    term, program = (os.environ.get(name, "")[:_LONGEST_NAME].strip() for name in ("TERM", "TERM_PROGRAM"))
    stdout = sys.stdout if columns else None
    return TerminalFacts(
        columns,
        lines,
        encoding=(getattr(stdout, "encoding", None) or locale.getencoding()).upper(),
        term=term,
        program=program,
        colours=_colours(term),
        has_no_colour=bool(os.environ.get("NO_COLOR")),
        has_all_keys=any(name.casefold().startswith(_WITH_ALL_KEYS) for name in (term, program)),
    )


def _size() -> tuple[int, int]:
    """Return the columns and lines of whichever standard stream is a terminal."""
    for stream in (1, 2, 0):
        try:
            size = os.get_terminal_size(stream)
        except OSError:
            continue
        return size.columns, size.lines
    return 0, 0


def _colours(term: str) -> int:
    if os.environ.get("COLORTERM", "").casefold() in _TRUE_COLOUR or os.environ.get("WT_SESSION"):
        return 1 << 24
    if term.endswith("-direct"):
        return 1 << 24
    if "256color" in term:
        return 256
    return 16 if term else 0
