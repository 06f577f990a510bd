"""`reshelve status`, `changes` and `export` read saved data alone, with every kind of change in it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from click.testing import CliRunner, Result
from support.sample_contacts import contact_id, contacts

from tui.cli import main, session
from tui.engine.account import TOKENS_IN_FILE, ConnectionList, save_connections
from tui.engine.connectivity import QuotaHighWaterMark
from tui.messages.change_export import COLUMNS
from tui.messages.contacts import END_LABELS, STATE_LABELS
from tui.model.change import Action, State, Transition
from tui.model.contact import Organisation
from tui.model.evidence import CompanyState, ReportKind, UserReport
from tui.model.reasons import ChangeReason, Notice, SignInReason
from tui.model.snapshot import ConnectionStatus, Snapshot, XeroStatus
from tui.settings import Settings, XeroSettings, save
from tui.store import Store, TransitionRequest
from tui.store.sync_state import FULL_SYNC_ENDED_AT, QUOTA_CALLS_LEFT, REFRESHED_UNTIL
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TENANT = "0000aaaa-1111-4222-8333-444455556666"
OTHER = "0000bbbb-1111-4222-8333-444455556666"
NOWHERE = "http://127.0.0.1:9"
CONTACTS = 30
XERO_SAYS = "Contacts cannot be archived if they are associated with repeating invoices"
#: What happens to the archive of each contact.
STEPS: dict[str, list[Transition]] = {
    "queued": [],
    "sending": [Transition.SEND],
    "checking": [Transition.SEND, Transition.REPLY_LOST],
    "cancelled": [Transition.CANCEL],
    "refused": [Transition.SEND, Transition.REFUSE],
    "retried": [Transition.SEND, Transition.REFUSE],
    "pending": [Transition.SEND, Transition.CONFIRM],
    "missed": [Transition.SEND, Transition.CONFIRM],
    "restore": [Transition.AWAIT_USER],
    "stopped-waiting": [Transition.AWAIT_USER, Transition.DISMISS],
}
# Without those that are archived already.
NUMBERS = (number for number in range(CONTACTS) if number % 7 != 5)
IDS = {state: contact_id(number) for number, state in zip(NUMBERS, STEPS, strict=False)}


async def fill(folder: Path, now: datetime) -> None:
    """Store contacts, and a change in every state."""
    with closing(Store.open(folder)) as store:
        await store.save_contacts(contacts(CONTACTS), now)
        for state, steps in STEPS.items():
            action = Action.RESTORE if state in {"restore", "stopped-waiting"} else Action.ARCHIVE
            [change] = await store.changes.add(action, store.contacts([IDS[state]]), now)
            for step in steps:
                is_refused = step is Transition.REFUSE
                request = TransitionRequest(
                    change.change_id,
                    step,
                    message=XERO_SAYS if is_refused else "",
                    notice=Notice(ChangeReason.NOT_APPLIED) if step is Transition.REPLY_LOST else None,
                )
                await store.record_transitions([request], now)
            if state == "retried":
                [again] = await store.changes.retry([change], now)
                await store.record_transitions([TransitionRequest(again.change_id, Transition.CANCEL)], now)
        await store.set_sync_state(REFRESHED_UNTIL, now.isoformat())
        await store.set_sync_state(FULL_SYNC_ENDED_AT, now.isoformat())
        await store.set_sync_state(QUOTA_CALLS_LEFT, str(QuotaHighWaterMark(4812, now)))
    with closing(sqlite3.connect(folder / "contacts.db")) as connection, connection:
        sql = "UPDATE changes SET read_result = 'missed', read_ms = confirmed_ms + 1 WHERE contact_id = ?"
        connection.execute(sql, (IDS["missed"],))


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def folder(tmp_path: Path, now: datetime) -> Path:
    """Connect an organisation that is loaded, to a Xero that can't be reached."""
    paths = Paths.under(tmp_path)
    xero = XeroSettings(NOWHERE, NOWHERE, NOWHERE, NOWHERE, "client-1", token_store=TOKENS_IN_FILE)
    save(Settings(xero=xero), paths.settings_file)
    save_connections(
        paths.organisations_file,
        ConnectionList((Organisation(TENANT, "Demo [/x] \x1b[2JCompany", "!d", sign_in="client-1"),)),
    )
    asyncio.run(fill(paths.organisation(TENANT), now))
    return paths.organisation(TENANT)


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Callable[..., Result]:
    def run(*arguments: str, **variables: str) -> Result:
        before = (folder / "contacts.db").read_bytes()
        result = CliRunner().invoke(main, arguments, env={"RESHELVE_HOME": str(tmp_path), **variables})
        assert "\x1b" not in result.output
        assert (folder / "contacts.db").read_bytes() == before
        return result

    return run


