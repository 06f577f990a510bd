"""Where everything lies on disk, and files that are never half-written."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tui.system.platform import set_mode

_APP = "reshelve"
_TENANT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_CLIENT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600
_KEPT_OF_NAME = 40


class HomeFolderError(Exception):
    """`RESHELVE_HOME` can't be used; the words say why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} Set it to a folder that you can write to, or unset it.")


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of one installation: settings, data and logs.

    `RESHELVE_HOME` puts all three under one folder; otherwise they are where the operating system
    wants them.
    """

    config: Path
    data: Path
    logs: Path

    @classmethod
    def find(cls) -> Paths:
        """Return where the files of this user are; nothing is created.

        Raises `HomeFolderError` when `RESHELVE_HOME` can't be a folder.
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
        """Put all files under one folder."""
        return cls(config=home / "config", data=home / "data", logs=home / "logs")

    @property
    def settings_file(self) -> Path:
        """Where settings are read from and written to."""
        return self.config / "settings.toml"

    def token_file(self, client_id: str) -> Path:
        """Where the tokens of one sign-in are kept, for those who chose a file, and the lock beside it.

        Raises `ValueError` for a client id that can't be one: it could lead out of the folder.
        """
        if not _CLIENT_ID.fullmatch(client_id):
            raise ValueError("not a client id as Xero writes them")
        return self.data / "tokens" / f"{client_id}.json"

    @property
    def organisations_file(self) -> Path:
        """The organisations of the last sign-in, so that a start needs no network."""
        return self.data / "organisations.json"

    @property
    def sandbox(self) -> Path:
        """What the practice Xero and Re-Leased remember."""
        return self.data / "sandbox"

    @property
    def demo(self) -> Paths:
        """The files of `reshelve demo`, apart from those of real organisations."""
        return Paths.under(self.data / "demo")

    @property
    def organisations(self) -> Path:
        """The folder of all organisations' stores."""
        return self.data / "organisations"

    def organisation(self, tenant_id: str) -> Path:
        """Name the folder of one organisation's store and lease.

        Raises `ValueError` for an id that isn't one of Xero's: it could lead out of the folder.
        """
        if not is_tenant_id(tenant_id):
            raise ValueError("not a tenant's id as Xero writes them")
        return self.organisations / tenant_id


def is_tenant_id(text: str) -> bool:
    """Whether a text can be the id of an organisation as Xero writes them, and the name of a folder."""
    return _TENANT_ID.fullmatch(text) is not None


def _home(value: str) -> Path:
    """Return the folder that `RESHELVE_HOME` names, as an absolute path. Raises `HomeFolderError`."""
    if not value.isprintable():
        raise HomeFolderError("RESHELVE_HOME has characters that can't be shown.")
    try:
        # Relative to the folder that Reshelve was started in, wherever a part of it may work.
        home = Path(value).expanduser().absolute()
    except RuntimeError:
        raise HomeFolderError(f"RESHELVE_HOME is {value}: there is no such user.") from None
    try:
        found = next(part for part in (home, *home.parents) if part.exists())
        if not found.is_dir():
            raise HomeFolderError(f"RESHELVE_HOME is {value}, but {found} is a file.")
    except OSError as error:
        raise HomeFolderError(f"RESHELVE_HOME can't be used: {error.strerror}.") from None
    return home


def private_folder(folder: Path) -> Path:
    """Make the folder, and those above it that are missing, readable by its owner alone."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    for part in reversed(missing):
        part.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
    return folder


def file_identity(file: str | Path) -> tuple[int, int] | None:
    """Return what tells the file of this name from any other (device and inode); None where there is none.

    Where the drive has no such numbers, only whether there is a file.
    """
    try:
        found = os.stat(file)  # noqa: PTH116 - of the file that a link leads to, for text and paths alike
    except OSError:
        return None
    return found.st_dev, found.st_ino


def write_atomically(file: Path, content: bytes) -> None:
    """Replace the file's content in one step, readable by its owner alone.

    A crash leaves the old content or the new, never a part. Raises `OSError` when the disk refuses.
    """
    private_folder(file.parent)
    # Of a long name only the beginning: with what is added, it may be longer than the system allows.
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:_KEPT_OF_NAME]}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            set_mode(stream.fileno(), _PRIVATE_FILE)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(file.parent)


def fsync_folder(folder: Path) -> None:
    """Make sure that names given in a folder outlive a loss of power, where the system lets one."""
    # Some file systems refuse to sync a folder: the name is there all the same, only later on disk.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
