"""The house stays as it was built: who may import whom, what is never printed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "tui").rglob("*.py"))

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def place(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_the_rules_of_who_may_import_whom_are_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_screen_is_never_printed_over() -> None:
    callers = [
        f"{place(file)}:{node.lineno}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert callers == []


def test_nothing_shipped_leans_on_a_folder_beside_the_repository() -> None:
    shipped = [
        path
        for folder in ("tui", ".ci")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".png"}
    ]
    shipped += [
        path for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "pyproject.toml") if path.exists()
    ]
    beside = re.compile(r"\.\./shared|/shared/")
    assert [place(path) for path in shipped if beside.search(path.read_text(encoding="utf-8"))] == []


def test_every_file_explains_itself_and_knows_later_annotations() -> None:
    for file in FILES:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), place(file)
        names = {
            alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module == "__future__"
            for alias in node.names
        }
        has_code = any(isinstance(node, Definition) for node in ast.walk(tree))
        assert "annotations" in names or not has_code, place(file)


def test_every_test_file_has_a_name_of_its_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_ci_installs_the_very_versions_that_the_lock_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert {re.split(r"[^\w-]", one, maxsplit=1)[0].lower() for one in needed} <= locked
