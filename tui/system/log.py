"""The log file: events and their times, but never a name, an e-mail address or a token."""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.system.paths import private_folder

if TYPE_CHECKING:
    from types import TracebackType

_MEGABYTE = 1_000_000
_SECRET = re.compile(
    r"""(?ix)
    ( bearer\s+ | (?:(?:access|refresh|id)_?token|client_secret)\W+(?:b['"])? | code(?:_verifier)?= )
    [\w.~+/=%-]{8,}
    | ()eyJ[\w-]+\.[\w-]+\.[\w-]*  # a JSON Web Token, wherever it stands
    """
)

_PACKAGE = Path(__file__).parents[1]
# Their errors name widgets, screens, tables and columns.
_CODE_ONLY = frozenset({"textual", "sqlite3"})

# The names of handlers that the user asked for.
_ADDED = ("stderr", "file")

logger = logging.getLogger("reshelve")
# Without a handler, the logging module writes warnings to the screen.
logger.addHandler(logging.NullHandler())


class _Redacted(logging.Formatter):
    """Removes anything that looks like a token from a formatted entry, including its traceback.

    A traceback is logged without the values of variables, and without error messages that may contain names.
    """

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        error = ei[1]
        return _format_traceback(error) if isinstance(error, BaseException) else ""

    def format(self, record: logging.LogRecord) -> str:
        return _SECRET.sub(r"\1\2…", super().format(record))


def _format_traceback(error: BaseException) -> str:
    """Format the traceback of an error and of its causes."""
    trace = traceback.TracebackException.from_exception(error)
    lines: list[str] = []
    seen: list[tuple[BaseException, traceback.TracebackException]] = []
    current: BaseException | None = error
    current_trace: traceback.TracebackException | None = trace
    while current is not None and current_trace is not None:
        seen.append((current, current_trace))
        is_cause = current.__cause__ is not None
        current, current_trace = (
            (current.__cause__, current_trace.__cause__)
            if is_cause
            else (current.__context__, current_trace.__context__)
        )
    for failed, frames in reversed(seen):
        lines += frames.stack.format()
        lines.append(f"{type(failed).__module__}.{type(failed).__qualname__}{_safe_message(failed)}\n")
    return "".join(lines).rstrip()


def _safe_message(error: BaseException) -> str:
    """Return an error's message if it can only be about the program or this computer."""
    if isinstance(error, OSError):
        return f": {error.strerror}" if error.strerror else ""
    is_about_code = isinstance(error, AttributeError | ImportError | NameError | RecursionError | TypeError)
    if is_about_code or type(error).__module__.partition(".")[0] in _CODE_ONLY:
        return f": {error}"
    return ""


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotating log file that only its owner can read."""

    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return TextIOWrapper(os.fdopen(handle, "ab"), encoding=self.encoding)


def log_unexpected(activity: str, error: BaseException) -> None:
    """Log an unexpected exception: its type and where it was raised.

    Its message isn't logged: it may quote a contact or a reply.
    """
    logger.error(
        "%s failed unexpectedly: %s at %s", activity, type(error).__name__, _place(error.__traceback__)
    )


def _place(trace: TracebackType | None) -> str:
    """Return the innermost line of our own code in the traceback, followed by the innermost line of all."""
    ours = innermost = ""
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        innermost = f"{file.name}:{trace.tb_lineno}"
        if file.is_relative_to(_PACKAGE):
            ours = f"{file.relative_to(_PACKAGE.parent).as_posix()}:{trace.tb_lineno}"
        trace = trace.tb_next
    return ours if not innermost or ours.endswith(f"/{innermost}") else f"{ours or '?'} ({innermost})"


def log_to(folder: Path, name: str = "reshelve.log") -> None:
    """Log to a rotating file in the folder; without write access there is no log."""
    try:
        handler = _PrivateFile(
            private_folder(folder) / name, maxBytes=_MEGABYTE, backupCount=3, delay=True, encoding="utf-8"
        )
    except OSError:
        return
    for before in logger.handlers[:]:
        if before.name not in _ADDED:
            logger.removeHandler(before)
            before.close()
    _add(handler)


def log_also_to_stderr() -> None:
    """Print the log on standard error, besides the log file, until the program ends."""
    _add(logging.StreamHandler(), _ADDED[0])


def log_also_to_file(file: str) -> None:
    """Append the log to a file of the user's, besides the log file. Raises `OSError`."""
    _add(logging.FileHandler(file, encoding="utf-8"), _ADDED[1])


def _add(handler: logging.Handler, name: str = "") -> None:
    """Add a handler, instead of one with the same name."""
    for before in logger.handlers[:]:
        if name and before.name == name:
            logger.removeHandler(before)
            before.close()
    handler.name = name or None
    handler.setFormatter(_Redacted("%(asctime)s %(levelname)s %(message)s"))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)


def log_file() -> str:
    """Return the path of the log file; empty if there is none."""
    for handler in logger.handlers:
        if isinstance(handler, _PrivateFile):
            return handler.baseFilename
    return ""
