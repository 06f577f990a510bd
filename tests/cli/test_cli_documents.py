"""The command lines in the documents run as written, one after another, at an organisation with contacts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.command_line import CommandLine, signed_in
from support.demo import environment

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


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with signed_in(tmp_path_factory.mktemp("documents"), "--contacts", "60", has_one=True) as shell:
        shell.load()
        yield shell


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("here")


def test_the_documents_have_command_lines() -> None:
    assert "reshelve refresh --all-organisations" in LINES
    assert all(line.startswith("reshelve ") for line in LINES)


@pytest.mark.parametrize("line", LINES)
def test_command_line_in_the_documents_runs(shell: CommandLine, folder: Path, line: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [BASH, "-euo", "pipefail", "-c", line],
        cwd=folder,
        env={**environment(shell.home), "PATH": path, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0 or (done.returncode == 1 and line.startswith(MONITORS)), done
    assert "Error" not in done.stderr
    assert "Traceback" not in done.stderr
