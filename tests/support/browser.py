"""A real browser for Xero's pages, and for Reshelve's own: headless Chromium, controlled through its pipe."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.terminal import PATIENCE_SECONDS, Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

CHROMIUM = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)

_SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-pipe",
)  # fmt: skip
_PATIENCE_SECONDS = 20
_SIZE = re.compile(r"width=(\d+)&height=(\d+)")
# Of a web socket's frames.
_BINARY = 2

# The browser reads commands from descriptor 3 and writes messages to 4, which may be taken on this side.
_LAUNCH = """
import os, sys
from fcntl import F_DUPFD, fcntl
reading, writing = (fcntl(int(one), F_DUPFD, 10) for one in sys.argv[1:3])
os.dup2(reading, 3)
os.dup2(writing, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class PageLeftError(Exception):
    """Another page was loaded meanwhile."""


@dataclass(slots=True)
class Tab:
    """One tab. JavaScript of the page itself stays off unless asked for; the test looks from outside."""

    commands: BinaryIO
    messages: BinaryIO
    session: str | None = None
    #: What the page said in its console, and what it was refused.
    complaints: list[str] = field(default_factory=list)
    #: The addresses of the pages that were opened from this one.
    opened: list[str] = field(default_factory=list)
    _number: int = 0
    _events: list[str] = field(default_factory=list)
    _terminal: Screen | None = None

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command of the DevTools protocol, and return its result."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self.session is not None:
            command["sessionId"] = self.session
        self.commands.write(json.dumps(command).encode() + b"\0")
        self.commands.flush()
        while True:
            message = self._receive()
            if message.get("id") == self._number:
                if "navigated" in message.get("error", {}).get("message", ""):
                    raise PageLeftError
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def open(self, address: str) -> None:
        """Open an address and wait for the page."""
        self._events.clear()
        self.send("Page.navigate", url=address)
        self._loaded()

    def text(self) -> str:
        """Return the visible text of the page."""
        return str(self._look("document.body.innerText"))

    def press(self, words: str) -> None:
        """Click the button with these words, by the mouse, and wait for the page that follows."""
        self._events.clear()
        self._click("button", words)
        self._loaded()

    def tick(self, words: str) -> None:
        """Click the label with these words, which ticks or clears its box."""
        self._click("label", words)

    def _click(self, kind: str, words: str) -> None:
        place = self._look(
            f"(() => {{const one = [...document.querySelectorAll('{kind}')]"
            f".find(b => b.innerText.trim() === {json.dumps(words)}).getBoundingClientRect();"
            "return [one.x + one.width / 2, one.y + one.height / 2]})()"
        )
        for event in ("mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent", type=event, x=place[0], y=place[1], button="left", clickCount=1
            )

    # --- a terminal in the page, whose screen is known by what arrives at its web socket ---

    @property
    def terminal(self) -> str:
        """What the terminal in the page shows."""
        return "" if self._terminal is None else self._terminal.text

    def until_shown(self, words: str, *, seconds: float = PATIENCE_SECONDS) -> str:
        """Wait until the terminal in the page shows these words, and return all that it shows."""
        return self.until(lambda: words in self.terminal, words, seconds=seconds)

    def until(self, condition: Callable[[], bool], wanted: str, *, seconds: float = PATIENCE_SECONDS) -> str:
        """Wait for a condition while the browser keeps running."""
        ends_at = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends_at, f"no {wanted} in:\n{self.terminal}\n{self.complaints}"
            with suppress(PageLeftError):
                self.look_later("0")
        return self.terminal

    def type(self, text: str) -> None:
        """Press the keys of a text in the page; a line feed is Enter, an escape Esc."""
        for char in text:
            key, code = {"\n": ("Enter", 13), "\x1b": ("Escape", 27)}.get(char, (char, 0))
            typed = {"\n": "\r", "\x1b": ""}.get(char, char)
            pressed = {"key": key, "windowsVirtualKeyCode": code or ord(char.upper())}
            self.send(
                "Input.dispatchKeyEvent", type="keyDown" if typed else "rawKeyDown", text=typed, **pressed
            )
            self.send("Input.dispatchKeyEvent", type="keyUp", **pressed)

    def look_later(self, expression: str) -> Any:
        """Return the value of an expression a moment later, or of its promise."""
        promise = f"new Promise(go => setTimeout(go, 50)).then(() => {expression})"
        return self.send("Runtime.evaluate", expression=promise, returnByValue=True, awaitPromise=True)[
            "result"
        ].get("value")

    def _look(self, expression: str) -> Any:
        return self.send("Runtime.evaluate", expression=expression, returnByValue=True)["result"]["value"]

    def _loaded(self) -> None:
        while "Page.loadEventFired" not in self._events:
            self._receive()

    def _receive(self) -> dict[str, Any]:
        collected = bytearray()
        while (byte := self.messages.read(1)) != b"\0":
            assert byte, "the browser is gone"
            collected += byte
        message: dict[str, Any] = json.loads(collected)
        if "method" in message:
            self._events.append(message["method"])
            self._note(message["method"], message.get("params", {}))
        return message

    def _note(self, event: str, values: dict[str, Any]) -> None:
        if event == "Network.webSocketCreated" and (size := _SIZE.search(values["url"])):
            self._terminal = Screen(int(size[1]), int(size[2]))
        elif event == "Network.webSocketFrameReceived" and values["response"]["opcode"] == _BINARY:
            assert self._terminal is not None
            self._terminal.feed(base64.b64decode(values["response"]["payloadData"]))
        elif event in {"Log.entryAdded", "Runtime.exceptionThrown"}:
            self.complaints.append(json.dumps(values))
        elif event == "Page.windowOpen":
            self.opened.append(values["url"])


@contextmanager
def open_tab(profile: Path, *, has_scripts: bool = False) -> Iterator[Tab]:
    """Start the browser with a new profile, and end both with the block.

    The profile goes, as a browser's history holds every address it was at, the code of a sign-in included.
    """
    assert CHROMIUM is not None
    to_browser, commands = os.pipe()
    messages, from_browser = os.pipe()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _LAUNCH,
            str(to_browser),
            str(from_browser),
            CHROMIUM,
            *_SWITCHES,
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        pass_fds=(to_browser, from_browser),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    with os.fdopen(commands, "wb") as writing, os.fdopen(messages, "rb") as reading:
        try:
            tab = Tab(writing, reading)
            target = tab.send("Target.createTarget", url="about:blank")["targetId"]
            attached = tab.send("Target.attachToTarget", targetId=target, flatten=True)
            tab.session = attached["sessionId"]
            tab.send("Page.enable")
            if has_scripts:
                for domain in ("Network", "Log", "Runtime"):
                    tab.send(f"{domain}.enable")
            else:
                tab.send("Emulation.setScriptExecutionDisabled", value=True)
            yield tab
            tab.session = None
            # Asked to close, its child processes end too; killed, it would leave them behind.
            tab.send("Browser.close")
            process.wait(timeout=_PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(profile, ignore_errors=True)
