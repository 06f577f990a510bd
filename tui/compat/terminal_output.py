"""Write to a terminal that may be closed."""

from __future__ import annotations

import io
import os
import sys
from typing import Any


class _SafeOutput(io.FileIO):
    """A terminal whose writes succeed even after it was closed."""

    def write(self, data: Any, /) -> int:
        """Write, or drop the data if the terminal is closed."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def ignore_terminal_write_errors() -> None:
    """Let Textual's output survive a closed terminal. Call it before the app runs.

    Textual's writer thread ends at the first error. Output would then fill its queue until the app blocks
    forever.
    """
    # Windows ends a program when its console is closed.
    if sys.platform != "win32" and sys.__stderr__ is not None and os.isatty(sys.__stderr__.fileno()):
        raw = _SafeOutput(sys.__stderr__.fileno(), "w", closefd=False)
        sys.__stderr__ = io.TextIOWrapper(  # type: ignore[misc]  # it is what Textual opens
            io.BufferedWriter(raw), encoding=sys.__stderr__.encoding, errors="replace", newline=""
        )
