from __future__ import annotations

import gc
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from support.effort import register_profiles
from support.token_scan import TokenScan

from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Iterator


TESTS = Path(__file__).parent
QUICK_CASES = 3
# The benchmark reads what only Linux tells about processes.
collect_ignore = [] if sys.platform == "linux" else ["test_benchmarks.py"]
# Each takes minutes, mostly waiting: the last one to start would go on alone.
LONGEST_FILES = {"test_cli_quiet.py", "test_screens_silent_keys.py"}
# Folders whose tests have the marker of the same name.
SLOW_FOLDERS = {"crash", "end_to_end"}


# Programs under test start hundreds of times; without compiled files, each start takes twice as long.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure(config: pytest.Config) -> None:
    # A background job ignores Ctrl-C, and under nohup also hang-ups. Programs under test would inherit both.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    config.pluginmanager.register(TokenScan(), "token-scan")
    register_profiles()
    settings.load_profile(config.getoption("--hypothesis-profile") or _profile(config))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run several processes per processor: many tests wait for timers, and slow ones for programs."""
    return (2 if _profile(config) == "quick" else 4) * (os.cpu_count() or 1)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Don't load files without quick tests for the quick tier: each process would spend seconds on that."""
    if _profile(config) != "quick" or not collection_path.is_relative_to(TESTS):
        return None
    if collection_path.name in SLOW_FOLDERS or collection_path.stem.endswith("_pictures"):
        return True
    if collection_path.suffix != ".py":
        return None
    return "\npytestmark = pytest.mark.slow\n" in collection_path.read_text(encoding="utf-8") or None


def _profile(config: pytest.Config) -> str:
    """Return the Hypothesis profile that goes with the selected tests."""
    return "quick" if config.option.markexpr.startswith("not ") else "thorough"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give tests the markers that follow from their folder, their file and their kind."""
    is_thorough = _profile(config) == "thorough"
    cases: Counter[str] = Counter()
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in SLOW_FOLDERS:
            item.add_marker(folder)
        elif item.path.stem.endswith("_pictures"):
            item.add_marker("pictures")
        # Of a long table of cases, the quick tier tries the first few.
        test = item.nodeid.partition("[")[0]
        cases[test] += 1
        if cases[test] > QUICK_CASES:
            item.add_marker("slow")
        # Properties are tried twice: with a few examples in the quick tier, with many in the slow one.
        if is_thorough and getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("slow")
    items.sort(key=lambda item: item.path.name not in LONGEST_FILES)


def pytest_collection_finish() -> None:
    """Exclude long-lived objects from garbage collection, which took a third of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True)
def log_as_found() -> Iterator[None]:
    """Restore the logger after a test that opens the log file."""
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    for handler in set(logger.handlers) - set(handlers):
        handler.close()
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logger.propagate = propagate
