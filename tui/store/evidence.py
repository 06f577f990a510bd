"""Evidence that Re-Leased has picked up contacts: append-only, and held against the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tui.model.change import Action, Change, Origin, State
from tui.model.contact import ContactStatus
from tui.model.evidence import PickUp, apply_evidence, is_cancelled_out
from tui.model.timestamps import of_milliseconds
from tui.model.user_reports import CompanyStatus, ReportKind, UserReport
from tui.store import values
from tui.store.change_log.entries import NOTED, PICKED_UP, TOLD, write_event
from tui.store.schema.user_reports import WAITING, WAITS_FROM
from tui.store.timestamps import to_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from datetime import datetime

    from tui.store.database import Database

_TELLING: Final = "at_ms, kind, contact_id, status, state"
#: What was told of a contact, or with an empty id of the company, in the order of telling.
OF_CONTACT: Final = f"SELECT {_TELLING} FROM tellings WHERE contact_id = ? ORDER BY number"  # noqa: S608 - our own names
_NOTES: Final = {
    ReportKind.UNLINKED: "said to be unlinked in Re-Leased, so that its syncs leave it out",
    ReportKind.LINKED: "said to be linked again in Re-Leased",
}
_CANCELLED_OUT: Final = "Re-Leased never had what this reversed, so that there is nothing to wait for"


def record(connection: sqlite3.Connection, pick_ups: Iterable[PickUp]) -> int:
    """Keep the evidence; what is told again is kept once. Returns how many changes it settles."""
    contact_ids: dict[str, None] = {}
    for pick_up in pick_ups:
        connection.execute(
            "INSERT INTO pick_ups (contact_id, status, sync_started_ms, picked_up_ms, run)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                pick_up.contact_id, pick_up.status.value, to_ms(pick_up.sync_started_at),
                to_ms(pick_up.synced_at), pick_up.run,
            ),
        )  # fmt: skip
        contact_ids[pick_up.contact_id] = None
    return sum(settle(connection, contact_id) for contact_id in contact_ids)


def tell(connection: sqlite3.Connection, tellings: Iterable[UserReport], told_at: datetime) -> int:
    """Keep what was told. Returns how many changes it settles: one that was seen, for one."""
    settled = 0
    for telling in tellings:
        connection.execute(
            f"INSERT INTO tellings (told_ms, {_TELLING}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own names
            (
                to_ms(told_at), to_ms(telling.at), telling.kind.value, telling.contact_id,
                telling.status.value if telling.status else "", telling.state,
            ),
        )  # fmt: skip
        if telling.contact_id:
            settled += settle(connection, telling.contact_id)
            _note(connection, telling)
    return settled


def read_company(database: Database) -> CompanyStatus:
    """Read what was told of the company as a whole."""
    return CompanyStatus.of(values.readable(telling_of, database.rows(OF_CONTACT, ("",))))


def telling_of(row: tuple[Any, ...]) -> UserReport:
    """Read a telling from a row of `OF_CONTACT`. Raises `UnreadableRowError`, also for one without a time."""
    at_ms, kind, contact_id, status, state = row
    at = of_milliseconds(at_ms)
    if at is None:
        raise values.UnreadableRowError("at_ms")
    return UserReport(
        values.member(ReportKind, kind),
        at,
        values.text(contact_id),
        values.member(ContactStatus, status) if status else None,
        values.text(state),
    )


def settle(connection: sqlite3.Connection, contact_id: str) -> int:
    """Write to the contact's changes what stored evidence says of them; returns how many it settles."""
    confirmed = _confirmed(connection, contact_id)
    since = next((each.confirmed_at for each in confirmed if each.synced_at is None), None)
    if since is None:
        return 0
    pick_ups = _pick_ups(connection, contact_id, since)
    tellings = values.readable(telling_of, connection.execute(OF_CONTACT, (contact_id,)))
    weighed = apply_evidence(confirmed, pick_ups, tellings)
    settled = 0
    for change, known in zip(confirmed, weighed, strict=True):
        before = (change.synced_at, change.checked_at, change.unlinked_at, change.relinked_at)
        if before == (known.synced_at, known.checked_at, known.unlinked_at, known.relinked_at):
            continue
        moments = (known.synced_at, known.checked_at, known.unlinked_at, known.relinked_at)
        connection.execute(
            "UPDATE changes SET picked_up_ms = ?, told_ms = ?, unlinked_ms = ?, relinked_ms = ?"
            " WHERE change_id = ?",
            (*(None if each is None else to_ms(each) for each in moments), change.change_id),
        )
        for at, was, event in (
            (known.synced_at, change.synced_at, PICKED_UP),
            (known.checked_at, change.checked_at, TOLD),
        ):
            if at is not None and was is None:
                write_event(connection, to_ms(at), change.change_id, event, State.CONFIRMED.value)
                settled += 1
    return settled


