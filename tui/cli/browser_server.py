"""Serves the program to browsers: a page, and a process of the program for each page that is open.

Whoever can send keys to the program can do what its user can do. So every address contains a random key,
which only the link has that is shown at the start. Requests with an unknown `Host` are refused, as another
site could have its name lead here (DNS rebinding), and so are those with the `Origin` of another page:
browsers let any page open web sockets to anywhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import secrets
import socket
import sys
from contextlib import suppress
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any, Final

import textual_serve
from aiohttp import WSCloseCode, WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from aiohttp.typedefs import Handler

#: Each is a process with tens of megabytes.
MOST_PAGES: Final = 16
_MOST_MESSAGE_BYTES: Final = 200_000
_HEARTBEAT_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 10.0
_HOST: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+))(?::[0-9]{1,5})?", re.ASCII)
_USUAL_SIZE: Final = (80, 24)
_MOST_CELLS: Final = 2_000
_HEADERS: Final = {
    # Nothing is loaded from anywhere else. The terminal in the page makes its styles as it goes.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self' {socket}; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    # Other pages get no hold of this one, and don't learn its address, which has the key.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


class _Program(AppService):
    """One process of the program, whose page is closed when it ends, for whatever reason."""

    async def run(self) -> None:
        """Pass on what the program paints until it ends."""
        await super().run()
        await self.remote_close()

    async def end(self) -> None:
        """Ask the program to end, and wait for that a while."""
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self.stop()
                if self._process is not None:
                    await self._process.wait()
        except TimeoutError:
            logger.warning("a program that was asked to end didn't, and is killed")
            if self._process is not None:
                self._process.kill()


class BrowserServer:
    """Serves `command` to browsers. `names` are the host names it is reached by, in lower case.

    An address as a host name is always accepted: only names can be made to lead here.
    """

    def __init__(self, command: str, names: Collection[str]) -> None:
        self._command = command
        self._names = frozenset(names)
        self._key = secrets.token_urlsafe(24)
        ours = files("tui.cli")
        self._page = Template((ours / "page.html").read_text("utf-8"))
        self._script = (ours / "page.js").read_text("utf-8")
        self._downloads = DownloadManager()
        self._sockets: set[web.WebSocketResponse] = set()

    @property
    def path(self) -> str:
        """The path of the page, with the key."""
        return f"/{self._key}/"

    def app(self) -> web.Application:
        """Return the application to serve."""
        static = files(textual_serve) / "static"
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get(self.path, self._show_page),
                web.get(f"{self.path}page.js", self._show_script),
                web.get(f"{self.path}ws", self._run_program),
                web.static(f"{self.path}static", str(static)),
            ]
        )
        app.on_shutdown.append(self._close_pages)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what doesn't come from our own page, and protect that from other pages."""
        host = request.headers.get("Host", "")
        origin = request.headers.get("Origin")
        is_socket = request.headers.get("Upgrade") is not None
        if not self._is_known(host):
            refusal = "Reshelve isn't served under this name."
        elif origin not in ({f"http://{host}"} if is_socket else {None, f"http://{host}"}):
            refusal = "Only Reshelve's own page can use it."
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                error.headers.update(_headers(host))
                raise
            if not response.prepared:
                response.headers.update(_headers(host))
            return response
        raise web.HTTPForbidden(text=refusal)

    def _is_known(self, host: str) -> bool:
        """Whether the `Host` of a request is a name of ours, or an address."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1] or found[2]
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.casefold() in self._names
        return True

    async def _show_page(self, request: web.Request) -> web.Response:
        page = self._page.substitute(socket=f"ws://{request.host}{self.path}ws")
        return web.Response(text=page, content_type="text/html")

    async def _show_script(self, _: web.Request) -> web.Response:
        return web.Response(text=self._script, content_type="text/javascript")

    async def _run_program(self, request: web.Request) -> web.StreamResponse:
        if len(self._sockets) >= MOST_PAGES:
            raise web.HTTPServiceUnavailable(text="Too many pages are open. Close one.")
        page = web.WebSocketResponse(heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_MOST_MESSAGE_BYTES)
        self._sockets.add(page)
        try:
            await page.prepare(request)
            program = _Program(
                self._command,
                write_bytes=_until_closed(page.send_bytes),
                write_str=_until_closed(page.send_str),
                close=_until_closed(page.close),
                download_manager=self._downloads,
            )
            await program.start(*_size(dict(request.query), _USUAL_SIZE))
            try:
                await _pass_on(page, program)
            finally:
                await program.end()
        finally:
            self._sockets.discard(page)
        return page

    async def _close_pages(self, _: web.Application) -> None:
        pages = list(self._sockets)
        await asyncio.gather(*(page.close(code=WSCloseCode.GOING_AWAY) for page in pages))


def _headers(host: str) -> dict[str, str]:
    return {name: value.replace("{socket}", f"ws://{host}") for name, value in _HEADERS.items()}


def _until_closed(write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[None]]:
    """Return the same function, which does nothing once the page is closed."""

    async def write_unless_closed(*arguments: Any) -> None:
        with suppress(ConnectionError, RuntimeError):
            await write(*arguments)

    return write_unless_closed


def _size(values: object, otherwise: tuple[int, int]) -> tuple[int, int]:
    """Read a size in cells, within limits."""
    if not isinstance(values, dict):
        return otherwise
    try:
        width, height = (min(max(int(values[name]), 1), _MOST_CELLS) for name in ("width", "height"))
    except (KeyError, TypeError, ValueError, OverflowError):
        return otherwise
    return width, height


async def _pass_on(page: web.WebSocketResponse, program: AppService) -> None:
    """Pass on what the page sends until it is closed; what the page doesn't send is ignored."""
    async for message in page:
        if message.type is not WSMsgType.TEXT:
            continue
        match _envelope(message):
            case ["stdin", str(typed)]:
                # Half a character, as a hostile clipboard may have it, isn't text.
                await program.send_bytes(typed.encode("utf-8", "ignore"))
            case ["resize", values]:
                await program.set_terminal_size(*_size(values, _USUAL_SIZE))
            case ["ping", sent]:
                await page.send_json(["pong", sent])
            case ["blur", *_]:
                await program.blur()
            case ["focus", *_]:
                await program.focus()
            case _:
                logger.info("the page sent something unknown")


def _envelope(message: Any) -> object:
    try:
        return message.json()
    except (ValueError, RecursionError):
        return None


def bind(host: str, port: int) -> socket.socket:
    """Open the socket to serve on. Raises `OSError`."""
    [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    bound = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":
            # A port is free again at once; on Windows, this would let two programs have it.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except BaseException:
        bound.close()
        raise
    return bound


def run(server: BrowserServer, bound: socket.socket) -> None:
    """Serve until interrupted; the programs are then asked to end. Blocks."""
    # No access log: it would have the key.
    web.run_app(server.app(), sock=bound, print=None, access_log=None, shutdown_timeout=_STOP_SECONDS)
