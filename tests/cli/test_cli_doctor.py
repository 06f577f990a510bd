"""`reshelve doctor`: finds what is wrong, says what to do, and shows nothing that can't be pasted."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from store.damage import spoil_header
from store.store_samples import NOON, contact
from support.keychain import keychain_in

from tui.cli import main
from tui.engine import doctor as engine_doctor
from tui.engine.account import ConnectionList, save_connections
from tui.engine.leader_lock import LOCK_NAME, LeaderLock
from tui.messages.doctor import _LABELS, _TEXTS, HEALTH, text_of
from tui.model.change import Action
from tui.model.contact import Organisation
from tui.model.doctor import Check, Health, HealthFinding
from tui.model.doctor import Result as Found
from tui.model.errors import XeroError
from tui.model.reasons import SignInReason, XeroReason
from tui.store import Store
from tui.store.database import FILE_NAME
from tui.system.paths import Paths, without_home
from tui.xero.auth.token_store import FileTokenStore, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, SECOND = "0000aaaa-1111-4222-8333-444455556666", "0000bbbb-1111-4222-8333-444455556666"
CLIENT, OTHER_CLIENT = "5AFE0C11E47000000000000000000001", "5AFE0C11E47000000000000000000002"
UNIFIED_ID, UNIFIED_KEY, PROXY_PASSWORD = "65f0c0ffee65f0c0ffee65f0", "hush-unified-key-77", "proxy-pass-word"
OWN_VARIABLES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_COLOR",
    "no_proxy",
    "NO_PROXY",
)
# What must never be shown.
CONFIDENTIAL = (
    *("Bayside", "Kererū", "kereru", "Saved search of ours", "proxy.corp.example", "bob-the-user"),
    *(FIRST, SECOND, CLIENT, OTHER_CLIENT, UNIFIED_ID, UNIFIED_KEY, PROXY_PASSWORD),
    *("secret-access", "secret-refresh"),
)


def tokens(client_id: str, renewed_at: datetime) -> Tokens:
    return Tokens(
        "secret-access",
        "secret-refresh",
        renewed_at + timedelta(minutes=30),
        client_id,
        scope="offline_access accounting.contacts accounting.settings.read Bayside\x1b[1m",
    )


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Connect two organisations by a sign-in each, and give them contacts, tokens and settings."""
    paths = Paths.under(tmp_path / "bob-the-user")
    organisations = (
        Organisation(FIRST, "Bayside Property", "!a", sign_in=CLIENT),
        Organisation(SECOND, "Kererū Homes", "!b", sign_in=OTHER_CLIENT, is_read_only=True),
    )
    save_connections(paths.organisations_file, ConnectionList(organisations))
    paths.settings_file.parent.mkdir(parents=True)
    paths.settings_file.write_text(
        f'[xero]\nclient_id = "{CLIENT}"\ntoken_store = "file"\n'
        f'[organisations."{FIRST}"]\nunified_connection_id = "{UNIFIED_ID}"\n',
        encoding="utf-8",
    )
    for client_id in (CLIENT, OTHER_CLIENT):
        FileTokenStore(paths.token_file(client_id)).save(tokens(client_id, datetime.now(UTC)))
    asyncio.run(fill(paths.organisation(FIRST)))
    paths.searches(FIRST).write_text('["Saved search of ours"]', encoding="utf-8")
    return paths


async def fill(folder: Path) -> None:
    with closing(Store.open(folder)) as store:
        await store.save_contacts(
            [contact(number, name=f"Kererū {number}", email="a@kereru.example") for number in range(12)], NOON
        )
        await store.changes.add(Action.ARCHIVE, store.contacts(["id-1"]), NOON)
        await store.maintenance.back_up(NOON)


@pytest.fixture(autouse=True)
def _no_keychain(tmp_path: Path) -> Iterator[None]:
    with keychain_in(tmp_path / "keychain.json"):
        yield


def doctor(paths: Paths, *options: str, **environment: str) -> Result:
    env: dict[str, str | None] = {
        "RESHELVE_HOME": str(paths.config.parent),
        "HOME": str(paths.config.parent),
        "RESHELVE_UNIFIED_API_KEY": UNIFIED_KEY,
        # Nothing of this computer's.
        **dict.fromkeys(OWN_VARIABLES),
        **environment,
    }
    return CliRunner().invoke(main, ["doctor", *options], env=env)


