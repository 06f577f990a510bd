"""The lease on an organisation: of several copies of the program, one talks to Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.errors import StoreError
from tui.system.locks import CannotLockError, FileLock

if TYPE_CHECKING:
    from pathlib import Path


#: The file in an organisation's folder that the leading copy locks.
LOCK_NAME: Final = "lease"


class LeaderLock:
    """A lock on a file, which the operating system gives back when its holder dies."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = FileLock(file)

    @property
    def is_held(self) -> bool:
        """Whether it is ours, and its file hasn't been deleted or replaced since."""
        return self._lock.is_held

    def acquire(self) -> bool:
        """Take the lease if it is free; True as well when it is ours already.

        It is lost when its file is deleted or replaced, as another copy can then hold the new one. Raises
        `StoreError` where the drive can't lock files, or the file can't be made.
        """
        try:
            return self._lock.acquire()
        except CannotLockError as error:
            raise StoreError(error.message, error.next_step) from error
        except OSError as error:
            raise StoreError(
                f"The lock of this organisation can't be used ({error.strerror}). Nothing was changed.",
                f"Check that {self._file.parent} can be read and written by your user.",
            ) from error

    def release(self) -> None:
        """Let the next copy have it."""
        self._lock.release()
