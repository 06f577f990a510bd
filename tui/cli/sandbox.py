"""`reshelve sandbox`: run the sandbox of Xero and Re-Leased, here or as a child process.

The child process never outlives this one.
"""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import click
import msgspec

from tui.cli.launch import command_error
from tui.model.errors import StoreError
from tui.model.reasons import SystemReason
from tui.system.paths import Paths
from tui.system.platform import OWN_SESSION, interrupts_deferred

if TYPE_CHECKING:
    from types import TracebackType


class SecondsParam(click.FloatRange):
    """A number of seconds within a range. Also rejects `nan`, which passes range checks."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds. Fails with click's own message if out of range."""
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value} isn't a number of seconds.", param, ctx)
        return seconds


@click.command()
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65535),
    show_default="any free port",
    help="Port on 127.0.0.1.",
)
@click.option(
    "--contacts",
    default=1600,
    type=click.IntRange(1, 1_000_000),
    show_default=True,
    help="Number of contacts in the first organisation.",
)
@click.option(
    "--cycle",
    default=45.0,
    type=SecondsParam(0.05, 86_400),
    show_default=True,
    help="Seconds between automatic syncs of the practice Re-Leased.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="with Reshelve's own data",
    help="Folder for its data.",
)
@click.option("--fresh", is_flag=True, help="Delete its data and start over.")
@click.option(
    "--minute-limit", default=60, type=click.IntRange(0), show_default=True, help="API calls per minute."
)
@click.option(
    "--day-limit", default=5000, type=click.IntRange(0), show_default=True, help="API calls per day."
)
@click.option(
    "--sync-seconds", default=2.0, type=SecondsParam(0, 86_400), hidden=True, help="Duration of a sync."
)
@click.option("--exit-with-parent", is_flag=True, hidden=True, help="Stop when standard input closes.")
def sandbox(
    *,
    port: int,
    contacts: int,
    cycle: float,
    data: Path | None,
    fresh: bool,
    minute_limit: int,
    day_limit: int,
    sync_seconds: float,
    exit_with_parent: bool,
) -> None:
    """Serve a practice Xero and Re-Leased on 127.0.0.1 until interrupted.

    The first line of output is JSON with the URLs, a client id, a valid refresh token and the organisations,
    so any Xero client can use it. "unified" has what a client of Unified.to needs to read the practice
    Re-Leased.

    \b
    Examples:
      $ reshelve sandbox
      $ reshelve sandbox --contacts 200 --fresh
      $ reshelve sandbox --data practice --port 8080
    """  # noqa: D301 - click keeps the lines of what follows
    from tui.sandbox.server import CannotStartError, ServerOptions, run
    from tui.system.locks import CannotLockError

    options = ServerOptions(
        data=data or Paths.find().sandbox,
        port=port,
        contacts=contacts,
        cycle=cycle,
        fresh=fresh,
        minute_limit=minute_limit,
        day_limit=day_limit,
        sync_seconds=sync_seconds,
        exit_with_parent=exit_with_parent,
    )
    try:
        run(options)
    except CannotStartError as error:
        raise click.ClickException(str(error)) from None
    except CannotLockError as error:
        raise StoreError(SystemReason.CANNOT_LOCK, folder=error.folder, problem=error.problem) from error


_STOP_TIMEOUT = 5.0


class SandboxProcess:
    """A running sandbox with its URLs, client ID and refresh token.

    It stops when its standard input closes, even if this process is killed. Raises `ClickException` with the
    sandbox's own message if it doesn't start.
    """

    def __init__(self, data: Path, *, contacts: int, cycle: float, fresh: bool) -> None:
        command = [
            *(sys.executable, "-m", "tui", "sandbox", "--exit-with-parent"),
            *("--data", str(data), "--contacts", str(contacts), "--cycle", str(cycle)),
        ]
        if fresh:
            command.append("--fresh")
        self._stderr_lines: list[str] = []
        try:
            # Defer Ctrl-C until the process is assigned, so that none is left running.
            with interrupts_deferred():
                self._process = subprocess.Popen(  # noqa: S603 - our own program, with numbers and a path
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    # A terminal that closes must not end the sandbox before the app has ended.
                    **OWN_SESSION,
                )
                self._reader = threading.Thread(target=self._drain_stderr, daemon=True)
                self._reader.start()
            first = self._first_line()
        except BaseException:
            # Also stop it if the user interrupts.
            self.stop()
            raise
        self.urls: dict[str, str] = {
            key: first[key] for key in ("login", "identity", "api", "pages", "released")
        }
        #: How its Re-Leased can be read through Unified.to's API: `url`, `connection_id` and `api_key`.
        self.unified: dict[str, str] = first["unified"]
        #: Its organisations, with the ID of each one's company in Re-Leased.
        self.company_ids: dict[str, str] = {
            listed["tenantId"]: listed["companyId"] for listed in first["organisations"]
        }
        self.client_id: str = first["client_id"]
        self.refresh_token: str = first["refresh_token_with_activity"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the sandbox and wait until it has exited. Safe to call twice."""
        _stream(self._process.stdin).close()
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_STOP_TIMEOUT)
        for stream in (self._process.stdout, self._process.stderr):
            _stream(stream).close()

    def _first_line(self) -> dict[str, Any]:
        line = _stream(self._process.stdout).readline()
        try:
            first: dict[str, Any] = msgspec.json.decode(line)
        except msgspec.DecodeError:
            self.stop()
            reason = " ".join(self._stderr_lines).removeprefix("Error: ") or "It gave no reason."
            raise command_error(f"The practice Xero and Re-Leased didn't start: {reason}") from None
        return first

    def _drain_stderr(self) -> None:
        """Read stderr so that the sandbox never blocks on a full pipe; keep the last lines."""
        for line in _stream(self._process.stderr):
            self._stderr_lines = [*self._stderr_lines[-4:], line.decode(errors="replace").strip()]


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("the process was started with pipes")
    return stream
