"""Connecting: from a refresh token to organisations, and never at the cost of a sign-in that works."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from support.practice import PracticeXero, running_sandbox

from tui.cli import main
from tui.engine.connect import known_organisations
from tui.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path_factory.mktemp("practice"), "--contacts", "20") as running:
        yield running


def connect(practice: PracticeXero, home: Path, token: str) -> Result:
    environment = {"RESHELVE_HOME": str(home), **practice.environment}
    return CliRunner().invoke(main, ["connect"], input=f"{token}\n", env=environment)


def test_a_token_that_works_connects_its_organisations(practice: PracticeXero, tmp_path: Path) -> None:
    paths = Paths.under(tmp_path)
    result = connect(practice, tmp_path, practice.refresh_token)
    assert result.exit_code == 0, result.output
    names = [one.name for one in practice.organisations]
    assert result.output.splitlines() == [f"Connected: {name}" for name in names]
    assert [one.name for one in known_organisations(paths)] == names
    assert stat.S_IMODE(paths.token_file.stat().st_mode) == 0o600
    # The token that was given has been replaced by the one that counts now.
    assert practice.refresh_token not in paths.token_file.read_text(encoding="utf-8")


def test_a_token_that_does_not_work_leaves_the_sign_in_as_it_was(
    practice: PracticeXero, tmp_path: Path
) -> None:
    paths = Paths.under(tmp_path)
    paths.token_file.parent.mkdir(parents=True)
    paths.token_file.write_bytes(b"the sign-in that works")
    result = connect(practice, tmp_path, "a-token-with-a-mistake")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "a-token-with-a-mistake" not in result.output
    assert paths.token_file.read_bytes() == b"the sign-in that works"
    assert [path.name for path in paths.data.iterdir()] == ["tokens.json"]
    assert known_organisations(paths) == []
