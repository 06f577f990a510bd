"""`reshelve compare` against a practice Xero, while the engine is at work on the same store."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from support.house import settings_for
from support.practice import NO_DAILY_LIMIT, PracticeXero, running_sandbox
from support.workbooks import workbook

from tui.cli import main
from tui.engine.account import XeroAccount
from tui.model.change import State
from tui.model.comparison import Finding
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from tui.engine.engine import Engine
    from tui.model.change import Change
    from tui.model.contact import Contact

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 30


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(
        tmp_path / "sandbox", "--contacts", "40", "--cycle", "3600", *NO_DAILY_LIMIT
    ) as practice:
        yield practice


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.02)


@dataclass(frozen=True)
class Office:
    """An engine at work, and the command line beside it."""

    engine: Engine
    practice: PracticeXero
    home: Path

    @property
    def file(self) -> Path:
        return self.home / "contacts.csv"

    def contacts(self) -> list[Contact]:
        rows = self.engine._store._database.rows("SELECT contact_id FROM contacts WHERE status = 'ACTIVE'")
        return self.engine._store.contacts(sorted(row[0] for row in rows))

    def changes(self) -> list[Change]:
        return self.engine._store.changes.in_states(State.CONFIRMED)

    async def archived_in_xero(self, *contacts: Contact) -> None:
        """Archive contacts in Xero, and wait until the engine has seen it."""
        for contact in contacts:
            self.practice.somebody("archive", contact.contact_id)
        await self.engine.contacts.refresh()
        await until(lambda: len(self.changes()) == len(contacts))

    def export(self, rows: Sequence[tuple[Contact, str]], ids: bool = True) -> None:  # noqa: FBT001, FBT002 - a switch of the test's own
        """Write a file like Re-Leased's export."""
        lines = [f'{each.contact_id if ids else ""};"{each.name}";{status}\n' for each, status in rows]
        self.file.write_text("External ID;Name;Status\n" + "".join(lines), encoding="utf-8")

    async def compare_file(self, *arguments: str, stdin: str = "") -> Result:
        """Run the command in a thread, so that the engine keeps running."""
        organisation = self.practice.organisations[0].name
        command = ["compare", str(self.file), "--organisation", organisation, *arguments]
        return await asyncio.to_thread(self.run, *command, stdin=stdin)

    def run(self, *command: str, stdin: str = "") -> Result:
        return CliRunner().invoke(main, command, input=stdin, env={"RESHELVE_HOME": str(self.home)})


@pytest.fixture
async def office(practice: PracticeXero, tmp_path: Path) -> AsyncIterator[Office]:
    settings = settings_for(practice, poll_seconds=1, has_feed=False)
    account = XeroAccount(settings, Paths.under(tmp_path))
    organisations = await account.import_refresh_token(practice.refresh_token, practice.client_id)
    engine = account.open(organisations[0])
    running = asyncio.create_task(engine.run())
    try:
        await until(lambda: engine.snapshot.last_refresh_at)
        yield Office(engine, practice, tmp_path)
    finally:
        await engine.stop()
        await asyncio.gather(running, return_exceptions=True)


async def test_matches_are_recorded_after_confirmation(office: Office) -> None:
    first, second, third, *_ = office.contacts()
    await office.archived_in_xero(first, second)
    office.export([(first, "Archived"), (second, "Active"), (third, "Active")])
    declined = await office.compare_file(stdin="n\n")
    assert (declined.exit_code, "Cancelled." in declined.output) == (1, True)
    assert [each.synced_at for each in office.changes()] == [None, None]
    done = await office.compare_file(stdin="y\n")
    assert done.exit_code == 0, done.output
    assert "        2 match\n" in done.output
    assert "        1 different\n" in done.output
    reason = "active in the file, archived in Xero: Re-Leased hadn't synced"
    assert f"line 3: {second.name}, {reason}" in done.output
    assert "Recorded: 1 change marked as synced." in done.output
    dated = datetime.fromtimestamp(office.file.stat().st_mtime, UTC)
    read = {each.contact_id: each.synced_at for each in office.changes()}
    assert read[second.contact_id] is None
    assert abs((read[first.contact_id] or dated) - dated) < timedelta(milliseconds=1)
    again = await office.compare_file("--yes")
    assert (again.exit_code, "nothing to record" in again.output) == (0, True)
    # The engine sees what another process has written.
    await until(lambda: office.engine.snapshot.summary and office.engine.snapshot.summary.pending_total <= 1)


