"""`reshelve find`, as a process against a practice Xero."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from support.command_line import CommandLine, signed_in

from tui.model.change import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

NAME = "Bayside Plumbing"
HOSTILE = "=cmd|' /C calc'!A0 \x1b]0;owned\x07 محمد \U0001f3e1"
MESSAGE = (
    f"Invoice INV-0042 ({NAME}) failed:\nThe contact with the specified contact details has been archived."
    " The contact must be un-archived before creating new invoices or credit notes."
)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A home with two loaded organisations: in the first, one archive here and one in Xero."""
    with signed_in(tmp_path_factory.mktemp("find"), "--contacts", "30") as shell:
        practice = shell.practice
        archived, hostile = map(practice.create, (NAME, HOSTILE))
        shell.load()
        practice.somebody("archive", hostile)
        shell.load()
        shell.load(1)
        shell.request(Action.ARCHIVE, archived)
        yield shell


def test_a_pasted_message_finds_the_contact_and_what_to_do(shell: CommandLine) -> None:
    done = shell.run("find", "--accessible", stdin=MESSAGE)
    assert done.returncode == 0
    heading, status, *_ = done.stdout.splitlines()
    assert heading == f"{NAME} ({shell.name})"
    assert "Archived since" in status
    assert "(archived in Reshelve)" in status
    assert "[ ] 1. Restore the contact in Xero" in done.stdout
    assert "[ ] 3. Approve the failed Drafts again in Re-Leased" in done.stdout
    assert "To restore it: reshelve restore " in done.stdout


def test_json_has_codes(shell: CommandLine) -> None:
    done = shell.run("find", "bayside plumbing", "--json")
    [found] = json.loads(done.stdout)
    assert (found["organisation"], found["name"], found["status"]) == (shell.name, NAME, "archived")
    assert (found["by"], found["sync_status"], found["namesake"]) == ("reshelve", "pending", None)


def test_a_change_in_xero_is_told_from_one_here_and_a_name_is_harmless(shell: CommandLine) -> None:
    done = shell.run("find", "owned", "--accessible")
    assert done.returncode == 0
    assert "(archived in Xero)" in done.stdout
    assert "\x1b" not in done.stdout
    rows = list(csv.DictReader(io.StringIO(shell.run("find", "owned", "--csv").stdout.lstrip("\ufeff"))))
    assert [row["By"] for row in rows] == ["xero"]
    assert rows[0]["Contact"].startswith("'=")


def test_a_restore_under_way_is_said(shell: CommandLine) -> None:
    own = shell
    [found] = json.loads(own.run("find", "owned", "--json").stdout)
    own.request(Action.RESTORE, found["contact_id"])
    done = own.run("find", "owned", "--accessible")
    assert "In progress: restore (Restore in Xero)." in done.stdout
    assert "To restore it" not in done.stdout


def test_nothing_found_and_nothing_asked(shell: CommandLine) -> None:
    done = shell.run("find", "zzzz")
    assert (done.returncode, done.stdout) == (0, "")
    assert "No contacts match in any organisation." in done.stderr
    assert shell.run("find", stdin=" \n").returncode == 2


def test_organisations_that_are_not_loaded_are_said(shell: CommandLine) -> None:
    new = shell.another(shell.home.parent / "new")
    done = new.run("find", NAME)
    assert done.returncode == 0
    assert f"{shell.name}: no contacts are loaded yet." in done.stderr
