"""The manual pages say what the help says, in valid roff."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from tui.cli import main
from tui.cli.exit_codes import ExitCode
from tui.cli.man import _EXIT_CODES, _line, _text

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = re.compile(r"\.(TH|SH|PP|TP|nf|fi)\b")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("man")
    result = CliRunner().invoke(main, ["man", str(folder / "man1")])
    assert result.exit_code == 0, result.output
    found = {file.stem: file for file in (folder / "man1").iterdir()}
    assert result.output == f"{len(found)} pages written to {folder / 'man1'}.\n"
    return found


def test_every_command_has_a_page(pages: dict[str, Path]) -> None:
    context = click.Context(main)
    expected = {"reshelve"}
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        expected |= {f"reshelve-{name}"}
        if isinstance(command, click.Group):
            expected |= {f"reshelve-{name}-{part}" for part in command.commands}
    assert set(pages) == expected


def test_pages_have_every_option_and_example_of_the_help(pages: dict[str, Path]) -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        help_text = CliRunner().invoke(main, [name, "--help"]).output
        page = pages[f"reshelve-{name}"].read_text(encoding="utf-8").replace("\\-", "-")
        for part in (
            *re.findall(r"--[\w-]+", help_text),
            *re.findall(r"^ +(\$ .*)$", help_text, re.MULTILINE),
        ):
            assert part in page, (name, part)
        assert ".SH EXAMPLES" in page
        assert page.count(".SH EXIT STATUS") == 1


def test_pages_have_the_exit_codes_of_a_command_or_all(pages: dict[str, Path]) -> None:
    own, usual = (pages[name].read_text(encoding="utf-8") for name in ("reshelve-status", "reshelve-doctor"))
    assert "\n.SH EXIT STATUS\n.nf\n  0  nothing needs you\n" in own
    for code, meaning in _EXIT_CODES.items():
        assert f"\n.TP\n\\fB{code.value}\\fR\n{meaning}\n" in usual


def test_every_line_that_begins_with_a_dot_is_a_request(pages: dict[str, Path]) -> None:
    for page in pages.values():
        text = page.read_text(encoding="utf-8")
        for line in text.splitlines():
            assert REQUESTS.match(line) or not line.startswith((".", "'")), line
        assert text.count("\n.nf\n") == text.count("\n.fi\n")
        assert text.startswith(".TH ")


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (".reshelve", "\\&.reshelve"),
        ("'tis", "\\&'tis"),
        ("--yes", "\\-\\-yes"),
        ("C:\\new", "C:\\enew"),
    ],
)
def test_text_is_never_an_instruction(line: str, written: str) -> None:
    assert _line(_text(line)) == written


def test_exit_codes_are_all_explained() -> None:
    assert set(_EXIT_CODES) == set(ExitCode)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("mandoc"), reason="there is no mandoc")
def test_mandoc_finds_no_errors(pages: dict[str, Path]) -> None:
    for page in pages.values():
        done = subprocess.run(
            ["mandoc", "-Tlint", "-Werror", page],  # noqa: S607 - whichever mandoc is there
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("man") or not shutil.which("groff"), reason="there is no man")
def test_man_shows_the_page_without_warnings(pages: dict[str, Path]) -> None:
    done = subprocess.run(
        ["man", "--warnings", "-l", pages["reshelve-forget"]],  # noqa: S607 - whichever man is there
        capture_output=True,
        text=True,
        env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"},
        check=False,
    )
    if done.returncode:
        pytest.skip("this man can't show a file")
    assert done.stderr == ""
    assert "Remove the change log and its backups as well." in done.stdout
    assert "$ reshelve forget --with-change-log" in done.stdout
