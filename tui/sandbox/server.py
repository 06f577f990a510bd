"""All routes of the practice services on one port.

Opens the data, binds the port, prints one line of JSON, and serves until stopped.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sqlite3
import sys
import threading
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tui.sandbox import controls, database, xero_pages
from tui.sandbox.accounting import routes as accounting
from tui.sandbox.books import Books
from tui.sandbox.context import Clock, CountCache, SandboxServices
from tui.sandbox.database import SandboxDatabase
from tui.sandbox.faults import FaultMiddleware, Faults
from tui.sandbox.oauth import endpoints
from tui.sandbox.oauth.tokens import CLIENT_ID, SCOPE_WITH_ACTIVITY, TokenIssuer
from tui.sandbox.rate_limits import RateLimits
from tui.sandbox.re_leased import endpoints as released
from tui.sandbox.re_leased import unified
from tui.sandbox.re_leased.company import Companies
from tui.sandbox.re_leased.unified import CONNECTION_ID, UnifiedApi, company_id
from tui.sandbox.request_log import CallCounter, RequestLog
from tui.sandbox.responses import RequestLimit
from tui.sandbox.sample_data import seed
from tui.system.locks import FileLock
from tui.system.log import log_to, logger
from tui.system.paths import private_folder
from tui.system.platform import STOP_SIGNALS, on_signals

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send


_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# A reverse proxy may serve the real names; controls stay on loopback nevertheless.
_XERO = frozenset({"login.xero.com", "identity.xero.com", "api.xero.com", "go.xero.com"})
# These need a token, a code or a secret, which other pages don't have, or return public data.
_OPEN = (
    "/api.xro/", "/connect/", "/connections", "/Connections", "/.well-known/", "/accounting/", "/unified/",
)  # fmt: skip
_CONTROLS = ("/practice/", "/released/")


class HostGuard:
    """ASGI middleware that returns 403 to requests from other web pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on or refuse it."""
        if scope["type"] == "http":
            refusal = _refusal(scope["path"], Headers(scope=scope))
            if refusal is not None:
                await PlainTextResponse(refusal, 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refusal(path: str, headers: Headers) -> str | None:
    if path.startswith(_OPEN):
        return None
    host = headers.get("host", "")
    names = _LOOPBACK if path.startswith(_CONTROLS) else _LOOPBACK | _XERO
    if _name(f"//{host}") not in names:
        return "The practice Xero and Re-Leased are available on 127.0.0.1 and localhost only.\n"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "Refused: this request came from another web page. Nothing was changed.\n"
    return None


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


_IDENTITY = [
    Route("/identity/connect/authorize", endpoints.authorize, methods=["GET"]),
    Route("/identity/connect/authorize", endpoints.decide, methods=["POST"]),
    Route("/identity/error", endpoints.error, methods=["GET"]),
    Route("/identity/apps", endpoints.show, methods=["GET"]),
    Route("/identity/apps/{id}", endpoints.disconnect_organisation, methods=["POST"]),
    Route(endpoints.CONFIGURATION, endpoints.configuration, methods=["GET"]),
    Route(endpoints.KEYS, endpoints.keys, methods=["GET"]),
    Route("/connect/token", endpoints.token, methods=["POST"]),
    Route("/connect/userinfo", endpoints.userinfo, methods=["GET", "POST"]),
    Route("/connect/revocation", endpoints.revocation, methods=["POST"]),
    Route("/connections", endpoints.connections, methods=["GET"]),
    # The spelling of Xero's own SDKs, which the live service accepts as well.
    Route("/Connections", endpoints.connections, methods=["GET"]),
    Route("/Connections/{id}", endpoints.disconnect, methods=["DELETE"]),
    Route("/connections/{id}", endpoints.disconnect, methods=["DELETE"]),
]


def application(services: SandboxServices) -> Starlette:
    """Create the practice services.

    The server adds `app.state.drop`, which closes the connection of a request without a response.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        services.companies.start()
        yield
        await services.companies.stop()

    app = Starlette(
        routes=[
            *accounting.ROUTES,
            *_IDENTITY,
            *xero_pages.ROUTES,
            *released.ROUTES,
            *unified.ROUTES,
            *controls.ROUTES,
        ],
        middleware=[
            Middleware(HostGuard),
            Middleware(RequestLimit),
            Middleware(FaultMiddleware),
            # Fast compression: a page of a thousand contacts mustn't take longer because of it.
            Middleware(GZipMiddleware, compresslevel=1),
        ],
        lifespan=lifespan,
    )
    # Xero doesn't redirect either: a URL is correct or not found.
    app.router.redirect_slashes = False
    app.state.practice = services
    return app


_HOST = "127.0.0.1"
_FILE = "practice.sqlite"
_LINGER_SECONDS = 1
# Longer than any pause of a polling client, so that a reused connection was never just closed.
_KEEP_ALIVE_SECONDS = 75
_SIGNALS = (signal.SIGINT, *STOP_SIGNALS)
_PRIVATE = 0o077


