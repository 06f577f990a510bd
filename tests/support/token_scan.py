"""Watches a whole test session for tokens where none belong, and fails it if one is shown.

Looked at are the arguments and environments of every process the session starts, every file it leaves,
and every word it captures. What is said of a finding never holds the token itself.
"""

from __future__ import annotations

import re
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from _pytest.terminal import TerminalReporter

# The practice tokens and codes carry their kind in front; the others are those of the unit tests.
PRACTICE: Final = re.compile(rb"practice_(?:access|refresh|code|key)_[\w-]{8,}")
INVENTED: Final = re.compile(rb"\b(?:secret|hush)-(?:access|refresh)\b")
_KEPT_IN: Final = frozenset({"tokens.json", "keychain.json"})
_SECONDS: Final = 0.25
# Samples of each process, which may not have become its program at the first.
_LOOKS: Final = 2
# The name under which a worker of pytest-xdist hands over its findings.
_OUTPUT: Final = "token-scan"
_CHUNK: Final = 1 << 22
# Longer than any token, so that none is missed across two chunks.
_OVERLAP: Final = 256


def belongs(file: Path) -> bool:
    """Say whether tokens may lie in this file: a sign-in's own, a test's keychain, the sandbox's books.

    The program's own source may be copied for a test, and names the invented ones.
    """
    is_sign_in = file.parent.name == "tokens" and file.suffix == ".json"
    is_source = file.suffix in {".py", ".pyc"}
    return is_sign_in or is_source or file.name in _KEPT_IN or file.name.startswith("practice.sqlite")


class Findings:
    """Where tokens were seen."""

    def __init__(self, *patterns: re.Pattern[bytes]) -> None:
        self._patterns = patterns
        self.places: set[str] = set()

    def look(self, place: str, content: bytes) -> None:
        """Note the place if its content holds a token."""
        if any(pattern.search(content) for pattern in self._patterns):
            self.places.add(place)

    def look_at_files(self, folder: Path) -> None:
        """Search every file below the folder, except those that tokens belong in."""
        for file in folder.rglob("*"):
            if file.is_file() and not file.is_symlink() and not belongs(file):
                for chunk in _chunks(file):
                    self.look(f"file {file.relative_to(folder)}", chunk)

    def look_at_processes(self, processes: Iterable[psutil.Process]) -> None:
        """Search what others on the machine, or its owner, can see of each process."""
        for process in processes:
            try:
                name, arguments, environment = process.name(), process.cmdline(), process.environ()
            except psutil.Error:
                # It ended meanwhile, or isn't ours to look at.
                continue
            self.look(f"arguments of a process {name}", "\0".join(arguments).encode())
            self.look(f"environment of a process {name}", "\0".join(environment.values()).encode())


def _chunks(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as opened:
            before = b""
            while chunk := opened.read(_CHUNK):
                yield before + chunk
                before = chunk[-_OVERLAP:]
    except OSError:
        # Gone, or made unreadable by a test of just that.
        return


class TokenScan:
    """The pytest plugin."""

    def __init__(self, *patterns: re.Pattern[bytes]) -> None:
        self.findings = Findings(*(patterns or (PRACTICE, INVENTED)))
        self._reports = Findings(*(patterns or (PRACTICE,)))
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, name="token-scan", daemon=True)

    def pytest_sessionstart(self) -> None:
        """Begin to watch: every process that the tests start, and samples of their children."""
        sys.addaudithook(self._audit)
        self._sampler.start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Search what a test has printed and logged, and its failure report."""
        for name, content in report.sections:
            self.findings.look(f"{name} of {report.nodeid}", content.encode(errors="replace"))
        # The source of a test names its invented secrets; a real one is in no source.
        self._reports.look(f"failure of {report.nodeid}", report.longreprtext.encode(errors="replace"))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Search the files left behind, and fail the session if anything was found."""
        self._ended.set()
        self._sampler.join()
        folder: Path = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        self.findings.look_at_files(folder)
        self.findings.places |= self._reports.places
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_OUTPUT] = sorted(self.findings.places)
        if self.findings.places:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over the findings of a worker."""
        self.findings.places |= set(getattr(node, "workeroutput", {}).get(_OUTPUT, ()))

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Say where tokens were found."""
        if self.findings.places:
            terminalreporter.section("tokens where none belong", red=True)
            for place in sorted(self.findings.places):
                terminalreporter.line(place)

    def _sample(self) -> None:
        # Only this session's processes, as others may run beside it.
        me, looks = psutil.Process(), Counter[psutil.Process]()
        while not self._ended.wait(_SECONDS):
            new = [one for one in (me, *me.children(recursive=True)) if looks[one] < _LOOKS]
            self.findings.look_at_processes(new)
            looks.update(new)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._ended.is_set() or event not in {"subprocess.Popen", "os.exec", "os.posix_spawn"}:
            return
        command, environment = arguments[1], arguments[-1]
        self.findings.look("arguments of a started process", repr(command).encode(errors="replace"))
        self.findings.look("environment of a started process", repr(environment).encode(errors="replace"))
