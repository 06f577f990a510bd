from __future__ import annotations

import gc
import signal
from typing import TYPE_CHECKING

import pytest
from support.token_scan import TokenScan

from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    # A shell starts what runs in its background deaf to Ctrl-C, and programs under test would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(TokenScan(), "token-scan")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays to the end anyway: it took a third of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True)
def log_as_found() -> Iterator[None]:
    """Take away what a test that opens the log file does to the logger, so that the next can listen."""
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    for handler in set(logger.handlers) - set(handlers):
        handler.close()
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logger.propagate = propagate
