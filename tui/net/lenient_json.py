"""Lenient JSON decoding: unusable values are treated as missing.

Typed decoding is tried first and costs nothing extra. Only if it fails is the value decoded field by field,
so that one field of a wrong type doesn't hide all the others.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from decimal import Decimal
from functools import cache
from threading import Lock
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args, get_origin, get_type_hints

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_T = TypeVar("_T")

#: The errors of decoding: wrong types and sizes, invalid UTF-8, numbers out of range, deep nesting.
DECODE_ERRORS: Final = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)
# No service nests its responses deeper, and every decoder supports this depth.
_DEEPEST: Final = 64
# More than any response needs: rewriting takes a second per million.
_MOST_TOKENS: Final = 1_000_000
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
# Every escape is matched, so that an escaped backslash before a `u` isn't mistaken for the start of one.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_making = Lock()
_numbers = msgspec.json.Encoder(decimal_format="number")


class UndecodableError(ValueError):
    """JSON whose required parts can't be used. Never quotes its content."""


def decode(content: bytes | msgspec.Raw, kind: type[_T]) -> _T:
    """Decode JSON as a struct or a list of structs. Raises `UndecodableError`.

    Fields of a wrong type or size, and unusable entries of a list, are treated as missing. A missing required
    field makes the whole value unusable, and so does any unusable field of a struct with `is_indivisible`.
    """
    found: _T
    try:
        found = _decode_strict(content, kind)
    except DECODE_ERRORS:
        pass
    else:
        return found
    # Raised without a cause, here and below: a decoder's message can quote the content.
    found = _decode_lenient(content, kind)
    return found


def _decode_lenient(content: bytes | msgspec.Raw, kind: Any) -> Any:
    with suppress(*DECODE_ERRORS):
        return _decode_partial(content, kind)
    with suppress(*DECODE_ERRORS):
        return _decode_partial(repaired(bytes(content)), kind)
    raise UndecodableError


def _decode_strict(content: bytes | msgspec.Raw, kind: Any) -> Any:
    return decoder(kind).decode(content)


@cache
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Return the cached decoder of a type.

    While msgspec prepares a struct for its first decoder, a second thread that uses the half-prepared struct
    crashes the interpreter, so decoders are created one at a time.
    """
    with _making:
        return msgspec.json.Decoder(kind)


@cache
def _fields(kind: type) -> tuple[tuple[str, str, Any, bool], ...]:
    """Return the name, JSON name and type of each field, and whether it is required."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        (field.name, field.encode_name, hints[field.name], field.required)
        for field in msgspec.structs.fields(kind)
    )


def _decode_partial(raw: bytes | msgspec.Raw, kind: Any) -> Any:
    """Decode one value, dropping unusable parts. Raises one of `DECODE_ERRORS`."""
    with suppress(*DECODE_ERRORS):
        return _decode_strict(raw, kind)
    inner = next((part for part in _union_members(kind) if _is_container(part)), None)
    if inner is None:
        raise UndecodableError
    if not isinstance(inner, type) or get_origin(inner) is not None:
        entry = get_args(inner)[0]
        return get_origin(inner)(_entries(_decode_strict(raw, list[msgspec.Raw]), entry))
    if getattr(inner, "is_indivisible", False):
        raise UndecodableError
    parts = _decode_strict(raw, dict[str, msgspec.Raw])
    values = {}
    for name, encoded, wanted, is_required in _fields(inner):
        with suppress(*DECODE_ERRORS):
            if encoded in parts:
                values[name] = _decode_partial(parts[encoded], wanted)
        if is_required and name not in values:
            raise UndecodableError
    return inner(**values)


def _entries(raws: list[msgspec.Raw], kind: Any) -> Iterator[Any]:
    for raw in raws:
        with suppress(*DECODE_ERRORS):
            yield _decode_partial(raw, kind)


def _union_members(kind: Any) -> tuple[Any, ...]:
    parts = get_args(kind)
    return parts if NoneType in parts else (kind,)


def _is_container(kind: Any) -> bool:
    is_struct = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    return is_struct or (get_origin(kind) in {tuple, list} and kind != list[msgspec.Raw])


def repaired(content: bytes, *, constant: object = False) -> bytes:
    """Rewrite almost-JSON as JSON. Raises one of `DECODE_ERRORS` if that fails.

    Invalid UTF-8 and lone surrogates become replacement characters, `NaN` and `Infinity` become the constant,
    and anything nested too deeply becomes null. Content that would take seconds to rewrite is rejected.
    """
    text = _ESCAPE.sub(lambda found: rb"\ufffd" if found["lone"] else found[0], _limit_depth(content))
    value = json.loads(
        text.decode("utf-8-sig", "replace"),
        # By default not null, which would mean that the value is missing.
        parse_constant=lambda _: constant,
        # Amounts stay exact, and numbers may have any length.
        parse_int=_number,
        parse_float=_number,
        strict=False,
    )
    return _numbers.encode(value)


def _number(digits: str) -> Decimal | None:
    try:
        return Decimal(digits)
    except ArithmeticError:
        return None


def _limit_depth(content: bytes) -> bytes:
    depth, start, kept = 0, 0, []
    for index, token in enumerate(_STRUCTURE.finditer(content)):
        if index > _MOST_TOKENS:
            raise UndecodableError
        if token[0] in b"[{":
            depth += 1
            if depth == _DEEPEST + 1:
                kept.append(content[start : token.start()])
        elif token[0] in b"]}":
            if depth == _DEEPEST + 1:
                kept.append(b"null")
                start = token.end()
            depth -= 1
    kept.append(content[start:] if depth <= _DEEPEST else b"")
    return b"".join(kept)
