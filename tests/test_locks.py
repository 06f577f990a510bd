"""Locks on drives without locking, and lock files that are deleted while held."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tui import messages
from tui.cli import main
from tui.engine.leader_lock import LeaderLock
from tui.engine.maintenance import plan_repair, run_repair
from tui.model.contact import Organisation
from tui.model.errors import OfflineError, ReshelveError, StoreError
from tui.model.reasons import StoreReason
from tui.sandbox.server import ServerOptions, run
from tui.store import Store
from tui.store.database import Database, store_error
from tui.system.locks import CannotLockError, FileLock
from tui.system.paths import Paths
from tui.xero.auth.token_store import FileTokenStore, Tokens
from tui.xero.auth.tokens import TokenSource

if TYPE_CHECKING:
    from pathlib import Path

REFUSALS = (
    *("ENOLCK", "EACCES", "EOPNOTSUPP", "ENOTSUP", "EIO", "ENOSYS", "EROFS", "EPERM"),
    *("EBADF", "ETIMEDOUT"),
)
ADVICE = "RESHELVE_HOME"


@pytest.fixture(params=REFUSALS)
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    code: int = getattr(errno, request.param)

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(fcntl, "lockf", refuse)
    return os.strerror(code)


def told(error: pytest.ExceptionInfo[ReshelveError]) -> str:
    return messages.in_full(error.value)


def test_leader_lock_reports_a_drive_without_locks(tmp_path: Path, no_locks: str) -> None:
    with pytest.raises(StoreError) as raised:
        LeaderLock(tmp_path / "lease").acquire()
    assert "can't lock files" in told(raised)
    assert no_locks in told(raised)
    assert ADVICE in told(raised)


async def test_token_refresh_reports_a_drive_without_locks(tmp_path: Path, no_locks: str) -> None:
    source = TokenSource(
        FileTokenStore(tmp_path / "t.json"), tmp_path / "t.lock", identity_url="http://127.0.0.1:1"
    )
    for asked in (
        source.access_token(),
        source.replace_tokens(Tokens.from_refresh_token("refresh", "client")),
        source.revoke(),
    ):
        with pytest.raises(OfflineError) as raised:
            await asked
        assert no_locks in told(raised)
        assert ADVICE in told(raised)


def test_sandbox_reports_a_drive_without_locks(tmp_path: Path, no_locks: str) -> None:
    with pytest.raises(CannotLockError, match=no_locks) as raised:
        run(ServerOptions(data=tmp_path))
    assert raised.value.folder == str(tmp_path)


def test_sandbox_command_reports_a_drive_without_locks(
    tmp_path: Path, no_locks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESHELVE_HOME", str(tmp_path))
    done = CliRunner().invoke(main, ["sandbox", "--contacts", "1"])
    assert done.exit_code == 1
    assert no_locks in done.output
    assert ADVICE in done.output


def test_repair_reports_a_drive_without_locks(tmp_path: Path, no_locks: str) -> None:
    paths, organisation = Paths.under(tmp_path), Organisation("tenant", "Books", "!abc")
    Store.open(paths.organisation("tenant")).close()
    with pytest.raises(StoreError, match=no_locks):
        run_repair(plan_repair(paths, organisation))


def test_busy_database_on_a_drive_without_locks_is_reported_as_such(tmp_path: Path, no_locks: str) -> None:
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    error = store_error(busy, tmp_path / "contacts.db")
    assert no_locks in messages.message(error)
    assert ADVICE in messages.next_step(error)


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_IOERR_LOCK,
        sqlite3.SQLITE_IOERR_RDLOCK,
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_SHMMAP,
        sqlite3.SQLITE_IOERR_SHMLOCK,
    ],
)
def test_sqlite_errors_of_a_drive_without_locks(tmp_path: Path, code: int) -> None:
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = code
    assert ADVICE in messages.next_step(store_error(failed, tmp_path / "contacts.db"))


def test_database_without_a_write_ahead_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            return super().execute("SELECT 'delete'" if "journal_mode" in sql else sql, *rest)

    connect = sqlite3.connect
    monkeypatch.setattr(
        "tui.store.database.sqlite3.connect", lambda *a, **k: connect(*a, **{**k, "factory": Connection})
    )
    with pytest.raises(StoreError) as raised:
        Database.open(tmp_path)
    assert ADVICE in told(raised)


def test_busy_database_is_still_reported_as_busy(tmp_path: Path) -> None:
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    assert store_error(busy, tmp_path / "contacts.db").reason is StoreReason.BUSY


def test_lock_held_by_another_process_is_still_reported_as_held(tmp_path: Path) -> None:
    held, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert held.acquire()
    assert not other.acquire()
    held.release()
    assert other.acquire()
    other.release()


def test_full_disk_is_not_reported_as_a_lock_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fcntl, "flock", full)
    with pytest.raises(OSError, match="No space") as raised:
        FileLock(tmp_path / "lock").acquire()
    assert not isinstance(raised.value, CannotLockError)


# --- deleted lock files ---

_HOLDER = """
import sys
from pathlib import Path
from tui.system.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["deleted", "replaced", "replaced by a link", "folder renamed"])
def test_lock_is_lost_when_its_file_is_deleted(tmp_path: Path, how: str) -> None:
    file = tmp_path / "folder" / "lock"
    file.parent.mkdir()
    lock = FileLock(file)
    assert lock.acquire()
    if how == "folder renamed":
        file.parent.rename(tmp_path / "elsewhere")
    else:
        file.unlink()
    if how == "replaced":
        file.touch()
    elif how == "replaced by a link":
        (tmp_path / "other").touch()
        file.symlink_to(tmp_path / "other")
    assert not lock.is_held


def test_only_one_process_gets_the_lock_after_its_file_was_deleted(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    ours = FileLock(file)
    assert ours.acquire()
    file.unlink()
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "True"
        assert not ours.is_held
        assert not ours.acquire()
    assert ours.acquire()
    ours.release()
