from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine

from tui.model.change import Action, State
from tui.model.evidence import SyncStatus
from tui.widgets.title_bar import terminal_title

if TYPE_CHECKING:
    from tui.model.snapshot import Snapshot


def named(name: str) -> Snapshot:
    snapshot = IdleEngine.with_contacts(3).snapshot
    return replace(snapshot, organisation=replace(snapshot.organisation, name=name))


@pytest.mark.parametrize(
    ("states", "shown"),
    [
        ((), ""),
        ((State.CONFIRMED,), " (1 pending)"),
        ((State.CONFIRMED, State.QUEUED), " (1 pending)"),
        ((State.QUEUED, State.AWAITING_USER), " (2 not in Xero)"),
    ],
)
def test_title_counts_what_is_pending(states: tuple[State, ...], shown: str) -> None:
    backend = IdleEngine.with_contacts(5)
    for number, state in enumerate(states):
        status = SyncStatus.PENDING if state is State.CONFIRMED else None
        backend.put_change(number, Action.ARCHIVE, state, status)
    backend.publish_changes()
    assert terminal_title(backend.snapshot) == f"Reshelve – Demo Company (NZ){shown}"


@pytest.mark.parametrize(
    "name",
    [
        "\x1b]2;owned\x07A",
        "A\x1b\\\x1b[31m",
        "\x9c\x9d2;B\x07",
        "A\nB\r\x00",
        "\u202eA",
        "x" * 500,
    ],
)
def test_hostile_names_stay_within_the_title(name: str) -> None:
    title = terminal_title(named(name))
    assert title.isprintable()
    assert len(title) < 80
