"""The JSON of a request, nested no deeper than any of Xero's."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

#: How deep lists and objects may lie within each other.
DEEPEST: Final = 64
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


class BodyError(ValueError):
    """The body isn't JSON, or is nested too deeply."""


def decode(body: bytes) -> Any:
    """Decode a body. Raises `BodyError`."""
    depth = 0
    for token in _STRUCTURE.finditer(body):
        depth += (token[0] in b"[{") - (token[0] in b"]}")
        if depth > DEEPEST:
            raise BodyError("too deep")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BodyError(str(error)) from error
