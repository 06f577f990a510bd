"""What needs a terminal says so before it starts anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tui.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("arguments", [[], ["open"], ["demo"], ["demo", "--fresh"], ["demo", "--read-only"]])
def test_without_a_terminal_nothing_is_started(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    monkeypatch.setattr("os.isatty", lambda _: False)
    result = CliRunner().invoke(main, arguments, env={"RESHELVE_HOME": str(tmp_path / "home")})
    assert result.exit_code == 1
    assert result.output.startswith("Error: Reshelve needs a terminal.")
