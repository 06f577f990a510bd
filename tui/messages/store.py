"""Texts about the local database: errors, and what a repair does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.messages.texts import Catalogue, Text
from tui.model.reasons import RepairReason, StoreReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui.model.reasons import Param

_KEPT: Final = "Everything saved so far is kept."
_REPAIR: Final = "Quit, then run `reshelve repair`."
_DISPLACED: Final = "The local database was deleted, moved or replaced while in use"
_NEWEST_BACKUP: Final = "Its newest good backup, made on {made_at}, is {backup}."
_RESTORE: Final = "The backup of {made_at} will be restored."
_NO_BACKUP: Final = "There is no good backup."
_DOWNLOAD: Final = "The contacts will be downloaded again from Xero."


def _with_backup(
    message: str, backup: str, no_backup: str, next_step: str = ""
) -> Callable[[Mapping[str, Param]], Text]:
    """Return a text with details of the newest good backup, or that there is none."""
    return lambda params: Text(f"{message} {backup if 'made_at' in params else no_backup}", next_step)


TEXTS: Final[Catalogue] = {
    StoreReason.CLOSED: Text(f"The local database is closed. {_KEPT}"),
    StoreReason.DISK_FULL: Text(
        "The disk is full: the last step wasn't saved. Everything else is kept.",
        "Free some space, then try again.",
    ),
    StoreReason.DISK_ERROR: Text(
        f"The disk reported an error, so the last step wasn't saved. {_KEPT}",
        "Check the disk that holds {file}, then try again.",
    ),
    StoreReason.READ_ONLY: Text(
        f"The local database can't be written. {_KEPT}", "Make {file} writable for your user, then try again."
    ),
    StoreReason.CANNOT_OPEN: Text(
        "The local database can't be opened ({problem}). Nothing changed.",
        "Check that you can read and write {file}.",
    ),
    StoreReason.CANNOT_LOCK: Text(
        "Can't lock this organisation ({problem}). Nothing changed.",
        "Check that you can read and write {folder}.",
    ),
    StoreReason.NO_SHARED_MEMORY: Text(
        "This drive can't share files between programs, which the local database needs. Nothing changed.",
        "Set RESHELVE_HOME to a folder on a local drive.",
    ),
    StoreReason.BUSY: Text(
        f"Another Reshelve is writing to the local database. {_KEPT}", "Try again in a moment."
    ),
    StoreReason.UNUSABLE: Text(
        f"The local database can't be used ({{problem}}). {_KEPT}", "Restart Reshelve."
    ),
    StoreReason.NEWER_VERSION: Text(
        "The local database was written by a newer version of Reshelve. Nothing changed.",
        "Update Reshelve, then start it again.",
    ),
    StoreReason.NO_DATABASE: Text(
        "This organisation has no local database yet.", "There is nothing to repair."
    ),
    StoreReason.OPEN_ELSEWHERE: Text(
        "This organisation is open in another Reshelve. Nothing changed.", "Quit it, then try again."
    ),
    StoreReason.DAMAGED: Text(
        "The local database is damaged. Xero still has every contact, and the change log has backups.",
        _REPAIR,
    ),
    StoreReason.NOT_A_DATABASE: Text(
        "The local database is damaged, or isn't a Reshelve database. Nothing changed.",
        f"{_REPAIR} It keeps {{file}} and restores the change log from its backup.",
    ),
    StoreReason.CONTACTS_DAMAGED: Text(
        "The saved contacts are damaged. The change log isn't: nothing is lost.",
        "Quit and start again. The contacts will then be downloaded again from Xero.",
    ),
    StoreReason.CHANGE_LOG_DAMAGED: _with_backup(
        "The change log is damaged ({damage}). Nothing more is written to it.",
        _NEWEST_BACKUP,
        "It has no good backup, but everything that can still be read is kept.",
        _REPAIR,
    ),
    StoreReason.MISSING: _with_backup(
        "The local database and its change log are missing: there is no {file}. No new one was created.",
        _NEWEST_BACKUP,
        "It has no good backup.",
        f"{_REPAIR} To start without the change log, first move its backups to another folder.",
    ),
    StoreReason.DISPLACED: Text(
        f"{_DISPLACED}. Nothing was recorded.",
        "Reshelve is trying to restore it. Wait a moment, then try again.",
    ),
    StoreReason.DISPLACED_STANDBY: Text(
        f"{_DISPLACED}. Nothing was recorded.",
        "The other open Reshelve is restoring it. Wait a moment, then try again.",
    ),
    StoreReason.NOT_RESTORED: Text(
        f"{_DISPLACED}, and can't be restored yet ({{problem}}). Nothing was recorded.",
        "Reshelve tries again every second. Don't quit before that succeeds.",
    ),
    StoreReason.FOLDER_MOVED: Text(
        "The folder of the local database was moved or renamed while in use. Nothing was recorded.",
        "Move it back to {folder}, or quit and start Reshelve again.",
    ),
    StoreReason.REPLACED: Text(
        "The local database was replaced by a different one while in use. Nothing was recorded. "
        "Earlier requests are saved in {rescued}.",
        "Quit, then start Reshelve again to use {file} as it is now.",
    ),
    StoreReason.DAMAGED_NOT_BACKED_UP: Text(
        "The change log is damaged ({damage}), so it isn't backed up.", _REPAIR
    ),
    StoreReason.BACKUP_UNREADABLE: Text(
        "The backup of the change log can't be read back ({damage}). The change log itself is fine.",
        "Check the disk that holds {folder}.",
    ),
    StoreReason.BACKUP_FAILED: Text(
        "The change log can't be backed up ({problem}). The change log itself is fine.",
        "Free some space, and check that you can write to {folder}.",
    ),
    StoreReason.REPAIR_UNREADABLE: Text(
        "The repaired change log can't be read back ({damage}). Nothing changed.",
        "Check the disk, then try again.",
    ),
    StoreReason.REPAIR_FAILED: Text(
        "The repair couldn't be finished ({problem}). Nothing changed.", "Free some space, then try again."
    ),
    StoreReason.UNSENT_CHANGES: Text(
        "{count:change isn't/changes aren't} in Xero yet. Nothing was removed.",
        "Open the organisation in Reshelve. In the list of changes, cancel them or wait until they are sent. "
        "Then try again.",
    ),
    StoreReason.NOTHING_SAVED: Text(
        "This organisation has no saved data on this computer.", "There is nothing to remove."
    ),
    StoreReason.NOT_FORGOTTEN: Text(
        "Not everything could be removed ({problem}).",
        "Check that you can write to {folder} and that no other program uses its files. Then try again.",
    ),
    RepairReason.NOT_NEEDED: Text("The local database isn't damaged. There is nothing to repair."),
    RepairReason.CONTACTS_DAMAGED: Text(
        f"The saved contacts are damaged ({{damage}}). The change log isn't, and is kept. {_DOWNLOAD}"
    ),
    RepairReason.CHANGE_LOG_DAMAGED: _with_backup(
        "The change log is damaged ({damage}).",
        f"{_RESTORE} Every entry that can still be read will be added. {_DOWNLOAD}",
        f"{_NO_BACKUP} Every entry that can still be read will be kept. {_DOWNLOAD}",
    ),
    RepairReason.DATABASE_MISSING: _with_backup(
        "The local database and its change log are missing.",
        f"{_RESTORE} {_DOWNLOAD}",
        f"{_NO_BACKUP} {_DOWNLOAD}",
    ),
    RepairReason.CONTACTS_REMOVED: Text(
        "The change log is unchanged. The contacts will be downloaded again at the next start."
    ),
    RepairReason.BACKUP_RESTORED: Text("The backup {backup} was restored."),
    RepairReason.ENTRIES_ADDED: Text("{count:entry was/entries were} added from the damaged file."),
    RepairReason.NOTHING_LOST: Text("No entries of the change log were lost."),
    RepairReason.LOST_SINCE_BACKUP: Text("Changes logged since then are not in it."),
    RepairReason.ENTRIES_LOST: Text("Some entries couldn't be recovered."),
    RepairReason.CHANGES_UNKNOWN: Text(
        "{count:change} with an unknown result will be checked with Xero at the next start. "
        "Only what Xero hasn't done will be sent."
    ),
    RepairReason.RESULTS_CHECKED: Text("Unknown results will be checked with Xero at the next start."),
    RepairReason.DAMAGED_FILE_KEPT: Text("The damaged file is kept as {file}."),
}
