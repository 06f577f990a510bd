"""Modules that a start doesn't need are loaded later, as they cost time before the first paint."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

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
