"""Orders what a search found: contacts whose name matches, those whose people do, then the others."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from tui.store.values import FIELD_SEPARATOR, REST_MARK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.store.search.contact_index import ContactIndex

#: More contacts than this stay in order of their names, so that a search for a single letter stays fast.
MOST_RANKED: Final = 5_000
_BY_NAME, _BY_PEOPLE, _BY_OTHERS = range(3)
_NAME_END: Final = f"instr(c.search || char({ord(FIELD_SEPARATOR)}), char({ord(FIELD_SEPARATOR)}))"
_PEOPLE_END: Final = f"instr(c.search || char({ord(REST_MARK)}), char({ord(REST_MARK)}))"
#: The same in SQL, of a row of `contacts AS c` and a word given twice.
SQL_RANK: Final = f"""
    CASE WHEN instr(c.search, ?) BETWEEN 1 AND {_NAME_END} THEN {_BY_NAME}
        WHEN instr(c.search, ?) BETWEEN 1 AND {_PEOPLE_END} THEN {_BY_PEOPLE} ELSE {_BY_OTHERS} END
"""


def ranked(index: ContactIndex, rowids: array[int], words: Sequence[str]) -> array[int]:
    """Return contacts that match all words, which are in order of their names, in order of their ranks."""
    if not words or len(rowids) > MOST_RANKED:
        return rowids
    by_rank = tuple(array("I") for _ in range(_BY_OTHERS + 1))
    for rowid in rowids:
        text = index.texts[index.positions[rowid]]
        by_rank[max(_rank(text, word) for word in words)].append(rowid)
    return sum(by_rank, array("I"))


def _rank(text: str, word: str) -> int:
    position = text.find(word)
    if position < 0:
        # Found as part of an e-mail's domain, which is stored in other characters.
        return _BY_OTHERS
    if FIELD_SEPARATOR not in text[:position]:
        return _BY_NAME
    return _BY_OTHERS if REST_MARK in text[:position] else _BY_PEOPLE
