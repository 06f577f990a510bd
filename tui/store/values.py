"""Reads stored values: a value of a wrong type, or out of range, is unknown and never an error.

SQLite accepts any value in any column. A disk error, another program or an older Reshelve may have left one
that this program would never write.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui.model.query import FOLD_VERSION, fold
from tui.model.reasons import ChangeReason, Notice, find_reason
from tui.model.timestamps import EPOCH, from_milliseconds

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator
    from enum import StrEnum

    from tui.model.query import Query


# Long enough to order names; keeps a 10,000-character name out of the indexes.
_SORTED_LENGTH: Final = 120
# Search words have no white space, so none matches across two fields: the name, the people, and after a mark
# everything else.
FIELD_SEPARATOR: Final = "\n"
REST_MARK: Final = "\v"
_DOMAIN: Final = re.compile(r"@[a-z0-9.-]+")
_HYPHEN: Final = re.compile(r"(?<=\w)-(?=\w)")
# All characters of a domain but the dot, each as one that folding never leaves: a capital, or a control.
_MARKED: Final = {
    ord(char): char.upper() if char.isalpha() else chr(ord(char) & 0x1F)
    for char in "abcdefghijklmnopqrstuvwxyz0123456789-"
}
_FOLD_VERSION: Final = "contacts.fold_version"
#: Reads a named value; see `store.sync_state`.
SELECT_SYNC_STATE: Final = "SELECT value FROM sync_state WHERE name = ?"
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


def search_text(name: str, phone: str, email: str, people: Iterable[str], numbers: Iterable[str]) -> str:
    """Return the folded text to search for the words of `stored_query`.

    A field is left out if the text already contains it: all texts are kept in memory, and each letter takes
    time to search (most email addresses contain their owner's names). A phone number is found with and
    without spaces and signs, and "smithjones" finds Smith-Jones.

    An email's domain is only found by words with `@` or a dot: "gmail" doesn't find everyone at gmail.com. So
    fields with either are added a second time, in characters that no other word contains.

    The name comes first, then the people: see `search.ranking`.
    """
    phone = "".join(phone.split())
    digits = "".join(filter(str.isdecimal, phone))
    names = [fold(field) for field in (name, *people) if field]
    others = [fold(field) for field in (*numbers, phone) if field]
    address = fold(email)
    # Of the address, only words without a dot are searched for in this form.
    rest = [*_DOMAIN.sub(".", address).split("."), *others, fold(digits)]
    rest += [_mark(field) for field in (*names, address, *others) if "." in field or "@" in field]
    text = fold(name)
    for part in (*names, *(without_hyphens(field) for field in names if "-" in field)):
        if part and part not in text:
            text += FIELD_SEPARATOR + part
    mark = REST_MARK
    for part in rest:
        if part and part not in text:
            text += FIELD_SEPARATOR + mark + part
            mark = ""
    return text


def without_hyphens(folded: str) -> str:
    """Return a folded name as some people type it: "smithjones"."""
    return _HYPHEN.sub("", folded)


def stored_query(query: Query) -> Query:
    """Return the query with its words as `search_text` stores them."""
    if not any("." in word or "@" in word for word in (*query.words, *query.excluded_words)):
        return query
    words, excluded_words = (
        tuple(_mark(word) if "." in word or "@" in word else word for word in words)
        for words in (query.words, query.excluded_words)
    )
    return replace(query, words=words, excluded_words=excluded_words)


def _mark(folded: str) -> str:
    return folded.translate(_MARKED)


def is_folded(connection: sqlite3.Connection) -> bool:
    """Whether the stored texts are folded by the rules of `fold`."""
    return bool(connection.execute(SELECT_SYNC_STATE, (_FOLD_VERSION,)).fetchone() == (FOLD_VERSION,))


def refold(connection: sqlite3.Connection) -> None:
    """Fold the stored texts again if they were folded by other rules than those of `fold`.

    Runs in one transaction; takes one query if they are up to date.
    """
    if is_folded(connection):
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
        name, phone, email, first_name, last_name, *numbers = map(text, fields)
        folded = search_text(name, phone, email, (first_name, last_name), numbers)
        key = sort_key(name)
        if (key, folded) != (stored_key, stored_text):
            yield key, folded, rowid


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Return an aware time in milliseconds, rounded down; Xero's times have the same resolution."""
    return (moment - _EPOCH) // _MILLISECOND


_T = TypeVar("_T")
_E = TypeVar("_E", bound="StrEnum")


def text(value: object) -> str:
    """Return a string; empty for other types."""
    if isinstance(value, str):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def integer(value: object) -> int | None:
    """Return an integer; None for other types."""
    return value if isinstance(value, int) else None


def flag(value: object) -> bool:
    """Return whether a flag is set."""
    return value == 1


def timestamp(*values: object) -> datetime:
    """Return the first of the values that is a valid time; 1970 if none is."""
    return next(filter(None, map(from_milliseconds, values)), EPOCH)


def names(value: object) -> tuple[str, ...]:
    """Return the strings of a JSON array; empty for anything else."""
    found = _json(value)
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()


def json_object(value: object) -> dict[str, object]:
    """Return a JSON object; an empty one for anything else."""
    found = _json(value)
    return found if isinstance(found, dict) else {}


def fields(value: object) -> dict[str, str]:
    """Return the strings of a JSON object by name; empty for anything else."""
    return {name: item for name, item in json_object(value).items() if isinstance(item, str)}


def notice(code: object, params: object) -> Notice | None:
    """Return a stored reason with its parameters; None if there is none.

    `params` is JSON or already parsed. A reason that this version doesn't know becomes
    `ChangeReason.UNKNOWN`.
    """
    if not text(code):
        return None
    reason = find_reason(text(code))
    if reason is None:
        return Notice(ChangeReason.UNKNOWN)
    found = params if isinstance(params, dict) else json_object(params)
    return Notice(
        reason, {name: value for name, value in found.items() if isinstance(value, str | int | float)}
    )


def read_rows(read: Callable[[tuple[Any, ...]], _T], rows: Iterable[tuple[Any, ...]]) -> list[_T]:
    """Read rows, skipping those that lack a required value."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except UnreadableRowError:
            continue
    return found


class UnreadableRowError(Exception):
    """A row lacks a required value."""


def enum_member(kind: type[_E], value: Any) -> _E:
    """Return an enum member. Raises `UnreadableRowError` for an unknown value."""
    try:
        return kind(value)
    except ValueError:
        raise UnreadableRowError(kind.__name__) from None


def optional_member(kind: type[_E], value: Any) -> _E | None:
    """Return an enum member; None for an unknown value."""
    try:
        return kind(value)
    except ValueError:
        return None


def _json(value: object) -> object:
    try:
        return json.loads(text(value))
    except (ValueError, RecursionError):
        return None
