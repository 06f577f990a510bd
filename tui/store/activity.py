"""The contacts' transactions and their totals: when each contact was last used, and what for."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final
from uuid import UUID

from tui.model import timestamps
from tui.model.activity import Activity, TransactionKind, TransactionState, day_number, from_day_number
from tui.model.columns import NEVER_USED
from tui.store.sync_state import ACTIVITY_CURSOR, ACTIVITY_READ_UNTIL, read_sync_state, write_sync_state

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from tui.model.activity import Transaction
    from tui.store.database import Database


_DIGEST_BYTES: Final = 16
_KINDS: Final[dict[object, TransactionKind]] = {int(kind): kind for kind in TransactionKind}
#: The day of the last transaction of a row of `contacts AS c`, `NEVER_USED` if it has none, NULL if unknown.
LAST_ACTIVITY: Final = f"""(
    CASE WHEN EXISTS (SELECT 1 FROM sync_state WHERE name = '{ACTIVITY_READ_UNTIL}') THEN
        CASE WHEN EXISTS (SELECT 1 FROM contact_activity WHERE contact_id = c.contact_id AND posted > 0)
            THEN (SELECT CASE typeof(last_day) WHEN 'integer' THEN last_day END
                FROM contact_activity WHERE contact_id = c.contact_id) ELSE {NEVER_USED} END
    END
)"""  # noqa: S608 - our own names
_TOTALS: Final = "last_day, last_kind, posted, drafts, repeating"
# The newest transaction first; of two on one day, the one that comes first in `TransactionKind`.
_COUNT: Final = f"""
    UPDATE contact_activity AS a SET
        last_day = (SELECT max(day) FROM contact_transactions
            WHERE contact_number = a.number AND state = {TransactionState.POSTED:d}),
        last_kind = (SELECT kind FROM contact_transactions
            WHERE contact_number = a.number AND state = {TransactionState.POSTED:d}
            ORDER BY day DESC, kind LIMIT 1),
        posted = (SELECT count(*) FROM contact_transactions
            WHERE contact_number = a.number AND state = {TransactionState.POSTED:d}),
        drafts = (SELECT count(*) FROM contact_transactions
            WHERE contact_number = a.number AND state = {TransactionState.DRAFT:d}),
        repeating = (SELECT count(*) FROM contact_transactions
            WHERE contact_number = a.number AND state = {TransactionState.REPEATING:d})
    WHERE number IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - our own numbers
_UPSERT: Final = """
    INSERT INTO contact_transactions (transaction_id, contact_number, kind, state, day) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (transaction_id) DO UPDATE SET
        contact_number = excluded.contact_number, kind = excluded.kind, state = excluded.state,
        day = excluded.day
"""


class ActivityRepository:
    """When each contact was last used, as far as its transactions were read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def is_known(self) -> bool:
        """Whether all transactions were read at least once: a contact without any was then never used."""
        return self.known_since is not None

    @property
    def known_since(self) -> datetime | None:
        """When the last complete read of transactions began: later ones aren't known. None before that."""
        return timestamps.from_iso_text(read_sync_state(self._database, ACTIVITY_READ_UNTIL))

    @property
    def cursor(self) -> str | None:
        """How far an unfinished read has got, as the reader stored it; None between two reads."""
        return read_sync_state(self._database, ACTIVITY_CURSOR)

    def of(self, contact_ids: Collection[str]) -> dict[str, Activity]:
        """Return the activity of contacts: empty while it isn't known, and else one for each.

        A contact that was never used has one without a transaction.
        """
        if not contact_ids or not self.is_known:
            return {}
        rows = self._database.rows(
            f"SELECT contact_id, {_TOTALS} FROM contact_activity"  # noqa: S608 - our own names
            " WHERE contact_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(contact_ids)),),
        )
        found = {contact_id: _activity(*totals) for contact_id, *totals in rows}
        return {contact_id: found.get(contact_id, Activity()) for contact_id in contact_ids}

    async def save_page(
        self,
        transactions: Sequence[Transaction],
        cursor: str | None,
        *,
        replaces: TransactionKind | None = None,
        read_until: datetime | None = None,
    ) -> None:
        """Save a page of transactions together with how far the read has got; None if it has ended.

        `replaces` means that these are all of that kind: others are deleted. `read_until` is when the read
        began, if it has ended. Not safe from a power loss: the page is then read again.
        """

        def work(connection: sqlite3.Connection) -> None:
            _save(connection, transactions, replaces)
            write_sync_state(connection, ACTIVITY_CURSOR, cursor)
            if read_until is not None:
                write_sync_state(connection, ACTIVITY_READ_UNTIL, read_until.isoformat())

        await self._database.write(work, durable=False)


