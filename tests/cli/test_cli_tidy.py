"""`reshelve tidy`, and protected contacts on the command line, against a practice Xero."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.command_line import CommandLine, signed_in
from support.practice import http

from tui.model.change import Action
from tui.model.marks import MarkKind

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with signed_in(tmp_path_factory.mktemp("tidy"), "--contacts", "200", has_one=True) as shell:
        shell.load()
        yield shell


def mark(shell: CommandLine, kind: MarkKind, *contact_ids: str) -> None:
    async def mark() -> None:
        async with shell.app() as engine:
            await engine.marks.mark_contacts(kind, contact_ids, on=True)

    asyncio.run(mark())


def status(shell: CommandLine, contact_id: str) -> str:
    """Return the status in Xero."""
    headers = {
        "Authorization": f"Bearer {shell.practice.access_token()}",
        "xero-tenant-id": shell.practice.tenant_id,
        "Accept": "application/json",
    }
    found: dict[str, Any] = http(
        "GET", f"{shell.practice.api}/api.xro/2.0/Contacts/{contact_id}", headers=headers
    ).json()
    return str(found["Contacts"][0]["ContactStatus"])


def results(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return the result of each contact, by ContactID."""
    return {row["contact_id"]: row["result"] for row in json.loads(done.stdout or "[]")}


def test_idle_contacts_are_archived_and_not_suggested_again(shell: CommandLine) -> None:
    planned = results(shell.run("tidy", "--idle", "24", "--dry-run", "--json"))
    assert set(planned.values()) == {"planned"}
    kept, *others = planned
    assert others
    owing = shell.rows("SELECT contact_id FROM contacts WHERE receivable <> 0 OR payable <> 0")
    assert not planned.keys() & {contact_id for (contact_id,) in owing}
    mark(shell, MarkKind.KEPT, kept)
    done = shell.run("tidy", "--idle", "24", "--yes", "--json")
    # Without the transactions, Xero is the first to know of repeating invoices.
    refused = [row for row in json.loads(done.stdout) if row["result"] == "refused"]
    assert all("repeating" in row["message"] for row in refused)
    ids = {row["contact_id"] for row in refused}
    assert results(done) == {each: "refused" if each in ids else "archived" for each in others}
    assert done.returncode == bool(refused)
    assert "last activity isn't known" in done.stderr
    assert "1 kept" in done.stderr
    assert {status(shell, each) for each in others[:3] if each not in ids} == {"ARCHIVED"}
    assert status(shell, kept) == "ACTIVE"
    again = shell.run("tidy", "--idle", "24", "--yes", "--json")
    assert (again.returncode, results(again)) == (0, {})


def test_warnings_are_skipped(shell: CommandLine) -> None:
    owing = shell.rows("SELECT contact_id FROM contacts WHERE status = 'ACTIVE' AND receivable > 0 LIMIT 1")
    free = shell.practice.create("Without a warning")
    [(contact_id,)] = owing
    done = shell.run("archive", contact_id, free, "--skip-warnings", "--yes", "--json")
    assert (done.returncode, results(done)) == (0, {free: "archived", contact_id: "skipped"})
    assert status(shell, contact_id) == "ACTIVE"


def test_protected_contacts_are_left_out_without_the_option(shell: CommandLine) -> None:
    contact_id, other = shell.practice.create("Protected one"), shell.practice.create("Other one")
    mark(shell, MarkKind.PROTECTED, contact_id)
    done = shell.run("archive", contact_id, other, "--yes", "--json")
    assert (done.returncode, results(done)) == (1, {contact_id: "left_out", other: "archived"})
    assert "1 protected contact left out" in done.stderr
    assert status(shell, contact_id) == "ACTIVE"
    # --yes isn't enough, and there is no terminal to ask in.
    done = shell.run("archive", contact_id, "--yes", "--protected-too")
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a terminal" in done.stderr
    dry = shell.run("archive", contact_id, "--protected-too", "--dry-run", "--json")
    assert (dry.returncode, results(dry)) == (0, {contact_id: "planned"})


@pytest.mark.parametrize(("answer", "expected"), [("n", "ACTIVE"), ("y", "ARCHIVED")])
def test_protected_contacts_are_asked_about_in_a_terminal(
    shell: CommandLine, answer: str, expected: str
) -> None:
    contact_id = shell.practice.create(f"Protected, answer {answer}")
    mark(shell, MarkKind.PROTECTED, contact_id)
    with shell.in_terminal("archive", contact_id, "--yes", "--protected-too") as terminal:
        terminal.until_shown("Archive 1 protected contact? [y/N]:")
        terminal.write(f"{answer}\r")
        assert terminal.wait() == (answer == "n")
    assert status(shell, contact_id) == expected


def test_an_undo_that_archives_a_protected_contact_asks_about_it(shell: CommandLine) -> None:
    contact_id = shell.practice.create("Restored and protected")
    shell.load()
    shell.request(Action.ARCHIVE, contact_id)
    with shell.in_terminal("restore", contact_id, "--yes", "--wait") as terminal:
        terminal.until_shown("/contacts/contact/")
        shell.practice.somebody("restore", contact_id)
        assert terminal.wait() == 0
    mark(shell, MarkKind.PROTECTED, contact_id)
    # --yes isn't enough, and there is no terminal to ask in.
    done = shell.run("undo", "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "contacts that you protected" in done.stderr
    for answer, expected in (("n", "ACTIVE"), ("y", "ARCHIVED")):
        with shell.in_terminal("undo") as terminal:
            terminal.until_shown("Undo 1 restore? [y/N]:")
            terminal.write("y\r")
            terminal.until_shown("Archive 1 protected contact? [y/N]:")
            terminal.write(f"{answer}\r")
            assert terminal.wait() == (answer == "n")
        assert status(shell, contact_id) == expected
