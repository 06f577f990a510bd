"""`reshelve re-leased` against a practice Re-Leased: connect, test, disconnect, and what goes wrong."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner, Result
from support.demo import environment
from support.house import settings_for
from support.keychain import FileKeychain, keychain_environment, keychain_in
from support.practice import PracticeXero, running_sandbox, until
from support.terminal import Terminal

from tui.cli import main
from tui.cli.re_leased import company_named
from tui.engine.accounts.account import XeroAccount
from tui.model.re_leased import ReLeasedCompany
from tui.re_leased.unified import UnifiedKey
from tui.settings import load
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

CONTACTS = 210
PATIENCE_SECONDS = 60
VARIABLE = "RESHELVE_UNIFIED_API_KEY"
ACCOUNTING = "/accounting/"


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    folder = tmp_path_factory.mktemp("practice")
    with running_sandbox(folder, "--contacts", str(CONTACTS), "--cycle", "3600") as practice:
        yield practice


@pytest.fixture(scope="module")
def loaded_home(practice: PracticeXero, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose first organisation has been loaded; tests work on copies."""
    home = tmp_path_factory.mktemp("loaded")

    async def load_contacts() -> None:
        account = XeroAccount(settings_for(practice, poll_seconds=1, has_feed=False), Paths.under(home))
        organisations = await account.import_refresh_token(practice.refresh_token, practice.client_id)
        engine = account.open(organisations[0])
        running = asyncio.create_task(engine.run())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not engine.snapshot.last_refresh_at:  # noqa: ASYNC110 - another process is waited for
                await asyncio.sleep(0.02)
        await engine.stop()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(load_contacts())
    return home


@dataclass
class Desk:
    """A person at the command line, with a keychain; `printed` collects all that was printed."""

    practice: PracticeXero
    home: Path
    keychain: FileKeychain
    environment: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)

    @property
    def unified(self) -> dict[str, str]:
        """What the practice Re-Leased's client needs."""
        found: dict[str, str] = self.practice.line["unified"]
        return found

    @property
    def key(self) -> str:
        return self.unified["api_key"]

    @property
    def paths(self) -> Paths:
        return Paths.under(self.home)

    @property
    def stored_key(self) -> str:
        """What the keychain has, "" if nothing."""
        return "".join(self.keychain._read().values())

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.practice.organisations]

    @property
    def process_environment(self) -> dict[str, str]:
        """What a process needs to be at this desk."""
        return {**environment(self.home), **keychain_environment(self.home.parent / "keychain.json")}

    def settings(self) -> dict[str, Any]:
        """Return the file's content."""
        file = self.paths.settings_file
        return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def own(self, index: int = 0) -> dict[str, str]:
        """Return what the file has for one of the organisations."""
        organisations = self.settings().get("organisations", {})
        found: dict[str, str] = organisations.get(self.practice.organisations[index].tenant_id, {})
        return found

    def run(self, *command: str, stdin: str = "") -> Result:
        env = {"RESHELVE_HOME": str(self.home), **self.environment}
        result = CliRunner().invoke(main, ["re-leased", *command], input=stdin, env=env)
        self.printed.append(result.output)
        return result

    def connect(self, *options: str, stdin: str | None = None, index: int = 0) -> Result:
        """Connect with everything given, and the key on standard input."""
        given = {
            "--organisation": self.names[index],
            "--url": self.unified["url"],
            "--connection-id": self.unified["connection_id"],
            "--company": self.names[index],
        }
        kept = [part for name, value in given.items() if name not in options for part in (name, value)]
        return self.run("connect", *kept, *options, stdin=f"{self.key}\n" if stdin is None else stdin)


