"""Read-only mode: every method of the engine either only reads or is refused."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from engine.test_engine_scheduler import LiveXero, house
from msgspec.structs import replace

from tui.model import services
from tui.model.errors import ReadOnlyError
from tui.model.reasons import ReadOnlyReason

if TYPE_CHECKING:
    from engine.test_engine_scheduler import House

    from tui.store import Store

# What records nothing about contacts that a person decided, and changes nothing in Xero. `export` writes
# a file of the person's own choice; the others only read, or look for news.
READS = {
    "contacts": {
        "first_rows", "find", "rows", "details", "history", "refresh_one", "refresh", "pause_sync", "url",
        "layout", "save_layout", "show_columns", "listed", "total_balances", "export", "named",
        "tidy_survey",
    },
    "changes": {"precheck", "check_saved_data"},
    "undo": {"plan_undo", "plan_redo"},
    "change_log": {
        "page", "last_request", "timeline", "export", "changes", "newest", "summarize_year",
    },
    "manual_restores": {"pending", "set_fast_polling"},
    "comparison": {"compare_contacts", "compare_file", "test_connection"},
    "tenancy": {"groups"},
    "duplicates": {"find", "facts", "dismissed", "members"},
    "marks": {"all"},
}  # fmt: skip
SERVICES = {
    "contacts": services.ContactServiceProtocol,
    "changes": services.ChangeServiceProtocol,
    "undo": services.UndoServiceProtocol,
    "change_log": services.ChangeLogProtocol,
    "manual_restores": services.ManualRestoreServiceProtocol,
    "evidence": services.EvidenceServiceProtocol,
    "comparison": services.ComparisonServiceProtocol,
    "tenancy": services.TenancyServiceProtocol,
    "duplicates": services.DuplicateServiceProtocol,
    "marks": services.MarkServiceProtocol,
}
# What an organisation does beside its services.
OWN = {
    "snapshot", "is_sandbox", "is_read_only", "record_user_activity", "record_focus", "subscribe", "run",
    "reconnected", "stop",
}  # fmt: skip


def members(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


WRITES = sorted(
    (service, name)
    for service, protocol in SERVICES.items()
    for name in members(protocol) - READS.get(service, set())
)


def entries(store: Store) -> list[tuple[int]]:
    """Count all stored decisions of users."""
    tables = (
        "changes",
        "transitions",
        "batches",
        "user_reports",
        "tenant_group_marks",
        "duplicate_marks",
        "marks",
        "sync_records",
    )
    counts = " UNION ALL ".join(f"SELECT count(*) FROM {table}" for table in tables)  # noqa: S608 - our own names
    return store._database._reader.execute(counts).fetchall()


async def call(home: House, service: str, name: str) -> Any:
    method = getattr(getattr(home.engine, service), name)
    named = inspect.signature(method).parameters.values()
    positional = [object() for each in named if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    return await method(
        *positional, **{each.name: True for each in named if each.kind is inspect.Parameter.KEYWORD_ONLY}
    )


def test_only_known_methods_are_allowed_in_read_only_mode() -> None:
    assert members(services.Backend) | members(services.RunnableBackend) == OWN | set(SERVICES)
    assert all(members(SERVICES[service]) >= names for service, names in READS.items())
    expected = {"request", "report_unlinked", "mark_tenants", "record_matches", "simulate_restore"}
    assert expected <= {name for _, name in WRITES}


@pytest.mark.parametrize(("service", "name"), WRITES)
async def test_every_write_is_refused(store: Store, service: str, name: str) -> None:
    async with house(store, LiveXero("a"), is_read_only=True) as home:
        before = entries(store)
        with pytest.raises(ReadOnlyError) as raised:
            await call(home, service, name)
        assert raised.value.reason is ReadOnlyReason.OPTION
        publisher = home.engine._publisher
        organisation = replace(publisher.snapshot.organisation, is_read_only=True)
        publisher.snapshot = replace(publisher.snapshot, organisation=organisation)
        with pytest.raises(ReadOnlyError) as raised:
            await call(home, service, name)
        assert raised.value.reason is ReadOnlyReason.CONNECTION
        assert entries(store) == before
    assert not home.xero.writes
