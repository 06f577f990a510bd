"""What commands need to work with an organisation: the sign-ins, and its engine while they run."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tui import messages
from tui.cli import output
from tui.cli.exit_codes import ExitCode
from tui.cli.launch import LOCAL_PROBLEMS, NOT_CONNECTED, choose_organisation, command_error, join_names
from tui.messages.sign_in import RETRIED
from tui.model.snapshot import ConnectionStatus
from tui.settings import load
from tui.system.log import log_to
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

    from tui.engine.account import XeroAccount
    from tui.engine.engine import Engine
    from tui.model.contact import Organisation
    from tui.model.reasons import Notice
    from tui.model.snapshot import Snapshot

_T = TypeVar("_T")

_PROBLEMS = {
    ConnectionStatus.OFFLINE: ExitCode.UNREACHABLE,
    ConnectionStatus.LIMITED: ExitCode.UNREACHABLE,
    ConnectionStatus.UNAVAILABLE: ExitCode.UNREACHABLE,
    ConnectionStatus.UNEXPECTED: ExitCode.UNREACHABLE,
    ConnectionStatus.RECONNECT: ExitCode.NOT_SIGNED_IN,
    ConnectionStatus.REMOVED: ExitCode.NOT_SIGNED_IN,
}
# Seconds without progress after which a problem with the local database ends a command.
_STORAGE_PATIENCE = 10.0
_TRY_AGAIN = "Try again later."


def open_account(*, is_read_only: bool = False) -> XeroAccount:
    """Return the sign-ins of this installation, by its settings. Raises `ReshelveError`."""
    from tui.engine.account import XeroAccount

    paths = Paths.find()
    settings = load(paths.settings_file)
    log_to(paths.logs)
    return XeroAccount(settings, paths, is_read_only=is_read_only)


def connected(account: XeroAccount) -> Sequence[Organisation]:
    """Return the connected organisations. Raises `ClickException` if there are none."""
    if not account.connected:
        raise command_error(NOT_CONNECTED, ExitCode.NOT_SIGNED_IN)
    return account.connected


def choose_one(account: XeroAccount, wanted: str | None) -> Organisation:
    """Return the organisation whose name contains `wanted`, or without it the only one that is connected.

    Raises `ClickException` if there is none, or without a name more than one.
    """
    organisations = connected(account)
    if wanted is None and len(organisations) > 1:
        names = join_names([listed.name for listed in organisations])
        raise command_error(
            f"Several organisations are connected. Choose one with --organisation: {names}.", ExitCode.USAGE
        )
    chosen = choose_organisation(organisations, wanted)
    assert chosen is not None  # noqa: S101 - there are some, and a name without a match raises
    return chosen


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a command's work; Ctrl-C stops it and ends the program quietly."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None


class RunningOrganisation:
    """An organisation whose engine is running."""

    def __init__(self, engine: Engine, task: asyncio.Task[None]) -> None:
        self.engine = engine
        self._task = task

    async def until(
        self, condition: Callable[[Snapshot], bool], *, seconds: float | None = None
    ) -> Snapshot | None:
        """Return the first snapshot that meets the condition; None if that takes longer than `seconds`.

        Raises the error that the engine ends with.
        """
        published = asyncio.Event()
        unsubscribe = self.engine.subscribe(lambda _: published.set())
        try:
            async with asyncio.timeout(seconds):
                while not condition(snapshot := self.engine.snapshot):
                    await self._wait(published)
                return snapshot
        except TimeoutError:
            return None
        finally:
            unsubscribe()

    async def _wait(self, published: asyncio.Event) -> None:
        waiting = asyncio.create_task(published.wait())
        try:
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._task.done():
            # It ends only by an error.
            self._task.result()
        published.clear()


def has_refreshed(snapshot: Snapshot) -> bool:
    """Whether the engine has read what has changed in Xero, or another copy of Reshelve does that."""
    return snapshot.last_refresh_at is not None or snapshot.xero.status is ConnectionStatus.STANDBY


def xero_problem(snapshot: Snapshot) -> click.ClickException | None:
    """Return why Xero can't be used now, as an error to print or to raise; None if it can, or may soon."""
    code = _PROBLEMS.get(snapshot.xero.status)
    if snapshot.xero.status is ConnectionStatus.KEYCHAIN and not sys.stdin.isatty():
        # A script can't answer its prompt.
        code = ExitCode.UNREACHABLE
    if code is None or snapshot.xero.detail is None:
        return None
    if snapshot.xero.detail.reason in LOCAL_PROBLEMS:
        code = ExitCode.FAILED
    return command_error(without_retry(snapshot.xero.detail), code)


def without_retry(notice: Notice) -> str:
    """Return what happened and what to do: unlike the app, a command doesn't retry."""
    return messages.in_full(notice).replace(RETRIED, _TRY_AGAIN)


async def refresh(running: RunningOrganisation) -> click.ClickException | None:
    """Wait, with progress, until what has changed in Xero is saved; returns why it can't be, or None."""
    with output.progress(f"Reading {running.engine.snapshot.organisation.name}") as shown:

        def has_ended(snapshot: Snapshot) -> bool:
            if snapshot.progress is not None:
                shown.update(snapshot.progress.done, snapshot.progress.total)
            return has_refreshed(snapshot) or xero_problem(snapshot) is not None

        progress = None
        while (ended := await running.until(has_ended, seconds=_STORAGE_PATIENCE)) is None:
            snapshot = running.engine.snapshot
            # The app waits for the user to free disk space.
            if snapshot.storage_problem is not None and snapshot.progress == progress:
                return command_error(messages.in_full(snapshot.storage_problem))
            progress = snapshot.progress
    return None if has_refreshed(ended) else xero_problem(ended)


@asynccontextmanager
async def opened(account: XeroAccount, organisation: Organisation) -> AsyncIterator[Engine]:
    """Open an organisation's saved data, without calling Xero. Raises `ReshelveError`."""
    engine = account.open(organisation)
    try:
        yield engine
    finally:
        await engine.stop()


@asynccontextmanager
async def running(account: XeroAccount, organisation: Organisation) -> AsyncIterator[RunningOrganisation]:
    """Run the engine of an organisation, as the app does, for as long as the block runs.

    It calls Xero if it gets the organisation's lock; else it follows the copy of Reshelve that has it, which
    also sends the changes requested here. Raises `ReshelveError` if it can't be opened.
    """
    async with opened(account, organisation) as engine:
        task = asyncio.create_task(engine.run())
        try:
            yield RunningOrganisation(engine, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def up_to_date(
    account: XeroAccount, organisation: Organisation, *, is_offline: bool
) -> AsyncIterator[tuple[Engine, ExitCode]]:
    """Open an organisation after its changes in Xero were read, or at once if `is_offline`.

    Yields its engine, and `DONE`, or the exit code for why Xero couldn't be read, which is also printed.
    """
    if is_offline:
        async with opened(account, organisation) as engine:
            yield engine, ExitCode.DONE
        return
    async with running(account, organisation) as open_one:
        problem = await refresh(open_one)
        if problem is not None:
            output.note(f"{organisation.name}: {problem.message} Using saved contacts.")
        yield open_one.engine, ExitCode.DONE if problem is None else ExitCode(problem.exit_code)
