"""Files chosen by the user: exports, reports and imports."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tui.model.errors import ReshelveError
from tui.system.paths import write_atomically


def write_user_file(file: Path, content: bytes) -> None:
    """Save a file for the user atomically, readable only by its owner.

    Follows links; never replaces anything but a regular file, such as a device or pipe. Blocks. Raises
    `ReshelveError`, in which case an existing file is unchanged.
    """
    try:
        target = file.resolve()
        if target.exists() and not target.is_file():
            raise ReshelveError("That name is a folder or device.", "Nothing was saved. Choose another name.")
        write_atomically(target, content)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "that isn't a file name"
        raise ReshelveError(
            f"Can't save the file: {reason}.",
            "Nothing was saved. Choose another location, then try again.",
        ) from error


def expand_path(typed: str) -> Path:
    """Return the path as typed, with `~` expanded to the home folder."""
    path = Path(typed.strip())
    # If there is no such user, it is an ordinary name.
    with suppress(RuntimeError):
        path = path.expanduser()
    return path