def cancel_out(connection: sqlite3.Connection, sync_started_at: datetime, now: datetime) -> int:
    """Supersede what only put back what Re-Leased had all along; returns how many changes that are.

    A feed has told of a clean sync that began then, and everything it picked up is stored. It lists what
    differed, so that of an archive and a restore between two syncs it never says a word.
    """
    rows = connection.execute(
        f"SELECT change_id, contact_id FROM changes WHERE {WAITING} AND {WAITS_FROM} <= ?",  # noqa: S608 - our own words
        (to_ms(sync_started_at),),
    ).fetchall()
    cancelled = 0
    for change_id, contact_id in rows:
        confirmed = _confirmed(connection, contact_id)
        place = next((place for place, each in enumerate(confirmed) if each.change_id == change_id), None)
        if place is None:
            # When it was confirmed isn't known.
            continue
        if is_cancelled_out(confirmed[place], confirmed[:place]):
            connection.execute("UPDATE changes SET superseded = 1 WHERE change_id = ?", (change_id,))
            state = State.CONFIRMED.value
            write_event(connection, to_ms(now), change_id, NOTED, state, detail=_CANCELLED_OUT)
            cancelled += 1
    return cancelled


def _note(connection: sqlite3.Connection, telling: UserReport) -> None:
    """Tell it in the log of the contact's last change, where there is one."""
    note = _NOTES.get(telling.kind)
    last = next(reversed(_confirmed(connection, telling.contact_id)), None)
    if note is not None and last is not None:
        at = to_ms(telling.at)
        write_event(connection, at, last.change_id, NOTED, State.CONFIRMED.value, detail=note)


def _confirmed(connection: sqlite3.Connection, contact_id: str) -> list[Change]:
    """Read what evidence can bear on, in the order of confirmation."""
    rows = connection.execute(
        "SELECT change_id, action, confirmed_ms, picked_up_ms, superseded, told_ms, unlinked_ms, relinked_ms"
        " FROM changes WHERE contact_id = ? AND state = 'confirmed' ORDER BY confirmed_ms, change_id",
        (contact_id,),
    ).fetchall()
    return values.readable(lambda row: _change(contact_id, row), rows)


def _change(contact_id: str, row: tuple[Any, ...]) -> Change:
    change_id, confirmed_at = values.whole(row[0]), of_milliseconds(row[2])
    if change_id is None or confirmed_at is None:
        raise values.UnreadableRowError("confirmed_ms")
    return Change(
        change_id=change_id,
        batch_id="",
        contact_id=contact_id,
        name="",
        action=values.member(Action, row[1]),
        origin=Origin.HERE,
        state=State.CONFIRMED,
        requested_at=confirmed_at,
        updated_at=confirmed_at,
        confirmed_at=confirmed_at,
        synced_at=of_milliseconds(row[3]),
        superseded=values.flag(row[4]),
        checked_at=of_milliseconds(row[5]),
        unlinked_at=of_milliseconds(row[6]),
        relinked_at=of_milliseconds(row[7]),
    )


def _pick_ups(connection: sqlite3.Connection, contact_id: str, since: datetime) -> list[PickUp]:
    rows = connection.execute(
        "SELECT status, sync_started_ms, picked_up_ms, run FROM pick_ups"
        " WHERE contact_id = ? AND sync_started_ms >= ?",
        (contact_id, to_ms(since)),
    )
    return values.readable(lambda row: _pick_up(contact_id, row), rows)


def _pick_up(contact_id: str, row: tuple[Any, ...]) -> PickUp:
    status, started_ms, at_ms, run = row
    started_at, at = of_milliseconds(started_ms), of_milliseconds(at_ms)
    if started_at is None or at is None:
        raise values.UnreadableRowError("sync_started_ms")
    return PickUp(contact_id, values.member(ContactStatus, status), started_at, at, values.text(run))
