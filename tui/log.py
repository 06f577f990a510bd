"""The log file: what happened and when, never a name, an e-mail address or a token."""

from __future__ import annotations

import logging
import logging.handlers
import re
from typing import TYPE_CHECKING

from tui.paths import private_folder

if TYPE_CHECKING:
    from pathlib import Path

_MEGABYTE = 1_000_000
_SECRET = re.compile(
    r"(?i)(bearer\s+|(?:access|refresh|id)_token\W+|code(?:_verifier)?=|client_secret\W+)[\w.~+/=-]{8,}"
)

logger = logging.getLogger("reshelve")


class _Redact(logging.Filter):
    """Takes whatever looks like a token out of a record before any handler sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = _SECRET.sub(r"\1…", message)
        if clean != message:
            record.msg, record.args = clean, None
        return True


def log_to(folder: Path, name: str = "reshelve.log") -> None:
    """Write the log to a rotating file in the folder; a folder that refuses leaves the program silent."""
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        handler = logging.handlers.RotatingFileHandler(
            private_folder(folder) / name, maxBytes=_MEGABYTE, backupCount=3, delay=True, encoding="utf-8"
        )
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(_Redact())
    logger.addHandler(handler)
