"""The command line: quick to start, plain in words, honest in exit codes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from tui import __version__
from tui.cli import main
from tui.cli.run import choose, say
from tui.model.contact import Organisation
from tui.model.errors import ReshelveError
from tui.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# What a person who only asks for the version must not wait for.
HEAVY = {
    *("textual", "rich", "httpx", "anyio", "sqlite3", "starlette", "uvicorn", "msgspec", "asyncio"),
    *("filelock", "tomli_w", "platformdirs", "keyring", "tui.app", "tui.engine", "tui.store", "tui.sandbox"),
}


@pytest.fixture
def reshelve(tmp_path: Path) -> Callable[..., Result]:
    """Run a command in this process, with all files under a folder of the test's."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> Result:
        env = {"RESHELVE_HOME": str(tmp_path), **environment}
        return CliRunner().invoke(main, arguments, input=stdin, env=env)

    return run


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_a_fresh_interpreter_loads_nothing_heavy_for(option: str) -> None:
    program = (
        "import json, sys\n"
        "from tui.cli import main\n"
        "try:\n"
        f"    main([{option!r}], prog_name='reshelve')\n"
        "finally:\n"
        "    print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    # `--help` lists the commands, for which each is imported: what only runs them still isn't.
    allowed = HEAVY - {"textual", "httpx", "starlette", "uvicorn", "tui.app"} if option == "--help" else set()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert not (HEAVY - allowed) & loaded
    assert "click" in loaded


def test_the_version_is_told(reshelve: Callable[..., Result]) -> None:
    assert reshelve("--version").output == f"reshelve, version {__version__}\n"


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith(f"version {__version__}\n")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_names_every_command(reshelve: Callable[..., Result], option: str) -> None:
    output = reshelve(option).output
    for command in ("open", "demo", "connect", "sandbox"):
        assert f"\n  {command} " in output


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("open", ["--organisation"]),
        ("demo", ["practice", "--contacts", "--cycle", "--fresh", "1600", "45"]),
        ("connect", ["standard input", "no process list"]),
        ("sandbox", ["--port", "--data", "127.0.0.1", "JSON"]),
    ],
)
def test_each_command_explains_itself(reshelve: Callable[..., Result], command: str, said: list[str]) -> None:
    result = reshelve(command, "--help")
    assert result.exit_code == 0
    words = " ".join(result.output.split())
    for part in said:
        assert part in words
    assert "--exit-with-parent" not in words


def test_an_unknown_command_is_said_to_be_unknown(reshelve: Callable[..., Result]) -> None:
    result = reshelve("opne")
    assert result.exit_code == 2
    assert "opne" in result.output


@pytest.mark.parametrize("arguments", [(), ("open",), ("open", "--organisation", "Demo")])
def test_without_an_organisation_it_says_how_to_begin(
    reshelve: Callable[..., Result], arguments: tuple[str, ...]
) -> None:
    result = reshelve(*arguments)
    assert result.exit_code == 1
    assert "No organisation is connected yet." in result.output
    assert "reshelve demo" in result.output
    assert "Traceback" not in result.output


def test_a_damaged_list_of_organisations_is_not_taken_for_none(
    reshelve: Callable[..., Result], tmp_path: Path
) -> None:
    file = Paths.under(tmp_path).organisations_file
    file.parent.mkdir(parents=True)
    file.write_text("[{", encoding="utf-8")
    result = reshelve("open")
    assert result.exit_code == 1
    assert "organisations.json" in result.output
    assert "damaged" in result.output


def test_what_cannot_be_a_token_is_not_sent(reshelve: Callable[..., Result], tmp_path: Path) -> None:
    result = reshelve("connect", stdin="a\x00token\n")
    assert result.exit_code == 1
    assert "That isn't a refresh token." in result.output
    assert not list(tmp_path.iterdir())


def test_connecting_promises_no_other_try(reshelve: Callable[..., Result]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        result = reshelve("connect", stdin="token\n", RESHELVE_XERO_IDENTITY_URL=nobody)
    assert result.exit_code == 1
    assert "Run the command again later." in result.output
    assert "by itself" not in result.output


@pytest.mark.parametrize("stdin", ["", "\n", "   \n"])
def test_connecting_without_a_token_changes_nothing(
    reshelve: Callable[..., Result], tmp_path: Path, stdin: str
) -> None:
    result = reshelve("connect", stdin=stdin)
    assert result.exit_code == 1
    assert "No refresh token was given" in result.output
    assert not list(tmp_path.iterdir())


def test_a_setting_that_cannot_be_used_is_named_before_anything_is_sent(
    reshelve: Callable[..., Result], tmp_path: Path
) -> None:
    result = reshelve("connect", stdin="secret-token\n", RESHELVE_XERO_API_URL="http://evil.example")
    assert result.exit_code == 1
    assert "RESHELVE_XERO_API_URL" in result.output
    assert "secret-token" not in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo", "--contacts", "0"),
        ("demo", "--cycle", "0"),
        ("demo", "--cycle", "nan"),
        ("sandbox", "--cycle", "inf"),
        ("sandbox", "--port", "65536"),
    ],
)
def test_numbers_out_of_range_are_refused(
    reshelve: Callable[..., Result], arguments: tuple[str, ...]
) -> None:
    result = reshelve(*arguments)
    assert result.exit_code == 2
    assert arguments[1] in result.output


ORGANISATIONS = [Organisation("1", "Bayside Property", "!a"), Organisation("2", "Demo Company (NZ)", "!b")]


@pytest.mark.parametrize(
    ("wanted", "expected"), [(None, "1"), ("bay", "1"), ("DEMO", "2"), ("company (nz)", "2"), ("y", "1")]
)
def test_an_organisation_is_chosen_by_a_part_of_its_name(wanted: str | None, expected: str) -> None:
    assert choose(ORGANISATIONS, wanted).tenant_id == expected


def test_a_name_that_fits_none_is_answered_with_those_there_are() -> None:
    with pytest.raises(ReshelveError, match="nowhere") as caught:
        choose(ORGANISATIONS, "nowhere")
    assert caught.value.next_step == "There are: Bayside Property, Demo Company (NZ)."


def test_an_error_is_printed_with_what_to_do() -> None:
    assert say(ReshelveError("It broke.", "Mend it.")).message == "It broke. Mend it."
    assert say(ReshelveError("It broke.")).message == "It broke."
