"""Files that people name: exports, reports, and what is to be read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tui.model.errors import ReshelveError
from tui.system.paths import write_atomically


def write_user_file(file: Path, content: bytes) -> None:
    """Save a file where a person wants it: complete or not at all, and readable by its owner alone.

    A link is followed; what isn't an ordinary file, such as a device or a pipe, is never replaced.
    Blocks. Raises `ReshelveError`; a file that was there before is then unchanged.
    """
    try:
        target = file.resolve()
        if target.exists() and not target.is_file():
            raise ReshelveError(
                "That name belongs to a folder or a device.", "Nothing was saved. Choose another name."
            )
        write_atomically(target, content)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "that isn't a file name"
        raise ReshelveError(
            f"The file can't be written: {reason}.",
            "Nothing was saved. Choose another place, then try again.",
        ) from error


def expand_path(typed: str) -> Path:
    """Return the path that a person means: `~` is the home folder."""
    path = Path(typed.strip())
    # Where no user is called so, it is a name as any other.
    with suppress(RuntimeError):
        path = path.expanduser()
    return path
