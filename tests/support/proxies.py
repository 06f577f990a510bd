"""Proxies on loopback. Whatever the requested host, they connect to one port of this computer."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOCKS_GREETING = b"\x05\x00"
SOCKS_DONE = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


@contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve every connection in its own thread, and return host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # the listener was shut down
                threading.Thread(target=_talk, args=(talk, connection), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def answering(reply: bytes) -> Callable[[socket.socket], None]:
    """Send the same reply to any request, and hang up."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(reply)

    return talk


def connecting_to(port: int) -> Callable[[socket.socket], None]:
    """Act as an HTTP proxy with CONNECT."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        _tunnel(connection, port)

    return talk


def socks_to(port: int) -> Callable[[socket.socket], None]:
    """Act as a SOCKS proxy, version 5."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(SOCKS_GREETING)
        connection.recv(65_536)
        connection.sendall(SOCKS_DONE)
        _tunnel(connection, port)

    return talk


def _talk(talk: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection, suppress(OSError):
        talk(connection)


def _tunnel(client: socket.socket, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as server:
        back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
        back.start()
        _pass_on(client, server)
        back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65_536):
            sink.sendall(received)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
