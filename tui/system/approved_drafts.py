"""When the user approved the Drafts of contacts again in Re-Leased, in a small file beside the database."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from tui.system.paths import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Older ones are dropped: they were done long ago.
MAX_KEPT: Final = 1_000


def read_approved(file: Path) -> Mapping[str, datetime]:
    """Return when, by ContactID; nothing if the file is missing or damaged. Blocks."""
    found: object = None
    # RecursionError: deeply nested brackets.
    with suppress(OSError, UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        found = msgspec.json.decode(file.read_bytes())
    approved: dict[str, datetime] = {}
    for contact_id, text in found.items() if isinstance(found, dict) else ():
        with suppress(msgspec.ValidationError):
            at = msgspec.convert(text, datetime)
            if at.tzinfo is not None:
                approved[contact_id] = at
    return approved


def save_approved(file: Path, contact_id: str, at: datetime | None) -> None:
    """Record when, or with None that it isn't done. Blocks. Raises `OSError`."""
    approved = dict(read_approved(file))
    approved.pop(contact_id, None)
    if at is not None:
        approved[contact_id] = at
    newest = dict(sorted(approved.items(), key=lambda item: item[1])[-MAX_KEPT:])
    write_atomically(file, msgspec.json.format(msgspec.json.encode(newest), indent=1))
