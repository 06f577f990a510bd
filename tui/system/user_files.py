"""Files that people ask for: exports and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.errors import ReshelveError
from tui.system.paths import write_atomically

if TYPE_CHECKING:
    from pathlib import Path


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
