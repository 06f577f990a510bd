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
from tui.engine.account import XeroAccount
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
class User:
    """The command line of a user with a keychain. `printed` collects all output."""

    practice: PracticeXero
    home: Path
    keychain: FileKeychain
    environment: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)

    @property
    def unified(self) -> dict[str, str]:
        """How the practice Re-Leased can be read."""
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
        """The key in the keychain; empty if there is none."""
        return "".join(self.keychain._read().values())

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.practice.organisations]

    @property
    def process_environment(self) -> dict[str, str]:
        """The environment variables for a process of this user."""
        return {**environment(self.home), **keychain_environment(self.home.parent / "keychain.json")}

    def settings(self) -> dict[str, Any]:
        """Return the content of the settings file."""
        file = self.paths.settings_file
        return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def own(self, index: int = 0) -> dict[str, str]:
        """Return the settings of one of the organisations."""
        organisations = self.settings().get("organisations", {})
        found: dict[str, str] = organisations.get(self.practice.organisations[index].tenant_id, {})
        return found

    def run(self, *command: str, stdin: str = "") -> Result:
        env = {"RESHELVE_HOME": str(self.home), **self.environment}
        result = CliRunner().invoke(main, ["re-leased", *command], input=stdin, env=env)
        self.printed.append(result.output)
        return result

    def connect(self, *options: str, stdin: str | None = None, index: int = 0) -> Result:
        """Connect with all options, and the key on standard input."""
        given = {
            "--organisation": self.names[index],
            "--url": self.unified["url"],
            "--connection-id": self.unified["connection_id"],
            "--company": self.names[index],
        }
        kept = [part for name, value in given.items() if name not in options for part in (name, value)]
        return self.run("connect", *kept, *options, stdin=f"{self.key}\n" if stdin is None else stdin)


