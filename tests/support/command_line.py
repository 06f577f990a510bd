"""The command line as its user has it: processes, a practice Xero, and a home that is signed in to it.

with signed_in(tmp_path, "--contacts", "50") as shell:
    shell.load()
    done = shell.run("archive", "--from", "-", "--yes", stdin="Some Name\\n", LANG="C")
    assert (done.returncode, done.stderr) == (0, "")
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.demo import environment, rows
from support.house import settings_for
from support.practice import NO_DAILY_LIMIT, PracticeXero, running_sandbox
from support.terminal import Terminal

from tui.engine.account import XeroAccount
from tui.model.change import State
from tui.settings import load, save
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from tui.engine.engine import Engine
    from tui.model.change import Action
    from tui.settings import Settings

PATIENCE_SECONDS = 120
# No organisation of these tests waits for Xero's limit of calls per minute.
_NO_LIMITS = (*NO_DAILY_LIMIT, "--minute-limit", "100000")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A user's shell. The settings file of `home` points at the practice Xero; its tokens are in a file."""

    practice: PracticeXero
    home: Path

    @property
    def paths(self) -> Paths:
        """The files of this home."""
        return Paths.under(self.home)

    @property
    def settings(self) -> Settings:
        """The settings that commands read."""
        return load(self.paths.settings_file, {})

    @property
    def name(self) -> str:
        """The name of the first organisation, which has the contacts that the sandbox was asked for."""
        return self.practice.organisations[0].name

    def run(
        self, *arguments: str, stdin: str | bytes | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `variables` are more of its environment. Line ends stay as printed.

        Without `stdin`, it has no input: it isn't asked anything, as in a script.
        """
        done = subprocess.run(
            self.command(*arguments),
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            env={**environment(self.home), **variables},
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return subprocess.CompletedProcess(
            arguments, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a command whose output is read, or which is interrupted or killed, while it runs."""
        return subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment(self.home), **variables},
        )

    def in_terminal(self, *arguments: str, **variables: str) -> Terminal:
        """Start a command in a terminal."""
        return Terminal(self.command(*arguments), {**environment(self.home), **variables})

    def command(self, *arguments: str) -> list[str]:
        """Return a command of the program, as this test's Python runs it."""
        return [sys.executable, "-m", "tui", *arguments]

    def organisation(self, place: int = 0) -> Path:
        """Return the folder of an organisation's local data."""
        return self.paths.organisation(self.practice.organisations[place].tenant_id)

    def rows(self, sql: str, parameters: Sequence[object] = (), *, place: int = 0) -> list[Any]:
        """Query an organisation's local database."""
        return rows(self.organisation(place) / "contacts.db", sql, parameters)

    def load(self, place: int = 0) -> None:
        """Download all contacts of an organisation, as its first refresh does."""

        async def load() -> None:
            async with self.app(place):
                pass

        asyncio.run(load())

    def request(self, action: Action, *contact_ids: str, place: int = 0) -> None:
        """Request changes as the app does, and wait until Xero has replied to all of them."""

        async def request() -> None:
            async with self.app(place) as engine:
                assert await engine.changes.request(action, contact_ids) == len(contact_ids)
                await _until(lambda: not _in_progress(engine))

        asyncio.run(request())

    @asynccontextmanager
    async def app(self, place: int = 0) -> AsyncIterator[Engine]:
        """Run an organisation's engine in this process, refreshed, as an open app does."""
        account = XeroAccount(self.settings, self.paths)
        engine = account.open(account.connected[place])
        running = asyncio.create_task(engine.run())
        try:
            await _until(lambda: engine.snapshot.last_refresh_at)
            yield engine
        finally:
            await engine.stop()
            await asyncio.gather(running, return_exceptions=True)

    def another(self, home: Path, *, is_signed_in: bool = True) -> CommandLine:
        """Return the shell of another user of the same practice Xero, who has loaded nothing yet."""
        return _create(self.practice, home, is_signed_in=is_signed_in)


def _in_progress(engine: Engine) -> int:
    totals = engine._store.changes.totals()
    return sum(totals.get(state, 0) for state in (State.QUEUED, State.SENDING, State.UNKNOWN))


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.02)


def _create(practice: PracticeXero, home: Path, *, is_signed_in: bool = True) -> CommandLine:
    shell = CommandLine(practice, home)
    settings = settings_for(practice, poll_seconds=1, has_feed=False)
    save(settings, shell.paths.settings_file, ("xero", "sync"))
    if is_signed_in:
        account = XeroAccount(settings, shell.paths)
        asyncio.run(account.import_refresh_token(practice.refresh_token, practice.client_id))
    return shell


@contextmanager
def signed_in(folder: Path, *options: str, is_signed_in: bool = True) -> Iterator[CommandLine]:
    """Run a sandbox for as long as the block lasts, with a home that is signed in to it.

    `options` are those of `reshelve sandbox`. Its syncs are an hour apart unless they say otherwise.
    """
    cycle = () if "--cycle" in options else ("--cycle", "3600")
    with running_sandbox(folder / "sandbox", *_NO_LIMITS, *cycle, *options) as practice:
        yield _create(practice, folder / "home", is_signed_in=is_signed_in)
