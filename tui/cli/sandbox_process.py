"""The sandbox as a child process that never outlives this one."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, Self

import msgspec

from tui.cli.launch import command_error
from tui.system.platform import OWN_SESSION, interrupts_deferred

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


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
        self.refresh_token: str = first["refresh_token"]

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
