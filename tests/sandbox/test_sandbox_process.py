"""`reshelve sandbox` as a process: starting, stopping, remembering."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from support.practice import PracticeXero, http, running_sandbox, until
from support.xero_calls import XeroCalls

from tui.sandbox import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

SMALL = ("--contacts", "40", "--cycle", "900")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path, *SMALL) as practice:
        yield practice


def _run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tui", "sandbox", *options],
        env={**os.environ, "RESHELVE_HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_first_line_has_all_a_client_needs(small: PracticeXero) -> None:
    line = small.line
    assert set(line) == {
        "login", "identity", "api", "pages", "released", "unified", "client_id", "refresh_token",
        "refresh_token_with_activity",
        "organisations",
    }  # fmt: skip
    assert set(line["unified"]) == {"url", "connection_id", "api_key"}
    assert line["login"] == line["identity"] == line["api"] == line["pages"]
    assert line["api"].startswith("http://127.0.0.1:")
    assert line["released"] == f"{line['api']}/released"
    first, second = line["organisations"]
    assert first["tenantId"] != second["tenantId"]
    assert all(one["shortCode"].startswith("!") for one in line["organisations"])
    assert http("GET", f"{small.api}/connections").status == 401
    assert XeroCalls.sign_in(small).contacts(page=1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_sandbox_exits_with_0_even_with_open_connections(small: PracticeXero, number: signal.Signals) -> None:
    with socket.create_connection(("127.0.0.1", small.port)) as idle:
        idle.sendall(b"GET /connections HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 401"
        small.process.send_signal(number)
        assert small.process.wait(timeout=20) == 0


def test_sandbox_prints_only_one_line(small: PracticeXero) -> None:
    assert small.process.stdout is not None
    http("GET", f"{small.api}/nowhere")
    small.process.terminate()
    assert small.process.stdout.read() == ""


def test_sandbox_ends_when_its_parent_is_gone(small: PracticeXero) -> None:
    assert small.process.stdin is not None
    small.process.stdin.close()
    assert small.process.wait(timeout=20) == 0


def test_end_of_input_is_ignored_without_the_option(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "sandbox", *SMALL],
        env={**os.environ, "RESHELVE_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    assert http("GET", f"{line['api']}/connections").status == 401
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    process.stdout.close()


def test_second_sandbox_on_the_same_data_is_refused_with_a_message(small: PracticeXero) -> None:
    second = _run(small.folder, *SMALL)
    assert second.returncode == 1
    assert "Another sandbox is running on" in second.stderr
    assert "--data" in second.stderr
    assert "Traceback" not in second.stderr
    assert second.stdout == ""


def test_port_in_use_is_reported(small: PracticeXero, tmp_path: Path) -> None:
    second = _run(tmp_path / "other", *SMALL, "--port", str(small.port))
    assert second.returncode == 1
    assert f"Can't use port {small.port} on 127.0.0.1" in second.stderr
    assert "Traceback" not in second.stderr


def test_confirmed_writes_survive_a_kill(small: PracticeXero) -> None:
    xero = XeroCalls.sign_in(small)
    contact_id = small.create("Survivor")
    key = {"Idempotency-Key": "survivor"}
    body = {"Contacts": [{"ContactID": contact_id, "ContactStatus": "ARCHIVED"}]}
    first = xero.call("POST", "Contacts", body, headers=key, summarizeErrors="false")
    assert small.kill() == -signal.SIGKILL
    port = small.port
    small.restart_same_port()
    assert small.port == port
    # The earlier token still works: a restart doesn't sign clients out.
    assert xero.contact(contact_id)["ContactStatus"] == "ARCHIVED"
    again = xero.call("POST", "Contacts", body, headers=key, summarizeErrors="false")
    assert again.body == first.body
    assert small.status_writes() == 1


def test_an_idempotency_key_is_forgotten_after_six_minutes(small: PracticeXero) -> None:
    xero = XeroCalls.sign_in(small)
    body, key = {"Name": "Keyed once"}, {"Idempotency-Key": "six-minutes"}
    assert xero.call("PUT", "Contacts", body, headers=key).status == 200
    assert xero.call("PUT", "Contacts", body, headers=key).status == 200
    small.stop()
    connection = sqlite3.connect(small.folder / "data" / "sandbox" / "practice.sqlite")
    connection.execute("UPDATE idempotency SET at = at - 360001")
    connection.commit()
    connection.close()
    small.restart_same_port()
    assert xero.call("PUT", "Contacts", body, headers=key).status == 400


def test_hanging_request_does_not_block_the_end_and_is_logged(small: PracticeXero) -> None:
    small.fault("slow", seconds=600, path="/connections", count=1)
    with socket.create_connection(("127.0.0.1", small.port)) as hanging:
        hanging.sendall(b"GET /connections HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: any(one["fault"] == "slow" for one in small.requests()))
        assert small.stop() == 0
    assert "Cancel 1 running task" in (small.folder / "data" / "sandbox" / "sandbox.log").read_text()


def test_fresh_starts_over(small: PracticeXero) -> None:
    contact_id = small.create("Soon forgotten")
    small.restart_same_port("--fresh")
    assert XeroCalls.sign_in(small).call("GET", f"Contacts/{contact_id}").status == 404


def test_another_number_of_contacts_keeps_the_data_with_a_notice(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, *SMALL) as practice:
        contact_id = practice.create("Kept")
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "sandbox", "--contacts", "41"],
        env={**os.environ, "RESHELVE_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    url = f"{line['pages']}/app/{line['organisations'][0]['shortCode']}/contacts/contact/{contact_id}"
    assert http("GET", url).status == 200
    process.terminate()
    _, words = process.communicate(timeout=20)
    assert "created with --contacts 40" in words
    assert "--fresh" in words


def test_files_are_private_to_their_owner(small: PracticeXero) -> None:
    folder = small.folder / "data" / "sandbox"
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())


def test_sandbox_listens_only_on_loopback(small: PracticeXero) -> None:
    listening = [
        one.laddr.ip
        for one in psutil.Process(small.process.pid).net_connections("inet")
        if one.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_interrupted_sample_data_is_created_again(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "sandbox"
    folder.mkdir(parents=True)
    (folder / "practice.sqlite.seeding").write_bytes(b"half of a database")
    with running_sandbox(tmp_path, *SMALL) as practice:
        assert XeroCalls.sign_in(practice).contacts(page=1)
    assert not (folder / "practice.sqlite.seeding").exists()


def test_full_disk_for_the_sample_data_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(server, "seed", too_full)
    with pytest.raises(server.CannotStartError, match="disk is full"):
        server.run(server.ServerOptions(data=tmp_path / "data"))
