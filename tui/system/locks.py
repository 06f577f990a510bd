"""File locks, with one error for drives that don't support them."""

from __future__ import annotations

import errno
import os
import tempfile
from time import monotonic
from typing import TYPE_CHECKING, Final

from tui.system.paths import file_identity
from tui.system.platform import try_database_lock, try_file_lock

if TYPE_CHECKING:
    from pathlib import Path

    from filelock import BaseFileLock

# Errors of file systems without locks, mostly network drives.
_UNSUPPORTED: Final = frozenset(
    {
        errno.EACCES,
        errno.EBADF,
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.EINVAL,
        errno.EIO,
        errno.ENODEV,
        errno.ENOLCK,
        errno.ENOSYS,
        errno.ENOTCONN,
        errno.ENOTSUP,
        errno.ENOTTY,
        errno.ENXIO,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.EPROTO,
        errno.EROFS,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)
_LOOKS_EVERY: Final = 0.02


class CannotLockError(OSError):
    """The drive of a folder can't lock files; `problem` is the system's message."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(problem)
        self.folder = str(folder)
        self.problem = problem


class FileLock:
    """A file lock, released by the operating system when its process ends.

    It protects the path: once another file has that name, the lock is lost.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock: BaseFileLock | None = None
        self._identity: tuple[int, int] | None = None

    @property
    def is_held(self) -> bool:
        """Whether the lock is acquired and its file still has its name."""
        is_locked = self._lock is not None and self._lock.is_locked
        return is_locked and file_identity(self._file) == self._identity

    def acquire(self, seconds: float = 0.0) -> bool:
        """Acquire the lock, waiting up to `seconds`. Returns whether it was acquired.

        Raises `CannotLockError` if the drive doesn't support locks, and `OSError` for anything else.
        """
        until = monotonic() + seconds
        while not self.is_held:
            self.release()
            before = file_identity(self._file)
            if not self._acquire(max(0.0, until - monotonic())):
                return False
            # If the file was created or replaced meanwhile, the lock may be on an unlinked file.
            self._identity = before
        return True

    def release(self) -> None:
        """Release the lock; no-op if it isn't acquired."""
        if self._lock is not None:
            self._lock.release(force=True)
            self._lock = None

    def _acquire(self, seconds: float) -> bool:
        from filelock import FileLock as SystemLock
        from filelock import Timeout

        if not self._file.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._file.parent))
        # A soft lock would outlive a killed process.
        self._lock = SystemLock(
            self._file,
            mode=0o600,
            poll_interval=_LOOKS_EVERY,
            fallback_to_soft=False,
            # Otherwise Windows deletes the file at each release.
            preserve_lock_file=True,
        )
        try:
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                # Some file systems always deny locks, as if another process had locked the file.
                reason = _refusal(self._file)
                if reason:
                    raise CannotLockError(self._file.parent, reason) from None
                if not seconds:
                    return False
                self._lock.acquire(timeout=seconds)
        except CannotLockError:
            raise
        except Timeout:
            return False
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                raise CannotLockError(self._file.parent, os.strerror(error.errno)) from error
            raise
        return True


def is_locked(file: Path) -> bool:
    """Return whether another holder has locked an existing file; takes the lock for a moment if it is free.

    Raises `OSError` as `FileLock.acquire` does.
    """
    if not file.exists():
        return False
    lock = FileLock(file)
    if not lock.acquire():
        return True
    lock.release()
    return False


def locking_problem(folder: Path) -> str:
    """Return why files in the folder can't be locked as databases do; empty if they can.

    Always empty on Windows.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".locks-") as file:
            try_database_lock(file)
    except OSError as error:
        return os.strerror(error.errno) if error.errno in _UNSUPPORTED else ""
    return ""


def _refusal(file: Path) -> str:
    """Return why a free lock can't be acquired; empty if another process has it, and on Windows."""
    try:
        with file.open("rb+") as stream:
            try_file_lock(stream)
    except BlockingIOError:
        return ""
    except OSError as error:
        return os.strerror(error.errno) if error.errno in _UNSUPPORTED else ""
    return ""
