"""`reshelve archive` killed midway, beside the app, and twice at once: each contact is archived once."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest
from support.command_line import CommandLine, signed_in
from support.crash_audit import Asked, Audit, read_only
from support.practice import until

from tui.model.change import Action, State
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WORD = "Wombat"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[CommandLine]:
    with signed_in(tmp_path, "--contacts", "40") as shell:
        yield shell


def fill(shell: CommandLine, count: int) -> list[str]:
    """Create active contacts, and load them."""
    ids = [shell.practice.create(f"{WORD} {number:03}") for number in range(count)]
    shell.load()
    # So that requests are on their way for a while.
    shell.practice.fault("slow", method="POST", path="/api.xro/2.0/Contacts", seconds=0.5)
    return ids


def archive(shell: CommandLine, ids: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments of a command that archives these contacts."""
    file = shell.home.parent / "list"
    file.write_text("\n".join(ids), encoding="utf-8")
    return ("archive", "--organisation", shell.name, "--from", str(file), "--yes", "--json")


def assert_archived_once(shell: CommandLine, ids: Sequence[str]) -> None:
    """Compare the change log, the local data, Xero's history and its request log."""
    practice = shell.practice
    books = Paths.under(practice.folder).sandbox / "practice.sqlite"
    audit = Audit(shell.organisation() / "contacts.db", books, practice.tenant_id, practice.requests())
    assert audit.check([Asked(Action.ARCHIVE, tuple(ids), is_journalled=True, ends_as=State.CONFIRMED)]) == []
    assert practice.status_writes() == len(ids)


@pytest.mark.parametrize("is_slow", [True, False], ids=["during a request", "between requests"])
def test_killed_in_the_middle_and_run_again(shell: CommandLine, *, is_slow: bool) -> None:
    ids = fill(shell, 300)
    if not is_slow:
        shell.practice.clear_faults()
    command = shell.start(*archive(shell, ids))
    until(lambda: shell.practice.status_writes() >= 100)
    command.kill()
    command.communicate()
    done = shell.run(*archive(shell, ids))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {row["result"] for row in found} <= {"archived", "already"}
    assert len(found) == 300
    assert_archived_once(shell, ids)


def test_killed_while_notes_are_written_and_run_again(shell: CommandLine) -> None:
    # Each process makes at most 60 calls in its first minute.
    ids = fill(shell, 40)
    books = Paths.under(shell.practice.folder).sandbox / "practice.sqlite"
    note = "Left in March 🐈"

    def history(changes: str) -> list[str]:
        sql = (
            "SELECT contact_id FROM history JOIN contacts ON history.contact = contacts.id"
            " WHERE changes = ? AND (changes <> 'Note' OR details = ?)"
        )
        return [contact_id for (contact_id,) in read_only(books, sql, (changes, note))]

    def has_notes(most: int) -> bool:
        return len(history("Note")) >= most

    command = (*archive(shell, ids), "--reason", note, "--note-in-xero")
    for most in (10, 25):
        started = shell.start(*command)
        until(partial(has_notes, most))
        started.kill()
        started.communicate()
    assert shell.run(*command).returncode == 0
    assert sorted(history("Note")) == sorted(ids)
    assert sorted(history("Archived")) == sorted(ids)


def test_two_commands_at_once(shell: CommandLine) -> None:
    ids = fill(shell, 200)
    commands = [shell.start(*archive(shell, ids)) for _ in range(2)]
    for command in commands:
        output, errors = command.communicate(timeout=100)
        assert command.returncode == 0, errors
        found = json.loads(output)
        assert len(found) == 200
        assert {row["result"] for row in found} <= {"archived", "already"}
    assert_archived_once(shell, ids)


def test_the_app_and_a_command_archive_the_same_contacts_at_once(shell: CommandLine) -> None:
    ids = fill(shell, 500)
    with shell.in_terminal("open", "--organisation", shell.name) as terminal:
        terminal.until_shown("All ")
        terminal.write(f"/{WORD.lower()}\r")
        terminal.until_shown(" 500 of ")
        terminal.write("*a")
        terminal.until_shown("Type 500 to confirm")
        command = shell.start(*archive(shell, ids))
        terminal.write("500\r")
        output, errors = command.communicate(timeout=100)
        assert command.returncode == 0, errors
        found = json.loads(output)
        assert len(found) == 500
        # It followed what was on its way when it came, whichever had asked for it.
        assert {"archived"} <= {row["result"] for row in found} <= {"archived", "already"}
        until(lambda: shell.practice.status_writes() == len(ids))
        until(lambda: not shell.rows("SELECT 1 FROM changes WHERE state <> 'confirmed'"))
        terminal.write("\x03")
        assert terminal.wait() == 0
    assert_archived_once(shell, ids)


def test_the_open_app_sends_what_a_command_queues(shell: CommandLine) -> None:
    ids = fill(shell, 3)
    with shell.in_terminal("open", "--organisation", shell.name) as terminal:
        terminal.until_shown("All ")
        done = shell.run(*archive(shell, ids), "--no-wait")
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)) == 3
        until(lambda: shell.practice.status_writes() == len(ids))
        until(lambda: not shell.rows("SELECT 1 FROM changes WHERE state <> 'confirmed'"))
        terminal.write("\x03")
        assert terminal.wait() == 0
    assert_archived_once(shell, ids)


def test_ten_thousand_names_are_planned(tmp_path: Path) -> None:
    with signed_in(tmp_path, "--contacts", "10000") as shell:
        shell.load()
        names = [
            name
            for (name,) in shell.rows(
                "SELECT min(name) FROM contacts WHERE status = 'ACTIVE' GROUP BY sort_key HAVING count(*) = 1"
            )
        ]
        listed = "\r\n".join([*names, *names][:10_000]).encode("utf-8-sig")
        done = shell.run(
            "archive", "--organisation", shell.name, "--from", "-", "--dry-run", "--jsonl", stdin=listed
        )
        assert done.returncode == 0, done.stderr
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert {row["name"] for row in found if row["result"] == "planned"} == set(names)
        assert "more: --dry-run lists all." in done.stderr
