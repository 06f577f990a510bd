"""The command lines in the documents run as written, one after another, at an organisation with contacts.

Those that are also examples of the help, and change nothing, run in tests/cli/test_cli_examples.py.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cli.test_cli_examples import EXAMPLES
from support.command_line import CommandLine, signed_in
from support.demo import environment
from support.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("command-line.md", "automation.md")
BASH = shutil.which("bash") or pytest.skip("there is no bash", allow_module_level=True)
# Minute, hour, day, month and weekday, then the command.
CRON = re.compile(r"(?:[\d*,/-]+ ){5}(reshelve .+)")
TASK = re.compile(
    r'schtasks /Create /TN "[^"]+" /SC \w+ (?:/D [A-Z,]+ )?/ST \d\d:\d\d /TR "(reshelve [^"]+)"'
)
# Something may need the user.
MONITORS = ("reshelve status",)
# These ask before they change anything.
ASKS = re.compile(r"reshelve (?:archive|restore|undo|forget)\b(?!.*--(?:yes|dry-run))")
LISTED = "Bayside Former Tenants"
CHANGES = re.compile(r"--yes|reshelve (?:refresh|compare)\b")


def command_lines() -> Iterator[str]:
    """Yield the commands of all code blocks, in their order."""
    for page in PAGES:
        text = (DOCS / page).read_text(encoding="utf-8")
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            for line in block.splitlines():
                if language == "cron":
                    yield found[1] if (found := CRON.fullmatch(line)) else line
                elif language == "bat":
                    yield found[1] if (found := TASK.fullmatch(line)) else line
                elif language == "sh":
                    yield line


LINES = list(dict.fromkeys(command_lines()))
RUN_ELSEWHERE = {line for _, line in EXAMPLES if not ASKS.match(line) and not CHANGES.search(line)}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with signed_in(tmp_path_factory.mktemp("documents"), "--contacts", "300", has_one=True) as shell:
        shell.practice.create(LISTED)
        shell.load()
        # A tenant who owes nothing.
        found = shell.run("contacts", "--offline", "--columns", "contact_id", "group:tenants", "is:active")
        [tenant, *_] = found.stdout.splitlines()
        shell.practice.somebody("balances", tenant)
        shell.practice.somebody("rename", tenant, Name="Bayside Tenant")
        shell.load()
        yield shell


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the file that a line reads."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "left.csv").write_text(f"Name\n{LISTED}\n", encoding="utf-8")
    return folder


@pytest.fixture
def variables(shell: CommandLine, folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**environment(shell.home), "PATH": path, "HOME": str(folder)}


def test_the_documents_have_command_lines() -> None:
    assert "reshelve refresh --all-organisations" in LINES
    assert all(line.startswith("reshelve ") for line in LINES)


@pytest.mark.parametrize(
    "line", [line for line in LINES if not ASKS.match(line) and line not in RUN_ELSEWHERE]
)
def test_command_line_in_the_documents_runs(folder: Path, variables: dict[str, str], line: str) -> None:
    done = subprocess.run(
        [BASH, "-euo", "pipefail", "-c", line],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0 or (done.returncode == 1 and line.startswith(MONITORS)), done
    assert "Error" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", [line for line in LINES if ASKS.match(line)])
def test_command_line_that_asks_runs(
    shell: CommandLine, folder: Path, variables: dict[str, str], line: str
) -> None:
    with Terminal([BASH, "-c", line], variables, folder=folder) as terminal:
        terminal.until_shown("[y/N]")
        terminal.write("y\r")
        if "--wait" in line:
            waiting = "SELECT contact_id FROM changes WHERE state = 'awaiting_user' AND name = ?"
            name = line.split('"')[1:2]
            terminal.until(lambda: shell.rows(waiting, name), "a restore to finish")
            [(contact_id,)] = shell.rows(waiting, name)
            shell.practice.somebody("restore", contact_id)
        assert terminal.wait() == 0
        assert "Error" not in terminal.screen.text