def test_every_state_has_its_own_value(run: Callable[..., Result]) -> None:
    for state in STEPS:
        done = run("changes", "--state", state, "--json")
        assert (done.exit_code, done.stderr) == (0, "")
        found = {change["contact_id"] for change in json.loads(done.stdout)}
        # The retry was cancelled.
        assert found == {IDS[state]} | ({IDS["retried"]} if state == "cancelled" else set())
    everything = json.loads(run("changes", "--json").stdout)
    assert len(everything) == len(STEPS) + 1
    assert [int(change["change_id"]) for change in everything] == list(range(len(STEPS) + 1, 0, -1))
    assert list(everything[0]) == [column.key for column in COLUMNS]


def test_reasons_are_in_xeros_words_and_in_ours(run: Callable[..., Result]) -> None:
    [refused] = json.loads(run("changes", "--state", "refused", "--json").stdout)
    assert (refused["xero_message"], refused["reason"], refused["status"]) == (
        XERO_SAYS,
        "",
        "Refused by Xero",
    )
    [checking] = json.loads(run("changes", "--state", "checking", "--json").stdout)
    assert checking["xero_message"] == ""
    assert checking["reason"] == "Xero accepted the request but didn't change the contact."
    retries = [change for change in json.loads(run("changes", "--json").stdout) if change["retry_of_id"]]
    [retried] = json.loads(run("changes", "--state", "retried", "--json").stdout)
    assert [change["retry_of_id"] for change in retries] == [retried["change_id"]]
    assert retried["status"] == "Retried"


def test_pipes_get_every_column_and_screen_readers_the_usual_ones(run: Callable[..., Result]) -> None:
    [line] = run("changes", "--state", "pending").stdout.splitlines()
    cells = line.split("\t")
    assert len(cells) == len(COLUMNS)
    assert cells[2:5] == [IDS["pending"], "archive", "reshelve"]
    labelled = run("changes", "--state", "restore", "--accessible").stdout.splitlines()
    assert [text.partition(": ")[0] for text in labelled] == [
        "Requested",
        "Contact",
        "Change",
        "Status",
        "By",
        "Reason",
    ]
    assert "Change: Restore" in labelled


def test_status_counts_what_needs_you(run: Callable[..., Result], now: datetime) -> None:
    done = run("status", "--json")
    [found] = json.loads(done.stdout)
    assert (done.exit_code, found["state"]) == (1, "needs_you")
    counts = ("missed", "refused", "restores_to_finish", "pending_sync", "not_in_xero", "not_syncing")
    assert [found[name] for name in counts] == [1, 1, 1, 1, 3, 0]
    assert (found["sending"], found["sync"], found["calls_left_today"]) == ("on", "running", 4812)
    assert datetime.fromisoformat(found["refreshed_at"]) == now.replace(microsecond=0)
    assert found["next_sync_at"]


def test_paused_sending_and_old_calls_left_are_shown(
    run: Callable[..., Result], folder: Path, now: datetime
) -> None:
    async def pause() -> None:
        with closing(Store.open(folder)) as store:
            await store.changes.pause(now, on=True)
            old = QuotaHighWaterMark(4812, now - timedelta(days=2))
            await store.set_sync_state(QUOTA_CALLS_LEFT, str(old))

    asyncio.run(pause())
    done = run("status")
    assert re.search(r"^  Not in Xero yet +3 \(sending is paused\)$", done.stdout, re.MULTILINE)
    assert "calls left" not in done.stdout
    [found] = json.loads(run("status", "--json").stdout)
    assert (found["sending"], found["calls_left_today"]) == ("paused", None)


