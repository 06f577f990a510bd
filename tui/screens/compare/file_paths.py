"""Finding a file that somebody has downloaded: what lies in the folder that is being typed."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ENDINGS: Final = (".csv", ".tsv", ".txt")
# Of a folder with more, the rest isn't looked at: a list must come while somebody types.
_MOST_LOOKED_AT: Final = 20_000
_MOST_LISTED: Final = 500


class PathEntry(Struct, frozen=True):
    """A folder, or a file that can be one of contacts."""

    path: Path
    is_folder: bool
    modified_at: datetime
    size: int = 0

    @property
    def name(self) -> str:
        """Its name as it is shown."""
        return safe(self.path.name)


class FolderListing(Struct, frozen=True):
    """What the folder holds whose name begins as typed: files first, the newest first, then folders.

    `problem` says why nothing could be listed.
    """

    typed: str
    entries: tuple[PathEntry, ...] = ()
    problem: str = ""


def default_folder() -> str:
    """Return where downloads mostly lie, as it is typed."""
    return "~/Downloads/" if Path("~/Downloads").expanduser().is_dir() else "~/"


def expand_path(typed: str) -> Path:
    """Return the path that is meant."""
    path = Path(typed.strip())
    # Nobody is called so: then it is a name as any other.
    with suppress(RuntimeError):
        path = path.expanduser()
    return path


def split_path(typed: str) -> tuple[str, str]:
    """Part what is typed into the folder, up to its last slash, and the beginning of a name."""
    folder, slash, name = typed.rpartition("/")
    return folder + slash, name


def list_folder(typed: str) -> FolderListing:
    """List what could be meant. Reads the disk, so not for the screen's own thread."""
    folder, prefix = split_path(typed.lstrip())
    try:
        with os.scandir(expand_path(folder) if folder else Path()) as scan:
            found = list(_matching(islice(scan, _MOST_LOOKED_AT), prefix))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "that is no name of a folder"
        return FolderListing(typed, problem=f"This folder can't be read: {reason}.")
    files = sorted(
        (entry for entry in found if not entry.is_folder), key=lambda entry: entry.modified_at, reverse=True
    )
    folders = sorted((entry for entry in found if entry.is_folder), key=lambda entry: entry.name.casefold())
    return FolderListing(typed, (*files, *folders)[:_MOST_LISTED])


def _matching(entries: Iterator[os.DirEntry[str]], prefix: str) -> Iterator[PathEntry]:
    for entry in entries:
        if not safe(entry.name).casefold().startswith(prefix.casefold()):
            continue
        if entry.name.startswith(".") and not prefix.startswith("."):
            continue
        # One that is gone by now, or leads nowhere.
        with suppress(OSError, ValueError, OverflowError):
            stat, is_folder = entry.stat(), entry.is_dir()
            if is_folder or entry.name.casefold().endswith(_ENDINGS):
                changed_at = datetime.fromtimestamp(stat.st_mtime, UTC)
                yield PathEntry(Path(entry.path), is_folder, changed_at, stat.st_size)


def complete_path(typed: str, entries: Sequence[PathEntry]) -> str:
    """Return what is typed with as much added as all that could be meant have in common."""
    folder, prefix = split_path(typed)
    names = [entry.name for entry in entries]
    if not names:
        return typed
    if len(names) == 1:
        return folder + names[0] + ("/" if entries[0].is_folder else "")
    shared = 0
    for letters in zip(*names, strict=False):
        if len({letter.casefold() for letter in letters}) > 1:
            break
        shared += 1
    return folder + names[0][:shared] if shared > len(prefix) else typed


def format_size(count: int) -> str:
    """Write the size of a file."""
    thousand = 1_000
    if count < thousand:
        return f"{count} B"
    return f"{count // thousand:,} kB" if count < thousand**2 else f"{count / thousand**2:,.1f} MB"
