"""The lease on an organisation: of several copies of the program, one talks to Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from pathlib import Path


class Lease:
    """A lock on a file, which the operating system gives back when its holder dies."""

    def __init__(self, file: Path) -> None:
        self._lock = FileLock(file, mode=0o600)

    def take(self) -> bool:
        """Take the lease if nobody else holds it; True as well when it is ours already."""
        if self._lock.is_locked:
            return True
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def give_back(self) -> None:
        """Let the next copy have it."""
        self._lock.release(force=True)