@pytest.fixture
def user(
    practice: PracticeXero, loaded_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[User]:
    monkeypatch.delenv(VARIABLE, raising=False)
    home = tmp_path / "home"
    shutil.copytree(loaded_home, home)
    with keychain_in(tmp_path / "keychain.json") as keychain:
        user = User(practice, home, keychain)
        yield user
    practice.clear_faults()
    # The key is never in a file or in any output.
    assert user.key not in "".join(user.printed)
    for file in home.rglob("*"):
        assert not file.is_file() or user.key.encode() not in file.read_bytes(), file


@pytest.fixture
def interactive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the command prompt as it does in a terminal."""
    monkeypatch.setattr("tui.cli.re_leased.is_interactive", lambda: True)


def words(result: Result) -> str:
    return " ".join(result.output.split())


def number(result: Result, label: str) -> int:
    """Return a count from the report of a connection test."""
    [found] = re.findall(rf"^ *([\d,]+) {re.escape(label)}\b", result.stdout, re.MULTILINE)
    return int(str(found).replace(",", ""))


# --- connect ---


@pytest.mark.usefixtures("interactive")
def test_missing_options_are_prompted_for_with_the_company_of_that_name_as_default(
    user: User,
) -> None:
    answers = ["1", user.unified["url"], user.unified["connection_id"], user.key, ""]
    done = user.run("connect", stdin="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    assert user.own() == {
        "unified_connection_id": user.unified["connection_id"],
        "re_leased_company_id": "701",
    }
    assert user.settings()["re_leased"] == {"unified_url": user.unified["url"]}
    assert user.stored_key == user.key
    assert UnifiedKey(user.paths.data).load() == user.key
    assert "`reshelve re-leased test`" in words(done)
    # Invalid answers are prompted for again.
    wrong = ["1", "mars", "", "no id", "", "", ""]
    again = user.run("connect", stdin="\n".join(wrong) + "\n")
    assert again.exit_code == 0, again.output
    assert "The region" in again.output
    assert user.own()["re_leased_company_id"] == "701"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals on Windows")
def test_typed_key_is_not_echoed(user: User) -> None:
    command = [sys.executable, "-m", "tui", "re-leased"]
    with Terminal([*command, "connect"], user.process_environment) as terminal:
        terminal.until_shown("Which one?")
        terminal.write("1\r")
        terminal.until_shown("Region")
        terminal.write(f"{user.unified['url']}\r")
        terminal.until_shown("Connection ID")
        terminal.write(f"{user.unified['connection_id']}\r")
        terminal.until_shown("API key (hidden)")
        terminal.write(f"{user.key}\r")
        terminal.until_shown("Which one? [1]")
        terminal.write("\r")
        assert terminal.wait() == 0
        assert user.key[:20] not in terminal.screen.text
        assert f"Connected: {user.names[0]}" in terminal.words
    with Terminal([*command, "test"], user.process_environment) as terminal:
        assert terminal.wait() == 0
        assert "Reshelve can confirm" in terminal.words
        assert "Traceback" not in terminal.words
    assert user.stored_key == user.key


def test_options_replace_prompts_and_connecting_again_changes_the_connection(
    user: User,
) -> None:
    done = user.connect()
    assert done.exit_code == 0, done.output
    assert f"Connected: {user.names[0]} to {user.names[0]} (701) in Re-Leased." in done.output
    other = user.connect("--company", "702", stdin="\n")
    assert other.exit_code == 0, other.output
    assert (user.own()["re_leased_company_id"], user.stored_key) == ("702", user.key)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--company", "nowhere"), "No company in Re-Leased matches nowhere."),
        (("--connection-id", "two words"), "--connection-id"),
        (("--url", "https://evil.example"), "--url"),
        (("--organisation", "nowhere"), "nowhere"),
    ],
)
def test_an_invalid_option_is_named_and_changes_nothing(
    user: User, options: tuple[str, ...], expected: str
) -> None:
    refused = user.connect(*options)
    assert (refused.exit_code, expected in words(refused)) == (1, True), refused.output
    assert (user.settings(), user.stored_key) == ({}, "")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("practice-wrong-key\n", "HTTP 401"),
        ("two words\n", "isn't an API key"),
        ("\n", "isn't an API key"),
        ("", "isn't an API key"),
    ],
)
def test_a_wrong_key_is_not_stored(user: User, key: str, expected: str) -> None:
    refused = user.connect(stdin=key)
    assert (refused.exit_code, expected in words(refused)) == (1, True), refused.output
    assert (user.settings(), user.stored_key) == ({}, "")
    # The wrong key doesn't replace the right one.
    assert user.connect().exit_code == 0
    assert user.connect(stdin="practice-wrong-key\n").exit_code == 1
    assert user.stored_key == user.key


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("unified-paused", "and resume it"),
        ("html", "re_leased.unified_url"),
        ("unified-403", "HTTP 403"),
        ("unified-429", "Try again in 1 second."),
        ("unified-500", "Try again later."),
        ("cut", "Try again later."),
    ],
)
def test_a_failing_connection_is_explained(user: User, fault: str, expected: str) -> None:
    user.practice.fault(fault, path=ACCOUNTING)
    refused = user.connect()
    assert (refused.exit_code, expected in words(refused)) == (1, True), refused.output
    assert (user.settings(), user.stored_key) == ({}, "")
    user.practice.clear_faults()
    assert user.connect().exit_code == 0
    user.practice.fault(fault, path=ACCOUNTING)
    failed = user.run("test")
    assert (failed.exit_code, expected in words(failed)) == (1, True), failed.output
    assert "Reshelve will read" not in words(failed)


def test_a_company_of_another_organisation_has_to_be_confirmed(user: User) -> None:
    assert user.connect().exit_code == 0
    for answer in ("", "n\n"):
        refused = user.connect("--company", "701", index=1, stdin=f"\n{answer}")
        assert (refused.exit_code, "already the company of" in words(refused)) == (1, True), refused.output
        assert user.own(1) == {}
    agreed = user.connect("--company", "701", index=1, stdin="\ny\n")
    assert agreed.exit_code == 0, agreed.output
    assert user.own(1)["re_leased_company_id"] == "701"
    # Its own company needs no confirmation.
    assert user.connect("--company", "702", "--yes", index=1, stdin="\n").exit_code == 0
    assert "already" not in user.connect(stdin="\n").output


ODD = "a \x1b[2J\u202eb"


@pytest.mark.usefixtures("interactive")
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
    user: User,
    monkeypatch: pytest.MonkeyPatch,
    companies: list[ReLeasedCompany],
    answers: list[str],
    outcome: tuple[str | None, str],
) -> None:
    stored, expected = outcome

    async def listed(*_: object) -> list[ReLeasedCompany]:
        return companies

    monkeypatch.setattr("tui.cli.re_leased._companies", listed)
    # Without a company, only the options before it are used.
    given = [
        "--organisation",
        user.names[0],
        "--url",
        user.unified["url"],
        "--connection-id",
        "c1",
    ]
    done = user.run("connect", *given, stdin="\n".join([user.key, *answers, ""]))
    assert expected in words(done)
    assert not {"\x1b", "\u202e"} & set(done.output)
    if stored == "":
        assert (done.exit_code, user.settings(), user.stored_key) == (1, {}, "")
    else:
        assert (done.exit_code, user.own().get("re_leased_company_id")) == (0, stored), done.output


def test_yes_asks_nothing_even_without_companies(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    async def listed(*_: object) -> list[ReLeasedCompany]:
        return []

    monkeypatch.setattr("tui.cli.re_leased._companies", listed)
    given = ["--organisation", user.names[0], "--url", user.unified["url"], "--connection-id", "c1", "--yes"]
    done = user.run("connect", *given, stdin=f"{user.key}\n")
    assert (done.exit_code, user.own()["unified_connection_id"]) == (0, "c1"), done.output


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
def test_a_company_is_found_by_id_name_or_a_unique_part_of_its_name(wanted: str, found: str | None) -> None:
    names = {"1": "Bayside", "2": "Twin", "3": "Twin", "4": "Westside", "5": "Twin Peaks"}
    companies = [ReLeasedCompany(identifier, name) for identifier, name in names.items()]
    if found is not None:
        assert company_named(companies, wanted).id == found
        return
    with pytest.raises(click.ClickException):
        company_named(companies, wanted)


def test_a_region_is_changed_for_all_organisations_or_none(user: User) -> None:
    assert user.connect().exit_code == 0
    other_url = user.unified["url"].replace("127.0.0.1", "localhost")
    refused = user.connect("--url", other_url, index=1, stdin="\nn\n")
    assert (refused.exit_code, "used for all organisations" in words(refused)) == (1, True), refused.output
    assert user.settings()["re_leased"]["unified_url"] == user.unified["url"]
    assert user.own(1) == {}


def test_without_a_keychain_the_variable_has_the_key(user: User) -> None:
    user.keychain.trouble = OSError("no keychain here")
    missing = user.connect()
    assert (missing.exit_code, VARIABLE in missing.output) == (1, True), missing.output
    user.environment = {VARIABLE: f" {user.key}\n"}
    assert user.connect(stdin="").exit_code == 0
    tested = user.run("test")
    assert tested.exit_code == 0, tested.output
    gone = user.run("disconnect", "--yes")
    assert (gone.exit_code, f"{VARIABLE} is still set" in gone.output) == (0, True), gone.output
    user.environment = {VARIABLE: "two words"}
    unusable = user.connect()
    assert (unusable.exit_code, f"{VARIABLE} isn't an API key" in unusable.output) == (1, True)
    assert "two words" not in unusable.output


def test_the_variable_is_used_instead_of_the_keychain(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    assert user.connect().exit_code == 0
    monkeypatch.setenv(VARIABLE, "another-key")
    assert UnifiedKey(user.paths.data).load() == "another-key"
    assert load(user.paths.settings_file).re_leased.unified_url == user.unified["url"]
    refused = user.run("test")
    assert (refused.exit_code, "HTTP 401" in refused.output) == (1, True)
    assert "another-key" not in refused.output


def test_a_keychain_that_does_not_save_leaves_the_settings(user: User) -> None:
    user.keychain.is_full = True
    refused = user.connect()
    assert (refused.exit_code, VARIABLE in refused.output) == (1, True), refused.output
    assert user.settings() == {}


# --- test ---


def test_the_report_has_counts_and_a_conclusion(user: User) -> None:
    assert user.connect().exit_code == 0
    before = store_content(user)
    done = user.run("test")
    assert done.exit_code == 0, done.output
    assert f"{user.names[0]}, " in done.stdout.splitlines()[0]
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
    assert store_content(user) == before


def test_values_are_shown_on_request_and_configured_fields_are_used(user: User) -> None:
    assert user.connect().exit_code == 0
    fewer = number(user.run("test"), "with a status")
    user.environment = {
        "RESHELVE_RE_LEASED_ARCHIVED_FIELD": "raw.isArchived",
        "RESHELVE_RE_LEASED_XERO_ID_FIELD": "raw.xeroContactId",
    }
    done = user.run("test", "--show-values")
    assert done.exit_code == 0, done.output
    assert number(done, "with a status") > fewer
    assert number(done, "with Xero's ContactID") > 0
    assert done.stdout.count("raw.name = ") == 5


def test_another_companys_contacts_are_recognised(user: User) -> None:
    assert user.connect("--company", "702").exit_code == 0
    done = user.run("test")
    assert done.exit_code == 0, done.output
    assert "another company's contacts" in done.stdout.splitlines()[-1]


@pytest.fixture
def without_statuses(practice: PracticeXero) -> Iterator[None]:
    """Make the practice Re-Leased return no status of any contact."""
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


@pytest.mark.usefixtures("without_statuses")
def test_without_any_status_nothing_can_be_confirmed(user: User) -> None:
    assert user.connect().exit_code == 0
    user.environment = {"RESHELVE_RE_LEASED_ARCHIVED_FIELD": "raw.isArchived"}
    done = user.run("test")
    assert done.exit_code == 0, done.output
    assert number(done, "with a status") == 0
    assert number(done, "matched") > CONTACTS / 2
    assert "can't confirm" in done.stdout.splitlines()[-1]


def test_a_test_needs_contacts_and_a_connection(user: User) -> None:
    unconnected = user.run("test")
    assert (unconnected.exit_code, "`reshelve re-leased connect`" in words(unconnected)) == (1, True)
    assert user.connect(index=1).exit_code == 0
    empty = user.run("test")
    assert (empty.exit_code, "haven't been loaded from Xero yet" in words(empty)) == (1, True), empty.output
    for command in ("test", "disconnect"):
        named = user.run(command, "--organisation", user.names[0])
        assert (named.exit_code, "reshelve re-leased connect" in words(named)) == (1, True), named.output
    not_connected = CliRunner().invoke(
        main, ["re-leased", "test"], env={"RESHELVE_HOME": str(user.home / "new")}
    )
    assert (not_connected.exit_code, "`reshelve connect`" in not_connected.output) == (3, True)


def test_an_interrupt_during_a_read_ends_the_command_cleanly(user: User) -> None:
    assert user.connect().exit_code == 0
    before = store_content(user)
    user.practice.fault("slow", path=ACCOUNTING, seconds=PATIENCE_SECONDS)
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "re-leased", "test"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=user.process_environment,
    )
    asked = len(user.practice.requests())
    until(lambda: len(user.practice.requests()) > asked or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=PATIENCE_SECONDS / 2)
    assert (process.returncode, printed) == (1, "")
    assert "Cancelled. Nothing was recorded." in errors
    assert "Traceback" not in errors
    assert store_content(user) == before


# --- disconnect ---


def test_disconnecting_the_last_organisation_removes_the_key(user: User) -> None:
    assert user.connect().exit_code == 0
    assert user.connect(index=1, stdin="\n").exit_code == 0
    before = store_content(user)
    declined = user.run("disconnect", "--organisation", user.names[0], stdin="n\n")
    assert (declined.exit_code, "Cancelled." in declined.output) == (1, True)
    assert user.own()
    first = user.run("disconnect", "--organisation", user.names[0], stdin="y\n")
    assert first.exit_code == 0, first.output
    assert (user.own(), bool(user.own(1)), user.stored_key) == (
        {},
        True,
        user.key,
    )
    assert user.names[1] in first.output.splitlines()[-1]
    # The only one left needs no --organisation.
    last = user.run("disconnect", "--yes")
    assert last.exit_code == 0, last.output
    assert (user.own(1), user.stored_key) == ({}, "")
    assert store_content(user) == before


def test_a_key_that_cant_be_removed_is_reported(user: User) -> None:
    assert user.connect().exit_code == 0
    user.keychain.trouble = OSError("locked")
    failed = user.run("disconnect", "--yes")
    assert (failed.exit_code, "can't be removed" in words(failed)) == (1, True), failed.output
    assert user.own() == {}


def test_another_source_is_not_replaced_silently(user: User) -> None:
    user.environment = {"RESHELVE_RE_LEASED_SOURCE": "bridge"}
    refused = user.connect()
    assert (refused.exit_code, "bridge" in refused.output) == (1, True)
    assert user.settings() == {}


def store_content(user: User) -> dict[str, list[Any]]:
    """Return all that is stored of changes, evidence and sync state."""
    [file] = user.paths.organisations.glob("*/contacts.db")
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        ).fetchall()
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables}  # noqa: S608 - names of our own tables
