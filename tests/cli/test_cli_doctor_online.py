"""`reshelve doctor --online`, and the log options, as processes against a practice Xero."""

from __future__ import annotations

import json
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.command_line import CommandLine, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with signed_in(tmp_path_factory.mktemp("doctor"), "--contacts", "30") as shell:
        shell.load()
        yield shell


def findings(shell: CommandLine, *options: str) -> dict[str, Any]:
    done = shell.run("doctor", "--json", *options)
    assert done.stderr == ""
    listed = json.loads(done.stdout)
    assert done.returncode == (1 if listed["problems"] else 0)
    return {one["check"]: one for one in listed["findings"]}


def test_xero_is_only_asked_online(shell: CommandLine) -> None:
    before = len(shell.practice.requests())
    offline = findings(shell)
    assert not {"xero", "clock"} & set(offline)
    assert len(shell.practice.requests()) == before
    online = findings(shell, "--online")
    assert online["xero"]["message"] == "Xero answered: 2 organisations"
    assert (online["clock"]["result"], online["clock"]["message"]) == ("ok", "Agrees with Xero's")
    asked = [request["path"] for request in shell.practice.requests()[before:]]
    assert asked.count("/connections") == 1
    assert set(asked) <= {"/connections", "/connect/token"}


@pytest.mark.parametrize("ahead", [7200, -7200], ids=["behind", "ahead"])
def test_a_clock_that_is_wrong_is_a_problem(shell: CommandLine, ahead: int) -> None:
    shell.practice.set_clock(ahead_seconds=ahead)
    try:
        clock = findings(shell, "--online")["clock"]
    finally:
        shell.practice.set_clock(ahead_seconds=0)
    side = "behind" if ahead > 0 else "ahead of"
    assert clock["message"] == f"This computer's clock is 2 hours {side} Xero's."
    assert clock["result"] == "problem"


def test_xero_that_cannot_be_reached_is_a_problem(shell: CommandLine) -> None:
    done = shell.run("doctor", "--json", "--online", RESHELVE_XERO_API_URL="http://127.0.0.1:1")
    listed = {one["check"]: one for one in json.loads(done.stdout)["findings"]}
    assert (done.returncode, listed["xero"]["result"]) == (1, "problem")
    assert listed["clock"]["message"] == "Xero's time isn't known."
    for name in (listed_name.name for listed_name in shell.practice.organisations):
        assert name not in done.stdout


@pytest.mark.parametrize("variables", [{}, {"LANG": "C", "LC_ALL": "C"}], ids=["utf-8", "LANG=C"])
def test_people_are_told_the_same(shell: CommandLine, variables: dict[str, str]) -> None:
    done = shell.run("doctor", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert "OK       Organisation 1, database: 30 contacts" in done.stdout
    assert "OK       Sign-in 1: 2 organisations, access to read and change contacts" in done.stdout
    assert shell.practice.client_id not in done.stdout
    for organisation in shell.practice.organisations:
        assert organisation.name not in done.stdout
        assert organisation.tenant_id not in done.stdout


def test_a_command_logs_to_a_file_and_to_standard_error(shell: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "own.log"
    arguments = ("forget", "--organisation", "harbour", "--yes")
    quiet = shell.run(*arguments)
    assert (quiet.returncode, quiet.stderr) == (0, "")
    loud = shell.run(*arguments, "--verbose", "--log-file", str(file))
    assert loud.returncode == 0
    assert "INFO an organisation's saved data was removed" in loud.stderr
    assert "INFO an organisation's saved data was removed" in file.read_text(encoding="utf-8")
    assert loud.stdout == quiet.stdout.replace("30 contacts", "0 contacts")
    shell.run(*arguments, "--log-file", str(file))
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="may write everywhere")
def test_a_log_file_that_cannot_be_written_is_a_usage_error(shell: CommandLine, tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    done = shell.run("doctor", "--log-file", str(tmp_path / "own.log"))
    assert (done.returncode, "Can't write to it" in done.stderr) == (2, True)


@pytest.mark.parametrize("where", ["missing/own.log", "."], ids=["no-folder", "a-folder"])
def test_a_log_file_in_no_folder_is_a_usage_error(shell: CommandLine, tmp_path: Path, where: str) -> None:
    done = shell.run("doctor", "--log-file", str(tmp_path / where))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--log-file" in done.stderr


def test_nothing_is_coloured_with_no_color(shell: CommandLine) -> None:
    with shell.in_terminal("doctor", "--no-color") as terminal:
        terminal.until_shown("found.")
        assert terminal.wait() == 0
        assert not terminal.screen.colours