async def test_workbook_sheet_is_compared_and_skipped_rows_are_reported(office: Office) -> None:
    first, second, *_ = office.contacts()
    await office.archived_in_xero(first)
    rows: list[list[object]] = [
        ["Name", "Status"],
        ["Contact Name", "External ID", "Archived"],
        [first.name, first.contact_id, True],
        ["Deleted Contact", None, True],
        [second.name, second.contact_id, False],
        ["Total", None, None],
    ]
    office.file.write_bytes(workbook({"Contacts": rows, "Old": rows}))
    refused = await office.compare_file("--yes", "--header-row", "2")
    assert (refused.exit_code, "--sheet" in refused.output) == (1, True)
    done = await office.compare_file("--yes", "--header-row", "2", "--sheet", "contacts")
    assert done.exit_code == 0, done.output
    assert "        2 match\n" in done.output
    assert "Skipped 1 contact that Re-Leased lists as Deleted Contact" in done.output
    assert "1 change marked as synced" in done.output
    assert all(change.synced_at for change in office.changes())


async def test_a_dry_run_records_nothing(office: Office) -> None:
    first, *_ = office.contacts()
    await office.archived_in_xero(first)
    office.export([(first, "Archived")])
    done = await office.compare_file("--dry-run", "--yes")
    assert (done.exit_code, "Nothing was recorded." in done.output) == (0, True)
    assert office.changes()[0].synced_at is None


async def test_a_date_before_the_change_proves_nothing(office: Office) -> None:
    first, *_ = office.contacts()
    await office.archived_in_xero(first)
    office.export([(first, "Archived")])
    done = await office.compare_file("--dated", "2026-01-31", "--yes")
    assert (done.exit_code, "nothing to record" in done.output) == (0, True)
    assert "31 Jan 2026 00:00" in done.output
    assert (await office.compare_file("--dated", "yesterday")).exit_code == 2
    refused = await office.compare_file("--dated", "9999-01-01", "--yes")
    assert (refused.exit_code, "in the future" in refused.output) == (1, True)


async def test_an_unclear_line_is_asked_about(office: Office) -> None:
    made = office.practice.create("Unclear Ltd", EmailAddress="one@mail.example")
    await office.engine.contacts.refresh()
    await until(lambda: office.engine._store.contact(made))
    await office.archived_in_xero(*office.engine._store.contacts([made]))
    office.file.write_text("Name,Email\nUnclear Ltd,other@mail.example\n", encoding="utf-8")
    left_out = await office.compare_file("--archived", "--yes")
    assert "        1 need review\n" in left_out.output
    assert "nothing to record" in left_out.output
    for answers in ("n\n", "y\n-\n", "y\n0\n", "y\nq\n", "y\n\n"):
        assert "nothing to record" in (await office.compare_file("--archived", stdin=answers)).output
    told = await office.compare_file("--archived", stdin="y\n7\n1\ny\n")
    assert "1  Unclear Ltd, one@mail.example (archived in Xero)" in told.output
    assert "Recorded: 1 change marked as synced." in told.output


