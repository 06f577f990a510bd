"""Repair an organisation's local database from the command line, while holding its lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tui.engine.clock import utc_now
from tui.engine.sync.leader_lock import LOCK_NAME, LeaderLock
from tui.model.errors import StoreError
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
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from tui.model.contact import Organisation
    from tui.system.paths import Paths


class RepairPlan(Struct, frozen=True):
    """What is damaged in one organisation and how to repair it."""

    file: Path
    diagnosis: Diagnosis
    backup: Path | None

    @property
    def is_needed(self) -> bool:
        """Whether anything is damaged."""
        return bool(self.diagnosis.whole_file)

    @property
    def description(self) -> str:
        """Describe what is damaged and what a repair would do."""
        if not self.is_needed:
            return "The local database isn't damaged. There is nothing to repair."
        if not self.diagnosis.change_log:
            return (
                f"The saved contacts are damaged ({self.diagnosis.whole_file}). The change log isn't, and is"
                " kept. The contacts will be downloaded again from Xero."
            )
        source = (
            "There is no good backup"
            if self.backup is None
            else f"The backup of {made_at(self.backup).astimezone():%d %b %Y %H:%M} will be restored"
        )
        if is_missing(self.file):
            return (
                f"The local database and its change log are missing. {source}. The contacts will be"
                " downloaded again from Xero."
            )
        return (
            f"The change log is damaged ({self.diagnosis.change_log}). {source}. Every entry that can still"
            " be read will be added. The contacts will be downloaded again from Xero."
        )


def plan_repair(paths: Paths, organisation: Organisation) -> RepairPlan:
    """Diagnose an organisation's local database. Raises `StoreError` if there is none."""
    file = paths.organisation(organisation.tenant_id) / FILE_NAME
    if not file.exists() and not is_missing(file):
        raise StoreError("This organisation has no local database yet.", "There is nothing to repair.")
    return RepairPlan(file, diagnose(file), newest_good_backup(file))


def run_repair(plan: RepairPlan, now: Callable[[], datetime] = utc_now) -> str:
    """Repair the database and return a summary. Raises `StoreError`, in which case nothing changed."""
    lock = LeaderLock(plan.file.parent / LOCK_NAME)
    if not lock.acquire():
        raise StoreError(
            "This organisation is open in another Reshelve. Nothing changed.", "Quit it, then try again."
        )
    try:
        if not plan.diagnosis.change_log:
            kept_file = rebuild_contacts(plan.file, now())
            return (
                "The change log is unchanged. The contacts will be downloaded again at the next start."
                f" The damaged file is kept as {kept_file}."
            )
        return _describe(repair(plan.file, now()))
    finally:
        lock.release()


def _describe(result: RepairResult) -> str:
    sentences = []
    if result.backup is not None:
        sentences.append(f"The backup {result.backup.name} was restored.")
    if result.damaged_copy is not None:
        entries = "entry was" if result.recovered == 1 else "entries were"
        sentences.append(f"{result.recovered:,} {entries} added from the damaged file.")
    if result.is_complete:
        sentences.append("No entries of the change log were lost.")
    elif result.damaged_copy is None:
        sentences.append("Changes logged since then are not in it.")
    else:
        sentences.append("Some entries couldn't be recovered.")
    if result.unknown:
        sentences.append(
            f"{result.unknown:,} {'change' if result.unknown == 1 else 'changes'} with an unknown result will"
            " be checked with Xero at the next start. Only what Xero hasn't done will be sent."
        )
    else:
        sentences.append("Unknown results will be checked with Xero at the next start.")
    if result.damaged_copy is not None:
        sentences.append(f"The damaged file is kept as {result.damaged_copy}.")
    return " ".join(sentences)
