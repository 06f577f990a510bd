"""SQL that several migrations and queries share."""

from __future__ import annotations

from typing import Final

#: The earliest time at which a sync could have brought the change to Re-Leased.
PENDING_SINCE: Final = "max(confirmed_ms, coalesce(relinked_ms, 0))"
#: Confirmed by Xero, not seen in Re-Leased, not reversed, and its contact is neither unlinked nor in a
#: foreign currency.
PENDING: Final = (
    "state = 'confirmed' AND synced_ms IS NULL AND checked_ms IS NULL AND unlinked_ms IS NULL"
    " AND foreign_currency_ms IS NULL AND superseded = 0"
)
#: Confirmed by Xero, not seen in Re-Leased and not reversed, whether or not its contact is unlinked.
UNSYNCED: Final = "state = 'confirmed' AND synced_ms IS NULL AND checked_ms IS NULL AND superseded = 0"
#: A pending change that a read of Re-Leased's contacts showed to be missed by a sync.
MISSED: Final = f"{PENDING} AND read_result = 'missed' AND read_ms > {PENDING_SINCE}"
#: When the change was synced or checked, or its contact unlinked or in a foreign currency; NULL for none of
#: these.
SYNCED_AT: Final = "coalesce(synced_ms, checked_ms, unlinked_ms, foreign_currency_ms)"


def append_only(table: str) -> tuple[str, ...]:
    """Reject updates and deletes on a table, from this program and any other."""
    return tuple(
        f"""
        CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
        """
        for verb in ("UPDATE", "DELETE")
    )
