"""`reshelve refresh`, as a process against a practice Xero."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from support.command_line import CommandLine, signed_in
from support.keychain import keychain_environment, keychain_in
from support.practice import until

from tui.cli import main
from tui.model.change import Action
from tui.model.errors import StoreError
from tui.model.reasons import StoreReason
from tui.re_leased.unified import UnifiedKey
from tui.settings import set_values
from tui.store import Store

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

CONTACTS = 2300
#: A keychain that raises errors, as one that is locked does.
LOCKED = {
    "RESHELVE_XERO_TOKEN_STORE": "keychain",
    "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
}


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with signed_in(tmp_path_factory.mktemp("refresh"), "--contacts", str(CONTACTS)) as shell:
        yield shell


@pytest.fixture
def shell(practice: CommandLine, tmp_path: Path) -> CommandLine:
    """A home that has loaded nothing yet."""
    return practice.another(tmp_path / "home")


def refresh(shell: CommandLine, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return shell.run("refresh", "--organisation", shell.name, *options, **variables)


def result_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    [found] = json.loads(done.stdout)
    return dict(found)


@pytest.mark.parametrize("variables", [{}, {"LANG": "C", "LC_ALL": "C"}], ids=["as usual", "LANG=C"])
def test_first_refresh_reads_all_contacts_and_later_ones_what_has_changed(
    shell: CommandLine, variables: dict[str, str]
) -> None:
    done = refresh(shell, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{shell.name}: refreshed, 2,3")
    count = shell.rows("SELECT count(*) FROM contacts")[0][0]
    assert count >= CONTACTS
    shell.practice.create(f"New one {variables}")
    found = result_of(refresh(shell, "--json", **variables))
    assert (found["result"], found["contacts"], found["message"]) == ("refreshed", count + 1, "")


def test_every_organisation_is_refreshed(shell: CommandLine) -> None:
    done = shell.run("refresh", "--all-organisations", "--jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["organisation"] for one in found] == [one.name for one in shell.practice.organisations]
    assert {one["result"] for one in found} == {"refreshed"}


def test_progress_is_shown_in_a_terminal_and_removed(shell: CommandLine) -> None:
    shell.practice.fault("slow", path="/api.xro/2.0/Contacts", seconds=0.7, count=3)
    try:
        with shell.in_terminal("refresh", "--organisation", shell.name) as terminal:
            terminal.until_shown("1,000 of 2,3")
            assert terminal.wait() == 0
            assert "refreshed, 2,3" in terminal.screen.text
            assert " of 2,3" not in terminal.screen.text
    finally:
        shell.practice.clear_faults()


def test_queued_changes_are_sent(shell: CommandLine) -> None:
    contact_id = shell.practice.create("Queued while offline")
    shell.load()

    async def request() -> None:
        # Requested in an app that ends before anything is sent.
        async with shell.app() as engine:
            await engine.changes.pause_sending(on=True)
            await engine.changes.request(Action.ARCHIVE, [contact_id])

    asyncio.run(request())
    states = "SELECT state FROM changes WHERE contact_id = ?"
    assert refresh(shell).returncode == 0
    assert shell.rows(states, (contact_id,)) == [("queued",)]

    async def resume() -> None:
        async with shell.app() as engine:
            shell.practice.fault("offline", method="POST", path="/api.xro/2.0/Contacts", count=1)
            await engine.changes.pause_sending(on=False)

    asyncio.run(resume())
    shell.practice.clear_faults()
    assert refresh(shell).returncode == 0
    assert shell.rows(states, (contact_id,)) == [("confirmed",)]


def test_xero_unreachable(shell: CommandLine) -> None:
    done = refresh(shell, RESHELVE_XERO_API_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == f"{shell.name}: Can't reach Xero. Try again later.\n"
    done = refresh(shell, "--json", RESHELVE_XERO_API_URL="http://127.0.0.1:9")
    found = result_of(done)
    assert (done.returncode, found["result"], found["message"]) == (
        4,
        "unreachable",
        "Can't reach Xero. Try again later.",
    )


def test_locked_keychain(shell: CommandLine) -> None:
    done = refresh(shell, **LOCKED)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        f"{shell.name}: The system's keychain is locked or unavailable, so Reshelve can't connect to Xero."
        " Unlock it. Try again later.\n"
    )


def test_not_signed_in(shell: CommandLine, tmp_path: Path) -> None:
    nothing = shell.another(tmp_path / "nothing", is_signed_in=False)
    done = nothing.run("refresh")
    assert (done.returncode, done.stdout) == (3, "")
    shell.paths.token_file(shell.practice.client_id).unlink()
    done = refresh(shell)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"{shell.name}: You aren't signed in to Xero. ")


def test_another_copy_refreshes_it(shell: CommandLine) -> None:
    async def run() -> None:
        async with shell.app():
            done = await asyncio.to_thread(refresh, shell, "--json")
            assert (done.returncode, result_of(done)["result"]) == (5, "other_copy")
            assert "Another copy of Reshelve has this organisation open" in done.stderr
            name = "Created while another copy has it open"
            shell.practice.create(name)
            done = await asyncio.to_thread(refresh, shell, "--wait", "--json")
            assert (done.returncode, result_of(done)["result"]) == (0, "refreshed")
            assert "Waiting for its next refresh. Ctrl-C ends the wait." in done.stderr

    asyncio.run(run())


def test_waiting_command_takes_over_when_the_other_copy_ends(shell: CommandLine) -> None:
    # It doesn't refresh again while the command waits.
    set_values(shell.paths.settings_file, {"sync.poll_seconds": "3600"})

    async def run() -> subprocess.Popen[bytes]:
        async with shell.app():
            process = shell.start("refresh", "--organisation", shell.name, "--wait")
            assert process.stderr is not None
            assert b"Waiting for its next refresh" in await asyncio.to_thread(process.stderr.readline)
            assert process.poll() is None
        return process

    process = asyncio.run(run())
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert b"refreshed, 2,3" in output


def test_interrupt_is_quiet(shell: CommandLine) -> None:
    shell.practice.fault("slow", path="/api.xro/2.0/Contacts", seconds=30, count=5)
    try:
        before = len(shell.practice.requests())
        process = shell.start("refresh", "--organisation", shell.name)
        until(lambda: len(shell.practice.requests()) > before)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == (b"", b"")
        assert process.returncode == 130
    finally:
        shell.practice.clear_faults()


@pytest.fixture
def connected(shell: CommandLine) -> CommandLine:
    """A home that also reads Re-Leased."""
    unified = shell.practice.line["unified"]
    [listed, *_] = shell.practice.line["organisations"]
    own = f"organisations.{listed['tenantId']}"
    set_values(
        shell.paths.settings_file,
        {
            "re_leased.unified_url": unified["url"],
            "re_leased.archived_field": "raw.isArchived",
            "re_leased.xero_id_field": "raw.xeroContactId",
            f"{own}.unified_connection_id": unified["connection_id"],
            f"{own}.re_leased_company_id": listed["companyId"],
        },
    )
    return shell


def test_re_leased_is_read_too(connected: CommandLine, tmp_path: Path) -> None:
    shell = connected
    with keychain_in(tmp_path / "keychain.json"):
        UnifiedKey(shell.paths.data).save(shell.practice.line["unified"]["api_key"])
    contact_id = shell.practice.create("Synced to Re-Leased")
    shell.load()
    shell.request(Action.ARCHIVE, contact_id)
    statuses = ("changes", "--organisation", shell.name, "--contact", contact_id, "--json")
    assert json.loads(shell.run(*statuses).stdout)[0]["sync_status"] == "pending"
    assert shell.practice.sync_released().status < 300
    until(lambda: shell.practice.feed()["company"]["state"] == "Successfully synced")
    done = refresh(shell, **keychain_environment(tmp_path / "keychain.json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(shell.run(*statuses).stdout)[0]["sync_status"] == "synced"


def test_re_leased_that_can_not_be_read_is_a_failure(connected: CommandLine) -> None:
    shell = connected
    done = refresh(shell, RESHELVE_UNIFIED_API_KEY="wrong")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{shell.name}: Xero's contacts are up to date, Re-Leased's aren't. ")
    assert shell.rows("SELECT count(*) FROM contacts")[0][0] >= CONTACTS


def test_full_disk_ends_the_command(shell: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def save_contacts(*_: object, **__: object) -> None:
        raise StoreError(StoreReason.DISK_FULL, file="contacts.db", problem="full")

    monkeypatch.setattr(Store, "save_contacts", save_contacts)
    monkeypatch.setattr("tui.cli.session._STORAGE_PATIENCE", 0.3)
    arguments = ["refresh", "--organisation", shell.name]
    done = CliRunner().invoke(main, arguments, env={"RESHELVE_HOME": str(shell.home)})
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{shell.name}: ")
    assert "disk" in done.stderr


def test_options_that_exclude_each_other(shell: CommandLine) -> None:
    done = refresh(shell, "--all-organisations")
    assert (done.returncode, done.stdout) == (2, "")
