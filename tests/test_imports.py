"""Modules that a start doesn't need are loaded later, as they cost time before the first paint."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = {
    "httpx",
    "httpcore",
    "authlib",
    "keyring",
    "cryptography",
    "starlette",
    "uvicorn",
    "tui.xero.client",
}
SELDOM_NEEDED = {
    "tui.app.key_editor",
    "tui.app.keymap",
    "tui.widgets.moving",
    "filelock",
    "tomllib",
    "tomli_w",
    "zoneinfo",
    "tui.engine.comparison",
    "tui.engine.contact_sync",
    "tui.engine.outbox",
    "tui.model.comparison",
    "tui.model.qualifiers",
    "python_calamine",
    "rapidfuzz",
    "tui.re_leased.feed",
    "tui.re_leased.source",
    "tui.re_leased.unified",
    "tui.store.maintenance.merge_change_log",
    "tui.store.search.filter_cache",
    "tui.store.search.filtering",
    "tui.xero.auth.token_store",
    "tui.xero.auth.tokens",
}
SCREENS = {
    "tui.screens.changes.changes",
    "tui.screens.compare.compare",
    "tui.screens.connect.connect",
    "tui.screens.connect.welcome",
    "tui.screens.contact",
    "tui.screens.contact_format",
    "tui.screens.dialogs.help",
    "tui.screens.dialogs.keys",
    "tui.screens.manual_restores",
    "tui.screens.preview",
    "tui.screens.re_leased.troubleshoot",
    "tui.screens.tenancy.tenant_groups",
}


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        (
            "tui.cli.launch, tui.app.app, tui.engine.account",
            NETWORK | SELDOM_NEEDED | SCREENS | {"tui.sandbox"},
        ),
        ("tui.app.app", {"sqlite3", "tui.engine", "tui.store", "tui.xero"}),
        ("tui.cli.launch", {"textual"}),
        ("tui.engine.account", {"textual"}),
        ("tui.model.services", {"sqlite3", "asyncio", "tui.store", "tui.xero"}),
        ("tui.cli", {"textual", "msgspec", "sqlite3", "platformdirs", "tui.cli.launch"}),
    ],
)
def test_imports_load_only_what_they_need(modules: str, unwanted: set[str]) -> None:
    program = f"import json, sys, {modules}\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not unwanted & set(json.loads(done.stdout))


def test_the_version_is_told_without_loading_the_program() -> None:
    program = (
        "import json, sys\n"
        "sys.argv = ['reshelve', '--version']\n"
        "from tui.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    ours = {name for name in loaded if name.split(".")[0] == "tui"}
    assert ours == {"tui", "tui.cli", "tui.cli.exit_codes", "tui.cli.shared_options"}
    assert not {"asyncio", "dataclasses", "importlib.metadata", "logging", "msgspec", "sqlite3"} & loaded


def test_navigation_finds_every_screen() -> None:
    program = (
        "from tui.screens import navigation\n"
        "navigation._PAUSE = 0\n"
        "navigation.preload()\n"
        "for name in navigation.__all__: assert getattr(navigation, name).__name__ == name\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_first_request_to_xero_imports_nothing_on_the_event_loops_thread(tmp_path: Path) -> None:
    program = f"""
import asyncio, sys, threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tui.engine.engine_factory import ClientFactory
from tui.model.contact import Organisation
from tui.settings import Settings, XeroSettings
from tui.system.paths import Paths
from tui.xero.auth.token_store import FileTokenStore, Tokens

class Xero(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{{"HistoryRecords": []}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass

class Watch:
    def find_spec(name, path=None, target=None):
        # It is looked for each time, in vain: it is optional.
        if threading.current_thread() is threading.main_thread() and name != "sniffio":
            print(name)

server = HTTPServer(("127.0.0.1", 0), Xero)
threading.Thread(target=server.serve_forever, daemon=True).start()
paths = Paths.under(Path({str(tmp_path)!r}))
paths.token_file("client").parent.mkdir(parents=True)
FileTokenStore(paths.token_file("client")).save(
    Tokens(
        access_token="a", refresh_token="b", client_id="client", expires_at=datetime(2100, 1, 1, tzinfo=UTC)
    )
)
api = f"http://127.0.0.1:{{server.server_port}}"

async def main():
    settings = Settings(xero=XeroSettings(api_url=api, token_store="file"))
    clients = ClientFactory(settings, paths, Organisation("tenant", "Demo", "!x", sign_in="client"))
    await clients.open()
    sys.meta_path.insert(0, Watch)
    await clients.xero.history("00000000-0000-0000-0000-000000000000")
    sys.meta_path.remove(Watch)
    await clients.close()

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
