"""`reshelve changes`, as a process against a practice Xero."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.command_line import CommandLine, signed_in

from tui.model.change import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

HOSTILE = "=cmd|' /C calc'!A0 \x1b]0;owned\x07 محمد \U0001f3e1"
BOTH = pytest.mark.parametrize("variables", [{}, {"LANG": "C", "LC_ALL": "C"}], ids=["as usual", "LANG=C"])


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A home with an archive in Xero, then a refused and a confirmed one here, then a restore to finish."""
    with signed_in(tmp_path_factory.mktemp("changes"), "--contacts", "30") as shell:
        practice = shell.practice
        refused, archived, hostile = map(practice.create, ("Bayside Refused", "Bayside Archived", HOSTILE))
        shell.load()
        practice.somebody("archive", hostile)
        shell.load()
        practice.somebody("repeating", refused)
        shell.request(Action.ARCHIVE, refused, archived)
        shell.request(Action.RESTORE, hostile)
        yield shell


def changes(shell: CommandLine, *options: str) -> list[dict[str, Any]]:
    done = shell.run("changes", "--organisation", shell.name, "--json", *options)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_newest_changes_come_first_with_who_why_and_evidence(shell: CommandLine) -> None:
    restored, *requested, detected = changes(shell)
    assert (restored["action"], restored["by"], restored["state"], restored["status"]) == (
        "restore",
        "reshelve",
        "awaiting_user",
        "Restore in Xero",
    )
    by_state = {change["state"]: change for change in requested}
    assert by_state["refused"]["contact"] == "Bayside Refused"
    assert "repeating invoice" in by_state["refused"]["xero_message"]
    confirmed = by_state["confirmed"]
    assert (confirmed["sync_status"], confirmed["status"]) == ("pending", "Pending sync")
    assert confirmed["sync_status_since"] == confirmed["confirmed_at"]
    assert (detected["by"], detected["state"], detected["sync_status"]) == ("xero", "confirmed", "pending")
    assert detected["contact_id"] == restored["contact_id"]


