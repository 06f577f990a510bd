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
    changed_at: datetime
    size: int = 0

    @property
    def name(self) -> str:
        """Its name as it is shown."""
        return safe(self.path.name)


class FolderListing(Struct, frozen=True):
    """What the folder holds whose name begins as typed: files first, the newest first, then folders.

    `trouble` says why nothing could be listed.
    """

    typed: str
    entries: tuple[PathEntry, ...] = ()
    trouble: str = ""


def start() -> str:
    """Return where downloads mostly lie, as it is typed."""
    return "~/Downloads/" if Path("~/Downloads").expanduser().is_dir() else "~/"


def real(typed: str) -> Path:
    """Return the path that is meant."""
    path = Path(typed.strip())
    # Nobody is called so: then it is a name as any other.
    with suppress(RuntimeError):
        path = path.expanduser()
    return path


def split(typed: str) -> tuple[str, str]:
    """Part what is typed into the folder, up to its last slash, and the beginning of a name."""
    folder, slash, name = typed.rpartition("/")
    return folder + slash, name


def listing(typed: str) -> FolderListing:
    """List what could be meant. Reads the disk, so not for the screen's own thread."""
    folder, beginning = split(typed.lstrip())
    try:
        with os.scandir(real(folder) if folder else Path()) as scan:
            found = list(_matching(islice(scan, _MOST_LOOKED_AT), beginning))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "that is no name of a folder"
        return FolderListing(typed, trouble=f"This folder can't be read: {reason}.")
    files = sorted((one for one in found if not one.is_folder), key=lambda one: one.changed_at, reverse=True)
    folders = sorted((one for one in found if one.is_folder), key=lambda one: one.name.casefold())
    return FolderListing(typed, (*files, *folders)[:_MOST_LISTED])


def _matching(entries: Iterator[os.DirEntry[str]], beginning: str) -> Iterator[PathEntry]:
    for entry in entries:
        if not safe(entry.name).casefold().startswith(beginning.casefold()):
            continue
        if entry.name.startswith(".") and not beginning.startswith("."):
            continue
        # One that is gone by now, or leads nowhere.
        with suppress(OSError, ValueError, OverflowError):
            about, is_folder = entry.stat(), entry.is_dir()
            if is_folder or entry.name.casefold().endswith(_ENDINGS):
                changed_at = datetime.fromtimestamp(about.st_mtime, UTC)
                yield PathEntry(Path(entry.path), is_folder, changed_at, about.st_size)


def completed(typed: str, entries: Sequence[PathEntry]) -> str:
    """Return what is typed with as much added as all that could be meant have in common."""
    folder, beginning = split(typed)
    names = [one.name for one in entries]
    if not names:
        return typed
    if len(names) == 1:
        return folder + names[0] + ("/" if entries[0].is_folder else "")
    shared = 0
    for letters in zip(*names, strict=False):
        if len({letter.casefold() for letter in letters}) > 1:
            break
        shared += 1
    return folder + names[0][:shared] if shared > len(beginning) else typed


def size(count: int) -> str:
    """Write the size of a file."""
    thousand = 1_000
    if count < thousand:
        return f"{count} B"
    return f"{count // thousand:,} kB" if count < thousand**2 else f"{count / thousand**2:,.1f} MB"
