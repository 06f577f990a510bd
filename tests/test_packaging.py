"""Shipped files stand alone, and CI installs the locked versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def place(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_no_shipped_file_refers_outside_the_repository() -> None:
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


def test_ci_installs_the_locked_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [one for extra in project["optional-dependencies"].values() for one in extra]
    needed = [one for one in (*project["dependencies"], *optional) if not one.startswith("reshelve[")]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert {re.split(r"[^\w-]", one, maxsplit=1)[0].lower() for one in needed} <= locked


def test_project_links_are_https_short_and_used_elsewhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sources = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "tui").rglob("*.py")]
    known = {
        link
        for file in sources
        for link in re.findall(r"https://[\w./-]*[\w/]", file.read_text(encoding="utf-8"))
    }
    assert project["urls"]
    for label, link in project["urls"].items():
        # A package index shows no longer label.
        assert len(label) <= 32
        assert link in known
