"""`reshelve demo` in a terminal, and its files."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
from support.practice import http
from support.terminal import Terminal

from tui.model.change import State
from tui.settings import load
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_OURS = ("RESHELVE_", "TEXTUAL", "PYTEST_", "COLUMNS", "LINES", "NO_COLOR")


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a user whose files are under `home`; every warning is an error."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
    return {**inherited, "RESHELVE_HOME": str(home), "PYTHONWARNINGS": "error"}


def reshelve(home: Path, *arguments: str, **more: Any) -> Terminal:
    """Run a command of the program in a terminal."""
    variables: Mapping[str, str] = more.pop("variables", {})
    return Terminal([sys.executable, "-m", "tui", *arguments], {**environment(home), **variables}, **more)


def rows(file: Path, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
    """Query a database that the program may have open; no rows if the file doesn't exist yet."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(file, timeout=10)) as connection:
        return connection.execute(sql, parameters).fetchall()


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo with files under `home`, 200 contacts, and a practice sync every two seconds."""

    home: Path

    @property
    def paths(self) -> Paths:
        """The demo's folder."""
        return Paths.under(self.home).demo

    def open(self, *options: str, **variables: str) -> Terminal:
        """Start it in a terminal, with these environment variables as well."""
        command = ("demo", "--contacts", "200", "--cycle", "2", *options)
        return reshelve(self.home, *command, variables=variables)

    def control(self, path: str, body: Any) -> Any:
        """Use a practice control of the running demo."""
        api = load(self.paths.settings_file, {}).xero.api_url
        reply = http("POST", f"{api}/practice/{path}", json_body=body)
        assert reply.status < 300, reply.body
        return reply.json()

    def create(self, name: str) -> None:
        """Add a contact in the practice Xero, as somebody else would."""
        [store] = self.stores()
        self.control(f"contacts/{store.parent.name}", {"Name": name})

    def stores(self) -> list[Path]:
        """Return the databases of the organisations that were opened."""
        return sorted(self.paths.organisations.glob("*/contacts.db"))

    def changes(self) -> list[tuple[str, str, str]]:
        """Return name, action and state of all logged changes."""
        return [
            row
            for store in self.stores()
            for row in rows(store, "SELECT name, action, state FROM changes ORDER BY change_id")
        ]

    def history(self, name: str) -> list[str]:
        """Return the practice Xero's history of a contact, oldest first."""
        sql = (
            "SELECT changes FROM history JOIN contacts ON history.contact = contacts.id"
            " WHERE name = ? ORDER BY history.id"
        )
        return [row[0] for row in rows(self.paths.sandbox / "practice.sqlite", sql, (name,))]

    def processes(self) -> list[psutil.Process]:
        """Return the practice processes that still use these files."""
        return [
            process
            for process in psutil.process_iter(["cmdline", "status"])
            if process.info["status"] != psutil.STATUS_ZOMBIE
            and any(str(self.home) in argument for argument in process.info["cmdline"] or ())
        ]

    def check_files(self, *, is_clean: bool) -> None:
        """Check that no file is incomplete and, after a clean end, that no change is being sent."""
        databases = [*self.stores(), self.paths.sandbox / "practice.sqlite"]
        assert len(databases) == 2
        for database in databases:
            assert rows(database, "PRAGMA integrity_check") == [("ok",)]
        names = [path.name for path in self.home.rglob("*")]
        assert not [name for name in names if name.startswith((".", "tokens.new"))]
        if is_clean:
            assert not [name for name in names if name.endswith(("-wal", "-shm", "-journal"))]
            assert not [change for change in self.changes() if change[2] == State.SENDING]
