"""What a contact is sorted by and searched in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tui.model.query import FOLD_VERSION, fold
from tui.store import values

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

# Enough to tell names apart; keeps a 10,000-character name out of the indexes.
_SORTED_LENGTH: Final = 120
# Words never hold white space, so nothing is found across two fields.
_FIELD_SEPARATOR: Final = "\n"
# Named as all that is known of the contacts alone: it goes where they go, and no backup has it.
_CURSOR: Final = "pull.fold"
_FOLDED_BY: Final = "SELECT value FROM cursors WHERE name = ?"
# In the order of their numbers, so that rewriting rows never disturbs the reading.
_TEXTS: Final = """
    SELECT rowid, sort_key, search, name, phone, email, first_name, last_name, account_number, contact_number
    FROM contacts ORDER BY rowid
"""
_REFOLD: Final = "UPDATE contacts SET sort_key = ?, search = ? WHERE rowid = ?"
_ROWS_AT_ONCE: Final = 2_000


def sort_key(name: str) -> str:
    """Return what a name is ordered by: accents, case and leading spaces don't matter."""
    return fold(name).strip()[:_SORTED_LENGTH]


def search_text(name: str, phone: str, others: Iterable[str]) -> str:
    """Return the folded text that words are looked for in.

    A field whose text is already there adds nothing to find, and is left out: the texts of all contacts
    are kept in memory, and every letter costs time (an e-mail address mostly holds its owner's names).
    A phone number is found with and without its spaces and signs.
    """
    phone = "".join(phone.split())
    digits = "".join(filter(str.isdecimal, phone))
    text = fold(name)
    for field in (*others, phone, digits):
        if field and (folded := fold(field)) not in text:
            text += _FIELD_SEPARATOR + folded
    return text


def refold(connection: sqlite3.Connection) -> None:
    """Fold the stored texts again where they were folded by other rules than `fold` has now.

    In one transaction; costs a query where they are up to date.
    """
    if connection.execute(_FOLDED_BY, (_CURSOR,)).fetchone() == (FOLD_VERSION,):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        rows = connection.execute(_TEXTS)
        while some := rows.fetchmany(_ROWS_AT_ONCE):
            connection.executemany(_REFOLD, _refolded(some))
        connection.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (_CURSOR, FOLD_VERSION))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refolded(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, str, int]]:
    """Yield the texts of the rows whose stored ones are out of date."""
    for rowid, stored_key, stored_text, *fields in rows:
        name, phone, *others = map(values.text, fields)
        key, text = sort_key(name), search_text(name, phone, others)
        if (key, text) != (stored_key, stored_text):
            yield key, text, rowid
