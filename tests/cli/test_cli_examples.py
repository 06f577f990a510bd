"""Every example of every command's help runs as it is written, or this file says why it can't."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import pytest
from msgspec.structs import replace
from support.command_line import PATIENCE_SECONDS, CommandLine, signed_in
from support.demo import environment
from support.keychain import keychain_environment, keychain_in
from support.practice import http, until
from support.workbooks import workbook

from tui.cli import main
from tui.engine.account import load_connections, save_connections
from tui.re_leased.unified import UnifiedKey
from tui.settings import set_values

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

BASH = shutil.which("bash") or pytest.skip("there is no bash", allow_module_level=True)
#: Commands whose examples aren't run here, and why.
NOT_RUN: Final = {
    "open": "fills a terminal: tests/cli/test_cli_terminal.py",
    "demo": "fills a terminal: tests/end_to_end/test_demo_process.py",
    "connect": "waits for a browser: tests/cli/test_cli_sign_in.py",
    "re-leased connect": "asks for a connection that Unified.to has: tests/cli/test_cli_re_leased.py",
    "re-leased": "names its commands, whose own examples are run",
}
#: Commands that run until they are interrupted, by a word of their line.
UNENDING: Final = ("serve", "sandbox", "--watch", "--wait")
#: What a command returns besides 0 if it did what its example says.
CODES: Final[dict[str, set[int]]] = {"status": {1}}
ASK_IN_TERMINALS: Final = {"archive", "restore", "undo"}
# Seconds after which a command that waits is interrupted.
SECONDS: Final = 3
# A contact that examples name, and the files that they read.
NAME: Final = "Ngāti Wharenui Housing Trust"
LISTED: Final = ("archived.csv", "left.csv", "wrong.csv")


def examples() -> Iterator[tuple[str, str]]:
    """Yield each command that has examples, and each of those."""
    context = click.Context(main, info_name="reshelve")
    for name in (*main.list_commands(context), "man"):
        command = main.get_command(context, name)
        assert command is not None
        for path, part in ((name, command), *_parts(name, command)):
            lines = re.findall(r"^ *\$ (.+)$", part.help or "", re.MULTILINE)
            assert lines, f"{path} has no examples"
            yield from ((path, line) for line in lines)


def _parts(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        yield from ((f"{name} {each}", part) for each, part in command.commands.items())


EXAMPLES: Final = [*examples()]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with prepared_shell(tmp_path_factory.mktemp("examples")) as shell:
        yield shell


@contextmanager
def prepared_shell(folder: Path) -> Iterator[CommandLine]:
    """Sign in to one organisation, which is connected to Re-Leased, and load its contacts."""
    with signed_in(folder, "--contacts", "300") as shell:
        shell.load()
        known = load_connections(shell.paths.organisations_file)
        save_connections(
            shell.paths.organisations_file, replace(known, organisations=known.organisations[:1])
        )
        [listed, *_] = shell.practice.line["organisations"]
        own, unified = f"organisations.{listed['tenantId']}", shell.practice.line["unified"]
        set_values(
            shell.paths.settings_file,
            {
                "re_leased.unified_url": unified["url"],
                f"{own}.unified_connection_id": unified["connection_id"],
                f"{own}.re_leased_company_id": listed["companyId"],
            },
        )
        yield shell


@pytest.fixture
def options(shell: CommandLine, tmp_path: Path) -> dict[str, Any]:
    """Return how to start a shell with a copy of the home, in a folder with the files of the examples."""
    return options_for(shell, tmp_path)


def options_for(shell: CommandLine, tmp_path: Path) -> dict[str, Any]:
    own = CommandLine(shell.practice, tmp_path / "home")
    shutil.copytree(shell.home, own.home)
    programs, folder = tmp_path / "bin", tmp_path / "folder"
    for made in (programs, folder):
        made.mkdir()
    program = programs / "reshelve"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tui "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    for file in LISTED:
        (folder / file).write_text(f'Name\n"{NAME}"\n', encoding="utf-8")
    (folder / "contacts.csv").write_text(f'Name,Status\n"{NAME}",Active\n', encoding="utf-8")
    (folder / "message.txt").write_text(f"{NAME}: the contact has been archived.\n", encoding="utf-8")
    (folder / "left.tsv").write_text(f"{NAME}\tx\n", encoding="utf-8")
    (folder / "contacts.xlsx").write_bytes(workbook({"Contacts": [["Name", "Status"], [NAME, "Active"]]}))
    with keychain_in(tmp_path / "keychain.json"):
        UnifiedKey(own.paths.data).save(shell.practice.line["unified"]["api_key"])
    variables = {**environment(own.home), **keychain_environment(tmp_path / "keychain.json")}
    return {
        "cwd": folder,
        "env": {
            **variables,
            "HOME": str(tmp_path),
            "PATH": f"{programs}:{variables['PATH']}",
            # The program's source is needed as well, as the shell is somewhere else.
            "PYTHONPATH": f"{Path(__file__).parents[2]}{os.pathsep}{variables['PYTHONPATH']}",
        },
    }


@pytest.mark.parametrize(
    ("command", "line"),
    [
        each
        for each in EXAMPLES
        if each[0] not in {*NOT_RUN, "disconnect"} and not any(word in each[1].split() for word in UNENDING)
    ],
    ids=lambda value: str(value).removeprefix("reshelve "),
)
def test_example_does_what_it_says(options: dict[str, Any], command: str, line: str) -> None:
    run_example(options, command, line)


@pytest.mark.parametrize("line", [line for command, line in EXAMPLES if command == "disconnect"])
def test_example_of_disconnect_does_what_it_says(tmp_path: Path, line: str) -> None:
    # It ends the sign-in at Xero, so it has one of its own.
    with prepared_shell(tmp_path / "own") as shell:
        run_example(options_for(shell, tmp_path), "disconnect", line)


def answered(line: str) -> str:
    """Answer what a command would ask in a terminal, if it only asks there."""
    asks = line.split()[1] in ASK_IN_TERMINALS and not {"--yes", "--dry-run"} & {*line.split()}
    return f"{line} --yes" if asks else line


def run_example(options: dict[str, Any], command: str, line: str) -> None:
    if command == "export":
        # An export overwrites nothing unless it is told to.
        for file in ("contacts.xlsx", "contacts.csv"):
            (options["cwd"] / file).unlink()
    done = subprocess.run(
        [BASH, "-c", f"set -o pipefail; {answered(line)}"],
        input="y\n" * 9,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
        check=False,
        **options,
    )
    assert done.returncode in {0, *CODES.get(command, ())}, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Error:" not in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        line
        for command, line in EXAMPLES
        if command not in NOT_RUN and any(word in line.split() for word in UNENDING)
    ],
    ids=lambda value: str(value).removeprefix("reshelve "),
)
def test_example_runs_until_it_is_interrupted(options: dict[str, Any], line: str) -> None:
    if line.split()[1] == "serve":
        pytest.importorskip("textual_serve")
        # Others may use the port.
        line = f"{re.sub(r'--port [0-9]+', '', line)} --port 0"
    if line.split()[1] == "sandbox":
        line = re.sub(r"--port [0-9]+", "--port 0", line)
    program = subprocess.Popen(
        [BASH, "-c", f"exec {answered(line)}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )
    assert program.stdout is not None
    if "--wait" in line:
        # It ends at once if there is nothing to wait for.
        with suppress(subprocess.TimeoutExpired):
            program.wait(SECONDS)
    else:
        first = program.stdout.readline().decode().strip()
        assert first
        if first.startswith("http"):
            until(lambda: is_answered(first))
    program.send_signal(signal.SIGINT)
    try:
        _, complaint = program.communicate(timeout=PATIENCE_SECONDS)
    finally:
        program.kill()
    # While Python starts and ends, the signal itself ends it: for a shell, that is 130 as well.
    assert program.returncode in {0, 128 + signal.SIGINT, -signal.SIGINT}, complaint
    assert b"Traceback" not in complaint


def is_answered(url: str) -> bool:
    """Whether the server of a page is ready: its link is printed before."""
    try:
        return bool(http("GET", url).status)
    except OSError:
        return False


def test_every_reason_is_about_a_command_with_examples() -> None:
    assert set(NOT_RUN) <= {command for command, _ in EXAMPLES}
