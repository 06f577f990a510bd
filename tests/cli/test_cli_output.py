"""What commands print: tables for people, screen readers and programs, and progress."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner, Result

from tui.cli import output
from tui.cli.shared_options import add_shared_options, has_colour, is_accessible
from tui.model.tables import TableColumn
from tui.widgets.text import cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.model.tables import Cell, TableFormat

COLUMNS = [
    TableColumn("name", "Contact"),
    TableColumn("owes", "They owe"),
    TableColumn("updated", "Last changed"),
]
ROWS: list[list[Cell]] = [
    ["Bayside Club", Decimal("1234.5"), datetime(2026, 3, 31, 14, 5, tzinfo=UTC)],
    ["=cmd|' /C calc'!A0\x1b]0;owned\x07\tx\n", None, None],
    ["محمد \U0001f3e1", Decimal(0), None],
]


@click.command()
@output.format_options
def listing(table_format: TableFormat | None) -> None:
    """Print the table."""
    output.print_rows(COLUMNS, ROWS, table_format)
    output.note(f"{has_colour()} {is_accessible()}\x1b[2J")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("ACCESSIBLE", raising=False)
    command = add_shared_options(listing)

    def run(*arguments: str, **environment: str) -> Result:
        result = CliRunner().invoke(command, arguments, env=environment)
        assert "\x1b]" not in result.output
        assert "\x07" not in result.output
        return result

    return run


def test_a_pipe_gets_a_line_for_each_row(run: Callable[..., Result]) -> None:
    lines = run().stdout.splitlines()
    assert lines[0] == "Bayside Club\t1234.5\t2026-03-31T14:05:00Z"
    assert [line.count("\t") for line in lines] == [2, 2, 2]


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_screen_reader_gets_labelled_lines(run: Callable[..., Result], how: str) -> None:
    result = run("--accessible") if how == "option" else run(ACCESSIBLE="1")
    first, second, _ = result.stdout.split("\n\n")
    assert first.startswith("Contact: Bayside Club\nThey owe: 1,234.50\nLast changed: 31 Mar 2026 ")
    assert "They owe: not known" in second
    assert result.stderr == "True True\n"


def test_programs_get_the_texts_as_they_are(run: Callable[..., Result]) -> None:
    objects = json.loads(run("--json").stdout)
    assert [each["name"] for each in objects] == [row[0] for row in ROWS]
    assert objects[0]["owes"] == 1234.5
    assert [json.loads(line) for line in run("--jsonl").stdout.splitlines()] == objects


def test_no_cell_of_csv_is_a_formula(run: Callable[..., Result]) -> None:
    rows = list(csv.reader(io.StringIO(run("--csv").stdout_bytes.decode("utf-8-sig"))))
    assert rows[0] == ["Contact", "They owe", "Last changed"]
    assert rows[2][0].startswith("'=cmd")


@pytest.mark.parametrize(
    "options", [("--json", "--csv"), ("--jsonl", "--json"), ("--csv", "--jsonl", "--json")], ids=len
)
def test_one_format_at_most(run: Callable[..., Result], options: tuple[str, ...]) -> None:
    result = run(*options)
    assert result.exit_code == 2
    assert "only one of" in result.stderr


@pytest.mark.parametrize(("options", "variables"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"})])
def test_colours_can_be_turned_off(
    run: Callable[..., Result], options: list[str], variables: dict[str, str]
) -> None:
    assert run(*options, **variables).stderr == "False False\n"


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_columns_fit_the_terminal(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr("tui.cli.output._is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run("--no-color").stdout.splitlines()
    assert lines[0].startswith("Conta")
    assert all(cells(line) <= max(width, 22) for line in lines)
    assert lines[3].endswith("—")


def test_progress_is_a_line_now_and_then_where_nothing_is_repainted(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del run
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr("tui.cli.output.time.monotonic", lambda: next(clock))
    with output.progress("Reading") as shown:
        for done in range(6):
            shown.update(done, 5)
    assert capsys.readouterr().err.splitlines() == ["Reading: 1 of 5", "Reading: 3 of 5", "Reading: 5 of 5"]


def test_progress_is_repainted_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[Any]
) -> None:
    monkeypatch.setattr("tui.cli.output._is_terminal", lambda _: True)
    with output.progress("Reading") as shown:
        shown.update(5, 10)
        shown.update(10, 10)
    frames = capsys.readouterr().err.split("\r")
    assert "Reading: 5 of 10" in frames[1]
    assert "━" in frames[1]
    assert frames[-2].strip() == ""