async def test_whole_result_is_printed_as_csv_or_json_and_nothing_is_recorded(office: Office) -> None:
    first, second, third, *_ = office.contacts()
    await office.archived_in_xero(first, second)
    office.export([(first, "Archived"), (second, "Active"), (third, "Active")])
    with office.file.open("a", encoding="utf-8") as file:
        file.write(";=1+2;Archived\n")
    printed = await office.compare_file("--json")
    assert printed.exit_code == 0, printed.output
    result = json.loads(printed.stdout)
    counts = result["counts"]
    assert (counts["match"], counts["different"], counts["only_in_re_leased"]) == (2, 1, 1)
    assert counts["new_evidence"] == 1
    by_id = {each["xero"]["contact_id"]: each for each in result["contacts"] if each["xero"]}
    assert by_id[first.contact_id]["is_new_evidence"]
    different = by_id[second.contact_id]
    assert (different["finding"], different["reason"]) == ("different", "pending")
    assert (different["xero"]["status"], different["re_leased"]["status"]) == ("archived", "active")
    assert len(result["contacts"]) == sum(counts[each] for each in Finding)
    table = await office.compare_file("--csv")
    rows = list(csv.DictReader(io.StringIO(table.stdout, newline="")))
    assert len(rows) == len(result["contacts"])
    assert [row["Name in Re-Leased"] for row in rows if row["Finding"] == "only in Re-Leased"] == ["'=1+2"]
    assert office.file.name in table.stderr
    assert [each.synced_at for each in office.changes()] == [None, None]


@pytest.mark.parametrize("options", [["--csv", "--json"], ["--csv", "--yes"]])
def test_output_options_that_contradict_others_are_refused(tmp_path: Path, options: list[str]) -> None:
    done = CliRunner().invoke(main, ["compare", "x.csv", *options], env={"RESHELVE_HOME": str(tmp_path)})
    assert done.exit_code == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Name;Status\nAda;Active\nBob\n", "Line 3: it has 1 field for 2 columns."),
        ("PK\x03\x04", "Save it as CSV"),
        ("Name\nAda\n", "Line 1: no column shows which contacts are archived."),
        ("Name,Status,\x1b]0;evil\x07\nAda,\x1b[31mred,\n", "Line 2: “red” isn't a known status."),
    ],
)
async def test_a_wrong_file_is_reported_and_changes_nothing(office: Office, content: str, words: str) -> None:
    office.file.write_text(content, encoding="utf-8")
    done = await office.compare_file("--yes")
    assert done.exit_code == 1
    assert words in done.output
    assert "Nothing was changed." in done.output
    assert "\x1b" not in done.output


async def test_hostile_names_are_printed_as_text(office: Office) -> None:
    name = "a \x1b[2J[/x] \u202e=cmd|'/c calc'!A0"
    office.file.write_text(f'Name;Status\n"{name}";Active\n', encoding="utf-8")
    done = await office.compare_file("--yes")
    assert done.exit_code == 0
    assert "line 2: a [/x] =cmd|'/c calc'!A0, active in the file" in done.output
    assert not {"\x1b", "\u202e"} & set(done.output)


async def test_organisation_is_required_if_there_are_several(office: Office) -> None:
    office.export([(office.contacts()[0], "Active")])
    done = await asyncio.to_thread(office.run, "compare", str(office.file))
    assert (done.exit_code, "Several organisations are connected." in done.output) == (2, True)
    never = await asyncio.to_thread(
        office.run, "compare", str(office.file), "--organisation", office.practice.organisations[1].name
    )
    assert (never.exit_code, "haven't been loaded from Xero yet" in never.output) == (1, True)


def test_contradictory_options_are_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["compare", "x.csv", "--active", "--archived"], env={"RESHELVE_HOME": str(tmp_path)}
    )
    assert done.exit_code == 2
    nothing = CliRunner().invoke(main, ["compare", "x.csv"], env={"RESHELVE_HOME": str(tmp_path)})
    assert (nothing.exit_code, "No organisation is connected yet." in nothing.output) == (3, True)


def test_old_command_name_still_works_but_is_not_listed(tmp_path: Path) -> None:
    old = CliRunner().invoke(main, ["reconcile", "x.csv"], env={"RESHELVE_HOME": str(tmp_path)})
    new = CliRunner().invoke(main, ["compare", "x.csv"], env={"RESHELVE_HOME": str(tmp_path)})
    assert (old.exit_code, old.output) == (new.exit_code, new.output)
    listed = CliRunner().invoke(main, ["--help"]).output
    assert "compare" in listed
    assert "reconcile" not in listed
