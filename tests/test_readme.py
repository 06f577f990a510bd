"""The README is true: its commands run, and its tables and pictures match the program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from support.demo import environment
from support.terminal import Terminal, gone

from tui import __version__
from tui.actions import actions_by_group, key_name
from tui.cli import main
from tui.model.query import Tab
from tui.model.query_parser import parse_query
from tui.settings import KEYS
from tui.settings.schema import UNIFIED_KEY_VARIABLE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSTALL_SECONDS = 540
BASH = shutil.which("bash") or pytest.skip("there is no bash", allow_module_level=True)


def marked_command(mark: str) -> str:
    """Return the only line of the code block below a marker."""
    [command] = re.findall(rf"<!-- {mark} -->\n```sh\n(.+)\n```\n", README)
    return str(command)


def section(heading: str) -> str:
    """Return the text below a heading."""
    [text] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    return str(text)


def command_rows() -> list[tuple[str, str]]:
    """Return each command of the table, with its description."""
    return re.findall(r"^\| `reshelve ?([\w -]*)` \| (.+) \|$", section("Command line"), re.MULTILINE)


def copy_of_the_repository(folder: Path) -> Path:
    """Copy the files that a clone would have."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - whichever git made this checkout
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.mark.timeout(INSTALL_SECONDS + 60)
def test_the_demo_command_opens_the_demo_in_a_fresh_copy(tmp_path: Path) -> None:
    folder = copy_of_the_repository(tmp_path / "reshelve")
    variables = environment(tmp_path / "home")
    # Other packages are installed here, whose warnings don't count.
    del variables["PYTHONWARNINGS"]
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
    command = marked_command("demo command")
    with Terminal([BASH, "-c", command], variables, folder=folder, patience=INSTALL_SECONDS) as terminal:
        terminal.until_shown("All 1,600 ")
        terminal.until_shown("100% Clean_Co")
        family = terminal.family()
        terminal.write("q")
        assert terminal.wait() == 0
        assert gone(family)
        assert terminal.is_as_found
        assert "Traceback" not in terminal.screen.text


@pytest.mark.parametrize("mark", ["test command", "slower tests"])
def test_the_test_commands_are_what_ci_runs(mark: str) -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(rf'^(\w+="[^"]*" )?run "{mark}"$', script, re.MULTILINE)
    [function] = re.findall(r"^run\(\) \{\n.+?^\}$", script, re.DOTALL | re.MULTILINE)
    shown = function.replace('bash -euo pipefail -c "$command"', ":")
    assert shown != function
    program = f'set -euo pipefail\n{shown}\nrun "{mark}"'
    done = subprocess.run([BASH, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"$ {marked_command(mark)}\n"


def test_readme_has_no_other_commands_to_copy() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    marks = ("demo command", "test command", "slower tests")
    assert blocks == [f"{marked_command(mark)}\n" for mark in marks]
    for installer in ("pipx install .", "uv tool install ."):
        assert f"`{installer}`" in README


def test_scripts_run_with_python_exist() -> None:
    programs = re.findall(r"`\.venv/bin/python (\S+)`", README)
    assert programs
    for program in programs:
        assert (ROOT / program / "__main__.py").is_file()


def test_readme_lists_the_existing_commands() -> None:
    visible = set(main.list_commands(click.Context(main)))
    # `reshelve` alone is `reshelve open`.
    assert {command.partition(" ")[0] or "open" for command, _ in command_rows()} == visible


@pytest.mark.parametrize(("command", "said"), command_rows())
def test_each_command_has_help_and_the_options_that_are_named(command: str, said: str) -> None:
    result = CliRunner().invoke(main, [*command.split(), "--help"])
    assert result.exit_code == 0
    for option in re.findall(r"`(--[\w-]+)", said):
        assert option in result.output


def test_readme_lists_the_existing_keys() -> None:
    [table] = re.findall(r"<!-- keys -->\n(.*)<!-- /keys -->", README, re.DOTALL)
    rows = [
        f"| {' '.join(f'`{key_name(key)}`' for key in item.keys.split(','))} | {item.help} |\n"
        for _, group in actions_by_group()
        for item in group
    ]
    assert table == "| Key | What it does |\n|---|---|\n" + "".join(rows)


def test_searches_in_the_readme_are_valid() -> None:
    rows = re.findall(r"^\| (`.+`) \| (.+) \|$", section("Searching"), re.MULTILINE)
    assert rows
    for typed, found in rows:
        examples = re.findall(r"`([^`]+)`", typed)
        name = examples[0].partition(":")[0]
        values = [each for each in re.findall(r"`([^`]+)`", found) if each.isalpha()]
        for example in (*examples, *(f"{name}:{value}" for value in values)):
            query = parse_query(Tab.ALL, example)
            assert not query.is_everything
            assert not query.issues, example


def test_variables_in_the_readme_are_settings() -> None:
    settings = {key.variable for key in KEYS}
    assert set(re.findall(r"RESHELVE_\w+", README)) <= settings | {"RESHELVE_HOME", UNIFIED_KEY_VARIABLE}


def test_every_picture_is_shown_and_every_shown_picture_exists() -> None:
    shown = set(re.findall(r"!\[[^\]]+\]\((screenshots/[^)]+)\)", README))
    assert shown
    assert shown == {f"screenshots/{path.name}" for path in (ROOT / "screenshots").iterdir()}


def test_the_map_of_the_folders_is_complete() -> None:
    [drawn] = re.findall(r"```\ntui/\n(.*?)```", section("Architecture"), re.DOTALL)
    for name in re.findall(r"^  (\S+)", drawn, re.MULTILINE):
        assert (ROOT / "tui" / name).exists()
    rooms = {path.parent.name for path in (ROOT / "tui").glob("*/__init__.py")}
    assert rooms == set(re.findall(r"^  (\w+)/", drawn, re.MULTILINE))


def test_the_changelog_names_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert version("reshelve") == __version__
    assert re.search(rf"\b{re.escape(__version__)}\b", changelog)
