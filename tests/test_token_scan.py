"""The scan for tokens must be able to fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import psutil
import pytest
from support.effort import some
from support.token_scan import INVENTED, PRACTICE, Findings, belongs

from tui.sandbox.oauth import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

# Not what the scan of this very session looks for, which would find it.
PLANTED: Final = re.compile(rb"planted_token_\w+")
TOKEN: Final = "planted_token_Zq3"
TESTS: Final = Path(__file__).parent
CONFTEST: Final = """
import re
from support.token_scan import TokenScan

def pytest_configure(config):
    config.pluginmanager.register(TokenScan(re.compile(rb"planted_token_\\w+")))
"""


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder outside this session's."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def session_of(folder: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run one test in a session of its own, under the scan."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(f"import logging, os, subprocess, sys, time\n{test}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    paths = f"pythonpath={TESTS} {TESTS.parent}"
    return subprocess.run(
        [*command, *options, "-o", paths, "--basetemp", str(folder / "base"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


# The token is put together at run time, so that nothing but the planting shows it.
@pytest.mark.parametrize(
    ("planting", "place"),
    some(
        [
            ("(tmp_path / 'reshelve.log').write_text(token)", "file test_it0/reshelve.log"),
            (
                "(tmp_path / 'contacts.db-wal').write_bytes(b'\\0' * 4194300 + token.encode())",
                "contacts.db-wal",
            ),
            ("print(token)", "Captured stdout call of test_it.py::test_it"),
            ("logging.getLogger().warning(token)", "Captured log call of test_it.py::test_it"),
            ("subprocess.run([sys.executable, '-c', '', token])", "arguments of a started process"),
            (
                "subprocess.run([sys.executable, '-c', ''], env={'T': token})",
                "environment of a started process",
            ),
            (
                "os.environ.update(T=token); subprocess.run(['sleep', '0.8'])",
                "environment of a process sleep",
            ),
            (
                # Started by what a test starts; put together by the shell, so that only the samples show it.
                "subprocess.run(['sh', '-c', 'a=planted_; sh -c \"sleep 0.8; true\" ${a}token_Zq3'])",
                "arguments of a process sh",
            ),
        ],
        2,
    ),
)
def test_test_session_that_prints_a_token_fails_and_says_where(
    elsewhere: Path, planting: str, place: str
) -> None:
    ran = session_of(
        elsewhere, f"def test_it(tmp_path):\n    token = 'planted_' + 'token_Zq3'\n    {planting}"
    )
    assert "1 passed" in ran.stdout, ran.stdout
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED
    _, _, said = ran.stdout.partition("tokens where none belong")
    assert place in said
    assert TOKEN not in said


def test_token_printed_by_one_of_several_processes_is_reported(elsewhere: Path) -> None:
    planting = "subprocess.run([sys.executable, '-c', '', 'planted_' + 'token_Zq3'])"
    ran = session_of(elsewhere, f"def test_it():\n    {planting}", "-n", "1")
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED
    assert "arguments of a started process" in ran.stdout.partition("tokens where none belong")[2]


def test_test_session_without_tokens_passes(elsewhere: Path) -> None:
    ran = session_of(
        elsewhere,
        "def test_it(tmp_path):\n"
        "    (tmp_path / 'tokens').mkdir()\n"
        "    (tmp_path / 'tokens' / 'client.json').write_text('planted_' + 'token_Zq3')\n"
        "    (tmp_path / 'practice.sqlite-wal').write_text('planted_' + 'token_Zq3')\n"
        "    (tmp_path / 'settings.toml').write_text('client_id = 1')\n",
    )
    assert ran.returncode == pytest.ExitCode.OK, ran.stdout
    assert "tokens where none belong" not in ran.stdout


def test_token_in_a_failure_report_is_reported(elsewhere: Path) -> None:
    # Seen in what the comparison shows, as the literal is in no source.
    ran = session_of(
        elsewhere, "def test_it():\n    token = 'planted_' + 'token_Zq3'\n    assert token == ''"
    )
    assert "failure of test_it.py::test_it" in ran.stdout.partition("tokens where none belong")[2]


def test_a_token_across_two_chunks_is_found(elsewhere: Path) -> None:
    findings = Findings(PLANTED)
    (elsewhere / "big").write_bytes(b" " * ((1 << 22) - 8) + TOKEN.encode())
    findings.look_at_files(elsewhere)
    assert findings.places == {"file big"}


def test_running_process_is_visible_to_the_scan(elsewhere: Path) -> None:
    findings = Findings(PLANTED)
    waiting = [sys.executable, "-c", "print(flush=True), input()", TOKEN]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=elsewhere) as process:
        assert process.stdout
        process.stdout.readline()  # The system tells a program's arguments only once it runs.
        findings.look_at_processes([psutil.Process(process.pid)])
        process.communicate(b"\n")
    assert [place.partition(" of ")[0] for place in findings.places] == ["arguments"]


@pytest.mark.parametrize(
    ("path", "may"),
    [
        ("data/tokens/5E9A.json", True),
        ("tokens.json", True),
        ("data/sandbox/practice.sqlite-shm", True),
        ("a_copy/tests/xero/test_xero_tokens.py", True),
        ("data/organisations.json", False),
        ("config/settings.toml", False),
        ("state/reshelve.log", False),
        ("data/tokens/5E9A.lock", False),
        ("data/sandbox/sandbox.log", False),
    ],
)
def test_tokens_are_allowed_in_few_places(path: str, may: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert belongs(Path(path)) is may


def test_the_practice_services_tokens_are_recognised(tmp_path: Path) -> None:
    del tmp_path
    assert PRACTICE.search(b"x=practice_access_" + b"A" * 43)
    assert PRACTICE.search(b"practice_refresh_" + b"-" * 43)
    assert PRACTICE.search(b"?code=practice_code_" + b"a" * 43 + b"&state")
    assert INVENTED.search(b"Bearer secret-refresh-2")
    assert not PRACTICE.search(b'startswith("practice_access_")')
    # The scan knows them by the prefixes that the sandbox gives them.
    source = Path(tokens.__file__).read_text()
    assert all(kind in source for kind in ("practice_", "access", "refresh", "code"))
