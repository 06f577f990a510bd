"""The command line: starts quickly, explains errors, and returns the right exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result

from tui import __version__, messages
from tui.cli import main
from tui.cli.launch import choose_organisation, command_error, to_click_error
from tui.model.contact import Organisation
from tui.model.errors import StoreClosedError, StoreError
from tui.model.reasons import StoreReason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tui.engine.account import XeroAccount
    from tui.settings import Settings
    from tui.system.paths import Paths

# Imports that showing the version must not wait for.
HEAVY = {
    *("textual", "rich", "httpx", "anyio", "sqlite3", "starlette", "uvicorn", "msgspec", "asyncio"),
    *(
        "filelock",
        "tomli_w",
        "platformdirs",
        "keyring",
        "tui.app.app",
        "tui.engine",
        "tui.store",
        "tui.sandbox",
    ),
}


@pytest.fixture
def reshelve(tmp_path: Path) -> Callable[..., Result]:
    """Run a command in this process, with all files under a folder of the test's."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> Result:
        env = {"RESHELVE_HOME": str(tmp_path), **environment}
        return CliRunner().invoke(main, arguments, input=stdin, env=env)

    return run


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_commands_load_nothing_heavy(option: str) -> None:
    program = (
        "import json, sys\n"
        "from tui.cli import main\n"
        "try:\n"
        f"    main([{option!r}], prog_name='reshelve')\n"
        "finally:\n"
        "    print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert not HEAVY & loaded
    assert "click" in loaded


def test_the_version_is_printed(reshelve: Callable[..., Result]) -> None:
    assert reshelve("--version").output == f"reshelve, version {__version__}\n"


def test_help_lists_every_command_in_a_whole_sentence(reshelve: Callable[..., Result]) -> None:
    lines = reshelve("--help").output.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == main.list_commands(click.Context(main))
    assert all(line.endswith(".") and not line.endswith("...") and len(line) < 80 for line in lines)


def test_module_runs_like_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith(f"version {__version__}\n")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_names_every_command(reshelve: Callable[..., Result], option: str) -> None:
    output = reshelve(option).output
    for command in ("open", "demo", "connect", "disconnect", "settings", "sandbox"):
        assert f"\n  {command} " in output


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("open", ["--organisation", "--read-only"]),
        ("demo", ["practice", "--contacts", "--cycle", "--fresh", "--read-only", "1600", "45"]),
        ("connect", ["--client-id", "--read-only", "--custom", "--no-browser", "process lists"]),
        ("disconnect", ["--organisation", "--all", "--yes", "Saved contacts"]),
        ("re-leased", ["connect", "test", "disconnect"]),
        ("settings", ["KEY", "VALUE", "--unset", "default"]),
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


def test_an_unknown_command_is_reported(reshelve: Callable[..., Result]) -> None:
    result = reshelve("opne")
    assert result.exit_code == 2
    assert "opne" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("opne",), "Did you mean 'open'?"),
        (("contact",), "'contacts'"),
        (("setings", "sync"), "Did you mean 'settings'?"),
        (("re-leased", "tset"), "Did you mean 'test'?"),
        (("forget", "--with-changelog"), "Did you mean '--with-change-log'?"),
        (("doctor", "--on-line"), "Did you mean '--online'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_similar_command_or_option_is_suggested(
    reshelve: Callable[..., Result], arguments: tuple[str, ...], said: str
) -> None:
    result = reshelve(*arguments)
    assert (result.exit_code, said in result.output) == (2, True), result.output


@pytest.mark.parametrize("command", ["", "open"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", (None, False)),
        ("--organisation Demo", ("Demo", False)),
        ("--read-only", (None, True)),
        ("--read-only --organisation Demo", ("Demo", True)),
    ],
)
def test_requested_organisation_reaches_the_app(
    reshelve: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    options: str,
    expected: tuple[str | None, bool],
) -> None:
    opened: list[tuple[str | None, bool]] = []

    def run(settings: Settings, paths: Paths, account: XeroAccount, wanted: str | None) -> None:
        del settings, paths
        opened.append((wanted, account._is_read_only))

    monkeypatch.setattr("tui.cli.launch.run", run)
    result = reshelve(*command.split(), *options.split())
    assert result.exit_code == 0, result.output
    assert opened == [expected]


@pytest.mark.parametrize("option", [("--read-only",), ("--organisation", "Demo")])
def test_an_option_before_a_command_is_refused_rather_than_ignored(
    reshelve: Callable[..., Result], option: tuple[str, ...]
) -> None:
    result = reshelve(*option, "settings")
    assert result.exit_code == 2
    assert "after the command" in result.output


@pytest.mark.parametrize(
    "arguments",
    [(), ("open",), ("demo",), ("connect",), ("disconnect",), ("settings",), ("re-leased", "test")],
)
def test_every_command_reports_an_invalid_setting(
    reshelve: Callable[..., Result], arguments: tuple[str, ...]
) -> None:
    result = reshelve(*arguments, RESHELVE_XERO_API_ULR="http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "RESHELVE_XERO_API_ULR" in result.output
    assert "RESHELVE_XERO_API_URL" in result.output
    assert "Traceback" not in result.output


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
def test_organisation_is_chosen_by_part_of_its_name(wanted: str | None, expected: str) -> None:
    chosen = choose_organisation(ORGANISATIONS, wanted)
    assert chosen is not None
    assert chosen.tenant_id == expected


def test_unknown_organisation_lists_the_existing_ones() -> None:
    with pytest.raises(click.ClickException, match="nowhere") as caught:
        choose_organisation(ORGANISATIONS, "nowhere")
    assert caught.value.message.endswith(" Connected: Bayside Property, Demo Company (NZ).")


def test_unknown_organisation_among_many_suggests_the_nearest() -> None:
    many = [Organisation(str(number), f"Property Company {number}", "!a") for number in range(60)]
    with pytest.raises(click.ClickException) as near:
        choose_organisation(many, "Propety Company 41")
    assert near.value.message.endswith(" Did you mean Property Company 41?")
    with pytest.raises(click.ClickException) as far:
        choose_organisation(many, "nowhere")
    assert far.value.message.endswith("and 50 more.")


def test_error_is_printed_with_the_next_step() -> None:
    error = StoreError(StoreReason.BUSY)
    printed = to_click_error(error).message
    assert printed == f"{messages.message(error)} {messages.next_step(error)}"
    closed = StoreClosedError()
    assert to_click_error(closed).message == messages.message(closed)


def test_error_with_outside_text_is_safe_for_the_terminal() -> None:
    error = StoreError(StoreReason.REPAIR_FAILED, problem="\x1b]0;owned\x07\u202ethis\nthat")
    for printed in (to_click_error(error), command_error(messages.in_full(error))):
        assert "(this that)" in printed.message