def found(result: Result) -> dict[str, dict[str, Any]]:
    """Return the findings of `--json` by what was checked, with its number."""
    listed = json.loads(result.stdout)["findings"]
    return {f"{one['check']}{one['number'] or ''}": one for one in listed}


def test_a_sound_installation_has_no_problems(paths: Paths) -> None:
    result = doctor(paths)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[-1] == "No problems found."
    assert "OK       Reshelve: 0.1.0" in lines
    assert "OK       Organisation 1, lock: Free" in lines
    assert "OK       Data folder: ~/data" in lines
    assert "12 contacts, 1 change (1 not in Xero yet); " in result.stdout
    assert "OK       Organisation 2, database: Nothing saved yet" in lines
    assert "Organisation 1, Re-Leased: Its own contacts, through Unified.to" in result.stdout
    assert "Organisation 2, Re-Leased: Not connected" in result.stdout


def test_json_says_the_same(paths: Paths) -> None:
    result = doctor(paths, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["problems"], told["warnings"]) == (0, 0, 0)
    assert {one["result"] for one in told["findings"]} == {"ok"}
    assert found(result)["reshelve"]["message"] == "0.1.0"
    assert result.stderr == ""


@pytest.mark.parametrize(
    "options", [(), ("--json",), ("--accessible",), ("--online",), ("--json", "--online")]
)
@pytest.mark.parametrize("is_damaged", [False, True], ids=["sound", "damaged"])
def test_nothing_confidential_is_shown(paths: Paths, options: tuple[str, ...], *, is_damaged: bool) -> None:
    if is_damaged:
        spoil_header(paths.organisation(FIRST) / FILE_NAME)
        paths.token_file(OTHER_CLIENT).write_text("secret-refresh", encoding="utf-8")
        paths.settings_file.write_text(
            f'[xero]\nclient_id = "Bayside {CLIENT}"\nBayside = 1\n'
            '[organisations."Kererū"]\nzone = "Bayside"\n',
            encoding="utf-8",
        )
    result = doctor(
        paths,
        *options,
        RESHELVE_XERO_API_URL="http://127.0.0.1:1",
        RESHELVE_XERO_TOKEN_STORE="file",
        HTTPS_PROXY=f"http://bob:{PROXY_PASSWORD}@proxy.corp.example:3128",
    )
    assert result.exit_code == (1 if is_damaged or "--online" in options else 0)
    assert "Traceback" not in result.output
    shown = result.output + json.dumps(result.output)
    for word in CONFIDENTIAL:
        assert word not in shown
        assert word.casefold() not in shown.casefold()
    assert "\x1b" not in result.output


def test_each_finding_says_what_to_do_in_labelled_lines(paths: Paths) -> None:
    paths.token_file(CLIENT).unlink()
    lines = doctor(paths, "--accessible").stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("Problem: Sign-in 1: "))
    assert lines[place + 1].startswith("What to do: ")


def remove_tokens(paths: Paths) -> None:
    paths.token_file(CLIENT).unlink()


def expose_tokens(paths: Paths) -> None:
    paths.token_file(CLIENT).chmod(0o644)


def expose_data(paths: Paths) -> None:
    paths.data.chmod(0o755)


def age_tokens(paths: Paths) -> None:
    FileTokenStore(paths.token_file(CLIENT)).save(tokens(CLIENT, datetime.now(UTC) - timedelta(days=55)))


def damage_database(paths: Paths) -> None:
    spoil_header(paths.organisation(FIRST) / FILE_NAME)


