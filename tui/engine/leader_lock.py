"""The lock on an organisation: only one running copy of Reshelve connects to Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.errors import StoreError
from tui.model.reasons import StoreReason, SystemReason
from tui.system.locks import CannotLockError, FileLock

if TYPE_CHECKING:
    from pathlib import Path


#: The file in an organisation's folder that the leading copy locks.
LOCK_NAME: Final = "lease"


class LeaderLock:
    """A file lock that the operating system releases when its holder dies."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = FileLock(file)

    @property
    def is_held(self) -> bool:
        """Whether this process holds it and its file hasn't been deleted or replaced."""
        return self._lock.is_held

    def acquire(self) -> bool:
        """Acquire the lock if it is free; also True if already held.

        It is lost if its file is deleted or replaced, because another copy can then lock the new file. Raises
        `StoreError` if the drive doesn't support locks or the file can't be created.
        """
        try:
            return self._lock.acquire()
        except CannotLockError as error:
            raise StoreError(SystemReason.CANNOT_LOCK, folder=error.folder, problem=error.problem) from error
        except OSError as error:
            raise StoreError(
                StoreReason.CANNOT_LOCK, folder=str(self._file.parent), problem=str(error.strerror)
            ) from error

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()