@pytest.mark.parametrize(
    ("options", "states"),
    [
        (("--state", "refused"), ["refused"]),
        (("--state", "restore", "--state", "refused"), ["awaiting_user", "refused"]),
        (("--state", "missed"), []),
        (("--contact", "BAYSIDE arch"), ["confirmed"]),
        (("--contact", "nobody at all"), []),
        (("--contact", "bayside", "--state", "pending"), ["confirmed"]),
        (("--since", "2026-01-01"), ["awaiting_user", "refused", "confirmed", "confirmed"]),
        (("--until", "2026-01-01"), []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_filters(shell: CommandLine, options: tuple[str, ...], states: list[str]) -> None:
    found = [change["state"] for change in changes(shell, *options)]
    assert sorted(found) == sorted(states)


def test_contact_is_found_by_its_id_in_any_case(shell: CommandLine) -> None:
    [*_, detected] = changes(shell)
    found = changes(shell, "--contact", detected["contact_id"].upper())
    assert [change["action"] for change in found] == ["restore", "archive"]


def test_whole_days_are_included(shell: CommandLine) -> None:
    [last, *_] = changes(shell)
    at = datetime.fromisoformat(last["requested_at"]).astimezone()
    today, tomorrow = f"{at:%Y-%m-%d}", f"{at + timedelta(days=1):%Y-%m-%d}"
    assert last in changes(shell, "--since", today, "--until", today)
    assert not changes(shell, "--since", tomorrow)
    assert last not in changes(shell, "--until", f"{at:%Y-%m-%dT%H:%M:%S}")


@pytest.mark.parametrize(
    "options",
    [("--since", "soon"), ("--until", "9999-12-31T25:00"), ("--state", "refussed"), ("--json", "--csv")],
    ids=" ".join,
)
def test_invalid_options_are_usage_errors(shell: CommandLine, options: tuple[str, ...]) -> None:
    done = shell.run("changes", "--organisation", shell.name, *options)
    assert (done.returncode, done.stdout) == (2, "")


@BOTH
def test_hostile_names_are_safe_for_terminals_and_whole_for_programs(
    shell: CommandLine, variables: dict[str, str]
) -> None:
    command = ("changes", "--organisation", shell.name)
    named = {change["contact"] for change in changes(shell)} - {"Bayside Refused", "Bayside Archived"}
    assert len(named) == 1
    [name] = named
    assert name.startswith("=cmd")
    assert "محمد \U0001f3e1" in name
    for options in ((), ("--accessible",)):
        done = shell.run(*command, *options, **variables)
        assert (done.returncode, done.stderr) == (0, "")
        assert not {"\x1b", "\x07"} & set(done.stdout)
    table = shell.run(*command, "--csv", **variables).stdout
    assert table.startswith("\ufeffRequested (UTC),Contact,Xero ContactID,")
    cells = {row[1] for row in csv.reader(io.StringIO(table))}
    assert any(cell.startswith("'=cmd") for cell in cells)
    assert "\x1b" not in table
    lines = shell.run(*command, "--jsonl", **variables).stdout.splitlines()
    assert [json.loads(line) for line in lines] == changes(shell)


def test_terminal_shows_the_columns_that_fit(shell: CommandLine) -> None:
    with shell.in_terminal("changes", "--organisation", shell.name) as terminal:
        assert terminal.wait() == 0
        titles = next(line for line in terminal.screen.text.splitlines() if line.startswith("Requested"))
        assert titles.split() == ["Requested", "Contact", "Change", "Status", "By", "Reason"]
        assert "Restore in Xero" in terminal.screen.text


def test_screen_reader_gets_labelled_lines(shell: CommandLine) -> None:
    done = shell.run("changes", "--organisation", shell.name, "--state", "refused", ACCESSIBLE="1")
    when, *lines = done.stdout.splitlines()
    assert when.startswith("Requested: ")
    assert lines[:4] == [
        "Contact: Bayside Refused",
        "Change: Archive",
        "Status: Refused by Xero",
        "By: Reshelve",
    ]
    assert "repeating invoice" in lines[4]


def test_no_changes_yet(shell: CommandLine) -> None:
    other = shell.practice.organisations[1].name
    shell.load(1)
    done = shell.run("changes", "--organisation", other, "--accessible")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No changes yet.\n")
    done = shell.run("changes", "--organisation", other, "--json")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, [], "")


def test_unloaded_organisation_is_an_error(shell: CommandLine) -> None:
    new = shell.another(shell.home.parent / "new")
    done = new.run("changes", "--organisation", shell.name)
    assert (done.returncode, done.stdout) == (1, "")
    assert not new.organisation().exists()


def test_times_are_utc_for_programs(shell: CommandLine) -> None:
    [last, *_] = changes(shell)
    assert datetime.fromisoformat(last["requested_at"]).tzinfo == UTC


def test_a_year_is_added_up(shell: CommandLine) -> None:
    [*_, detected] = changes(shell)
    year = datetime.fromisoformat(detected["confirmed_at"]).astimezone().year
    months = changes(shell, "--summary", "--year", str(year))
    assert [month["month"] for month in months] == [f"{year}-{number:02}" for number in range(1, 13)]
    assert sum(month["archived_in_reshelve"] for month in months) == 1
    assert sum(month["archived_in_xero"] for month in months) == 1
    assert not any(month["archived"] for month in changes(shell, "--summary", "--year", "1999"))
    done = shell.run("changes", "--organisation", shell.name, "--summary", "--accessible")
    assert "How long changes waited isn't known" in done.stdout


@pytest.mark.parametrize("options", [("--summary", "--state", "refused"), ("--year", "2026")], ids=str)
def test_a_summary_has_no_filters(shell: CommandLine, options: tuple[str, ...]) -> None:
    assert shell.run("changes", "--organisation", shell.name, *options).returncode == 2