@pytest.fixture
def desk(
    practice: PracticeXero, loaded_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.delenv(VARIABLE, raising=False)
    home = tmp_path / "home"
    shutil.copytree(loaded_home, home)
    with keychain_in(tmp_path / "keychain.json") as keychain:
        desk = Desk(practice, home, keychain)
        yield desk
    practice.clear_faults()
    # Wherever the key was used, it is in no file and nothing that was printed.
    assert desk.key not in "".join(desk.printed)
    for file in home.rglob("*"):
        assert not file.is_file() or desk.key.encode() not in file.read_bytes(), file


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command believe in a person at a terminal, who can be asked."""
    monkeypatch.setattr("tui.cli.re_leased.is_interactive", lambda: True)


def words(result: Result) -> str:
    return " ".join(result.output.split())


def number(result: Result, label: str) -> int:
    """Return one of the numbers that a test prints."""
    [found] = re.findall(rf"^ *([\d,]+) {re.escape(label)}\b", result.stdout, re.MULTILINE)
    return int(str(found).replace(",", ""))


# --- connect ---


@pytest.mark.usefixtures("person")
def test_what_is_not_given_is_asked_and_the_company_of_that_name_is_proposed(desk: Desk) -> None:
    answers = ["1", desk.unified["url"], desk.unified["connection_id"], desk.key, ""]
    done = desk.run("connect", stdin="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    assert desk.own() == {
        "unified_connection_id": desk.unified["connection_id"],
        "re_leased_company_id": "701",
    }
    assert desk.settings()["re_leased"] == {"unified_url": desk.unified["url"]}
    assert desk.stored_key == desk.key
    assert UnifiedKey(desk.paths.data).load() == desk.key
    assert "`reshelve re-leased test`" in words(done)
    # What isn't an answer is asked again.
    wrong = ["1", "mars", "", "no id", "", "", ""]
    again = desk.run("connect", stdin="\n".join(wrong) + "\n")
    assert again.exit_code == 0, again.output
    assert "The region" in again.output
    assert desk.own()["re_leased_company_id"] == "701"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals on Windows")
def test_a_terminal_never_shows_the_key_and_then_the_progress(desk: Desk) -> None:
    command = [sys.executable, "-m", "tui", "re-leased"]
    with Terminal([*command, "connect"], desk.process_environment) as terminal:
        terminal.until_shown("Which one?")
        terminal.write("1\r")
        terminal.until_shown("Region")
        terminal.write(f"{desk.unified['url']}\r")
        terminal.until_shown("Connection ID")
        terminal.write(f"{desk.unified['connection_id']}\r")
        terminal.until_shown("API key (hidden)")
        terminal.write(f"{desk.key}\r")
        terminal.until_shown("Which one? [1]")
        terminal.write("\r")
        assert terminal.wait() == 0
        assert desk.key[:20] not in terminal.screen.text
        assert f"Connected: {desk.names[0]}" in terminal.words
    with Terminal([*command, "test"], desk.process_environment) as terminal:
        assert terminal.wait() == 0
        assert "Reshelve can confirm" in terminal.words
        assert "Traceback" not in terminal.words
    assert desk.stored_key == desk.key


def test_everything_can_be_given_and_run_again_changes_it(desk: Desk) -> None:
    done = desk.connect()
    assert done.exit_code == 0, done.output
    assert f"Connected: {desk.names[0]} to {desk.names[0]} (701) in Re-Leased." in done.output
    other = desk.connect("--company", "702", stdin="\n")
    assert other.exit_code == 0, other.output
    assert (desk.own()["re_leased_company_id"], desk.stored_key) == ("702", desk.key)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--company", "nowhere"), "No company in Re-Leased matches nowhere."),
        (("--connection-id", "two words"), "--connection-id"),
        (("--url", "https://evil.example"), "--url"),
        (("--organisation", "nowhere"), "nowhere"),
    ],
)
def test_a_wrong_answer_is_named_and_changes_nothing(desk: Desk, options: tuple[str, ...], said: str) -> None:
    refused = desk.connect(*options)
    assert (refused.exit_code, said in words(refused)) == (1, True), refused.output
    assert (desk.settings(), desk.stored_key) == ({}, "")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("practice-of-nobody\n", "HTTP 401"),
        ("two words\n", "isn't an API key"),
        ("\n", "isn't an API key"),
        ("", "isn't an API key"),
    ],
)
def test_a_wrong_key_is_not_stored(desk: Desk, key: str, said: str) -> None:
    refused = desk.connect(stdin=key)
    assert (refused.exit_code, said in words(refused)) == (1, True), refused.output
    assert (desk.settings(), desk.stored_key) == ({}, "")
    # Nor does one replace the right one.
    assert desk.connect().exit_code == 0
    assert desk.connect(stdin="practice-of-nobody\n").exit_code == 1
    assert desk.stored_key == desk.key


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("unified-paused", "and resume it"),
        ("html", "re_leased.unified_url"),
        ("unified-403", "HTTP 403"),
        ("unified-429", "Try again in 1 second."),
        ("unified-500", "Try again later."),
        ("cut", "Try again later."),
    ],
)
def test_a_connection_that_fails_is_explained(desk: Desk, fault: str, said: str) -> None:
    desk.practice.fault(fault, path=ACCOUNTING)
    refused = desk.connect()
    assert (refused.exit_code, said in words(refused)) == (1, True), refused.output
    assert (desk.settings(), desk.stored_key) == ({}, "")
    desk.practice.clear_faults()
    assert desk.connect().exit_code == 0
    desk.practice.fault(fault, path=ACCOUNTING)
    failed = desk.run("test")
    assert (failed.exit_code, said in words(failed)) == (1, True), failed.output
    assert "Reshelve will read" not in words(failed)


def test_a_company_of_another_organisation_is_asked_about(desk: Desk) -> None:
    assert desk.connect().exit_code == 0
    for answer in ("", "n\n"):
        refused = desk.connect("--company", "701", index=1, stdin=f"\n{answer}")
        assert (refused.exit_code, "already the company of" in words(refused)) == (1, True), refused.output
        assert desk.own(1) == {}
    agreed = desk.connect("--company", "701", index=1, stdin="\ny\n")
    assert agreed.exit_code == 0, agreed.output
    assert desk.own(1)["re_leased_company_id"] == "701"
    # Its own, once more, isn't another's.
    assert desk.connect("--company", "702", "--yes", index=1, stdin="\n").exit_code == 0
    assert "already" not in desk.connect(stdin="\n").output


ODD = "a \x1b[2J\u202eb"


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize(
    ("companies", "answers", "outcome"),
    [
        ([ReLeasedCompany("9", ODD)], [], ("9", "has one company: a b (9)")),
        ([], ["y"], (None, "no companies")),
        ([], ["n"], ("", "Cancelled. Nothing changed.")),
        ([ReLeasedCompany("../9", "A")], [], ("", "The company's ID")),
        ([ReLeasedCompany("7", ODD), ReLeasedCompany("8", "B")], ["", "3", "1"], ("7", "1 a b (7)")),
    ],
)
def test_odd_companies(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    companies: list[ReLeasedCompany],
    answers: list[str],
    outcome: tuple[str | None, str],
) -> None:
    stored, said = outcome

    async def listed(*_: object) -> list[ReLeasedCompany]:
        return companies

    monkeypatch.setattr("tui.cli.re_leased._companies", listed)
    # Without a company, the options before it are all that is given.
    given = ["--organisation", desk.names[0], "--url", desk.unified["url"], "--connection-id", "c1"]
    done = desk.run("connect", *given, stdin="\n".join([desk.key, *answers, ""]))
    assert said in words(done)
    assert not {"\x1b", "\u202e"} & set(done.output)
    if stored == "":
        assert (done.exit_code, desk.settings(), desk.stored_key) == (1, {}, "")
    else:
        assert (done.exit_code, desk.own().get("re_leased_company_id")) == (0, stored), done.output


def test_yes_asks_nothing_even_without_companies(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def listed(*_: object) -> list[ReLeasedCompany]:
        return []

    monkeypatch.setattr("tui.cli.re_leased._companies", listed)
    given = ["--organisation", desk.names[0], "--url", desk.unified["url"], "--connection-id", "c1", "--yes"]
    done = desk.run("connect", *given, stdin=f"{desk.key}\n")
    assert (done.exit_code, desk.own()["unified_connection_id"]) == (0, "c1"), done.output


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("1", "1"),
        ("bay", "1"),
        ("BAYSIDE", "1"),
        ("side", None),
        ("Twin", None),
        ("west", "4"),
        ("", None),
    ],
)
def test_a_company_is_found_by_id_name_or_a_part_that_only_one_has(wanted: str, found: str | None) -> None:
    names = {"1": "Bayside", "2": "Twin", "3": "Twin", "4": "Westside", "5": "Twin Peaks"}
    companies = [ReLeasedCompany(identifier, name) for identifier, name in names.items()]
    if found is not None:
        assert company_named(companies, wanted).id == found
        return
    with pytest.raises(click.ClickException):
        company_named(companies, wanted)


def test_a_region_is_changed_for_all_organisations_or_none(desk: Desk) -> None:
    assert desk.connect().exit_code == 0
    other_url = desk.unified["url"].replace("127.0.0.1", "localhost")
    refused = desk.connect("--url", other_url, index=1, stdin="\nn\n")
    assert (refused.exit_code, "used for all organisations" in words(refused)) == (1, True), refused.output
    assert desk.settings()["re_leased"]["unified_url"] == desk.unified["url"]
    assert desk.own(1) == {}


def test_without_a_keychain_the_variable_has_the_key(desk: Desk) -> None:
    desk.keychain.trouble = OSError("no keychain here")
    missing = desk.connect()
    assert (missing.exit_code, VARIABLE in missing.output) == (1, True), missing.output
    desk.environment = {VARIABLE: f" {desk.key}\n"}
    assert desk.connect(stdin="").exit_code == 0
    tested = desk.run("test")
    assert tested.exit_code == 0, tested.output
    gone = desk.run("disconnect", "--yes")
    assert (gone.exit_code, f"{VARIABLE} is still set" in gone.output) == (0, True), gone.output
    desk.environment = {VARIABLE: "two words"}
    unusable = desk.connect()
    assert (unusable.exit_code, f"{VARIABLE} isn't an API key" in unusable.output) == (1, True)
    assert "two words" not in unusable.output


def test_the_variable_is_used_instead_of_the_keychain(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desk.connect().exit_code == 0
    monkeypatch.setenv(VARIABLE, "another-key")
    assert UnifiedKey(desk.paths.data).load() == "another-key"
    assert load(desk.paths.settings_file).re_leased.unified_url == desk.unified["url"]
    refused = desk.run("test")
    assert (refused.exit_code, "HTTP 401" in refused.output) == (1, True)
    assert "another-key" not in refused.output


def test_a_keychain_that_does_not_save_leaves_the_settings(desk: Desk) -> None:
    desk.keychain.is_full = True
    refused = desk.connect()
    assert (refused.exit_code, VARIABLE in refused.output) == (1, True), refused.output
    assert desk.settings() == {}


# --- test ---


def test_what_came_back_is_told_in_numbers_and_in_one_sentence(desk: Desk) -> None:
    assert desk.connect().exit_code == 0
    before = store_content(desk)
    done = desk.run("test")
    assert done.exit_code == 0, done.output
    assert f"{desk.names[0]}, " in done.stdout.splitlines()[0]
    total, matched = number(done, "contacts"), number(done, "matched")
    assert CONTACTS <= total <= CONTACTS + 3
    assert 0 < number(done, "archived") < number(done, "with a status") < total
    assert matched + number(done, "unclear") + number(done, "unmatched") == total
    assert number(done, "deleted") == 2
    assert number(done, "with Xero's ContactID") == number(done, "of another company") == 0
    assert done.stdout.count(": raw.id, raw.name, raw.companyId") == 5
    assert " = " not in done.stdout
    assert "Reshelve can confirm" in done.stdout.splitlines()[-1]
    assert done.stderr.startswith("Reading Re-Leased's contacts")
    assert store_content(desk) == before


def test_values_are_shown_on_request_and_a_named_field_counts(desk: Desk) -> None:
    assert desk.connect().exit_code == 0
    fewer = number(desk.run("test"), "with a status")
    desk.environment = {
        "RESHELVE_RE_LEASED_ARCHIVED_FIELD": "raw.isArchived",
        "RESHELVE_RE_LEASED_XERO_ID_FIELD": "raw.xeroContactId",
    }
    done = desk.run("test", "--show-values")
    assert done.exit_code == 0, done.output
    assert number(done, "with a status") > fewer
    assert number(done, "with Xero's ContactID") > 0
    assert done.stdout.count("raw.name = ") == 5


def test_another_companys_contacts_are_recognised(desk: Desk) -> None:
    assert desk.connect("--company", "702").exit_code == 0
    done = desk.run("test")
    assert done.exit_code == 0, done.output
    assert "another company's contacts" in done.stdout.splitlines()[-1]


@pytest.fixture
def untold(practice: PracticeXero) -> Iterator[None]:
    """Let the practice Re-Leased tell no status of any contact."""
    file = Paths.under(practice.folder).sandbox / "practice.sqlite"
    practice.stop()
    kept = file.read_bytes()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE re_leased_contacts SET status_told = ''")
    practice.restart_same_port()
    yield
    practice.stop()
    file.write_bytes(kept)
    practice.restart_same_port()


@pytest.mark.usefixtures("untold")
def test_without_any_status_nothing_can_be_confirmed(desk: Desk) -> None:
    assert desk.connect().exit_code == 0
    desk.environment = {"RESHELVE_RE_LEASED_ARCHIVED_FIELD": "raw.isArchived"}
    done = desk.run("test")
    assert done.exit_code == 0, done.output
    assert number(done, "with a status") == 0
    assert number(done, "matched") > CONTACTS / 2
    assert "can't confirm" in done.stdout.splitlines()[-1]


def test_it_needs_contacts_and_a_connection(desk: Desk) -> None:
    unconnected = desk.run("test")
    assert (unconnected.exit_code, "`reshelve re-leased connect`" in words(unconnected)) == (1, True)
    assert desk.connect(index=1).exit_code == 0
    empty = desk.run("test")
    assert (empty.exit_code, "haven't been loaded from Xero yet" in words(empty)) == (1, True), empty.output
    for command in ("test", "disconnect"):
        named = desk.run(command, "--organisation", desk.names[0])
        assert (named.exit_code, "reshelve re-leased connect" in words(named)) == (1, True), named.output
    nobody = CliRunner().invoke(main, ["re-leased", "test"], env={"RESHELVE_HOME": str(desk.home / "new")})
    assert (nobody.exit_code, "`reshelve connect`" in nobody.output) == (1, True)


def test_an_interrupt_while_it_reads_ends_it_cleanly(desk: Desk) -> None:
    assert desk.connect().exit_code == 0
    before = store_content(desk)
    desk.practice.fault("slow", path=ACCOUNTING, seconds=PATIENCE_SECONDS)
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "re-leased", "test"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=desk.process_environment,
    )
    asked = len(desk.practice.requests())
    until(lambda: len(desk.practice.requests()) > asked or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=PATIENCE_SECONDS / 2)
    assert (process.returncode, printed) == (1, "")
    assert "Cancelled. Nothing was recorded." in said
    assert "Traceback" not in said
    assert store_content(desk) == before


# --- disconnect ---


def test_the_last_organisation_takes_the_key_along(desk: Desk) -> None:
    assert desk.connect().exit_code == 0
    assert desk.connect(index=1, stdin="\n").exit_code == 0
    before = store_content(desk)
    declined = desk.run("disconnect", "--organisation", desk.names[0], stdin="n\n")
    assert (declined.exit_code, "Cancelled." in declined.output) == (1, True)
    assert desk.own()
    first = desk.run("disconnect", "--organisation", desk.names[0], stdin="y\n")
    assert first.exit_code == 0, first.output
    assert (desk.own(), bool(desk.own(1)), desk.stored_key) == ({}, True, desk.key)
    assert desk.names[1] in first.output.splitlines()[-1]
    # The only one that is left needn't be named.
    last = desk.run("disconnect", "--yes")
    assert last.exit_code == 0, last.output
    assert (desk.own(1), desk.stored_key) == ({}, "")
    assert store_content(desk) == before


def test_a_key_that_stays_in_the_keychain_is_said(desk: Desk) -> None:
    assert desk.connect().exit_code == 0
    desk.keychain.trouble = OSError("locked")
    failed = desk.run("disconnect", "--yes")
    assert (failed.exit_code, "can't be removed" in words(failed)) == (1, True), failed.output
    assert desk.own() == {}


def test_another_source_is_not_replaced_silently(desk: Desk) -> None:
    desk.environment = {"RESHELVE_RE_LEASED_SOURCE": "bridge"}
    refused = desk.connect()
    assert (refused.exit_code, "bridge" in refused.output) == (1, True)
    assert desk.settings() == {}


def store_content(desk: Desk) -> dict[str, list[Any]]:
    """Return all that is stored of changes, evidence and sync state."""
    [file] = desk.paths.organisations.glob("*/contacts.db")
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        ).fetchall()
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables}  # noqa: S608 - names of our own tables
