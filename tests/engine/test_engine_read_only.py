"""Read-only mode: every method of the engine either only reads, or is refused before it does anything."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from engine.test_engine_scheduler import LiveXero, house
from msgspec.structs import replace

from tui.model.backend import Backend, EngineProtocol
from tui.model.errors import ReadOnlyError, ReadOnlyReason

if TYPE_CHECKING:
    from engine.test_engine_scheduler import House

    from tui.store import Store

# What records nothing that a person decided, and changes nothing in Xero. `export` writes a file of the
# person's own choice; the others only read, or look for news.
READS = {
    "snapshot", "is_practice", "is_read_only", "attend", "hold_pull", "subscribe", "first_rows", "find",
    "check", "refresh", "page", "freshen", "history", "handoffs", "look_closely", "undo_plan", "redo_plan",
    "changes", "timeline", "export", "rows", "reconcile", "contact_groups", "contact_url",
    "run", "reconnected", "stop",
}  # fmt: skip


def members(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


WRITES = sorted((members(Backend) | members(EngineProtocol)) - READS)


def entries(store: Store) -> list[tuple[int]]:
    """Count all that is kept of what people decided."""
    tables = ("changes", "transitions", "batches", "user_reports", "tenant_group_marks", "sync_records")
    counts = " UNION ALL ".join(f"SELECT count(*) FROM {table}" for table in tables)  # noqa: S608 - our own names
    return store._database._reader.execute(counts).fetchall()


async def call(home: House, name: str) -> Any:
    method = getattr(home.engine, name)
    named = inspect.signature(method).parameters.values()
    positional = [object() for each in named if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    return await method(
        *positional, **{each.name: True for each in named if each.kind is inspect.Parameter.KEYWORD_ONLY}
    )


def test_only_known_methods_are_let_through() -> None:
    assert members(Backend) | members(EngineProtocol) >= READS
    assert {"request", "tell_unlinked", "mark_tenants", "accept", "press_restore"} <= set(WRITES)


@pytest.mark.parametrize("name", WRITES)
async def test_whatever_writes_is_refused(store: Store, name: str) -> None:
    async with house(store, LiveXero("a"), is_read_only=True) as home:
        before = entries(store)
        with pytest.raises(ReadOnlyError) as raised:
            await call(home, name)
        assert raised.value.reason is ReadOnlyReason.OPTION
        publisher = home.engine._publisher
        organisation = replace(publisher.snapshot.organisation, is_read_only=True)
        publisher.snapshot = replace(publisher.snapshot, organisation=organisation)
        with pytest.raises(ReadOnlyError) as raised:
            await call(home, name)
        assert raised.value.reason is ReadOnlyReason.CONNECTION
        assert entries(store) == before
    assert not home.xero.writes
