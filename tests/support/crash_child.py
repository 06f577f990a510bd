"""The real program with places to die in: `python -P -m support.crash_child <arguments of reshelve>`.

The program knows nothing of this. Its functions are wrapped before it starts, and each wrapper compares
where it is with the order in a file: at the ordered point, reached for the ordered time, the process kills
itself as `kill -9` does.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from support.crash_points import ORDERS, REACHED, UNDER_WAY, Point

from tui.engine import outbox as push_module
from tui.model.change import Transition
from tui.screens import navigation
from tui.store import database as database_module
from tui.store.change_repository import ChangeRepository
from tui.store.database import Database
from tui.store.evidence_queries import EvidenceQueries
from tui.store.maintenance import file_ops
from tui.store.maintenance import repair as upkeep_module
from tui.store.store import Store
from tui.xero.auth.token_store import FileTokenStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from tui.store.store import TransitionRequest

_WRITING = ("BEGIN", "INSERT", "UPDATE", "DELETE", "CREATE", "COMMIT")
# The change log is copied table by table: some are there by then, some aren't.
_HALF_A_BACKUP = "INSERT INTO main.transitions"
_ACCOUNTING = "/api.xro/"
_METHODS: Mapping[tuple[type, str], str] = {
    (ChangeRepository, "add"): "request",
    (ChangeRepository, "pause"): "pause",
    (EvidenceQueries, "record_synced"): "evidence",
    (ChangeRepository, "retry"): "retry",
    (Store, "save_contacts"): "page",
    (Store, "set_sync_state"): "cursor",
}
_MOVES = (
    (Transition.SEND, "send"),
    (Transition.REPLY_LOST, "doubt"),
    (Transition.AWAIT_USER, "hand_off"),
    (Transition.CANCEL, "cancel"),
)

# Each task's current call of the store and last request to Xero.
_writing: ContextVar[str] = ContextVar("writing", default="")
_called: ContextVar[str] = ContextVar("called", default="")


class _Orders:
    """The current order, and how often its point was reached since."""

    def __init__(self) -> None:
        self._file = Path(os.environ[ORDERS])
        self._reached_file = Path(os.environ[REACHED])
        self._lock = threading.Lock()
        self._order = ""
        self._times = 0

    def reached(self, point: Point) -> None:
        """Kill the process here, if ordered."""
        try:
            order = self._file.read_text()
        except FileNotFoundError:
            return
        with self._lock:
            if order != self._order:
                self._order, self._times = order, 0
            wanted, _, nth = order.rpartition(" ")
            if wanted != point:
                return
            self._times += 1
            if self._times == int(nth):
                self._reached_file.write_text(order)
                os.kill(os.getpid(), signal.SIGKILL)


_orders = _Orders()


def _reached(what: str, step: str) -> None:
    name = f"{what}_{step}".upper()
    if name in Point.__members__:
        _orders.reached(Point[name])


def _statement(sql: str) -> None:
    if sql.lstrip().upper().startswith(_WRITING):
        _orders.reached(Point.STATEMENT)
    if sql.startswith(_HALF_A_BACKUP):
        _orders.reached(Point.BACKUP_HALF)


def _statement_of_first_start(sql: str) -> None:
    _statement(sql)
    if sql.lstrip().upper().startswith((*_WRITING, "PRAGMA USER_VERSION =")):
        _orders.reached(Point.MIGRATION)


def _wrap(owner: Any, name: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace a function by one that calls it."""
    original = getattr(owner, name)
    setattr(owner, name, wraps(original)(wrapper(original)))


def _traced_connect(connect: Callable[..., Any]) -> Callable[..., Any]:
    def connect_traced(*args: Any, **kwargs: Any) -> Any:
        connection = connect(*args, **kwargs)
        connection.set_trace_callback(_statement)
        return connection

    return connect_traced


