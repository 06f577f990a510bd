"""No sentence names a key: keys that users can change are named only through `tui.actions`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import tui

ROOT = Path(tui.__file__).parent
# Modules that declare keys, read them from settings, or ask on the command line.
ABOUT_KEYS = {
    "actions.py",
    "app/keymap.py",
    "compat/textual.py",
    "messages/settings.py",
    "cli/settings.py",
    "cli/connect.py",
}
# The practice Xero's pages have buttons, and no keys.
SOURCES = sorted(
    path
    for path in ROOT.rglob("*.py")
    if path.relative_to(ROOT).parts[0] != "sandbox" and str(path.relative_to(ROOT)) not in ABOUT_KEYS
)

_VERBS = "goes|opens|shows|copies|clears|stops|tries|asks|says|records|undoes|connects|closes|leaves|saves"
_NAMES = r"[Ee]sc|ESC|Escape|[Cc]trl ?\+ ?\w+|\^[a-z]|[Ff]\d\d?|[Ee]nter|[Ss]pace ?bar"
# Keys that can't be changed: typing, and moving in a field or table.
_PRESSED = rf"(?:{_NAMES}|[Ss]pace|[b-zB-Z?*/])"
#: A name of a key, or a single letter or sign that is pressed, that does something, or that is set off.
KEY = re.compile(
    rf"(?<![\w/.{{-])(?:[Ee]sc|ESC|[Cc]trl ?\+ ?\w|\^[a-z]|[Ff][1-9]\d?)(?![\w.}}-])"
    rf"|\b(?:[Pp]ress(?:es|ing)?|[Hh]it|[Uu]se|[Ww]ith) {_PRESSED}(?![\w'’}}-])"
    rf"|(?<![\w'’{{])(?:[b-zB-HJ-Z]|{_NAMES}) (?:{_VERBS})\b"
    r"|(?<!\w)(?<!VALUES )[`(“][b-zA-Z?*/][`)”]"
)


def sentences(source: str) -> list[tuple[int, str]]:
    """Return the literals with a space in them, docstrings left out."""
    tree = ast.parse(source)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docs
        and " " in node.value.strip()
    ]


@pytest.mark.slow
def test_no_sentence_has_a_key_written_into_it() -> None:
    named = [
        f"{path.relative_to(ROOT)}:{line} {text}"
        for path in SOURCES
        for line, text in sentences(path.read_text("utf-8"))
        if KEY.search(text)
    ]
    assert named == []
