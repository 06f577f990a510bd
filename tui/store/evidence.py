"""Evidence that Re-Leased has picked up contacts: append-only, and held against the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.change import Action, State
from tui.store.events import PICKED_UP, write_event
from tui.store.moments import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from tui.model.evidence import PickUp

_TARGETS: Final = {action.value: action.target.value for action in Action}


def record(connection: sqlite3.Connection, pick_ups: Iterable[PickUp]) -> int:
    """Keep the evidence; what is told again is kept once. Returns how many changes it settles."""
    contact_ids: dict[str, None] = {}
    for pick_up in pick_ups:
        connection.execute(
            "INSERT INTO pick_ups (contact_id, status, sync_started_ms, picked_up_ms, run)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                pick_up.contact_id, pick_up.status.value, to_ms(pick_up.sync_started_at),
                to_ms(pick_up.picked_up_at), pick_up.run,
            ),
        )  # fmt: skip
        contact_ids[pick_up.contact_id] = None
    return sum(settle(connection, contact_id) for contact_id in contact_ids)


def settle(connection: sqlite3.Connection, contact_id: str) -> int:
    """Mark the contact's changes that stored evidence proves. Returns how many are newly marked.

    A sync finds the contact as the last change that was confirmed before it began left it, so its
    evidence is for that change alone: one that was reversed meanwhile is not said to have been read.
    """
    confirmed = connection.execute(
        "SELECT change_id, action, confirmed_ms, picked_up_ms FROM changes"
        " WHERE contact_id = ? AND state = 'confirmed' ORDER BY confirmed_ms, change_id",
        (contact_id,),
    ).fetchall()
    settled = 0
    for place, (change_id, action, confirmed_ms, picked_up_ms) in enumerate(confirmed):
        if picked_up_ms is not None:
            continue
        reversed_ms = confirmed[place + 1][2] if place + 1 < len(confirmed) else None
        found = connection.execute(
            "SELECT min(picked_up_ms) FROM pick_ups WHERE contact_id = ? AND status = ?"
            " AND sync_started_ms >= ? AND sync_started_ms < coalesce(?, 9e18)",
            (contact_id, _TARGETS[action], confirmed_ms, reversed_ms),
        ).fetchone()[0]
        if found is not None:
            connection.execute("UPDATE changes SET picked_up_ms = ? WHERE change_id = ?", (found, change_id))
            write_event(connection, found, change_id, PICKED_UP, State.CONFIRMED.value)
            settled += 1
    return settled
