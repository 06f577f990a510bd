"""Textual's driver for a page in a browser, as hardened as the one for terminals.

Part of what `tui.compat.textual` overrides in Textual. `tui.cli.serve` starts the program with this driver:
what is typed in the page arrives on standard input, and standard output is painted there.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from textual.drivers._byte_stream import ByteStream
from textual.drivers.web_driver import WebDriver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.message import Message


# Windows has its own driver; this makes mypy skip the rest there.
assert sys.platform != "win32"  # noqa: S101 - as above

from tui.compat.terminal_driver import TerminalInput, clamp_size  # noqa: E402 - not there on Windows


class BrowserDriver(WebDriver):
    """Reads keys from a page and never ends the app because of what it reads, or because the page is gone."""

    def write(self, data: str) -> None:
        """Paint, or drop it if the page is gone: the app is about to end."""
        with suppress(OSError):
            super().write(data)

    def write_meta(self, data: dict[str, object]) -> None:
        """Tell the page something, or drop it as above."""
        with suppress(OSError):
            super().write_meta(data)

    def run_input_thread(self) -> None:
        """Read the page's keys and sizes until the driver stops, or the page is gone."""
        packets, terminal = ByteStream(), TerminalInput()
        try:
            for data in self._input_reader:
                for kind, payload in packets.feed(data) if data else ():
                    if kind == "D":
                        self._process(terminal.feed(payload))
                    else:
                        self._on_meta(kind, payload)
                self._process(terminal.idle())
        except Exception as error:  # noqa: BLE001 - reported like any other unexpected error
            self._loop.call_soon_threadsafe(self._app._handle_exception, error)  # noqa: SLF001 - see tui.compat.textual
        finally:
            self._input_reader.close()

    def _process(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """Handle what isn't a key; a size is kept within limits."""
        if packet_type == "resize":
            width, height = payload.get("width"), payload.get("height")
            if not isinstance(width, int) or not isinstance(height, int):
                return
            width, height = clamp_size(width, height)
            payload = {**payload, "width": width, "height": height}
        super().on_meta(packet_type, payload)
