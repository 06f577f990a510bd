"""A keychain for tests, in a file, for this process and those it starts."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import keyring.core
from keyring.backend import KeyringBackend
from keyring.compat import properties
from keyring.errors import PasswordSetError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

_FILE = "KEYRING_PROPERTY_FILE"


class FileKeychain(KeyringBackend):
    """Keeps everything as JSON in `file`, which keyring itself sets from the environment.

    `trouble` is raised by whatever is asked, as by a keychain that stays locked; one that `is_full` keeps
    nothing new. `prompt` is waited for before anything is done. `most_bytes` fit into an entry, in UTF-16;
    one that `cuts` what is longer says nothing of it.
    """

    file = ""
    trouble: BaseException | None = None
    is_full = False
    prompt: threading.Event | None = None
    most_bytes = 1_000_000
    cuts = False

    @properties.classproperty
    def priority(cls) -> float:  # noqa: N805 - a property of the class
        if _FILE not in os.environ:
            raise RuntimeError("only for tests that want it")
        return 9

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def get_password(self, service: str, username: str) -> str | None:
        return self._read().get(f"{service}: {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.is_full:
            raise PasswordSetError("full")
        if len(password) * 2 > self.most_bytes:
            if not self.cuts:
                raise OSError(1783, "CredWrite", "The stub received bad data")
            password = password[: self.most_bytes // 2]
        self._write({**self._read(), f"{service}: {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._read()
        del kept[f"{service}: {username}"]
        self._write(kept)

    def _read(self) -> dict[str, str]:
        if self.prompt is not None:
            self.prompt.wait()
        if self.trouble is not None:
            raise self.trouble
        try:
            kept: dict[str, str] = json.loads(Path(self.file).read_bytes())
        except FileNotFoundError:
            return {}
        return kept

    def _write(self, kept: dict[str, str]) -> None:
        fresh = Path(f"{self.file}.{os.getpid()}")
        fresh.write_text(json.dumps(kept), encoding="utf-8")
        fresh.replace(self.file)


def keychain_environment(file: Path) -> dict[str, str]:
    """Return variables that give a child process the keychain; it needs the folder `tests` on its path."""
    return {
        "PYTHON_KEYRING_BACKEND": f"{FileKeychain.__module__}.{FileKeychain.__name__}",
        _FILE: str(file),
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
    }


@contextmanager
def keychain_in(file: Path) -> Iterator[FileKeychain]:
    """Make the file this process's keychain within the block."""
    before, outside = keyring.core._keyring_backend, os.environ.get(_FILE)
    os.environ[_FILE] = str(file)
    keychain = FileKeychain()
    keyring.set_keyring(keychain)
    try:
        yield keychain
    finally:
        keyring.core._keyring_backend = before
        if outside is None:
            del os.environ[_FILE]
        else:
            os.environ[_FILE] = outside
