"""A glance at a store that isn't open: how many of its changes are under way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui.model.change import State
from tui.store.database import FILE_NAME
from tui.store.moments import to_ms

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_OPEN_STATES: Final = tuple(state.value for state in State if state.is_open)
_WAITING: Final = "state = 'confirmed' AND picked_up_ms IS NULL AND superseded = 0"


@dataclass(frozen=True, slots=True)
class Glance:
    """How many changes are confirmed and wait for Re-Leased, and how many Xero has yet to confirm."""

    waiting: int
    unfinished: int


def peek(folder: Path, *, since: datetime | None) -> Glance | None:
    """Count the changes in an organisation's folder; None where there is no store that can be read.

    With `since`, only what was confirmed after it counts as waiting.
    """
    file = folder / FILE_NAME
    confirmed_after = -1 if since is None else to_ms(since)
    try:
        # Read only: a glance must neither make a store nor migrate one.
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=0.2)) as connection:
            [waiting] = connection.execute(
                f"SELECT count(*) FROM changes WHERE {_WAITING} AND confirmed_ms > ?",  # noqa: S608 - constants
                (confirmed_after,),
            ).fetchone()
            [unfinished] = connection.execute(
                f"SELECT count(*) FROM changes WHERE state IN ({','.join('?' * len(_OPEN_STATES))})",  # noqa: S608 - as above
                _OPEN_STATES,
            ).fetchone()
    except sqlite3.Error:
        return None
    return Glance(waiting, unfinished)
