from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]
PROGRAM = """
from support.fake_account import FakeAccount
from support.idle_engine import IdleEngine
from tui.app.app import ReshelveApp
backend = IdleEngine.with_contacts(50)
ReshelveApp(FakeAccount.of(backend), backend.snapshot.organisation).run()
"""
GENEROUS = 60


def _started(*, ignoring_hangups: bool) -> tuple[subprocess.Popen[bytes], int]:
    """Start the app on a terminal of its own and wait until it shows contacts."""
    controller, terminal = pty.openpty()
    before = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" if ignoring_hangups else ""
    process = subprocess.Popen(
        [sys.executable, "-c", before + PROGRAM],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}", "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(terminal)
    seen = b""
    while b"Aroha" not in seen:
        seen += os.read(controller, 65536)
    return process, controller


@pytest.mark.parametrize("ignoring_hangups", [False, True])
def test_closing_the_terminal_ends_the_app(*, ignoring_hangups: bool) -> None:
    process, controller = _started(ignoring_hangups=ignoring_hangups)
    os.close(controller)
    process.wait(GENEROUS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_app_cleanly(number: signal.Signals) -> None:
    process, controller = _started(ignoring_hangups=False)
    process.send_signal(number)
    _drain(controller)
    assert process.wait(GENEROUS) == 0


def test_ctrl_c_ends_the_app_cleanly() -> None:
    process, controller = _started(ignoring_hangups=False)
    os.write(controller, b"\x03")
    _drain(controller)
    assert process.wait(GENEROUS) == 0


def _drain(controller: int) -> None:
    """Read what the app still paints, so that a full terminal never blocks it."""
    try:
        while os.read(controller, 65536):
            pass
    except OSError:  # how Linux says that nobody has the terminal open any more
        os.close(controller)
