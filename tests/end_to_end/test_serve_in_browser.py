"""The main job in a browser: `reshelve serve`, a process of the program, and a page in headless Chromium."""

from __future__ import annotations

import http.server
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest
from support.browser import CHROMIUM, Tab, open_tab
from support.demo import environment
from support.terminal import arguments, gone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.timeout(240),
]
_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Served:
    """A server with the practice Xero, and its link."""

    process: subprocess.Popen[str]
    link: str

    def programs(self) -> list[psutil.Process]:
        """Return the processes of the pages that are open."""
        return [one for one in psutil.Process(self.process.pid).children() if "--join" in arguments(one)]

    def until_programs(self, count: int) -> None:
        """Wait until so many pages have a process."""
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while len(self.programs()) != count:
            assert time.monotonic() < ends_at, self.programs()


@contextmanager
def served(home: Path) -> Iterator[Served]:
    command = [sys.executable, "-m", "tui", "serve", "--demo", "--port", "0"]
    with subprocess.Popen(
        command,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            link = process.stdout.readline().strip()
            assert link.startswith("http://127.0.0.1:"), process.stderr.read()
            yield Served(process, link)
        finally:
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=_PATIENCE_SECONDS)
        assert process.returncode == 0
        assert output == ""
        assert errors.count("\n") == 1, errors


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    with open_tab(tmp_path / "profile", has_scripts=True) as one:
        one.send(
            "Emulation.setDeviceMetricsOverride", width=1280, height=800, deviceScaleFactor=1, mobile=False
        )
        yield one


def test_a_contact_is_archived_in_the_browser(tmp_path: Path, tab: Tab) -> None:
    with served(tmp_path / "home") as server:
        tab.open(server.link)
        tab.until_shown("All 1,600")
        assert "PRACTICE" in tab.terminal
        tab.type("/hilltop law\n")
        tab.until_shown("1 of 1,600")
        tab.type("a")
        tab.until_shown("Check Re-Leased first")
        tab.until(lambda: "Checking with Xero" not in tab.terminal, "result of the check")
        tab.type("y")
        tab.until_shown("◷ Pending sync")
        tab.until_shown("1 archived")
        # Its page in Xero, as a tab beside this one.
        tab.type("o")
        tab.until_shown("Opened in a new tab")
        tab.until(lambda: bool(tab.opened), "new tab")
        assert "/contacts/contact/" in tab.opened[0]
        tab.type("Y")
        tab.until_shown(f"Copied: {tab.opened[0]}")
        problems = [one for one in tab.complaints if '"level": "error"' in one or "exception" in one]
        assert problems == []


def test_pages_and_programs_end_together(tmp_path: Path, tab: Tab) -> None:
    with served(tmp_path / "home") as server:
        tab.open(server.link)
        tab.until_shown("All 1,600")
        server.until_programs(1)
        # Loaded again: the old program ends, and another starts.
        [old] = server.programs()
        tab.open(server.link)
        tab.until_shown("All 1,600")
        assert gone([old])
        server.until_programs(1)
        tab.type("q")
        tab.until(lambda: "Start again" in tab.text(), "end of the page")
        server.until_programs(0)
        tab.open(server.link)
        tab.until_shown("All 1,600")
        server.until_programs(1)
        [last] = server.programs()
    tab.until(lambda: "Start again" in tab.text(), "end of the page")
    assert gone([last])


@contextmanager
def another_site(page: str) -> Iterator[str]:
    """Serve a page of another origin on this computer; returns its address."""

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_port}/"
        site.shutdown()


def test_another_page_in_the_same_browser_can_not_use_it(tmp_path: Path, tab: Tab) -> None:
    # The page even knows the link.
    with served(tmp_path / "home") as server, another_site(f'<iframe src="{server.link}"></iframe>') as site:
        tab.open(site)
        tab.until(
            lambda: any("frame-ancestors" in one for one in tab.complaints), "complaint about the frame"
        )
        address = server.link.replace("http://", "ws://") + "ws?width=80&height=24"
        script = f"""new Promise(tell => {{
            const one = new WebSocket({address!r});
            one.onopen = () => tell("open");
            one.onerror = () => tell("refused");
        }})"""
        assert tab.look_later(script) == "refused"
        assert any("Unexpected response code: 403" in one for one in tab.complaints), tab.complaints
        assert server.programs() == []
