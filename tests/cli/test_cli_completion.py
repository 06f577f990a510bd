"""Completion in shells: the scripts are valid, and offer what exists and can't harm."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import pytest

from tui.cli import main
from tui.cli.completion import VARIABLE
from tui.engine.account import ConnectionList, save_connections
from tui.model.contact import Organisation
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES: Final = (
    "Bayside Property",
    "Bayside & Sons, Ltd",
    "Kererū Homes",
    "$(touch /tmp/x) `id`; rm -rf ~ \x1b[1m\u202eevil",
    "Bay",
)
SHELLS: Final = {"bash": ("-n",), "zsh": ("-n",), "fish": ("--no-execute",)}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    organisations = (Organisation(str(number), name, "!a") for number, name in enumerate(NAMES))
    save_connections(Paths.under(tmp_path).organisations_file, ConnectionList(tuple(organisations)))
    return tmp_path


@pytest.fixture
def offered(home: Path) -> Callable[..., list[str]]:
    def ask(*words: str, asked_by: str = "zsh") -> list[str]:
        """Return what is offered for the last word."""
        quoted = " ".join(f"'{word}'" if word else "" for word in ("reshelve", *words))
        done = run(
            home, **{VARIABLE: f"{asked_by}_complete", "COMP_WORDS": quoted, "COMP_CWORD": str(len(words))}
        )
        assert (done.returncode, done.stderr) == (0, "")
        # Kind, value and help, a line each.
        return done.stdout.splitlines()[1::3]

    return ask


def run(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RESHELVE_HOME": str(home), "PYTHONUTF8": "1", **variables}
    command = [sys.executable, "-c", "from tui.cli import main; main(prog_name='reshelve')", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_scripts_are_valid(home: Path, shell: str) -> None:
    done = run(home, "completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert VARIABLE in done.stdout
    if program := shutil.which(shell):
        script = home / f"script.{shell}"
        script.write_text(done.stdout, encoding="utf-8")
        subprocess.run([program, *SHELLS[shell], script], check=True)


@pytest.mark.slow
def test_every_command_is_offered(offered: Callable[..., list[str]]) -> None:
    assert offered("") == main.list_commands(click.Context(main))
    assert offered("fo", asked_by="powershell") == ["forget"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("forget", "--with"), ["--with-change-log"]),
        (("forget", "--log"), ["--log-file"]),
        (("re-leased", ""), ["connect", "disconnect", "test"]),
        (("completion", "f"), ["fish"]),
        (("settings", "screen.th"), ["screen.theme"]),
        (("contacts", "ow"), ["owes:", "owed:"]),
        (("contacts", "sync:mi"), ["sync:missed"]),
        (("contacts", "owes:>1"), []),
        (("contacts", "nothing:x"), []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_options_settings_and_filters_are_offered(
    offered: Callable[..., list[str]], words: tuple[str, ...], expected: list[str]
) -> None:
    assert offered(*words) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begun", "expected"),
    [("", ["Property", "Sons", "Kererū", "touch"]), ("ker", ["Kererū"]), ("KERERU", ["Kererū"]), ("$", [])],
)
@pytest.mark.parametrize("command", [("forget",), ("contacts",), ("re-leased", "test")], ids=" ".join)
def test_organisations_are_offered_by_a_word_that_only_one_has(
    offered: Callable[..., list[str]], command: tuple[str, ...], begun: str, expected: list[str]
) -> None:
    assert offered(*command, "--organisation", begun) == expected


@pytest.mark.slow
@pytest.mark.parametrize("content", [None, b"{", b"\xff"], ids=["missing", "damaged", "no-text"])
def test_a_list_that_cannot_be_read_offers_nothing_and_stays(
    home: Path, offered: Callable[..., list[str]], content: bytes | None
) -> None:
    file = Paths.under(home).organisations_file
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    assert offered("forget", "--organisation", "") == []
    assert file.exists() == (content is not None)


DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "command-line.md"
#: What each shell runs after the line of its start-up file, and what it should print.
ASKED: Final = {
    "bash": (
        "COMP_WORDS=(reshelve forg); COMP_CWORD=1; _reshelve_completion reshelve; echo ${COMPREPLY[@]}",
        "forget",
    ),
    # Its completion only works in a terminal.
    "zsh": ("echo $_comps[reshelve]", "_reshelve_completion"),
    "fish": ('complete -C "reshelve forget --organisation ker"', "Kererū\tKererū Homes"),
}


@pytest.mark.slow
@pytest.mark.parametrize("shell", ASKED)
def test_line_of_the_documents_makes_the_shell_complete(home: Path, shell: str) -> None:
    program, reshelve = shutil.which(shell), Path(sys.executable).with_name("reshelve")
    if program is None or not reshelve.exists():
        pytest.skip("the shell, or the program beside this Python, isn't installed")
    rows = re.findall(
        rf"^\| {shell}\b[^|]*\|[^|]*\| `(.*)` \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
    )
    [line] = (row.replace("\\|", "|") for row in rows)
    question, answer = ASKED[shell]
    before = "autoload -U compinit; compinit -u -D" if shell == "zsh" else ""
    done = subprocess.run(
        [program, "-c", f"{before}\n{line}\n{question}"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={
            **os.environ,
            "RESHELVE_HOME": str(home),
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "PATH": f"{reshelve.parent}{os.pathsep}{os.environ['PATH']}",
        },
        check=True,
    )
    assert (done.stdout.strip(), done.stderr) == (answer, "")
