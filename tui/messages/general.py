"""Texts that don't belong to a single part of the program."""

from __future__ import annotations

from typing import Final

from tui.messages.texts import Catalogue, Text
from tui.model.reasons import GeneralReason, ReadOnlyReason, SystemReason

TEXTS: Final[Catalogue] = {
    GeneralReason.BUG: Text(
        "This is a bug in Reshelve.",
        "Nothing is lost: your changes are saved on this computer. Details are in {log}. Restart Reshelve.",
    ),
    GeneralReason.BUG_NOT_LOGGED: Text(
        "This is a bug in Reshelve.",
        "Nothing is lost: your changes are saved on this computer. "
        "Details couldn't be written to a log file. Restart Reshelve.",
    ),
    GeneralReason.UNEXPECTED_ERROR: Text(
        "Unexpected error in Reshelve ({kind}). Nothing is lost.",
        "Reshelve will retry. Details are in the log file.",
    ),
    ReadOnlyReason.CONNECTION: Text(
        "Read-only connection: nothing was changed.", "Connect again without “Read-only”."
    ),
    ReadOnlyReason.OPTION: Text("Started with --read-only: nothing was changed."),
    SystemReason.CANNOT_LOCK: Text(
        "This drive can't lock files ({problem}). Nothing changed.",
        "Set RESHELVE_HOME to a folder on a local drive. "
        "If {folder} is on one, check that you can write to it.",
    ),
    SystemReason.NOT_A_FILE: Text(
        "That name is a folder or device.", "Nothing was saved. Choose another name."
    ),
    SystemReason.NOT_A_FILE_NAME: Text("That isn't a file name.", "Nothing was saved. Choose another name."),
    SystemReason.FILE_NOT_SAVED: Text(
        "Can't save the file: {problem}.", "Nothing was saved. Choose another location, then try again."
    ),
}
