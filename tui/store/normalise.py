"""The texts that contacts are sorted by and searched in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tui.model.query import FOLD_VERSION, fold
from tui.store import values

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

# Long enough to order names; keeps a 10,000-character name out of the indexes.
_SORTED_LENGTH: Final = 120
# Search words have no white space, so none matches across two fields.
_FIELD_SEPARATOR: Final = "\n"
_FOLD_VERSION: Final = "contacts.fold_version"
_FOLDED_BY: Final = "SELECT value FROM sync_state WHERE name = ?"
# In the order of row ids, so that updates don't disturb the reading.
_TEXTS: Final = """
    SELECT rowid, sort_key, search, name, phone, email, first_name, last_name, account_number, contact_number
    FROM contacts ORDER BY rowid
"""
_REFOLD: Final = "UPDATE contacts SET sort_key = ?, search = ? WHERE rowid = ?"
_ROWS_AT_ONCE: Final = 2_000


def sort_key(name: str) -> str:
    """Return the text a name is sorted by: accents, case and leading spaces don't matter."""
    return fold(name).strip()[:_SORTED_LENGTH]


def search_text(name: str, phone: str, others: Iterable[str]) -> str:
    """Return the folded text to search.

    A field is left out if the text already contains it: all texts are kept in memory, and each letter takes
    time to search (most email addresses contain their owner's names). A phone number is found with and
    without spaces and signs.
    """
    phone = "".join(phone.split())
    digits = "".join(filter(str.isdecimal, phone))
    text = fold(name)
    for field in (*others, phone, digits):
        if field and (folded := fold(field)) not in text:
            text += _FIELD_SEPARATOR + folded
    return text


def refold(connection: sqlite3.Connection) -> None:
    """Fold the stored texts again if they were folded by other rules than those of `fold`.

    Runs in one transaction; takes one query if they are up to date.
    """
    if connection.execute(_FOLDED_BY, (_FOLD_VERSION,)).fetchone() == (FOLD_VERSION,):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        rows = connection.execute(_TEXTS)
        while batch := rows.fetchmany(_ROWS_AT_ONCE):
            connection.executemany(_REFOLD, _refolded(batch))
        connection.execute("INSERT OR REPLACE INTO sync_state VALUES (?, ?)", (_FOLD_VERSION, FOLD_VERSION))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refolded(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, str, int]]:
    """Yield new texts for the rows whose texts are out of date."""
    for rowid, stored_key, stored_text, *fields in rows:
        name, phone, *others = map(values.text, fields)
        key, text = sort_key(name), search_text(name, phone, others)
        if (key, text) != (stored_key, stored_text):
            yield key, text, rowid
