"""Repairing an organisation's local copy, for the command line: under the lease, so that nobody uses it."""

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
    """What there is to mend in one organisation, and how. `is_needed` is False where all is whole."""

    file: Path
    diagnosis: Diagnosis
    backup: Path | None

    @property
    def is_needed(self) -> bool:
        """Whether anything is damaged."""
        return bool(self.diagnosis.whole_file)

    @property
    def description(self) -> str:
        """Say what is damaged, and what would be done about it."""
        if not self.is_needed:
            return "The local copy is whole. There is nothing to repair."
        if not self.diagnosis.change_log:
            return (
                f"The local copy of the contacts is damaged ({self.diagnosis.whole_file}). The journal of"
                " changes is whole and stays; the contacts are read anew from Xero."
            )
        source = (
            "There is no good backup"
            if self.backup is None
            else f"The backup of {made_at(self.backup).astimezone():%d %b %Y %H:%M} is put back"
        )
        if is_missing(self.file):
            return (
                f"The local copy and its journal of changes are missing. {source}. The contacts are read anew"
                " from Xero."
            )
        return (
            f"The journal of changes is damaged ({self.diagnosis.change_log}). {source}; every entry that can"
            " still be read is added. The contacts are read anew from Xero."
        )


def plan_repair(paths: Paths, organisation: Organisation) -> RepairPlan:
    """Say what is damaged in an organisation's local copy. Raises `StoreError` where there is none."""
    file = paths.organisation(organisation.tenant_id) / FILE_NAME
    if not file.exists() and not is_missing(file):
        raise StoreError("This organisation has no local copy yet.", "There is nothing to repair.")
    return RepairPlan(file, diagnose(file), newest_good_backup(file))


def run_repair(plan: RepairPlan, now: Callable[[], datetime] = utc_now) -> str:
    """Repair it; returns in words what was done. Raises `StoreError`; nothing has changed then."""
    lock = LeaderLock(plan.file.parent / LOCK_NAME)
    if not lock.acquire():
        raise StoreError(
            "Another Reshelve has this organisation open. Nothing was changed.", "Quit it, then try again."
        )
    try:
        if not plan.diagnosis.change_log:
            kept_file = rebuild_contacts(plan.file, now())
            return (
                "The journal is as it was; the contacts are read anew at the next start."
                f" The damaged file is kept as {kept_file}."
            )
        return _describe(repair(plan.file, now()))
    finally:
        lock.release()


def _describe(result: RepairResult) -> str:
    sentences = []
    if result.backup is not None:
        sentences.append(f"The backup {result.backup.name} was put back.")
    if result.damaged_copy is not None:
        entries = "entry was" if result.recovered == 1 else "entries were"
        sentences.append(f"{result.recovered:,} {entries} added from the damaged file.")
    if result.is_complete:
        sentences.append("Nothing of the journal was lost.")
    elif result.damaged_copy is None:
        sentences.append("What was journalled since then is not in it.")
    else:
        sentences.append("Some entries couldn't be read any more.")
    if result.unknown:
        sentences.append(
            f"{result.unknown:,} {'change that is' if result.unknown == 1 else 'changes that are'} in doubt"
            f" {'is' if result.unknown == 1 else 'are'} read again from Xero at the next start, and only"
            " what Xero hasn't done is sent."
        )
    else:
        sentences.append("Whatever was in doubt is read again from Xero at the next start.")
    if result.damaged_copy is not None:
        sentences.append(f"The damaged file is kept as {result.damaged_copy}.")
    return " ".join(sentences)
