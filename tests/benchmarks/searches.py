"""What is searched for, and what has to appear: computed by a plain scan, without the program's search."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.terminal import Stroke

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.terminal import Condition, Screen

#: Eight searches; each letter is a key that is measured, also where it changes no count.
NAMES = ("harbour pl", "fletcher tr", "ngata jo", "rentals 1", "olive wi", "kowalski 7", "0012", "okafor ba")
#: Searches with qualifiers. Half-typed ones, such as `is:cu`, are ignored until they are complete.
QUALIFIED = (
    "owes:>500 fl",
    "is:customer har",
    "group:tenants ol",
    "changed:<7d -bak",
    "is:archived 1",
    "sync:none ko",
)
_QUALIFIERS = ("is", "owes", "owed", "overdue", "group", "sync", "changed", "currency", "by")
# How many of the first names have to be right.
_ROWS_CHECKED = 5
#: How far down the list the names are known; a held arrow stays well above.
KNOWN_NAMES = 1_500
_DAY_MS = 86_400_000
#: Of at most so many contacts, those whose name matches come first, and then those whose people do.
_MOST_RANKED = 5_000
_CONTACTS = """
    SELECT name, first_name || char(10) || last_name, search, status, receivable, is_customer, group_names,
        updated_ms FROM contacts
    ORDER BY sort_key, rowid
"""
_LIKE = "SELECT status, count(*) FROM contacts WHERE {} GROUP BY status"
_CURSOR = "▌"
#: Textual puts the terminal's cursor one cell right of the one it paints.
CURSOR_OFFSET = 1
# Fewer characters say too little.
_LEAST = 10


@dataclass(frozen=True, slots=True)
class _Contact:
    name: str
    people: str
    text: str
    status: str
    owes: int
    is_customer: bool
    groups: str
    days: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search shows: how many contacts, None if it isn't narrowed yet, and the first names."""

    count: int | None
    first: tuple[str, ...]


@dataclass(slots=True)
class Expected:
    """All that will have to appear, by what was typed."""

    total: int
    names: list[str]
    answers: dict[str, Answer] = field(default_factory=dict)
    #: How many names contain the words, for fzf, which knows nothing else.
    names_with: dict[str, int] = field(default_factory=dict)


def expect(store_file: Path) -> Expected:
    """Compute everything that will be searched for, letter by letter."""
    with closing(sqlite3.connect(store_file)) as connection:
        now = time.time() * 1000
        contacts = [
            _Contact(
                name,
                people,
                text,
                status,
                owes or 0,
                bool(customer),
                groups.lower(),
                (now - updated) / _DAY_MS,
            )
            for name, people, text, status, owes, customer, groups, updated in connection.execute(_CONTACTS)
        ]
    expected = Expected(len(contacts), [contact.name for contact in contacts[:KNOWN_NAMES]])
    everything = Answer(None, tuple(expected.names[:_ROWS_CHECKED]))
    lower = [contact.name.lower() for contact in contacts]
    for typed in (*NAMES, *QUALIFIED):
        for prefix in prefixes(typed):
            conditions = [found for term in prefix.split() if (found := _condition(term))]
            matches = contacts
            for fits in conditions:
                matches = [contact for contact in matches if fits(contact)]
            listed_first = _ranked(matches, [term for term in prefix.split() if ":" not in term])
            answer = Answer(len(matches), tuple(contact.name for contact in listed_first[:_ROWS_CHECKED]))
            expected.answers[prefix] = answer if conditions else everything
            if typed in NAMES:
                found_names = lower
                for word in prefix.split():
                    found_names = [name for name in found_names if word in name]
                expected.names_with[prefix] = len(found_names)
    return expected


def _ranked(matches: list[_Contact], terms: list[str]) -> list[_Contact]:
    words = [term for term in terms if not term.startswith("-")]
    if len(matches) > _MOST_RANKED or not words:
        return matches

    def rank(contact: _Contact) -> int:
        fields = (contact.name.lower(), contact.people.lower(), contact.text)
        return max(next(place for place, text in enumerate(fields) if word in text) for word in words)

    return sorted(matches, key=rank)


def prefixes(typed: str) -> list[str]:
    """Return what is in the box after each letter."""
    return [typed[:end] for end in range(1, len(typed) + 1)]


