"""What duplicates are found by, and the pairs of contacts that the user said are none."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

from tui.model.contact import ContactStatus
from tui.model.duplicates import ContactFacts, pair_of
from tui.store import values
from tui.store.values import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from tui.model.contact import ContactRecord
    from tui.store.database import Database

# Archived contacts have been dealt with, and merged ones are archived.
_CONTACTS: Final = """
    SELECT c.contact_id, c.name, c.email, c.account_number, c.phone, d.raw
    FROM contacts AS c LEFT JOIN contact_documents AS d ON d.contact_rowid = c.rowid
    WHERE c.status = ? AND c.merged_to = '' ORDER BY c.rowid
"""
_MARKS: Final = "SELECT contact_id, other_id, is_dismissed FROM duplicate_marks ORDER BY number"


def _dismissed(marks: Iterable[tuple[str, str, int]]) -> frozenset[tuple[str, str]]:
    last = {
        (values.text(one), values.text(other)): values.flag(is_dismissed)
        for one, other, is_dismissed in marks
    }
    return frozenset(pair for pair, is_dismissed in last.items() if is_dismissed)


class DuplicateRepository:
    """The active contacts of an organisation as they are compared, and pairs dismissed by the user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def facts(
        self, record: Callable[[bytes], ContactRecord], pause: Callable[[], None]
    ) -> list[ContactFacts]:
        """Read what is compared of each active contact; `record` parses the JSON that Xero returned.

        Blocks: call it in a thread. `pause` is called for each contact.
        """
        found = []
        with (
            self._database.read_connection() as connection,
            closing(connection.execute(_CONTACTS, (ContactStatus.ACTIVE.value,))) as rows,
        ):
            for contact_id, name, email, account_number, phone, raw in rows:
                pause()
                more = record(raw if isinstance(raw, bytes) else b"{}")
                phones = (values.text(phone), *(number for _, number in more.phones))
                found.append(
                    ContactFacts(
                        values.text(contact_id),
                        values.text(name),
                        values.text(email),
                        phones,
                        more.tax_number,
                        more.bank_account,
                        values.text(account_number),
                    )
                )
        return found

    def dismissed(self) -> frozenset[tuple[str, str]]:
        """Return the pairs that the user said are no duplicates."""
        return _dismissed(self._database.rows(_MARKS))

    async def mark(self, pairs: Iterable[tuple[str, str]], now: datetime, *, is_dismissed: bool) -> int:
        """Record that pairs are no duplicates, or may be again. Returns how many that changed."""
        wanted = {pair_of(*pair) for pair in pairs}

        def work(connection: sqlite3.Connection) -> int:
            dismissed = _dismissed(connection.execute(_MARKS))
            changed = sorted(pair for pair in wanted if (pair in dismissed) is not is_dismissed)
            connection.executemany(
                "INSERT INTO duplicate_marks (reported_ms, contact_id, other_id, is_dismissed)"
                " VALUES (?, ?, ?, ?)",
                ((to_ms(now), *pair, int(is_dismissed)) for pair in changed),
            )
            return len(changed)

        return await self._database.write(work)