class CannotStartError(Exception):
    """The sandbox can't start; the message has the reason and what to do."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Server options: `contacts` in the first organisation, durations in seconds, limits in calls."""

    data: Path
    port: int = 0
    contacts: int = 1600
    cycle: float = 45.0
    fresh: bool = False
    minute_limit: int = 60
    day_limit: int = 5000
    sync_seconds: float = 2.0
    exit_with_parent: bool = False


def run(options: ServerOptions) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises `CannotStartError` if the data or port is in use, and `CannotLockError`.
    """
    folder = private_folder(options.data)
    lock = FileLock(folder / "lock")
    if not lock.acquire():
        raise CannotStartError(
            f"Another sandbox is running on {folder}, perhaps a demo. "
            "Close it, or choose another folder with --data."
        )
    umask = os.umask(_PRIVATE)
    try:
        _log_beside(folder)
        with closing(_bind(options.port)) as listening, closing(_open(folder / _FILE, options)) as data:
            asyncio.run(_serve(_build_services(data, options), listening, options))
    finally:
        os.umask(umask)
        lock.release()


def _log_beside(folder: Path) -> None:
    """Log to a file, because an app may be using the terminal."""
    log_to(folder, "sandbox.log")
    for name in ("uvicorn.error", "asyncio"):
        logging.getLogger(name).parent = logger
        logging.getLogger(name).setLevel(logging.WARNING)


def _bind(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Allows a restart on the same port at once. Windows doesn't need it, and there the option would let two
    # servers share a port.
    if sys.platform != "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
    except OSError as error:
        raise CannotStartError(f"Can't use port {port} on {_HOST}: {error.strerror}.") from None
    return listening


def _open(file: Path, options: ServerOptions) -> SandboxDatabase:
    if options.fresh:
        database.remove(file)
    try:
        if not file.exists():
            seed(file, options.contacts)
        data = SandboxDatabase(file)
        is_current = data.value("SELECT 1 FROM sqlite_master WHERE name = 're_leased_contacts'")
    except sqlite3.Error as error:
        raise CannotStartError(f"Can't use {file}: {error}. Use --fresh to start over.") from None
    if not is_current:
        data.close()
        raise CannotStartError(f"{file} was made by an earlier version. Use --fresh to start over.")
    seeded = int(data.get_meta("contacts") or 0)
    if seeded != options.contacts:
        sys.stderr.write(
            f"Using existing practice data, created with --contacts {seeded}. Use --fresh to start over.\n"
        )
    return data


def _build_services(data: SandboxDatabase, options: ServerOptions) -> SandboxServices:
    clock = Clock()
    books, limits = Books(data, clock), RateLimits(minute=options.minute_limit, day=options.day_limit)
    return SandboxServices(
        database=data,
        clock=clock,
        books=books,
        count_cache=CountCache(data),
        tokens=TokenIssuer(data, clock),
        limits=limits,
        call_counter=CallCounter(limits),
        faults=Faults(),
        request_log=RequestLog(clock),
        companies=Companies(data, clock, books, options.cycle, options.sync_seconds),
        unified=UnifiedApi.load(data),
    )


class _Server(uvicorn.Server):
    """Announces when it is ready; exits with code 0 on a signal."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        on_signals(_SIGNALS, self.stop)
        yield

    def stop(self) -> None:
        """Stop; on the second call, don't wait for open requests."""
        self.force_exit = self.should_exit
        self.should_exit = True

    def drop(self, scope: Scope, *, is_graceful: bool) -> None:
        """Close the connection of a request, as a failing network would.

        A graceful close still delivers the part of the response that was sent.
        """
        for connection in self.server_state.connections:
            # Every HTTP protocol has both; uvicorn's type also covers others.
            if getattr(connection, "client", None) == scope["client"] and connection.transport is not None:
                end = connection.transport.close if is_graceful else connection.transport.abort
                end()


async def _serve(services: SandboxServices, listening: socket.socket, options: ServerOptions) -> None:
    app = application(services)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Dated in `fault_middleware.py`, by a clock that can be set wrong.
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_LINGER_SECONDS,
    )
    server = _Server(config, lambda: _announce(services, listening.getsockname()[1]))
    app.state.drop = server.drop
    if options.exit_with_parent:
        _stop_at_end_of_input(server)
    await server.serve(sockets=[listening])


def _announce(services: SandboxServices, port: int) -> None:
    base = f"http://{_HOST}:{port}"
    line = {
        "login": base,
        "identity": base,
        "api": base,
        "pages": base,
        "released": f"{base}/released",
        "unified": {"url": base, "connection_id": CONNECTION_ID, "api_key": services.unified.api_key},
        "client_id": CLIENT_ID,
        "refresh_token": services.tokens.issue_refresh_token(),
        "refresh_token_with_activity": services.tokens.issue_refresh_token(SCOPE_WITH_ACTIVITY),
        "organisations": [
            {
                "tenantId": organisation.tenant_id,
                "tenantName": organisation.name,
                "shortCode": organisation.short_code,
                "companyId": company_id(organisation.org),
            }
            for organisation in services.books.organisations
        ],
    }
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _stop_at_end_of_input(server: _Server) -> None:
    """Stop if the parent was killed: standard input closes."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(server.stop)

    threading.Thread(target=wait, daemon=True).start()
