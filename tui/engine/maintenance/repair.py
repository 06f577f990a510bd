"""Repair an organisation's local database from the command line, while holding its lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tui.engine.clock import utc_now
from tui.engine.sync.leader_lock import LOCK_NAME, LeaderLock
from tui.model.errors import StoreError
from tui.model.reasons import Notice, RepairReason, StoreReason
from tui.store.database import FILE_NAME
from tui.store.maintenance.backup import made_at, newest_good_backup
from tui.store.maintenance.repair import (
    Diagnosis,
    RepairResult,
    diagnose,
    is_missing,
    rebuild_contacts,
    repair,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from tui.model.contact import Organisation
    from tui.model.reasons import Param
    from tui.system.paths import Paths


class RepairPlan(Struct, frozen=True):
    """The damage to one organisation's database and how to repair it."""

    file: Path
    diagnosis: Diagnosis
    backup: Path | None

    @property
    def is_needed(self) -> bool:
        """Whether anything is damaged."""
        return bool(self.diagnosis.whole_file)

    @property
    def notice(self) -> Notice:
        """The damage and the effect of a repair."""
        if not self.is_needed:
            return Notice(RepairReason.NOT_NEEDED)
        if not self.diagnosis.change_log:
            return Notice(RepairReason.CONTACTS_DAMAGED, {"damage": self.diagnosis.whole_file})
        reason = RepairReason.DATABASE_MISSING if is_missing(self.file) else RepairReason.CHANGE_LOG_DAMAGED
        params: dict[str, Param] = {"damage": self.diagnosis.change_log}
        return Notice(reason, params if self.backup is None else {**params, "made_at": made_at(self.backup)})


def plan_repair(paths: Paths, organisation: Organisation) -> RepairPlan:
    """Diagnose an organisation's local database. Raises `StoreError` if there is none."""
    file = paths.organisation(organisation.tenant_id) / FILE_NAME
    if not file.exists() and not is_missing(file):
        raise StoreError(StoreReason.NO_DATABASE)
    return RepairPlan(file, diagnose(file), newest_good_backup(file))


def run_repair(plan: RepairPlan, now: Callable[[], datetime] = utc_now) -> tuple[Notice, ...]:
    """Repair the database and return what was done. Raises `StoreError`, in which case nothing changed."""
    lock = LeaderLock(plan.file.parent / LOCK_NAME)
    if not lock.acquire():
        raise StoreError(StoreReason.OPEN_ELSEWHERE)
    try:
        if plan.diagnosis.change_log:
            return tuple(_steps(repair(plan.file, now())))
        kept_file = rebuild_contacts(plan.file, now())
        return (
            Notice(RepairReason.CONTACTS_REMOVED),
            Notice(RepairReason.DAMAGED_FILE_KEPT, {"file": str(kept_file)}),
        )
    finally:
        lock.release()


def _steps(result: RepairResult) -> Iterator[Notice]:
    if result.backup is not None:
        yield Notice(RepairReason.BACKUP_RESTORED, {"backup": result.backup.name})
    if result.damaged_copy is not None:
        yield Notice(RepairReason.ENTRIES_ADDED, {"count": result.recovered})
    if result.is_complete:
        yield Notice(RepairReason.NOTHING_LOST)
    elif result.damaged_copy is None:
        yield Notice(RepairReason.LOST_SINCE_BACKUP)
    else:
        yield Notice(RepairReason.ENTRIES_LOST)
    if result.unknown:
        yield Notice(RepairReason.CHANGES_UNKNOWN, {"count": result.unknown})
    else:
        yield Notice(RepairReason.RESULTS_CHECKED)
    if result.damaged_copy is not None:
        yield Notice(RepairReason.DAMAGED_FILE_KEPT, {"file": str(result.damaged_copy)})