def _save(
    connection: sqlite3.Connection, transactions: Sequence[Transaction], replaces: TransactionKind | None
) -> None:
    latest = {_key(item.transaction_id): item for item in transactions}
    touched: set[int] = set()
    if replaces is TransactionKind.REPEATING_INVOICE:
        stored = connection.execute(
            f"SELECT transaction_id FROM contact_transactions WHERE state = {TransactionState.REPEATING:d}"  # noqa: S608 - our own number
        )
        _delete(connection, [key for (key,) in stored.fetchall() if key not in latest], touched)
    ended = [key for key, item in latest.items() if item.state is TransactionState.ENDED]
    _delete(connection, ended, touched)
    kept = {key: item for key, item in latest.items() if item.state is not TransactionState.ENDED}
    numbers = _numbers(connection, {item.contact_id for item in kept.values()})
    # An invoice may have been moved from one contact to another.
    touched |= _contacts_of(connection, kept)
    touched |= set(numbers.values())
    connection.executemany(
        _UPSERT,
        [
            (key, numbers[item.contact_id], item.kind, item.state, item.date and day_number(item.date))
            for key, item in kept.items()
        ],
    )
    connection.execute(_COUNT, (json.dumps(sorted(touched)),))


def _delete(connection: sqlite3.Connection, keys: Collection[bytes], touched: set[int]) -> None:
    touched |= _contacts_of(connection, keys)
    connection.executemany(
        "DELETE FROM contact_transactions WHERE transaction_id = ?", [(key,) for key in keys]
    )


def _contacts_of(connection: sqlite3.Connection, keys: Iterable[bytes]) -> set[int]:
    """Return the numbers of the contacts that have these transactions now."""
    sql = "SELECT contact_number FROM contact_transactions WHERE transaction_id = ?"
    return {number for key in keys for (number,) in connection.execute(sql, (key,))}


def _numbers(connection: sqlite3.Connection, contact_ids: Collection[str]) -> dict[str, int]:
    """Return the number of each contact; new ones get one."""
    wanted = json.dumps(sorted(contact_ids))
    connection.execute(
        "INSERT OR IGNORE INTO contact_activity (contact_id, posted, drafts, repeating)"
        " SELECT value, 0, 0, 0 FROM json_each(?)",
        (wanted,),
    )
    return dict(
        connection.execute(
            "SELECT contact_id, number FROM contact_activity"
            " WHERE contact_id IN (SELECT value FROM json_each(?))",
            (wanted,),
        )
    )


def _key(transaction_id: str) -> bytes:
    """Return an id as it is stored: Xero's are GUIDs of 16 bytes."""
    try:
        return UUID(transaction_id).bytes
    except ValueError:
        return hashlib.blake2b(transaction_id.encode(), digest_size=_DIGEST_BYTES).digest()


def _activity(
    last_day: object, last_kind: object, posted: object, drafts: object, repeating: object
) -> Activity:
    """Read stored totals; an invalid value counts as missing."""
    return Activity(
        last_at=from_day_number(last_day),
        kind=_KINDS.get(last_kind),
        count=_count(posted),
        has_drafts=_count(drafts) > 0,
        has_repeating=_count(repeating) > 0,
    )


def _count(stored: object) -> int:
    return stored if isinstance(stored, int) and stored > 0 else 0
