"""The sandbox of the demo is a process that never outlives the program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import click
import psutil
import pytest

from tui.cli.demo import demo_settings
from tui.cli.sandbox import SandboxProcess
from tui.net.loopback import is_loopback
from tui.settings import load
from tui.system.paths import Paths

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

_PATIENCE = 30

_PARENT = """
import json, signal, sys
from pathlib import Path
# Under nohup it would be ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from tui.cli.sandbox import SandboxProcess
practice = SandboxProcess(Path(sys.argv[1]), contacts=20, cycle=45, fresh=False)
print(json.dumps([practice._process.pid, practice.urls["api"]]), flush=True)
sys.stdin.read()
"""


def is_answering(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/practice/requests", timeout=_PATIENCE):
            return True
    except OSError:
        return False


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_sandbox_serves_until_the_program_ends_it(tmp_path: Path) -> None:
    before = children()
    with SandboxProcess(tmp_path, contacts=20, cycle=45, fresh=False) as practice:
        [pid] = children() - before
        assert is_answering(practice.urls["api"])
        assert set(practice.urls) == {"login", "identity", "api", "pages", "released"}
        assert practice.client_id
        assert practice.refresh_token
        command = psutil.Process(pid).cmdline()
        assert practice.refresh_token not in command
    assert not psutil.pid_exists(pid)
    assert not is_answering(practice.urls["api"])
    practice.stop()


def test_sandbox_ends_when_the_program_fails(tmp_path: Path) -> None:
    before = children()
    with (
        pytest.raises(RuntimeError, match="in the middle"),
        SandboxProcess(tmp_path, contacts=20, cycle=45, fresh=True),
    ):
        raise RuntimeError("in the middle")
    assert children() == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_sandbox_ends_when_the_program_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid, url = json.loads(parent.stdout.readline())
        sandbox = psutil.Process(pid)
        assert is_answering(url)
        os.kill(parent.pid, number)
        parent.wait(_PATIENCE)
        # Our grandchild isn't ours to reap: gone means that psutil finds it ended or a zombie.
        gone, alive = psutil.wait_procs([sandbox], timeout=_PATIENCE)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
    assert gone or alive
    assert not is_answering(url)


def test_second_sandbox_on_the_same_folder_reports_why_it_did_not_start(tmp_path: Path) -> None:
    before = children()
    with (
        SandboxProcess(tmp_path, contacts=20, cycle=45, fresh=False),
        pytest.raises(click.ClickException, match=r"didn't start: .*Another sandbox is running"),
    ):
        SandboxProcess(tmp_path, contacts=20, cycle=45, fresh=False)
    assert children() == before


def test_an_unusable_folder_is_reported_and_leaves_no_process(tmp_path: Path) -> None:
    before = children()
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(click.ClickException, match=r"didn't start: .+"):
        SandboxProcess(tmp_path / "file" / "data", contacts=20, cycle=45, fresh=False)
    assert children() == before


def test_demo_settings_point_to_the_sandbox(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path / "home")
    with SandboxProcess(tmp_path / "data", contacts=20, cycle=45, fresh=False) as practice:
        made = demo_settings(practice, paths, 45.0)
    assert load(paths.settings_file, {}) == made
    assert made.re_leased.sync_seconds == 45
    for url in (made.xero.login_url, made.xero.identity_url, made.xero.api_url, made.xero.pages_url):
        assert is_loopback(url)
    assert is_loopback(made.re_leased.unified_url)
