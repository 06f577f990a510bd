"""`reshelve status`, as a process against a practice Xero."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from support.command_line import CommandLine, signed_in

from tui.model.change import Action

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with signed_in(tmp_path_factory.mktemp("status"), "--contacts", "60") as shell:
        yield shell


@pytest.fixture(scope="module")
def worked(shell: CommandLine) -> CommandLine:
    """A home in which one change was refused, one is pending sync, one was missed, and a restore waits."""
    names = [shell.practice.create(f"Status {number}") for number in range(4)]
    shell.load()
    refused, pending, missed, restored = names
    shell.practice.somebody("repeating", refused)
    shell.practice.somebody("archive", restored)
    shell.load()
    shell.request(Action.ARCHIVE, refused, pending, missed)
    shell.request(Action.RESTORE, restored)
    # What a read of Re-Leased's contacts records.
    sql = "UPDATE changes SET read_result = 'missed', read_ms = confirmed_ms + 1 WHERE contact_id = ?"
    with closing(sqlite3.connect(shell.organisation() / "contacts.db")) as connection, connection:
        connection.execute(sql, (missed,))
    return shell


def ours(shell: CommandLine) -> tuple[str, str]:
    return ("--organisation", shell.name)


def status_of(shell: CommandLine, *options: str) -> dict[str, Any]:
    done = shell.run("status", *ours(shell), "--json", *options)
    assert done.stderr == ""
    [found] = json.loads(done.stdout)
    assert done.returncode == (found["state"] not in {"ok", "not_loaded"})
    return dict(found)


def test_nothing_is_connected(shell: CommandLine, tmp_path: Path) -> None:
    done = shell.another(tmp_path, is_signed_in=False).run("status")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "Error: No organisation is connected yet. Run `reshelve connect` first.\n"


def test_unloaded_organisations_need_nothing_and_nothing_is_created_for_them(
    shell: CommandLine, tmp_path: Path
) -> None:
    new = shell.another(tmp_path / "new")
    done = new.run("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Not loaded yet. Run `reshelve refresh` to load them.") == 2
    assert not new.organisation().exists()
    assert [one["state"] for one in json.loads(new.run("status", "--json").stdout)] == ["not_loaded"] * 2


def test_status_without_a_network_is_what_is_saved(shell: CommandLine, tmp_path: Path) -> None:
    quiet = shell.another(tmp_path / "quiet")
    quiet.load()
    before = len(shell.practice.requests())
    done = quiet.run("status", *ours(quiet))
    assert (done.returncode, done.stderr) == (0, "")
    name, *lines = done.stdout.splitlines()
    assert name == quiet.name
    assert [line[2:].split("  ")[0] for line in lines] == [
        "Needs you",
        "Pending sync",
        "Not in Xero yet",
        "Next sync",
        "Last refreshed",
        "Xero calls left",
    ]
    assert lines[0].split() == ["Needs", "you", "nothing"]
    assert len(shell.practice.requests()) == before
    assert status_of(quiet)["calls_left_today"] > 90_000


def test_what_needs_you_is_counted_and_told_by_the_exit_code(worked: CommandLine) -> None:
    found = status_of(worked)
    assert found["state"] == "needs_you"
    counts = ("missed", "not_syncing", "refused", "restores_to_finish", "pending_sync", "not_in_xero")
    assert [found[name] for name in counts] == [1, 0, 1, 1, 2, 0]
    done = worked.run("status", *ours(worked), "--accessible", LANG="C", LC_ALL="C")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[1:5] == [
        "Missed last sync: 1 (to list them: reshelve changes --state missed)",
        "Refused by Xero: 1 (to list them: reshelve changes --state refused)",
        "Restores to finish: 1 (to list them: reshelve changes --state restore)",
        # The archive in Xero, too.
        "Pending sync: 2",
    ]
    for line in done.stdout.splitlines()[1:4]:
        listed = worked.run("changes", *ours(worked), *line.rstrip(")").split("reshelve changes ")[1].split())
        assert len(listed.stdout.splitlines()) == 1


def test_formats_have_the_same_values(worked: CommandLine) -> None:
    found = status_of(worked)
    table = worked.run("status", *ours(worked), "--csv")
    [titles, cells] = csv.reader(io.StringIO(table.stdout.lstrip("\ufeff")))
    assert len(titles) == len(found)
    assert cells[:4] == [worked.name, "needs_you", "1", "0"]
    assert json.loads(worked.run("status", *ours(worked), "--jsonl").stdout) == found


def test_damaged_database_needs_you(worked: CommandLine, tmp_path: Path) -> None:
    home = tmp_path / "copy"
    shutil.copytree(worked.home, home)
    copy = CommandLine(worked.practice, home)
    (copy.organisation() / "contacts.db").write_bytes(b"not a database at all" * 1000)
    (copy.organisation() / "contacts.db-wal").unlink(missing_ok=True)
    found = status_of(copy)
    assert found["state"] == "unreadable"
    assert "reshelve repair" in found["problem"]
    assert found["missed"] is None


def test_refresh_first_reads_what_has_changed(shell: CommandLine, tmp_path: Path) -> None:
    fresh = shell.another(tmp_path / "fresh")
    fresh.load()
    shell.practice.create("Created while nobody looked")
    assert status_of(fresh)["state"] == "ok"
    assert not fresh.rows("SELECT 1 FROM contacts WHERE name LIKE 'Created while%'")
    assert status_of(fresh, "--refresh")["state"] == "ok"
    assert fresh.rows("SELECT 1 FROM contacts WHERE name LIKE 'Created while%'")


def test_refresh_that_fails_shows_what_is_saved_and_its_exit_code(shell: CommandLine, tmp_path: Path) -> None:
    offline = shell.another(tmp_path / "offline")
    offline.load()
    done = offline.run("status", *ours(offline), "--refresh", RESHELVE_XERO_API_URL="http://127.0.0.1:9")
    assert done.returncode == 4
    assert done.stderr == f"{offline.name}: Can't reach Xero. Try again later. Showing saved data.\n"
    assert "Needs you" in done.stdout


def test_each_change_is_one_line_while_watching(shell: CommandLine, tmp_path: Path) -> None:
    watched = shell.another(tmp_path / "watched")
    contact_id = shell.practice.create("Watched")
    watched.load()
    process = watched.start("status", *ours(watched), "--watch", "--json")
    text = watched.start("status", *ours(watched), "--watch")
    assert process.stdout is not None
    assert text.stdout is not None
    first = json.loads(process.stdout.readline())
    assert text.stdout.readline().decode().endswith(f" {watched.name}: Nothing pending\n")
    assert (first["state"], first["pending_sync"]) == ("ok", 0)
    watched.request(Action.ARCHIVE, contact_id)
    while json.loads(process.stdout.readline())["pending_sync"] != 1:
        pass
    while not text.stdout.readline().decode().endswith(": 1 pending sync\n"):
        pass
    for each in (process, text):
        each.send_signal(signal.SIGINT)
        _, errors = each.communicate(timeout=30)
        assert (each.returncode, errors) == (130, b"")


def test_watching_ends_quietly_with_its_pipe(shell: CommandLine, tmp_path: Path) -> None:
    watched = shell.another(tmp_path / "piped")
    contact_id = shell.practice.create("Piped")
    watched.load()
    process = watched.start("status", *ours(watched), "--watch")
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stderr:
        assert process.stdout.readline()
        process.stdout.close()
        watched.request(Action.ARCHIVE, contact_id)
        assert process.stderr.read() == b""
    assert process.wait(timeout=30) == 1


def test_terminal_is_repainted_while_watching(shell: CommandLine, tmp_path: Path) -> None:
    watched = shell.another(tmp_path / "painted")
    contact_id = shell.practice.create("Painted")
    watched.load()
    with watched.in_terminal("status", *ours(watched), "--watch") as terminal:
        terminal.until_shown("Pending sync        0")
        watched.request(Action.ARCHIVE, contact_id)
        terminal.until_shown("Pending sync        1")
        assert terminal.screen.text.count("Pending sync") == 1
        terminal.send(signal.SIGINT)
        assert terminal.wait() == 130
        assert "Traceback" not in terminal.screen.text


def test_table_can_not_be_watched(shell: CommandLine) -> None:
    done = shell.run("status", "--watch", "--csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Use --watch without --csv." in done.stderr