def age_program(paths: Paths) -> None:
    with closing(sqlite3.connect(paths.organisation(FIRST) / FILE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 99")


def remove_backups(paths: Paths) -> None:
    shutil.rmtree(paths.organisation(FIRST) / "backups")


def damage_list(paths: Paths) -> None:
    paths.organisations_file.write_text("{", encoding="utf-8")


def disconnect_all(paths: Paths) -> None:
    save_connections(paths.organisations_file, ConnectionList(()))


def remove_one_in_xero(paths: Paths) -> None:
    known = json.loads(paths.organisations_file.read_bytes())
    paths.organisations_file.write_text(json.dumps({**known, "gone": [SECOND]}), encoding="utf-8")


def misname_setting(paths: Paths) -> None:
    text = paths.settings_file.read_text(encoding="utf-8")
    paths.settings_file.write_text(text.replace("[xero]\n", "[xero]\napi_ulr = 3\n"), encoding="utf-8")


def misname_key(paths: Paths) -> None:
    with paths.settings_file.open("a", encoding="utf-8") as file:
        file.write('[keys]\narchiv = "f2"\n')


def choose_source(paths: Paths) -> None:
    with paths.settings_file.open("a", encoding="utf-8") as file:
        file.write('[re_leased]\nsource = "nothing-installed"\n')


def put_file_in_the_way(paths: Paths) -> None:
    paths.logs.parent.mkdir(exist_ok=True)
    paths.logs.write_text("", encoding="utf-8")


@pytest.mark.parametrize(
    ("harm", "check", "result", "texts"),
    [
        (remove_tokens, "sign_in1", "problem", ("", "reshelve connect")),
        (expose_tokens, "sign_in1", "problem", ("other users", "chmod")),
        (expose_data, "data_folder", "warning", ("other users", "chmod")),
        (age_tokens, "sign_in1", "warning", ("isn't renewed for 60 days", "reshelve connect")),
        (damage_database, "database1", "problem", ("Damaged (", "reshelve repair")),
        (age_program, "database1", "problem", ("newer Reshelve (version 99)", "Update")),
        (remove_backups, "database1", "warning", ("no backup", "backs up")),
        (damage_list, "connections", "problem", ("can't be read", "reshelve connect")),
        (remove_one_in_xero, "connections", "warning", ("1 organisation is no longer", "reshelve connect")),
        (misname_setting, "settings", "problem", ("1 setting is invalid", "reshelve settings")),
        (misname_key, "settings", "warning", ("1 setting is ignored", "reshelve settings")),
        (choose_source, "re_leased1", "problem", ("isn't installed", "--unset")),
        (put_file_in_the_way, "log_folder", "problem", ("isn't a folder", "Move that file")),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
@pytest.mark.skipif(sys.platform == "win32", reason="files have no modes")
def test_what_is_wrong_is_found(
    paths: Paths, harm: Any, check: str, result: str, texts: tuple[str, str]
) -> None:
    harm(paths)
    before = {path for path in paths.data.rglob("*") if not path.name.endswith(("-wal", "-shm"))}
    done = doctor(paths, "--json")
    assert done.exit_code == (1 if result == "problem" else 0), done.output
    listed = [
        one for one in json.loads(done.stdout)["findings"] if f"{one['check']}{one['number'] or ''}" == check
    ]
    [one] = [each for each in listed if each["result"] != "ok"]
    assert one["result"] == result
    assert texts[0] in one["message"]
    assert texts[1] in one["next_step"]
    after = {path for path in paths.data.rglob("*") if not path.name.endswith(("-wal", "-shm"))}
    assert after == before


@pytest.mark.parametrize(
    ("environment", "check", "result", "said"),
    [
        ({"SSL_CERT_FILE": "/nowhere/at.pem"}, "certificates", "problem", "doesn't exist"),
        ({"HTTPS_PROXY": "ftp://x"}, "proxy", "problem", "HTTPS_PROXY isn't valid"),
        ({"HTTPS_PROXY": "http://proxy:8080"}, "proxy", "ok", "http, set in HTTPS_PROXY"),
        ({"RESHELVE_UNIFIED_API_KEY": ""}, "re_leased1", "problem", "API key"),
        ({"RESHELVE_XERO_TOKEN_STORE": "keychain"}, "sign_in2", "problem", ""),
    ],
    ids=["certificates", "proxy-invalid", "proxy", "no-key", "no-tokens"],
)
def test_the_environment_is_checked(
    paths: Paths, environment: dict[str, str], check: str, result: str, said: str
) -> None:
    done = doctor(paths, "--json", **environment)
    one = found(done)[check]
    assert (one["result"], said in one["message"]) == (result, True), one


def test_a_keychain_that_is_in_use_or_missing_is_told(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(doctor(paths, "--json"))["keychain"]["message"].endswith("tokens are stored in files")
    used = doctor(paths, "--json", RESHELVE_XERO_TOKEN_STORE="keychain")
    assert "can be used without a prompt" in found(used)["keychain"]["message"]
    monkeypatch.setattr(engine_doctor, "keychain_name", lambda: "")
    missing = found(doctor(paths, "--json", RESHELVE_XERO_TOKEN_STORE="keychain"))["keychain"]
    assert (missing["result"], "--allow-file" in missing["next_step"]) == ("warning", True)
    del tmp_path


def test_the_holder_of_the_lock_is_named_by_its_process(paths: Paths) -> None:
    lock = LeaderLock(paths.organisation(FIRST) / LOCK_NAME)
    assert lock.acquire()
    try:
        one = found(doctor(paths, "--json"))["lock1"]
    finally:
        lock.release()
    assert one["message"].startswith("Held")
    if sys.platform == "linux" and Path("/proc/locks").exists():
        assert str(os.getpid()) in one["message"]


def test_data_of_disconnected_organisations_is_mentioned(paths: Paths) -> None:
    disconnect_all(paths)
    result = doctor(paths)
    assert result.exit_code == 0
    assert "Warning  Connections: No organisation is connected." in result.stdout
    assert "Data of 1 organisation that isn't connected any more is kept." in result.stdout


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"HTTPS_PROXY": "http://bob:proxy-pass-word@localhost:1"},
            "The proxy … (set in HTTPS_PROXY) can't be reached.",
        ),
        ({}, "Xero"),
    ],
    ids=["proxy", "direct"],
)
def test_what_xero_or_a_proxy_is_called_is_not_shown(
    paths: Paths, variables: dict[str, str], said: str
) -> None:
    url = "https://proxy.corp.example.invalid"
    done = doctor(paths, "--online", "--json", RESHELVE_XERO_API_URL=url, **variables)
    assert done.exit_code == 1
    assert said in found(done)["xero1"]["message"]
    for word in (*CONFIDENTIAL, "localhost", "example.invalid"):
        assert word not in done.output


@pytest.mark.parametrize(
    ("reason", "params", "said"),
    [
        (XeroReason.REJECTED, {"xero_message": "Bayside is unpaid"}, "…"),
        (XeroReason.SERVER_ERROR, {"status": 503}, "Xero has a problem (HTTP 503)."),
        (
            XeroReason.RATE_LIMITED,
            {"problem": "day"},
            "Xero's daily call limit is reached. Queued changes are kept.",
        ),
        (SignInReason.NOT_SAVED, {"problem": "/home/bob/Bayside"}, "The sign-in to Xero can't be saved: …."),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_errors_keep_only_what_names_nobody(reason: Any, params: dict[str, Any], said: str) -> None:
    finding = engine_doctor._failed(Check.XERO, XeroError(reason, **params))
    assert text_of(finding).message == said
    assert "Bayside" not in str(finding.notice)


def test_a_check_that_fails_is_a_finding(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("Bayside")

    monkeypatch.setattr(engine_doctor, "read_health", fail)
    result = doctor(paths, "--json")
    one = found(result)["database1"]
    assert (result.exit_code, one["message"]) == (1, "Couldn't be checked (RuntimeError).")


def test_every_finding_has_its_sentences() -> None:
    assert set(_LABELS) == set(Check)
    assert set(HEALTH) == set(Health)
    assert set(_TEXTS) | {Found.FAILED, Found.SIGNED_OUT} == set(Found)


@pytest.mark.parametrize(
    ("ahead", "result"), [(timedelta(hours=2), "clock_wrong"), (timedelta(seconds=2), "clock_right")]
)
def test_clocks_are_compared(ahead: timedelta, result: str) -> None:
    finding = engine_doctor._clock([ahead])
    assert finding.result == result
    assert isinstance(text_of(finding).message, str)
    behind = text_of(engine_doctor._clock([-timedelta(minutes=9)]))
    assert behind.message == "This computer's clock is 9 minutes behind Xero's."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{home}/data", "~/data"),
        ("in {home}.", "in {home}."),
        ("{home}-2/data", "{home}-2/data"),
        ("nothing", "nothing"),
    ],
)
def test_home_folder_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, shown: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert without_home(text.format(home=tmp_path)) == shown.format(home=tmp_path)


def test_finding_is_a_value() -> None:
    assert HealthFinding(Check.LOCK, Health.OK, Found.LOCK_FREE) == HealthFinding(
        Check.LOCK, Health.OK, Found.LOCK_FREE
    )