def test_sync_that_is_not_running_needs_you(run: Callable[..., Result], folder: Path, now: datetime) -> None:
    async def report() -> None:
        state = UserReport(ReportKind.STATE, now, state=CompanyState.NOT_CONNECTED)
        with closing(Store.open(folder)) as store:
            await store.evidence.record_reports([state], now)

    asyncio.run(report())
    [found] = json.loads(run("status", "--json").stdout)
    assert (found["sync"], found["missed"], found["not_syncing"]) == ("not_running", 0, 2)
    shown = run("status", "--accessible").stdout
    assert "Sync not running: 2 (to list them: reshelve changes --state not-running)\n" in shown
    assert "Next sync: Re-Leased isn't connected to Xero." in shown
    listed = json.loads(run("changes", "--state", "not-running", "--json").stdout)
    assert {change["contact_id"] for change in listed} == {IDS["pending"], IDS["missed"]}


def test_organisation_that_xero_no_longer_lists_needs_you(run: Callable[..., Result], tmp_path: Path) -> None:
    known = (Organisation(TENANT, "Gone Ltd", "!d", sign_in="client-1"), Organisation(OTHER, "New Ltd", "!n"))
    save_connections(
        Paths.under(tmp_path).organisations_file, ConnectionList(known, gone=frozenset({TENANT}))
    )
    done = run("status", "--json")
    assert done.exit_code == 1
    assert [(one["organisation"], one["state"]) for one in json.loads(done.stdout)] == [
        ("Gone Ltd", "removed"),
        ("New Ltd", "not_loaded"),
    ]
    assert "Run `reshelve connect` to sign in again." in run("status").stdout
    assert run("status", "--organisation", "new").exit_code == 0


@pytest.mark.parametrize("command", ["refresh", "status --refresh"])
def test_refresh_that_can_not_sign_in(run: Callable[..., Result], command: str) -> None:
    done = run(*command.split())
    # No tokens were ever stored.
    assert done.exit_code == 3
    assert "You aren't signed in to Xero." in done.stderr


@pytest.mark.parametrize("ending", ["csv", "xlsx", "json", "jsonl"])
@pytest.mark.parametrize(("what", "count"), [("contacts", CONTACTS), ("changes", len(STEPS) + 1)])
def test_tables_are_exported(
    run: Callable[..., Result], tmp_path: Path, what: str, count: int, ending: str
) -> None:
    file = tmp_path / f"table.{ending}"
    done = run("export", what, str(file))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"Exported {count} {what} to {file}.\n")
    if ending == "csv":
        assert len(list(csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"))))) == count + 1
    assert "already exists" in run("export", what, str(file)).stderr
    assert run("export", what, str(file), "--force").exit_code == 0


def test_everything_is_exported(
    run: Callable[..., Result], folder: Path, tmp_path: Path, now: datetime
) -> None:
    async def mark() -> None:
        with closing(Store.open(folder)) as store:
            await store.tenancy.mark_tenants("Tenants", now, on=True)
            await store.evidence.record_reports([UserReport(ReportKind.SYNC_STARTED, now)], now)

    asyncio.run(mark())
    file = tmp_path / "all.zip"
    assert run("export", "everything", str(file)).exit_code == 0
    with ZipFile(file) as archive:
        data = json.loads(archive.read("reshelve.json"))
        steps = list(csv.reader(io.StringIO(archive.read("change-log.csv").decode("utf-8-sig"))))
    assert data["tenant_groups"] == ["Tenants"]
    assert [report["kind"] for report in data["reports"]] == [ReportKind.SYNC_STARTED.value]
    assert Counter(step[3] for step in steps)["requested"] == len(STEPS) + 1


def test_without_a_terminal_a_keychain_that_waits_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    notice = Notice(SignInReason.KEYCHAIN_WAITING)
    snapshot = Snapshot(
        Organisation(TENANT, "", ""), xero=XeroStatus(ConnectionStatus.KEYCHAIN, detail=notice)
    )
    monkeypatch.setattr("sys.stdin", io.StringIO())
    problem = session.xero_problem(snapshot)
    assert problem is not None
    assert (problem.exit_code, problem.message) == (4, "Waiting for the keychain: check for its prompt.")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert session.xero_problem(snapshot) is None


def test_every_state_has_a_label() -> None:
    assert {*END_LABELS, *STATE_LABELS, State.CONFIRMED} == set(State)
