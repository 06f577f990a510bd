"""One SQLite file: a reading connection on the event loop's thread, and one thread that writes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui.model.errors import StoreClosedError, StoreError
from tui.model.reasons import StoreReason, SystemReason
from tui.store.schema import migrate
from tui.store.values import refold
from tui.system.locks import locking_problem
from tui.system.log import log_unexpected, logger
from tui.system.paths import file_identity, private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


_PRIMARY_CODE = 0xFF
_REASONS: Final = {
    sqlite3.SQLITE_FULL: StoreReason.DISK_FULL,
    sqlite3.SQLITE_READONLY: StoreReason.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: StoreReason.CANNOT_OPEN,
    sqlite3.SQLITE_PERM: StoreReason.CANNOT_OPEN,
    sqlite3.SQLITE_BUSY: StoreReason.BUSY,
    sqlite3.SQLITE_CORRUPT: StoreReason.DAMAGED,
    sqlite3.SQLITE_NOTADB: StoreReason.NOT_A_DATABASE,
    sqlite3.SQLITE_IOERR: StoreReason.DISK_ERROR,
}
# Locks and shared memory that the file system refuses, as network drives do.
_NO_LOCKS: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR_BLOCKED,
        sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
        sqlite3.SQLITE_IOERR_LOCK,
        sqlite3.SQLITE_IOERR_RDLOCK,
        sqlite3.SQLITE_IOERR_SHMLOCK,
        sqlite3.SQLITE_IOERR_SHMMAP,
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_UNLOCK,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_RETRYABLE: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR})
# The messages of ordinary SQLite errors for damaged names, or damaged numbers in the file's header.
_DAMAGE_MESSAGES: Final = (
    "no such table",
    "no such column",
    "no such index",
    "no such trigger",
    # A statement in the schema that can't be parsed when a table or column is renamed.
    "error in ",
    "unsupported file format",
)


def store_error(error: sqlite3.Error, file: Path) -> StoreError:
    """Return the error to raise for an SQLite error; `retryable` if the same attempt can succeed later."""
    # Errors raised by the sqlite3 module itself, not by SQLite, carry no code.
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    code = extended & _PRIMARY_CODE
    if code not in _REASONS and is_damage(error):
        code = sqlite3.SQLITE_CORRUPT
    # On a drive without locks, SQLite may report that the file is locked by another process.
    problem = locking_problem(file.parent) if code == sqlite3.SQLITE_BUSY else ""
    if extended in _NO_LOCKS or problem:
        return StoreError(SystemReason.CANNOT_LOCK, folder=str(file.parent), problem=problem or str(error))
    failure = StoreError(_REASONS.get(code, StoreReason.UNUSABLE), file=str(file), problem=str(error))
    failure.retryable = code in _RETRYABLE
    return failure


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error means that the file is damaged, not busy or out of disk space."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or str(error).startswith(_DAMAGE_MESSAGES)


#: Invalid UTF-8 becomes replacement characters.
_read_text: Final = partial(str, encoding="utf-8", errors="replace")


class Connection(sqlite3.Connection):
    """A connection that reads any stored text, and raises `sqlite3.Error` even if an error isn't valid UTF-8.

    SQLite quotes the names of tables and columns in its errors. If a damaged name isn't UTF-8, Python's
    module raises `UnicodeDecodeError` instead of the error.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.text_factory = _read_text

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """Run a statement. Raises `sqlite3.Error`."""
        try:
            return super().execute(*arguments)
        except UnicodeDecodeError as error:
            raise _unreadable(error) from error


def _unreadable(error: UnicodeDecodeError) -> sqlite3.DatabaseError:
    damage = sqlite3.DatabaseError(bytes(error.object).decode("utf-8", "replace"))
    damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return damage


T = TypeVar("T")

FILE_NAME: Final = "contacts.db"
_PRIVATE_FILE = 0o600
# In KiB, and in pages of 4 KiB: with these, a full sync of 100,000 contacts takes a third less time.
_WRITER_CACHE = 8_000
_PAGES_BETWEEN_CHECKPOINTS = 4_000
# Another process may be writing a page of contacts; its transactions are short.
_WRITER_PATIENCE = 10.0
# Readers never wait for writers in WAL mode, only for the rare recovery of the file.
_READER_PATIENCE = 1.0


