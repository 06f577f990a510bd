"""Tenant groups and the first archive are kept with the change log, through damage and repair."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store.damage import spoil, spoil_header
from store.store_samples import ACTIVE, ARCHIVED, NOON, contact, minutes
from support.effort import examples

from tui.model.change import Action, Transition
from tui.model.change_list import BatchKind, UndoOutcome
from tui.model.contact import ContactGroup, ContactStatus, current_tenant_groups
from tui.store import Store, TransitionRequest
from tui.store.database import FILE_NAME
from tui.store.maintenance.repair import repair
from tui.store.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


async def say(store: Store, *words: tuple[str, bool]) -> list[bool]:
    return [await store.tenancy.mark_tenants(name, NOON, on=on) for name, on in words]


def marks(file: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(file)) as connection:
        sql = "SELECT group_name, is_tenants FROM tenant_group_marks ORDER BY number"
        return connection.execute(sql).fetchall()


async def test_the_last_mark_counts_and_only_changes_are_stored(store: Store, tmp_path: Path) -> None:
    assert await say(store, ("A", True), ("A", True), ("B", False), ("B", True), ("A", False)) == [
        True,
        False,
        False,
        True,
        True,
    ]
    assert store.tenancy.tenant_groups() == store.tenancy.warnings().tenant_groups == {"B"}
    file = tmp_path / "organisation" / FILE_NAME
    assert marks(file) == [("A", 1), ("B", 1), ("A", 0)]
    with closing(sqlite3.connect(file)) as connection:
        for sql in ("DELETE FROM tenant_group_marks", "UPDATE tenant_group_marks SET is_tenants = 0"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(sql)


async def test_groups_are_counted_from_the_contacts(store: Store) -> None:
    await store.save_contacts(
        [
            contact(1, groups=("Tenants", 'Quo"ted')),
            contact(2, groups=("Tenants",)),
            contact(3, ARCHIVED, groups=("Tenants", "Owners")),
            contact(4, ContactStatus.DELETED, groups=("Long gone",)),
            contact(5),
        ],
        NOON,
    )
    await say(store, ("Owners", True), ("Renamed", True))
    assert await store.tenancy.groups() == (
        ContactGroup("Owners", 0, is_tenants=True),
        ContactGroup("Renamed", 0, is_tenants=True, is_known=False),
        ContactGroup("Tenants", 2),
        ContactGroup('Quo"ted', 1),
    )


async def test_archive_counts_as_first_until_one_was_requested_here(store: Store) -> None:
    await store.save_contacts([contact(1), contact(2, ARCHIVED)], NOON)
    # By somebody in Xero.
    await store.save_contacts([contact(1, ARCHIVED, at=1)], minutes(1))
    await store.changes.add(Action.RESTORE, store.contacts(["id-2"]), minutes(2))
    assert store.tenancy.warnings().is_first_archive
    await store.save_contacts([contact(3)], minutes(3))
    [change] = await store.changes.add(Action.ARCHIVE, store.contacts(["id-3"]), minutes(4))
    assert not store.tenancy.warnings().is_first_archive
    await store.record_transitions([TransitionRequest(change.change_id, Transition.CANCEL)], minutes(5))
    assert not store.tenancy.warnings().is_first_archive


async def test_undo_plan_marks_archives_of_tenants(store: Store) -> None:
    await store.save_contacts([contact(1, groups=("Tenants", "Other")), contact(2)], NOON)
    changes = await store.changes.add(Action.ARCHIVE, store.contacts(["id-1", "id-2"]), minutes(1))
    await store.record_transitions(
        [TransitionRequest(change.change_id, Transition.CANCEL) for change in changes], minutes(2)
    )
    await store.changes.add(Action.ARCHIVE, store.contacts(["id-1", "id-2"]), minutes(3))
    undo = await store.changes.plan_undo()
    assert undo is not None
    await store.changes.undo(undo, minutes(4))
    await say(store, ("Tenants", True))
    redo = await store.changes.plan_undo(BatchKind.REDO)
    assert redo is not None
    assert {line.outcome for line in redo.lines} == {UndoOutcome.ARCHIVE}
    assert [line.tenant_groups(redo.tenancy_warnings.tenant_groups) for line in redo.lines] == [
        ("Tenants",),
        (),
    ]
    assert not redo.tenancy_warnings.is_first_archive
    cancelling = undo.lines[0]
    assert (cancelling.outcome, cancelling.tenant_groups(redo.tenancy_warnings.tenant_groups)) == (
        UndoOutcome.CANCEL,
        (),
    )


async def test_file_of_an_older_version_accepts_marks(tmp_path: Path) -> None:
    folder = tmp_path / "organisation"
    folder.mkdir(mode=0o700)
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as connection:
        migrate(connection, 4)
    store = Store.open(folder)
    await say(store, ("Tenants", True))
    assert store.tenancy.warnings().tenant_groups == {"Tenants"}
    store.close()


# --- damage ---

WORDS = st.lists(st.tuples(st.sampled_from(["Tenants", "Owners", "Ōtaki", "x" * 300]), st.booleans()))


@pytest.mark.parametrize("is_backed_up", [True, False])
@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=WORDS, after=WORDS)
async def test_marks_survive_repair_and_merging(
    tmp_path_factory: pytest.TempPathFactory,
    before: Sequence[tuple[str, bool]],
    after: Sequence[tuple[str, bool]],
    *,
    is_backed_up: bool,
) -> None:
    folder = tmp_path_factory.mktemp("damage") / "organisation"
    store = Store.open(folder)
    # A change log long enough for a part to be damaged.
    await store.save_contacts([contact(number) for number in range(1, 301)], NOON)
    await store.changes.add(
        Action.ARCHIVE, store.contacts([f"id-{number}" for number in range(1, 301)]), NOON
    )
    await say(store, *before)
    if is_backed_up:
        await store.maintenance.back_up(minutes(2))
    await say(store, *after)
    store.close()
    file = folder / FILE_NAME
    spoil(file, "changes")
    repair(folder / FILE_NAME, minutes(5))
    store = Store.open(folder)
    assert store.tenancy.warnings().tenant_groups == current_tenant_groups([*before, *after])
    # Later marks still count.
    await say(store, ("Tenants", True), ("Owners", False))
    assert "Tenants" in store.tenancy.warnings().tenant_groups
    assert "Owners" not in store.tenancy.warnings().tenant_groups
    store.close()


async def test_marks_are_restored_from_a_backup(tmp_path: Path) -> None:
    folder = tmp_path / "organisation"
    store = Store.open(folder)
    await store.save_contacts([contact(1, ACTIVE)], NOON)
    await say(store, ("Tenants", True))
    await store.maintenance.back_up(minutes(2))
    store.close()
    spoil_header(folder / FILE_NAME)
    repair(folder / FILE_NAME, minutes(3))
    store = Store.open(folder)
    assert store.tenancy.warnings().tenant_groups == {"Tenants"}
    store.close()
