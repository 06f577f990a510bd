"""Ids as Xero parses them, which is as .NET does: with or without hyphens, braces or parentheses."""

from __future__ import annotations

import re
import uuid
from typing import Final

_SPELLED: Final = re.compile(
    r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.IGNORECASE
)
_ENCLOSED: Final = {"{": "}", "(": ")"}


def parse_guid(text: str) -> str | None:
    """Return an id as it is stored, with hyphens and in lower case; `None` if it is invalid."""
    bare = text.strip()
    end = _ENCLOSED.get(bare[:1])
    if end is not None and bare.endswith(end):
        bare = bare[1:-1]
    return str(uuid.UUID(bare)) if bare.isascii() and _SPELLED.fullmatch(bare) else None
