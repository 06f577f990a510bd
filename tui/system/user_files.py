"""Files chosen by the user: exports, reports and imports."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tui.model.errors import ReshelveError
from tui.model.reasons import SystemReason
from tui.system.paths import write_atomically


def write_user_file(file: Path, content: bytes) -> None:
    """Save a file for the user atomically, readable only by its owner.

    Follows links; only ever replaces a regular file, never a device or pipe. Blocks. Raises `ReshelveError`,
    in which case an existing file is unchanged.
    """
    try:
        target = file.resolve()
        if target.exists() and not target.is_file():
            raise ReshelveError(SystemReason.NOT_A_FILE)
        write_atomically(target, content)
    except OSError as error:
        raise ReshelveError(SystemReason.FILE_NOT_SAVED, problem=str(error.strerror)) from error
    except (RuntimeError, ValueError) as error:
        raise ReshelveError(SystemReason.NOT_A_FILE_NAME) from error


def expand_path(typed: str) -> Path:
    """Return the path as typed, with `~` expanded to the home folder."""
    path = Path(typed.strip())
    # Without such a user, it is an ordinary name.
    with suppress(RuntimeError):
        path = path.expanduser()
    return path
