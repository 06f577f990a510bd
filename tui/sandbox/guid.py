"""Identifiers as Xero reads them: with or without hyphens or braces, in any case."""

from __future__ import annotations

import re
import uuid
from typing import Final

_SPELLED: Final = re.compile(
    r"\{?[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}\}?", re.IGNORECASE
)


def parse_guid(text: str) -> str | None:
    """Return an identifier as it is stored, with hyphens and in lower case; `None` if it is none."""
    stripped = text.strip()
    return str(uuid.UUID(stripped)) if stripped.isascii() and _SPELLED.fullmatch(stripped) else None
