"""The exit codes of all commands."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command returns to the shell. A command that is interrupted returns 130, as usual."""

    DONE = 0
    #: Some changes were refused by Xero, or the command failed.
    FAILED = 1
    #: Invalid options or arguments; nothing was done.
    USAGE = 2
    NOT_SIGNED_IN = 3
    #: Xero can't be reached. Changes are queued, and sent later.
    UNREACHABLE = 4
    #: Another copy of Reshelve has this organisation open.
    LOCKED = 5
    INTERRUPTED = 130
