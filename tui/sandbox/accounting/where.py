"""The `where` parameter: the part of Xero's filter language that contacts are asked with.

Comparisons joined by `AND` or `&&`: `Name=="A ""quoted"" name"`, `ContactStatus!="ARCHIVED"`,
`IsCustomer==true`, `EmailAddress!=null`, `ContactID==Guid("…")`, `Name.Contains("x")`, `.StartsWith`,
`.EndsWith`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tui.sandbox.accounting.answers import query_error
from tui.sandbox.contact import name_key

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"]|"")*") |
        (?P<guid>Guid\(\s*"(?P<id>[^"]*)"\s*\)) |
        (?P<word>[A-Za-z]+) |
        (?P<sign>==|!=|=|&&|\.|\(|\))
    )\s*""",
    re.VERBOSE,
)

_TEXTS = {
    "Name": "name_key", "EmailAddress": "email", "AccountNumber": "account_number",
    "ContactNumber": "contact_number", "FirstName": "first_name", "LastName": "last_name",
    "CompanyNumber": "company_number", "ContactStatus": "status", "ContactID": "contact_id",
}  # fmt: skip
_BOOLEANS = {"IsCustomer", "IsSupplier"}
_FAST = {"Name", "EmailAddress", "AccountNumber"}
_LIKE = {"Contains": "%{}%", "StartsWith": "{}%", "EndsWith": "%{}"}


@dataclass(frozen=True, slots=True)
class Where:
    """A filter as SQL, and whether it is one of the three that Xero calls optimised."""

    sql: str
    parameters: tuple[Any, ...]
    fast: bool


def parse(text: str) -> Where:
    """Read a filter. Raises `ApiError` (QueryParseException) when it can't be understood."""
    tokens = _tokens(text)
    pieces: list[Where] = []
    while True:
        piece, tokens = _comparison(tokens)
        pieces.append(piece)
        if not tokens:
            break
        if tokens[0][1].upper() not in {"&&", "AND"}:
            raise query_error(f"Syntax error: '{tokens[0][1]}' was not expected here.")
        tokens = tokens[1:]
    return Where(
        " AND ".join(piece.sql for piece in pieces),
        tuple(parameter for piece in pieces for parameter in piece.parameters),
        len(pieces) == 1 and pieces[0].fast,
    )


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise query_error(f"Syntax error at position {position}.")
        kind = match.lastgroup if match.lastgroup != "id" else "guid"
        tokens.append((str(kind), match["id"] if match["guid"] else match[0].strip()))
        position = match.end()
    return tokens


def _comparison(tokens: list[tuple[str, str]]) -> tuple[Where, list[tuple[str, str]]]:
    kinds = [kind for kind, _ in tokens]
    words = [word for _, word in tokens]
    if kinds[:2] != ["word", "sign"]:
        raise query_error("Expression expected.")
    field = words[0]
    if field not in _TEXTS and field not in _BOOLEANS:
        raise query_error(f"No property or field '{field}' exists in type 'Contact'")
    if words[1] == ".":
        return _method(field, kinds[2:6], words[2:6]), tokens[6:]
    if words[1] not in {"==", "!=", "="} or len(tokens) < 3:  # noqa: PLR2004 - field, sign, value
        raise query_error("Operator or value expected.")
    return _compare(field, equal=words[1] != "!=", kind=kinds[2], word=words[2]), tokens[3:]


def _method(field: str, kinds: list[str], words: list[str]) -> Where:
    if field not in _TEXTS or kinds != ["word", "sign", "string", "sign"] or words[1::2] != ["(", ")"]:
        raise query_error("Syntax error: a method call was expected.")
    pattern = _LIKE.get(words[0])
    if pattern is None:
        raise query_error(f"No applicable method '{words[0]}' exists in type 'String'")
    value = _unquote(words[2])
    if field == "Name":
        value = name_key(value)
    for special in "\\%_":
        value = value.replace(special, f"\\{special}")
    return Where(f"{_TEXTS[field]} LIKE ? ESCAPE '\\'", (pattern.format(value),), fast=False)


def _compare(field: str, *, equal: bool, kind: str, word: str) -> Where:
    if field in _BOOLEANS:
        if word.lower() not in {"true", "false"}:
            raise query_error(f"'{field}' can only be compared with true or false.")
        sign = "=" if equal else "<>"
        return Where(f"json_extract(document, '$.{field}') {sign} ?", (word.lower() == "true",), fast=False)
    column = _TEXTS[field]
    if kind == "word" and word.lower() == "null":
        return Where(f"{column} IS {'' if equal else 'NOT '}NULL", (), fast=False)
    if kind not in {"string", "guid"}:
        raise query_error(f"'{field}' can only be compared with a text in double quotes.")
    value = word.lower() if kind == "guid" else _unquote(word)
    if field == "Name":
        value = name_key(value)
    return Where(f"{column} {'=' if equal else '<>'} ?", (value,), fast=equal and field in _FAST)


def _unquote(text: str) -> str:
    return text[1:-1].replace('""', '"')
