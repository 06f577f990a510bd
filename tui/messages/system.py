"""Texts about this computer's drives and files."""

from __future__ import annotations

from typing import Final

from tui.messages.texts import Catalogue, Text
from tui.model.reasons import SystemReason

TEXTS: Final[Catalogue] = {
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