def _traced_migrate(migrate: Callable[..., Any]) -> Callable[..., Any]:
    def migrate_traced(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(_statement_of_first_start)
        migrate(connection)
        connection.set_trace_callback(_statement)

    return migrate_traced


def _name_writes() -> None:
    """Say what a transaction is for: by the method of the store, and by the moves it records."""
    for (owner, method), kind in _METHODS.items():
        _wrap(owner, method, _named(lambda *_, kind=kind, **__: kind))
    _wrap(ChangeRepository, "undo", _named(lambda _, plan, *__, **___: plan.kind.value))
    _wrap(Store, "record_transitions", _named(lambda _, moves, *__, **___: _kind_of(moves)))


def _kind_of(moves: Sequence[TransitionRequest]) -> str:
    transitions = {move.transition for move in moves}
    for transition, kind in _MOVES:
        if transition in transitions:
            return kind
    return "verdict" if _called.get() == "reading" else "answer"


def _named(name: Callable[..., str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def wrapper(method: Callable[..., Any]) -> Callable[..., Any]:
        async def named(*args: Any, **kwargs: Any) -> Any:
            before = _writing.set(name(*args, **kwargs))
            try:
                return await method(*args, **kwargs)
            finally:
                _writing.reset(before)

        return named

    return wrapper


def _watched_write(write: Callable[..., Any]) -> Callable[..., Any]:
    async def watched(self: Database, work: Callable[[sqlite3.Connection], Any], **kwargs: Any) -> Any:
        kind = _writing.get()

        def watched_work(connection: sqlite3.Connection) -> Any:
            done = work(connection)
            _reached(kind, "written")
            return done

        _reached(kind, "before")
        done = await write(self, watched_work, **kwargs)
        _reached(kind, "committed")
        return done

    return watched


def _watched_step(before: Point | None, after: Point) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Watch a function that blocks."""

    def wrapper(function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            if before is not None:
                _orders.reached(before)
            done = function(*args, **kwargs)
            _orders.reached(after)
            return done

        return watched

    return wrapper


def _watched_call(handle: Callable[..., Any]) -> Callable[..., Any]:
    async def watched(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> Any:
        kind = _kind_of_call(request)
        _called.set(kind)
        _reached(kind, "before")
        if kind == "call":
            request.stream = _Dripping(request.content)
        response = await handle(self, request)
        _reached(kind, "answered")
        return response

    return watched


def _kind_of_call(request: httpx.Request) -> str:
    if not request.url.path.startswith(_ACCOUNTING):
        return "other"
    if request.method == "POST":
        return "call"
    return "reading" if "IDs" in request.url.params else "page"


class _Dripping(httpx.AsyncByteStream):
    """A body sent in two halves: when the second is requested, the first is on the wire."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        middle = len(self._content) // 2
        yield self._content[:middle]
        _orders.reached(Point.CALL_HALF)
        yield self._content[middle:]
        _orders.reached(Point.CALL_SENT)


def main() -> None:
    """Wrap the functions, then run the program."""
    push_module.MAX_CALL_DURATION = UNDER_WAY  # type: ignore[misc]
    # Most starts end before another screen is opened, and importing all of them is a quarter of a start.
    navigation.preload = lambda *_: None
    _wrap(sqlite3, "connect", _traced_connect)
    _wrap(database_module, "migrate", _traced_migrate)
    _name_writes()
    _wrap(Database, "write", _watched_write)
    _wrap(httpx.AsyncHTTPTransport, "handle_async_request", _watched_call)
    _wrap(httpx.HTTPTransport, "handle_request", _watched_step(None, Point.TOKEN_ASKED))
    _wrap(FileTokenStore, "save", _watched_step(Point.TOKEN_BEFORE, Point.TOKEN_STORED))
    _wrap(file_ops, "copy_change_log", _watched_step(None, Point.BACKUP_WRITTEN))
    _wrap(upkeep_module, "back_up", _watched_step(Point.BACKUP_BEFORE, Point.BACKUP_COMMITTED))
    from tui.cli import main as program  # noqa: PLC0415 - after the wrapping

    sys.argv[0] = "reshelve"
    program()


if __name__ == "__main__":
    main()
