"""The lease on an organisation: of several copies of the program, one talks to Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from filelock import BaseFileLock


class Lease:
    """A lock on a file, which the operating system gives back when its holder dies."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock: BaseFileLock | None = None

    def take(self) -> bool:
        """Take the lease if nobody else holds it; True as well when it is ours already."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - after the first paint

        if self._lock is None:
            self._lock = FileLock(self._file, mode=0o600)
        if self._lock.is_locked:
            return True
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def give_back(self) -> None:
        """Let the next copy have it."""
        if self._lock is not None:
            self._lock.release(force=True)