class Database:
    """The store's file. Reads see the last commit; every write is one transaction on one thread."""

    def __init__(self, file: Path, reader: sqlite3.Connection, writer: sqlite3.Connection) -> None:
        self.file = file
        #: Called on the event loop's thread after each write, with None on success or the error.
        self.on_written: Callable[[StoreError | None], None] = lambda _: None
        self._reader = reader
        self._writer = writer
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        # Locked while the writing connection is in use.
        self._writing = threading.Lock()
        self._is_closed = False
        #: The error that every write raises; None while writing is allowed.
        self.write_block: StoreError | None = None
        self._synchronous = ""
        self._version = self._data_version()
        self._changed_elsewhere = False
        self._file_identities = _identities(file)
        self._folder = _open_folder(file.parent)

    @classmethod
    def open(cls, folder: Path) -> Database:
        """Open the file in the folder, creating both if needed. Only the owner can read the file.

        Raises `StoreError` if it can't be opened or a newer Reshelve wrote it.
        """
        file = folder / FILE_NAME
        try:
            private_folder(folder)
            # SQLite gives its -wal and -shm files the mode of the file itself.
            os.close(os.open(file, os.O_CREAT | os.O_RDWR, _PRIVATE_FILE))
        except OSError as error:
            raise StoreError(
                StoreReason.CANNOT_OPEN, file=str(folder), problem=str(error.strerror)
            ) from error
        reader, writer = _open_connections(file)
        return cls(file, reader, writer)

    # --- files that are deleted, moved or replaced while in use ---

    @property
    def is_displaced(self) -> bool:
        """Whether the open files no longer have their names, so that anything written to them is lost."""
        return any(
            opened is not None and opened != current
            for opened, current in zip(self._file_identities, _identities(self.file), strict=True)
        )

    @property
    def has_main_file(self) -> bool:
        """Whether the main file still has its name, and only the write-ahead log was displaced."""
        return self._file_identities[0] == _identities(self.file)[0]

    @property
    def is_moved(self) -> bool:
        """Whether the files were moved together with their folder, and are complete there."""
        if self._folder is None or file_identity(self.file.parent) == _identity_of(self._folder):
            return False
        try:
            found = os.stat(self.file.name, dir_fd=self._folder)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._file_identities[0]

    def copy_to(self, file: Path) -> None:
        """Copy the whole open database to a file. Raises `sqlite3.Error`."""
        with self._writing, closing(sqlite3.connect(file, isolation_level=None)) as copy:
            self._writer.backup(copy)
            # A single file, without a write-ahead log.
            copy.execute("PRAGMA journal_mode = DELETE")

    def checkpoint_wal(self) -> None:
        """Write the whole write-ahead log into the main file.

        Raises `sqlite3.Error`, also while another connection reads.
        """
        with self._writing:
            [is_busy, *_] = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            # SQLite raises this error in the other checkpoint modes.
            raise sqlite3.OperationalError("database is locked")

    def reopen(self) -> None:
        """Switch to the files that have the names now. Raises `StoreError`."""
        with self._writing:
            reader, writer = _open_connections(self.file)
            self.close_connections()
            self._reader, self._writer = reader, writer
            self._synchronous = ""
            self._version = self._data_version()
            self._changed_elsewhere = True
            self._file_identities = _identities(self.file)
            if self._folder is not None:
                os.close(self._folder)
            self._folder = _open_folder(self.file.parent)

    def check_displaced(self) -> None:
        """Raise `StoreError` if the open files were deleted, moved or replaced."""
        if self.is_displaced:
            raise StoreError(StoreReason.DISPLACED)

    def close(self) -> None:
        """Finish submitted writes, then close the file. Can be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        self._executor.shutdown(wait=True)
        self.close_connections()
        if self._folder is not None:
            os.close(self._folder)

    def close_connections(self) -> None:
        """Close both connections, for good or to reopen them."""
        self._reader.close()
        # The last connection to close merges the WAL into the file; a full disk only postpones that.
        with suppress(sqlite3.Error):
            self._writer.close()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Read rows as tuples. Raises `StoreError`."""
        if self._is_closed:
            raise StoreClosedError
        try:
            return self._reader.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise store_error(error, self.file) from error

    def version(self) -> int:
        """Return a number that changes with every commit, of any process. Raises `StoreError`."""
        return int(self.rows("PRAGMA data_version")[0][0])

    @contextmanager
    def read_connection(self) -> Iterator[sqlite3.Connection]:
        """Open a separate connection for a thread that reads a lot. Raises `StoreError`."""
        try:
            with closing(_connect_reader(self.file)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise store_error(error, self.file) from error

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a long read in a thread, on one snapshot of the database."""

        def run() -> T:
            with self.read_connection() as connection:
                connection.execute("BEGIN")
                return work(connection)

        return await asyncio.to_thread(run)

    async def write(
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        durable: bool = True,
        after: Callable[[T], None] | None = None,
    ) -> T:
        """Run the work in one transaction on the writing thread; rolled back if it raises.

        Cancelling the caller doesn't interrupt the transaction. A `durable` commit survives a power loss; any
        other only survives a crash, so it may only contain data that can be recovered from elsewhere.

        `after` is called on the event loop's thread once the transaction is committed, even if the caller was
        cancelled. Raises `StoreError`, and whatever the work raises.
        """
        if self.write_block is not None:
            raise self.write_block
        try:
            pending: Future[T] = self._executor.submit(self._transact, work, durable=durable)
        except RuntimeError:
            raise StoreClosedError from None
        future = asyncio.wrap_future(pending)
        future.add_done_callback(self._notify_written)
        if after is not None:
            future.add_done_callback(lambda done: _call_on_success(done, after))
        return await asyncio.shield(future)

    def block_writes(self, error: StoreError) -> None:
        """Reject all further writes: the file is damaged, and writing could damage more of it."""
        self.write_block = error

    def changed_elsewhere(self) -> bool:
        """Return whether another process has written to the file since the last call."""
        if self._writing.acquire(blocking=False):
            try:
                self._check_version()
            except sqlite3.Error as error:
                raise store_error(error, self.file) from error
            finally:
                self._writing.release()
        changed, self._changed_elsewhere = self._changed_elsewhere, False
        return changed

    def _notify_written(self, done: asyncio.Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is None or isinstance(error, StoreError):
            try:
                self.on_written(error)
            except Exception as failure:  # noqa: BLE001 - as below
                log_unexpected("following a write", failure)

    def _transact(self, work: Callable[[sqlite3.Connection], T], *, durable: bool) -> T:
        with self._writing:
            try:
                self.check_displaced()
                self._set_synchronous("FULL" if durable else "NORMAL")
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    self._check_version()
                    result = work(self._writer)
                    # Checked again as late as possible: a committed change counts as recorded.
                    self.check_displaced()
                    self._writer.execute("COMMIT")
                except BaseException:
                    # After a full disk or an I/O error, SQLite may have rolled back already.
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise store_error(error, self.file) from error
            return result

    def _set_synchronous(self, how: str) -> None:
        if how != self._synchronous:
            self._writer.execute(f"PRAGMA synchronous = {how}")
            self._synchronous = how

    def _check_version(self) -> None:
        # On the writing connection, SQLite only changes this number for commits of other connections.
        version = self._data_version()
        if version != self._version:
            self._version = version
            self._changed_elsewhere = True

    def _data_version(self) -> int:
        return int(self._writer.execute("PRAGMA data_version").fetchone()[0])


def _open_connections(file: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """Open the reading and the writing connection, after migrating the schema. Raises `StoreError`."""
    try:
        writer = _connect(file, _WRITER_PATIENCE)
        try:
            [mode] = writer.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise StoreError(StoreReason.NO_SHARED_MEMORY)
            # macOS: fsync alone leaves data in the drive's cache. Elsewhere this does nothing.
            writer.execute("PRAGMA fullfsync = ON")
            writer.execute(f"PRAGMA cache_size = -{_WRITER_CACHE}")
            writer.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_BETWEEN_CHECKPOINTS}")
            migrate(writer)
            _refold(writer)
            reader = _connect_reader(file)
        except BaseException:
            writer.close()
            raise
    except sqlite3.Error as error:
        raise store_error(error, file) from error
    return reader, writer


def _refold(writer: sqlite3.Connection) -> None:
    try:
        refold(writer)
    except sqlite3.OperationalError as error:
        # The disk is full, or another instance is writing: until the next start, names are found by the old
        # rules.
        logger.warning("the search texts could not be brought up to date: %s", error)


def _connect(file: Path, patience: float) -> sqlite3.Connection:
    # Connecting never creates the file: a file that was deleted must not be replaced by an empty one.
    place = f"{file.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(
        place, uri=True, timeout=patience, isolation_level=None, check_same_thread=False, factory=Connection
    )


def _connect_reader(file: Path) -> sqlite3.Connection:
    connection = _connect(file, _READER_PATIENCE)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _identities(file: Path) -> tuple[tuple[int, int] | None, ...]:
    """Return the identities of the file and its write-ahead log; SQLite names the latter by the real path."""
    real = os.path.realpath(file)
    return tuple(file_identity(f"{real}{suffix}") for suffix in ("", "-wal", "-shm"))


def _open_folder(folder: Path) -> int | None:
    """Open a folder so that it can be found after a rename; None if the system doesn't support that."""
    if os.stat not in os.supports_dir_fd:
        return None
    return os.open(folder, os.O_RDONLY)


def _identity_of(handle: int) -> tuple[int, int]:
    found = os.fstat(handle)
    return found.st_dev, found.st_ino


def _call_on_success(done: asyncio.Future[T], after: Callable[[T], None]) -> None:
    if not done.cancelled() and done.exception() is None:
        try:
            after(done.result())
        except Exception as error:  # noqa: BLE001 - called by the event loop, which would only print it
            log_unexpected("following a write", error)
