"""No two public classes of the program share a name, nested ones included."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import tui

ROOT = Path(tui.__file__).parent


def classes(source: str) -> list[str]:
    """Return the names of all public classes, also of those within classes and functions."""
    nodes = ast.walk(ast.parse(source))
    return [node.name for node in nodes if isinstance(node, ast.ClassDef) and node.name[0] != "_"]


def test_no_public_class_name_stands_twice() -> None:
    places = defaultdict(list)
    for file in sorted(ROOT.rglob("*.py")):
        for name in classes(file.read_text(encoding="utf-8")):
            places[name].append(file.relative_to(ROOT).as_posix())
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_nested_classes_count() -> None:
    assert classes("class A:\n  class B: ...\ndef f():\n  class C: ...\nclass _D: ...") == ["A", "B", "C"]
