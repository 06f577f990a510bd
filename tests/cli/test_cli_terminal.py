"""Commands that need a terminal say so before they start anything, and have its size."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support.terminal import Terminal

from tui.cli import main

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("arguments", [[], ["open"], ["demo"], ["demo", "--fresh"], ["demo", "--read-only"]])
def test_without_a_terminal_nothing_is_started(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    monkeypatch.setattr("os.isatty", lambda _: False)
    result = CliRunner().invoke(main, arguments, env={"RESHELVE_HOME": str(tmp_path / "home")})
    assert result.exit_code == 1
    assert result.output.startswith("Error: Reshelve needs a terminal.")


def test_the_size_comes_from_the_terminal_and_not_the_environment(tmp_path: Path) -> None:
    size = {"COLUMNS": "99999999999999999999", "LINES": "2"}
    environment = {**os.environ, **size, "RESHELVE_HOME": str(tmp_path)}
    with Terminal([sys.executable, "-m", "tui"], environment, lines=40) as terminal:
        terminal.until(lambda: len(terminal.screen.text.splitlines()) == 40, "filling the terminal")
        terminal.write("\x03")
        assert terminal.wait() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="closed pipes are reported in another way on Windows")
@pytest.mark.parametrize("arguments", [["settings"], ["--help"]])
def test_closed_output_pipe_is_not_a_bug(arguments: list[str], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "tui", *arguments],
            stdout=writing,
            stderr=subprocess.PIPE,
            env={**os.environ, "RESHELVE_HOME": str(tmp_path)},
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert ended.returncode == 1
    assert ended.stderr == ""
