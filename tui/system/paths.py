"""Locations of files, and atomic writes."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tui.system.platform import set_mode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_APP = "reshelve"
_TENANT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_CLIENT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600
_KEPT_OF_NAME = 40


class HomeProblem(StrEnum):
    """Why `RESHELVE_HOME` can't be used."""

    UNPRINTABLE = "unprintable"
    NO_SUCH_USER = "no_such_user"
    INSIDE_A_FILE = "inside_a_file"
    UNUSABLE = "unusable"


class HomeFolderError(Exception):
    """`RESHELVE_HOME` can't be used. `detail` is its value, the file in its way, or the system's message."""

    def __init__(self, problem: HomeProblem, detail: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of one installation: settings, data and logs.

    `RESHELVE_HOME` puts all three under one folder; otherwise they are in the operating system's
    standard locations.
    """

    config: Path
    data: Path
    logs: Path

    @classmethod
    def find(cls) -> Paths:
        """Return this user's folders without creating them.

        Raises `HomeFolderError` if `RESHELVE_HOME` can't be a folder.
        """
        home = os.environ.get("RESHELVE_HOME")
        if home:
            return cls.under(_home(home))
        import platformdirs

        return cls(
            config=platformdirs.user_config_path(_APP),
            data=platformdirs.user_data_path(_APP),
            logs=platformdirs.user_log_path(_APP),
        )

    @classmethod
    def under(cls, home: Path) -> Paths:
        """Return paths with all files under one folder."""
        return cls(config=home / "config", data=home / "data", logs=home / "logs")

    @property
    def settings_file(self) -> Path:
        """The settings file."""
        return self.config / "settings.toml"

    def token_file(self, client_id: str) -> Path:
        """Return the token file of one sign-in, if tokens are stored in files; its lock is beside it.

        Raises `ValueError` for an invalid client id, which could lead out of the folder.
        """
        if not _CLIENT_ID.fullmatch(client_id):
            raise ValueError("not a client id as Xero writes them")
        return self.data / "tokens" / f"{client_id}.json"

    @property
    def organisations_file(self) -> Path:
        """The list of connected organisations, so that startup needs no network."""
        return self.data / "organisations.json"

    @property
    def sandbox(self) -> Path:
        """The data of the practice Xero and Re-Leased."""
        return self.data / "sandbox"

    @property
    def demo(self) -> Paths:
        """The files of `reshelve demo`, separate from real organisations."""
        return Paths.under(self.data / "demo")

    @property
    def organisations(self) -> Path:
        """The folder with the stores of all organisations."""
        return self.data / "organisations"

    def organisation(self, tenant_id: str) -> Path:
        """Return the folder of one organisation's store and lock.

        Raises `ValueError` for an invalid id, which could lead out of the folder.
        """
        if not is_tenant_id(tenant_id):
            raise ValueError("not a tenant's id as Xero writes them")
        return self.organisations / tenant_id

    def searches(self, tenant_id: str) -> Path:
        """Return the file of one organisation's last searches. Raises `ValueError` as above."""
        return self.organisation(tenant_id) / "searches.json"

    def saved_searches(self, tenant_id: str) -> Path:
        """Return the file of one organisation's saved searches. Raises `ValueError` as above."""
        return self.organisation(tenant_id) / "saved-searches.json"

    def approved_drafts(self, tenant_id: str) -> Path:
        """Return the file of one organisation's approved Drafts. Raises `ValueError` as above."""
        return self.organisation(tenant_id) / "approved-drafts.json"


def is_tenant_id(text: str) -> bool:
    """Return whether a text can be a tenant id and a folder name."""
    return _TENANT_ID.fullmatch(text) is not None


def _home(value: str) -> Path:
    """Return the folder that `RESHELVE_HOME` names, as an absolute path. Raises `HomeFolderError`."""
    if not value.isprintable():
        raise HomeFolderError(HomeProblem.UNPRINTABLE)
    try:
        # Relative to the folder that Reshelve was started in.
        home = Path(value).expanduser().absolute()
    except RuntimeError:
        raise HomeFolderError(HomeProblem.NO_SUCH_USER, value) from None
    try:
        found = next(part for part in (home, *home.parents) if part.exists())
        if not found.is_dir():
            raise HomeFolderError(HomeProblem.INSIDE_A_FILE, str(found))
    except OSError as error:
        raise HomeFolderError(HomeProblem.UNUSABLE, str(error.strerror)) from None
    return home


def without_home(text: str) -> str:
    """Replace the user's home folder in a text by `~`, as it has the user's name."""
    try:
        home = Path.home()
    except RuntimeError:
        return text
    for spelling in {str(home), str(home.resolve()), home.as_posix()}:
        # A home of `/` is in every path.
        if len(spelling) > 1:
            text = re.sub(rf"{re.escape(spelling)}(?![\w.-])", "~", text)
    return text


def private_folder(folder: Path) -> Path:
    """Create the folder and missing parents, readable only by their owner."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    for part in reversed(missing):
        part.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
    return folder


def file_identity(file: str | Path) -> tuple[int, int] | None:
    """Return the identity of the file at this path (device and inode); None if there is none.

    On drives without such numbers, only whether the file exists.
    """
    try:
        found = os.stat(file)  # noqa: PTH116 - of the file that a link leads to, for text and paths alike
    except OSError:
        return None
    return found.st_dev, found.st_ino


def write_atomically(file: Path, content: bytes) -> None:
    """Replace the file's content atomically, readable only by its owner.

    After a crash the file has the old or the new content, never a part. Raises `OSError`.
    """
    with replacement(file) as stream:
        stream.write(content)


@contextmanager
def replacement(file: Path) -> Iterator[BinaryIO]:
    """Open a new file, readable only by its owner, that replaces this one when the block ends.

    If the block raises, the file keeps its old content. After a crash it has the old or the new content,
    never a part. Raises `OSError`.
    """
    private_folder(file.parent)
    # Only the start of a long name: the suffix could exceed the system's limit.
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:_KEPT_OF_NAME]}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            set_mode(stream.fileno(), _PRIVATE_FILE)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(file.parent)


def fsync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where the system supports it."""
    # Some file systems can't sync a folder: the name then reaches the disk later.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
