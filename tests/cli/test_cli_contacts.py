"""`reshelve contacts`, as a process against a practice Xero."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from python_calamine import load_workbook
from support.command_line import CommandLine, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with signed_in(tmp_path_factory.mktemp("contacts"), "--contacts", "300") as shell:
        yield shell


def names(shell: CommandLine, status: str = "%") -> list[str]:
    sql = "SELECT name FROM contacts WHERE status LIKE ? ORDER BY sort_key, rowid"
    return [name for (name,) in shell.rows(sql, (status,))]


def ours(shell: CommandLine) -> tuple[str, str]:
    return ("--organisation", shell.name)


def test_several_organisations_have_to_be_chosen_from(shell: CommandLine) -> None:
    done = shell.run("contacts")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "Error: Several organisations are connected. Choose one with --organisation: "
    )
    assert shell.name in done.stderr


def test_the_first_time_all_contacts_are_read(shell: CommandLine, tmp_path: Path) -> None:
    new = shell.another(tmp_path / "new")
    done = new.run("contacts", *ours(shell))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 300
    offline = new.run("contacts", *ours(shell), "--offline")
    assert offline.stdout == done.stdout
    [first, *_] = done.stdout.splitlines()
    assert first.split("\t")[0] == names(new)[0]


def test_changes_in_xero_are_read_first_unless_offline(shell: CommandLine) -> None:
    shell.load()
    shell.practice.create("Zealandia New")
    assert "Zealandia" not in shell.run("contacts", *ours(shell), "--offline").stdout
    assert "Zealandia New\tActive" in shell.run("contacts", *ours(shell), "zealandia").stdout


@pytest.mark.parametrize("variables", [{}, {"LANG": "C", "LC_ALL": "C"}], ids=["utf-8", "LANG=C"])
def test_every_format_has_the_same_contacts(
    shell: CommandLine, tmp_path: Path, variables: dict[str, str]
) -> None:
    shell.load()
    expected = names(shell, "ARCHIVED")
    assert expected
    command = ("contacts", *ours(shell), "--offline", "--archived")
    tabs = shell.run(*command, **variables)
    assert [line.split("\t")[0] for line in tabs.stdout.splitlines()] == expected
    found = shell.run(*command, "--json", **variables)
    objects = json.loads(found.stdout)
    assert [each["name"] for each in objects] == expected
    assert {each["status"] for each in objects} <= {"Archived", "Merged"}
    lines = shell.run(*command, "--jsonl", **variables).stdout.splitlines()
    assert [json.loads(line) for line in lines] == objects
    table = list(csv.reader(io.StringIO(shell.run(*command, "--csv", **variables).stdout.lstrip("\ufeff"))))
    assert [row[0] for row in table[1:]] == expected
    labelled = shell.run(*command, "--accessible", **variables).stdout.split("\n\n")
    assert [block.splitlines()[0] for block in labelled] == [f"Contact: {name}" for name in expected]
    file = tmp_path / "archived.xlsx"
    saved = shell.run(*command, "--xlsx", str(file), **variables)
    assert (saved.returncode, saved.stdout, saved.stderr) == (0, "", "")
    sheet = load_workbook(str(file)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in sheet[1:]] == expected


def test_columns_and_order_are_chosen(shell: CommandLine) -> None:
    shell.load()
    command = ("contacts", *ours(shell), "--offline", "--columns", "contact-id,name,they_owe", "--jsonl")
    objects = [json.loads(line) for line in shell.run(*command, "--sort=-they_owe").stdout.splitlines()]
    assert [*objects[0]] == ["contact_id", "name", "they_owe"]
    owed = [each["they_owe"] or 0 for each in objects]
    assert owed == sorted(owed, reverse=True)
    assert len({each["contact_id"] for each in objects}) == len(owed)


def test_all_organisations_are_listed_with_their_names(shell: CommandLine) -> None:
    found = shell.run("contacts", "--all-organisations", "--csv")
    assert found.returncode == 0
    table = list(csv.reader(io.StringIO(found.stdout.lstrip("\ufeff"))))
    assert table[0][0] == "Organisation"
    assert {row[0] for row in table[1:]} == {one.name for one in shell.practice.organisations}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("is:tenant",), "“is:tenant” isn't a filter, so no contacts match."),
        (("--columns", "nmae"), "There is no column nmae. Did you mean name?"),
        (("--sort", "contact_id"), "Contacts can't be sorted by their ids."),
        (("--xlsx", "a.xlsx", "--json"), "Use either --xlsx or a format"),
        (("--all-organisations",), "Use either --organisation or --all-organisations."),
    ],
    ids=["filter", "column", "sort", "formats", "organisations"],
)
def test_what_can_not_be_listed_is_refused(shell: CommandLine, arguments: tuple[str, ...], said: str) -> None:
    shell.load()
    done = shell.run("contacts", *ours(shell), "--offline", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


def test_without_xero_saved_contacts_are_listed(shell: CommandLine) -> None:
    shell.load()
    done = shell.run("contacts", *ours(shell), RESHELVE_XERO_API_URL="http://127.0.0.1:9")
    assert done.returncode == 4
    assert "Using saved contacts." in done.stderr
    assert len(done.stdout.splitlines()) == len(names(shell))


def test_without_a_connection_it_says_what_to_do(shell: CommandLine, tmp_path: Path) -> None:
    done = shell.another(tmp_path / "new", is_signed_in=False).run("contacts")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "Error: No organisation is connected yet. Run `reshelve connect` first.\n"


def test_in_a_terminal_it_is_a_table(shell: CommandLine) -> None:
    shell.load()
    found, *_ = [name for name in names(shell) if name.isascii() and len(name) < 20]
    with shell.in_terminal("contacts", *ours(shell), "--offline", found) as terminal:
        assert terminal.wait() == 0
        titles, first, *_ = terminal.screen.text.splitlines()
        assert "They owe" in titles
        assert first.startswith(found)


def test_nothing_found_is_said_and_no_failure(shell: CommandLine) -> None:
    shell.load()
    done = shell.run("contacts", *ours(shell), "--offline", "no such contact at all")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No contacts match.\n")


def test_it_works_beside_an_app_that_is_open(shell: CommandLine) -> None:
    shell.load()
    with shell.in_terminal("open", *ours(shell)) as app:
        app.until_shown("All 3")
        done = shell.run("contacts", *ours(shell))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(names(shell))


def test_last_activity_that_is_not_known_says_what_to_do(shell: CommandLine) -> None:
    shell.load()
    done = shell.run("contacts", *ours(shell), "idle:>24m", "--offline")
    assert done.stdout == ""
    assert "reshelve connect --with-activity" in done.stderr
