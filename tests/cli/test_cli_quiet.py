"""Every command that ends on its own is quiet: closed pipes, Ctrl-C, and locales without some letters."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Final

import click
import pytest
from msgspec.structs import replace
from support.command_line import PATIENCE_SECONDS, CommandLine, signed_in
from support.demo import environment

from tui.cli import _COMMANDS, _HIDDEN, main
from tui.engine.account import load_connections, save_connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

if sys.platform == "win32":
    pytest.skip("Windows has no signals between programs", allow_module_level=True)

#: Each command that ends on its own, so that it prints as much as it can and changes nothing.
COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "contacts": ("contacts", "--offline"),
    "contacts json": ("contacts", "--offline", "--json"),
    "find": ("find", "harbour"),
    "duplicates": ("duplicates", "--offline"),
    "tidy": ("tidy", "--dry-run"),
    "archive": ("archive", "--query", "is:customer", "--dry-run"),
    "restore": ("restore", "--query", "is:customer", "--dry-run"),
    "undo": ("undo", "--dry-run"),
    "status": ("status",),
    "changes": ("changes",),
    "refresh": ("refresh",),
    "export": ("export", "contacts", "{folder}/contacts.csv", "--force"),
    "repair": ("repair",),
    "compare": ("compare", "{folder}/listed.csv", "--csv"),
    "re-leased": ("re-leased", "test"),
    "doctor": ("doctor",),
    "doctor json": ("doctor", "--json"),
    "forget": ("forget",),
    "disconnect": ("disconnect",),
    "settings": ("settings",),
    "completion": ("completion", "zsh"),
    "man": ("man", "{folder}/man"),
    "help": ("--help",),
    "help of a command": ("compare", "--help"),
    "version": ("--version",),
}
#: They wait for their user, or run until they are interrupted; they have tests of their own.
UNENDING: Final = {"open", "demo", "connect", "serve", "sandbox"}
LISTED: Final = main.list_commands(click.Context(main))
PRESENT: Final = {
    name: arguments
    for name, arguments in COMMANDS.items()
    if arguments[0] in {*LISTED, "man"} or arguments[0].startswith("-")
}
# Help and versions have ended before anybody could press a key.
WORKING: Final = [name for name in PRESENT if not {"--help", "--version"} & {*PRESENT[name]}]
ASCII: Final = {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
# Interrupts the program, as Ctrl-C would, once it opens a file whose path has this.
INTERRUPT: Final = """
import os, re, signal, sys
moments = [{moment!r}]
def watch(event, arguments):
    if moments and event == "open" and re.search(moments[0], str(arguments[0])):
        moments.clear()
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(watch)
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Sign in to one organisation with contacts."""
    with signed_in(tmp_path_factory.mktemp("quiet"), "--contacts", "400") as shell:
        shell.load()
        known = load_connections(shell.paths.organisations_file)
        save_connections(
            shell.paths.organisations_file, replace(known, organisations=known.organisations[:1])
        )
        (shell.home / "listed.csv").write_text("Name\n" + "Somebody\n" * 5_000, encoding="utf-8")
        yield shell


@pytest.fixture(scope="module")
def usual(shell: CommandLine) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Return what a command does when nothing is in its way; each is run once."""
    return cache(lambda name: shell.run(*arguments_of(shell, name)))


def arguments_of(shell: CommandLine, name: str) -> list[str]:
    return [argument.format(folder=shell.home) for argument in PRESENT[name]]


def test_every_command_is_here() -> None:
    assert {arguments[0] for arguments in PRESENT.values()} - {"man", "--help", "--version"} == set(
        LISTED
    ) - UNENDING


@pytest.mark.parametrize("name", PRESENT)
def test_a_pipe_that_closes_early_is_no_error(shell: CommandLine, name: str) -> None:
    program = subprocess.Popen(
        shell.command(*arguments_of(shell, name)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(shell.home),
    )
    assert program.stdout is not None
    assert program.stderr is not None
    # As `head` does once it has enough.
    program.stdout.close()
    complaint = program.stderr.read().decode()
    program.stderr.close()
    program.wait(PATIENCE_SECONDS)
    assert "Traceback" not in complaint
    assert "roken pipe" not in complaint
    assert "bug" not in complaint


@pytest.mark.parametrize("name", PRESENT)
def test_a_closed_standard_output_is_no_error(
    shell: CommandLine, usual: Callable[[str], subprocess.CompletedProcess[str]], name: str
) -> None:
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *shell.command(*arguments_of(shell, name))],  # noqa: S607 - whichever sh is there
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(shell.home),
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    complaint = closed.stderr.decode()
    assert "Traceback" not in complaint
    assert "Warning: " not in complaint
    assert "bug" not in complaint
    assert closed.returncode == usual(name).returncode


@pytest.mark.parametrize("name", PRESENT)
def test_a_locale_without_letters_is_no_error(
    shell: CommandLine, usual: Callable[[str], subprocess.CompletedProcess[str]], name: str
) -> None:
    plain = shell.run(*arguments_of(shell, name), **ASCII)
    assert plain.returncode == usual(name).returncode
    assert "Traceback" not in plain.stderr
    assert "bug" not in plain.stderr
    assert bool(plain.stdout) == bool(usual(name).stdout)


@pytest.mark.parametrize("name", WORKING)
def test_ctrl_c_is_quiet(shell: CommandLine, tmp_path: Path, name: str) -> None:
    arguments = arguments_of(shell, name)
    module = {**_COMMANDS, **_HIDDEN}[arguments[0]][0].partition(":")[0].rpartition(".")[2]
    program = INTERRUPT.format(moment=rf"/cli/(__pycache__/)?{module}\.")
    (tmp_path / "sitecustomize.py").write_text(program, encoding="utf-8")
    done = shell.run(*arguments, PYTHONPATH=str(tmp_path))
    assert done.returncode == 128 + signal.SIGINT
    assert (done.stdout, done.stderr.strip()) == ("", "")


@pytest.mark.parametrize("name", [name for name in WORKING if name not in {"completion", "man"}])
def test_ctrl_c_while_a_command_works_changes_nothing(shell: CommandLine, tmp_path: Path, name: str) -> None:
    arguments = arguments_of(shell, name)
    program = INTERRUPT.format(moment="settings.toml" if name == "settings" else "organisations.json")
    (tmp_path / "sitecustomize.py").write_text(program, encoding="utf-8")
    done = shell.run(*arguments, PYTHONPATH=str(tmp_path))
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    # Some commands say what their end means for what they have done until then.
    assert done.returncode == 128 + signal.SIGINT or "Cancelled" in done.stderr
