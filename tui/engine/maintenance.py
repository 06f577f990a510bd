"""Maintains and repairs the store."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.engine.clock import utc_now
from tui.engine.leader_lock import LOCK_NAME, LeaderLock
from tui.model.errors import StoreError
from tui.model.reasons import Notice, RepairReason, StoreReason
from tui.store.database import FILE_NAME
from tui.store.maintenance.file_ops import made_at, newest_good_backup
from tui.store.maintenance.forget import find_saved_data, forget
from tui.store.maintenance.repair import (
    Diagnosis,
    RepairResult,
    diagnose,
    is_missing,
    rebuild_contacts,
    repair,
)
from tui.system.log import logger
from tui.system.paths import is_tenant_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from tui.engine.connectivity import StorageHealth
    from tui.model.contact import Organisation
    from tui.model.reasons import Param
    from tui.store import Store
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


class SavedOrganisation:
    """The saved data of one organisation, while this process holds its lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.data = find_saved_data(folder)

    def forget(self, *, with_change_log: bool) -> None:
        """Remove the data; the change log and its backups only if asked to.

        Raises `StoreError`, as `tui.store.maintenance.forget.forget` does.
        """
        forget(self._folder, lock_name=LOCK_NAME, with_change_log=with_change_log)
        if with_change_log:
            # On Windows the lock's file stays, as it is open: it is empty.
            with suppress(OSError):
                (self._folder / LOCK_NAME).unlink()
                self._folder.rmdir()
        logger.info("an organisation's saved data was removed, change log included: %s", with_change_log)


@contextmanager
def lock_organisation(paths: Paths, tenant_id: str) -> Iterator[SavedOrganisation]:
    """Hold an organisation's lock, so that no copy of Reshelve changes its data meanwhile.

    Raises `StoreError` if another copy has it open, or if nothing of it is saved.
    """
    folder = paths.organisation(tenant_id)
    if not folder.is_dir():
        raise StoreError(StoreReason.NOTHING_SAVED)
    lock = LeaderLock(folder / LOCK_NAME)
    if not lock.acquire():
        raise StoreError(StoreReason.OPEN_ELSEWHERE)
    try:
        yield SavedOrganisation(folder)
    finally:
        lock.release()


def saved_organisations(paths: Paths) -> list[str]:
    """Return the tenant IDs of all organisations with saved data, connected or not."""
    if not paths.organisations.is_dir():
        return []
    return sorted(path.name for path in paths.organisations.iterdir() if is_tenant_id(path.name))


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


# Seconds: the user has to free disk space or make the folder writable.
_PAUSE: Final = 60.0
# Seconds until files that were deleted, moved or replaced are expected to be restored.
_PAUSE_WHILE_DISPLACED: Final = 2.0


async def maintain(
    store: Store,
    wait_for_lock: Callable[[], Awaitable[None]],
    now: Callable[[], datetime],
    storage: StorageHealth,
) -> None:
    """Back up the change log and check the whole file once this copy holds the lock.

    A failed backup is shown and retried; a file that can't be read now is checked later. Damage raises
    `StoreError`.
    """
    await wait_for_lock()
    is_safe = is_checked = False
    while True:
        is_safe = is_safe or await _back_up(store, now, storage)
        is_checked = is_checked or await _check(store)
        if is_safe and is_checked:
            return
        await asyncio.sleep(_PAUSE_WHILE_DISPLACED if store.maintenance.is_displaced else _PAUSE)


async def _back_up(store: Store, now: Callable[[], datetime], storage: StorageHealth) -> bool:
    try:
        made = await store.maintenance.back_up(now())
    except StoreError as error:
        # Missing or replaced files are reported by the code that restores them.
        if not store.maintenance.is_displaced:
            storage.record_backup(error)
        return False
    storage.record_backup(None)
    if made is not None:
        logger.info("backup: %s", made.name)
    return True


async def _check(store: Store) -> bool:
    try:
        await store.maintenance.check_file()
    except StoreError as error:
        if not error.retryable:
            raise
        logger.warning("the local database couldn't be checked: %s", error)
        return False
    return True