def _condition(term: str) -> Callable[[_Contact], bool] | None:
    """Return what one term of a search asks for, None while it is half-typed."""
    name, colon, value = term.partition(":")
    if term.startswith("-"):
        # Half-typed, it may become a filter.
        is_half = any(name.startswith(term[1:]) for name in _QUALIFIERS)
        return None if is_half else lambda contact: term[1:] not in contact.text
    if not colon:
        return lambda contact: term in contact.text
    if name == "owes" and (amount := re.fullmatch(r">(\d+)", value)):
        return lambda contact: contact.owes > 100 * int(amount[1])
    if name == "changed" and (days := re.fullmatch(r"<(\d+)d", value)):
        return lambda contact: contact.days < int(days[1])
    if name == "group" and value:
        return lambda contact: f'"{value}' in contact.groups
    return {
        "is:customer": lambda contact: contact.is_customer,
        "is:archived": lambda contact: contact.status == "ARCHIVED",
        # Nothing was changed in these stores.
        "sync:none": lambda _: True,
    }.get(term)


def search_by_sql(connection: sqlite3.Connection, typed: str) -> float:
    """Let SQLite look for the words; returns milliseconds. A yardstick: the least that SQL would need."""
    words = typed.split()
    sql = _LIKE.format(" AND ".join(["search LIKE ?"] * len(words)))
    begun = time.perf_counter()
    connection.execute(sql, [f"%{word}%" for word in words]).fetchall()
    return (time.perf_counter() - begun) * 1000


# -- what is looked for on the screen


def strokes(typed: str, expected: Expected) -> list[Stroke]:
    """Return the keys of a search, with what each of them makes appear."""
    return [
        Stroke(prefix[-1], {"echo": in_box(prefix), "settled": answered(prefix, expected)})
        for prefix in prefixes(typed)
    ]


def in_box(typed: str) -> Condition:
    """See the text in the search box, with the cursor behind it: a suggestion in grey doesn't count."""
    return lambda screen: screen.typed(f"/ {typed}", CURSOR_OFFSET)


def answered(typed: str, expected: Expected) -> Condition:
    """See the text in the box, the right count beside it, and the first names below, one on each line."""
    answer, echoed = expected.answers[typed], in_box(typed)
    tally = None if answer.count is None else f" {answer.count:,} of {expected.total:,}"

    def is_there(screen: Screen) -> bool:
        if not echoed(screen):
            return False
        box = screen.lines[screen.row]
        is_counted = " of " not in box if tally is None else tally in box
        return is_counted and _are_first(answer.first, screen)

    return is_there


def cleared(screen: Screen) -> bool:
    """See the box empty again, and no count in it. The list stays where it was."""
    return in_box("")(screen) and " of " not in screen.lines[screen.row]


def _are_first(names: tuple[str, ...], screen: Screen) -> bool:
    """Say whether these are shown on lines one after the other; no names means that none are shown."""
    if not names:
        return "No contacts match" in screen.text
    top = next((number for number, line in enumerate(screen.lines) if _shows(line, names[0])), None)
    if top is None:
        return False
    return all(_shows(line, name) for line, name in zip(screen.lines[top:], names, strict=False))


def _shows(line: str, name: str) -> bool:
    """Say whether a name is on a line, perhaps cut to the width of its column."""
    stem, ellipsis, _ = line[3:].partition("…")
    return name in line or (bool(ellipsis) and len(stem) > _LEAST and name.startswith(stem))


def listed(expected: Expected, rows: int = 25) -> Condition:
    """See a screenful of contacts from the top of the list."""
    names = tuple(expected.names[:rows])
    return lambda screen: _are_first(names, screen)


class Cursor:
    """Finds the cursor of the list on the screen, as the number of its contact."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def index(self, screen: Screen, least: int = 0) -> int:
        """Return the number of the contact under the cursor, from `least` on, or -1."""
        line = next((line for line in screen.lines if line.startswith(_CURSOR)), "")
        name = line[1:].lstrip(" ✓").split("  ")[0]
        if not name:
            return -1
        if name.endswith("…"):
            stem, found = name[:-1], range(least, len(self._names))
            return next((index for index in found if self._names[index].startswith(stem)), -1)
        try:
            return self._names.index(name, least)
        except ValueError:
            return -1

    def beyond(self, index: int) -> Condition:
        """See the cursor below this contact."""
        return lambda screen: self.index(screen, max(index, 0)) > index
