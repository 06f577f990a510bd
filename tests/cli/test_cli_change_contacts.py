"""`reshelve archive`, `restore` and `undo`, as processes against a practice Xero."""

from __future__ import annotations

import csv
import io
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from support.command_line import CommandLine, signed_in
from support.practice import http, until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

REPEATING = "Mātai Architects"
C_LOCALE = {"LANG": "C", "LC_ALL": "C"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with signed_in(tmp_path_factory.mktemp("changes"), "--contacts", "60") as shell:
        yield shell


@pytest.fixture
def shell(sandbox: CommandLine) -> CommandLine:
    sandbox.practice.clear_faults()
    return sandbox


def run(
    shell: CommandLine, command: str, *arguments: str, stdin: str | bytes | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return shell.run(command, "--organisation", shell.name, *arguments, stdin=stdin, **variables)


def results(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return the result of each contact, by name."""
    return {row["name"]: row["result"] for row in json.loads(done.stdout)}


def api(shell: CommandLine, path: str) -> Any:
    """Read from Xero's API."""
    headers = {
        "Authorization": f"Bearer {shell.practice.access_token()}",
        "xero-tenant-id": shell.practice.tenant_id,
        "Accept": "application/json",
    }
    return http("GET", f"{shell.practice.api}/api.xro/2.0/{path}", headers=headers).json()


def statuses(shell: CommandLine, *contact_ids: str) -> list[str]:
    """Return the statuses in Xero."""
    found = [api(shell, f"Contacts/{contact_id}")["Contacts"][0] for contact_id in contact_ids]
    return [contact["ContactStatus"] for contact in found]


def changes(shell: CommandLine) -> int:
    return len(shell.rows("SELECT 1 FROM changes"))


def test_contacts_are_archived_by_name_and_by_id(shell: CommandLine) -> None:
    one, other = shell.practice.create("Ōtautahi Amble"), shell.practice.create("Bramble 🐈")
    done = run(shell, "archive", "otautahi AMBLE", other.upper(), "--yes", "--reason", "  Left\nin March ")
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, "Archive 2 contacts:")
    assert done.stderr.endswith("2 archived.\n")
    assert done.stdout.splitlines() == [
        f"{one}\tŌtautahi Amble\tarchive\tarchived\t\t",
        f"{other}\tBramble 🐈\tarchive\tarchived\t\t",
    ]
    assert statuses(shell, one, other) == ["ARCHIVED", "ARCHIVED"]
    notes = shell.rows("SELECT note FROM changes WHERE contact_id IN (?, ?)", (one, other))
    assert notes == [("Left in March",), ("Left in March",)]
    [change] = json.loads(run(shell, "changes", "--contact", one, "--json").stdout)
    assert (change["state"], change["note"]) == ("confirmed", "Left in March")


def test_a_note_is_written_to_xeros_history_before_the_archive(shell: CommandLine) -> None:
    contact_id = shell.practice.create("Noted")
    done = run(shell, "archive", "Noted", "--yes", "--reason", "Left “Ōtautahi” 🐈", "--note-in-xero")
    assert (done.returncode, statuses(shell, contact_id)) == (0, ["ARCHIVED"])
    history = api(shell, f"Contacts/{contact_id}/History")["HistoryRecords"]
    assert [entry["Details"] for entry in history if entry["Changes"] == "Note"] == ["Left “Ōtautahi” 🐈"]
    assert [entry["Changes"] for entry in history][:2] == ["Archived", "Note"]


@pytest.mark.parametrize("fault", ["empty-200", "html", "drop-after", "500"])
def test_a_note_is_written_once_whatever_xero_replies(shell: CommandLine, fault: str) -> None:
    contact_id = shell.practice.create(f"Noted despite {fault}")
    shell.practice.fault(fault, method="PUT", count=1)
    done = run(shell, "archive", contact_id, "--yes", "--reason", "Once", "--note-in-xero")
    assert (done.returncode, statuses(shell, contact_id)) == (0, ["ARCHIVED"])
    history = api(shell, f"Contacts/{contact_id}/History")["HistoryRecords"]
    assert [entry["Details"] for entry in history if entry["Changes"] == "Note"] == ["Once"]


@pytest.mark.parametrize("variables", [{}, C_LOCALE], ids=["utf-8", "LANG=C"])
@pytest.mark.parametrize("table_format", ["json", "jsonl", "csv", ""])
def test_every_format_has_each_contact(
    shell: CommandLine, table_format: str, variables: dict[str, str]
) -> None:
    name = f'=1+1 "مرحبا"\x1b[31m, {table_format}{len(variables)}'
    contact_id = shell.practice.create(name)
    options = [f"--{table_format}"] if table_format else []
    done = run(shell, "archive", contact_id, "--yes", *options, **variables)
    assert done.returncode == 0
    assert "\x1b" not in done.stderr
    rows: list[Any]
    if table_format == "csv":
        rows = list(csv.DictReader(io.StringIO(done.stdout.removeprefix("\ufeff"))))
        assert rows[0]["Contact"].startswith("'=1+1")
        assert (rows[0]["ContactID"], rows[0]["Result"]) == (contact_id, "archived")
    elif table_format:
        rows = json.loads(done.stdout) if table_format == "json" else [json.loads(done.stdout)]
        assert [(row["contact_id"], row["name"], row["result"]) for row in rows] == [
            (contact_id, name, "archived")
        ]
    else:
        assert "\x1b" not in done.stdout
        assert "مرحبا" in done.stdout


def test_a_dry_run_shows_the_warnings_and_changes_nothing(shell: CommandLine) -> None:
    before = changes(shell) if shell.organisation().exists() else 0
    done = run(shell, "archive", "--query", "owes:>0", "--dry-run", "--json")
    assert done.returncode == 0
    planned = json.loads(done.stdout)
    assert planned
    assert {row["result"] for row in planned} == {"planned"}
    assert all("They owe" in row["message"] for row in planned)
    assert "billed for an active tenancy" in done.stderr
    assert done.stderr.endswith("Nothing changed.\n")
    assert changes(shell) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Which contacts?"),
        (["--query", " ", "--yes"], "Which contacts?"),
        (["--query", "owes:>x", "--yes"], "isn't a filter"),
        (["--query", "nobody-has-this", "--yes"], "No contacts match"),
        (["Nobody", REPEATING, "--yes"], "No contact is named “Nobody”"),
        ([REPEATING], "Add --yes"),
        ([REPEATING, "--yes", "--reason", "x" * 251], "at most 250 characters"),
        ([REPEATING, "--yes", "--note-in-xero"], "--reason"),
        (["--from", "none.csv", "--yes"], "No such file"),
        (["--from", "-"], "Add --yes"),
    ],
    ids=["none", "blank", "filter", "nothing", "unknown", "unasked", "long", "no reason", "no file", "stdin"],
)
def test_what_isnt_clear_changes_nothing(shell: CommandLine, arguments: list[str], said: str) -> None:
    done = run(shell, "archive", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert not shell.rows("SELECT 1 FROM changes WHERE name = ?", (REPEATING,))


def test_a_name_of_two_contacts_changes_nothing_and_lists_them(shell: CommandLine) -> None:
    # Names are unique among active contacts, but a search takes these two for the same.
    twins = [shell.practice.create(name) for name in ("Zoe Twin", "Zoë Twin")]
    bystander = shell.practice.create("Zara Bystander")
    done = run(shell, "archive", "zoe twin", bystander, "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "2 contacts named “zoe twin”:" in done.stderr
    assert all(twin in done.stderr for twin in twins)
    assert statuses(shell, *twins, bystander) == ["ACTIVE"] * 3
    # An archived namesake isn't meant.
    assert run(shell, "archive", twins[0], "--yes").returncode == 0
    done = run(shell, "archive", "zoe twin", "--yes")
    assert (done.returncode, statuses(shell, twins[1])) == (0, ["ARCHIVED"])
    done = run(shell, "archive", "zoe twin", "--yes", "--json")
    assert (done.returncode, [*results(done).values()]) == (0, ["already"])


def test_a_refusal_has_xeros_reason_and_the_next_step(shell: CommandLine) -> None:
    other = shell.practice.create("Next to a refusal")
    done = run(shell, "archive", REPEATING, other, "--yes", "--json")
    assert done.returncode == 1
    assert results(done) == {REPEATING: "refused", "Next to a refusal": "archived"}
    assert "repeating invoices" in json.loads(done.stdout)[0]["message"]
    assert "1 archived, 1 refused by Xero.\n" in done.stderr
    assert f"{REPEATING}: Contacts cannot be archived" in done.stderr
    assert "repeating invoice" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("variables", [{}, C_LOCALE], ids=["utf-8", "LANG=C"])
def test_names_come_from_standard_input(shell: CommandLine, variables: dict[str, str]) -> None:
    names = [f"{word} {len(variables)}" for word in ("شركة النور", "🏡 Homes", "Smith, John", "=SUM(A1)")]
    ids = [shell.practice.create(name) for name in names]
    listed = "\r\n".join(names).encode("utf-8-sig")
    done = run(shell, "archive", "--from", "-", "--yes", "--json", stdin=listed, **variables)
    assert done.returncode == 0
    assert results(done) == dict.fromkeys(names, "archived")
    assert statuses(shell, *ids) == ["ARCHIVED"] * len(names)


def test_queued_without_waiting_and_sent_by_the_next_command(shell: CommandLine) -> None:
    contact_id = shell.practice.create("Sent later")
    done = run(shell, "archive", contact_id, "--yes", "--no-wait", "--json")
    assert (done.returncode, results(done)) == (0, {"Sent later": "queued"})
    assert "sent the next time" in done.stderr
    assert statuses(shell, contact_id) == ["ACTIVE"]
    writes = shell.practice.status_writes()
    done = run(shell, "archive", contact_id, "--yes", "--json")
    assert (done.returncode, [*results(done).values()]) in [(0, ["archived"]), (0, ["already"])]
    until(lambda: statuses(shell, contact_id) == ["ARCHIVED"])
    assert shell.practice.status_writes() == writes + 1


def test_an_unreachable_xero_leaves_the_changes_queued(shell: CommandLine) -> None:
    contact_id = shell.practice.create("Out of reach")
    shell.load()
    shell.practice.fault("offline", method="POST", path="/api.xro/2.0/Contacts")
    done = run(shell, "archive", contact_id, "--yes", "--json", "--timeout", "0")
    assert (done.returncode, results(done)) == (4, {"Out of reach": "queued"})
    assert "1 change is queued." in done.stderr
    shell.practice.clear_faults()
    writes = shell.practice.status_writes()
    shell.load()
    until(lambda: run(shell, "archive", contact_id, "--yes").returncode == 0)
    assert statuses(shell, contact_id) == ["ARCHIVED"]
    assert shell.practice.status_writes() == writes + 1


def test_without_a_sign_in_nothing_is_changed(shell: CommandLine, tmp_path: Any) -> None:
    done = shell.another(tmp_path / "new", is_signed_in=False).run("archive", "Anybody", "--yes")
    assert (done.returncode, done.stdout) == (3, "")
    assert "reshelve connect" in done.stderr


def test_restores_print_links_and_wait_for_the_clicks(shell: CommandLine) -> None:
    ids = [shell.practice.create(f"Back again {number}") for number in range(2)]
    assert run(shell, "archive", *ids, "--yes").returncode == 0
    done = run(shell, "restore", *ids, "--yes", "--json")
    assert done.returncode == 0
    rows = json.loads(done.stdout)
    assert [row["result"] for row in rows] == ["to_finish"] * 2
    assert all(row["link"].endswith(f"/contacts/contact/{one}") for row, one in zip(rows, ids, strict=True))
    assert done.stderr.endswith("2 to finish in Xero.\n")
    waiting = shell.start("restore", "--organisation", shell.name, *ids, "--yes", "--wait", "--json")
    for one in ids:
        shell.practice.somebody("restore", one)
    output, errors = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, errors
    assert {row["result"] for row in json.loads(output)} <= {"restored", "already"}


def test_an_interrupted_wait_keeps_the_restore(shell: CommandLine) -> None:
    contact_id = shell.practice.create("Waited for")
    assert run(shell, "archive", contact_id, "--yes").returncode == 0
    waiting = shell.start("restore", "--organisation", shell.name, contact_id, "--yes", "--wait")
    assert waiting.stderr is not None
    errors = b""
    while b"/contacts/contact/" not in errors:
        errors += waiting.stderr.readline()
    waiting.send_signal(signal.SIGINT)
    output, rest = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert b"Stopped waiting.\n1 restore is kept." in rest
    assert (output, b"Traceback" in rest) == (b"", False)
    assert shell.rows("SELECT state FROM changes ORDER BY change_id DESC LIMIT 1") == [("awaiting_user",)]


def test_undo_says_first_what_it_does(shell: CommandLine) -> None:
    contact_id = shell.practice.create("Undone")
    assert run(shell, "archive", contact_id, "--yes", "--no-wait").returncode == 0
    done = run(shell, "undo", "--dry-run", "--json")
    assert (done.returncode, results(done)) == (0, {"Undone": "planned"})
    assert done.stderr.startswith("Undo 1 archive:\n")
    assert "cancelled before sending" in done.stderr
    assert shell.rows("SELECT state FROM changes ORDER BY change_id DESC LIMIT 1") == [("queued",)]
    assert run(shell, "undo").returncode == 2
    done = run(shell, "undo", "--yes", "--json")
    assert (done.returncode, results(done)) == (0, {"Undone": "cancelled"})
    assert run(shell, "archive", contact_id, "--yes").returncode == 0
    done = run(shell, "undo", "--yes", "--json")
    assert (done.returncode, results(done)) == (0, {"Undone": "to_finish"})
    assert json.loads(done.stdout)[0]["link"]


def test_screen_readers_get_labelled_lines(shell: CommandLine) -> None:
    contact_id = shell.practice.create("Read aloud")
    done = run(shell, "archive", contact_id, "--yes", ACCESSIBLE="1")
    assert done.returncode == 0
    assert done.stdout.splitlines()[:4] == [
        f"ContactID: {contact_id}", "Contact: Read aloud", "Action: archive", "Result: Archived",
    ]  # fmt: skip
    assert "Contact: Read aloud." in done.stderr
    assert "•" not in done.stderr


def test_a_terminal_is_asked(shell: CommandLine) -> None:
    contact_id = shell.practice.create("Asked about")
    command = ("archive", "--organisation", shell.name, "Asked about")
    with shell.in_terminal(*command) as terminal:
        terminal.until_shown("Archive 1 contact? [y/N]:")
        terminal.write("n\r")
        assert terminal.wait() == 1
        assert "Nothing changed." in terminal.words
    assert statuses(shell, contact_id) == ["ACTIVE"]
    with shell.in_terminal(*command) as terminal:
        terminal.until_shown("Archive 1 contact? [y/N]:")
        terminal.write("y\r")
        assert terminal.wait() == 0
        assert "1 archived." in terminal.words
    assert statuses(shell, contact_id) == ["ARCHIVED"]


def test_many_contacts_are_confirmed_by_their_number(shell: CommandLine) -> None:
    ids = [shell.practice.create(f"Crowd {number}") for number in range(26)]
    command = ("archive", "--organisation", shell.name, *ids)
    with shell.in_terminal(*command) as terminal:
        terminal.until_shown("Type 26 to confirm")
        terminal.write("y\r")
        assert terminal.wait() == 1
    assert set(statuses(shell, *ids[:2])) == {"ACTIVE"}
    with shell.in_terminal(*command) as terminal:
        terminal.until_shown("Type 26 to confirm")
        terminal.write("26\r")
        assert terminal.wait() == 0
    assert set(statuses(shell, *ids[:2])) == {"ARCHIVED"}
