"""The maintainers' documents are true: paths, names, diagrams, commands and terms match the code."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tui.cli import main
from tui.model.change import IllegalTransitionError, State, Transition, next_state
from tui.model.evidence import SyncStatus
from tui.settings import KEYS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    "CONTRIBUTING.md",
    "SECURITY.md",
)
# A path, or a file with what it defines, as in `tui/model/change.py: State.QUEUED`.
PLACE = re.compile(r"((?:tui|tests|docs|\.github)/[\w./-]*)(?:: ([\w.]+))?")
NAME = re.compile(r"tui(?:\.\w+)+")
TERMS = range(10, 21)


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def section(document: str, heading: str) -> str:
    """Return the text below a heading."""
    [text] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text_of(document), re.DOTALL | re.MULTILINE)
    return str(text)


def code_in(text: str) -> list[str]:
    """Return the texts in backticks, outside code blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def blocks_in(text: str, language: str) -> list[str]:
    """Return the blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of every row of a table, its heading left out."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows if not set("".join(row)) <= set("-: ")][1:]


@cache
def names_in(file: Path) -> frozenset[str]:
    """Return what a file defines: `name`, and `Class.name` for methods and fields.

    What a package's own file imports can be had from it too.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    exported = [alias.asname or alias.name for node in imported for alias in node.names]
    return frozenset([*_defined(tree.body), *(exported if file.name == "__init__.py" else ())])


def _defined(body: list[ast.stmt]) -> list[str]:
    names: list[str] = []
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.append(name)
            case ast.ClassDef(name=name):
                names += [name, *(f"{name}.{inner}" for inner in _defined(node.body))]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.append(name)
            case ast.Assign():
                names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names


def is_defined(dotted: str) -> bool:
    """Return whether a module of the program, or something in it, has this name."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:count])
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if file.is_file():
            return count == len(parts) or ".".join(parts[count:]) in names_in(file)
    return False


@cache
def shown_texts() -> frozenset[str]:
    """Return every string in the source of the screens and the names of statuses, in lower case."""
    files = [
        ROOT / "tui" / "actions.py",
        ROOT / "tui" / "messages" / "contacts.py",
        *(file for room in ("screens", "widgets") for file in (ROOT / "tui" / room).rglob("*.py")),
    ]
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    return frozenset(
        node.value.casefold()
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_in_the_documents_exists(document: str) -> None:
    for span in code_in(text_of(document)):
        if found := PLACE.fullmatch(span):
            path, name = ROOT / found[1], found[2]
            assert path.is_dir() if found[1].endswith("/") else path.exists(), span
            assert name is None or name in names_in(path), span


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_name_in_the_documents_is_defined(document: str) -> None:
    assert [
        each for each in code_in(text_of(document)) if NAME.fullmatch(each) and not is_defined(each)
    ] == []


def test_the_check_of_names_can_fail() -> None:
    assert is_defined("tui.model.change.State.QUEUED")
    assert not is_defined("tui.model.change.State.FORGOTTEN")
    assert not is_defined("tui.model.forgotten.State")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_in_the_documents_has_a_target(document: str) -> None:
    for link in re.findall(r"\]\((?!https:)([^)]+)\)", text_of(document)):
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w-]", "", one.lower().replace(" ", "-")) for one in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_and_setting_in_the_documents_exists(document: str) -> None:
    context = click.Context(main)
    text = text_of(document)
    lines = [*code_in(text), *"".join(blocks_in(text, "sh")).splitlines()]
    named = {found[1] for line in lines if (found := re.match(r"reshelve ([a-z][a-z-]*)", line))}
    assert [name for name in named if main.get_command(context, name) is None] == []
    sections = "|".join({key.section for key in KEYS})
    settings = {line for line in lines if re.fullmatch(rf"(?:{sections})\.\w+", line)}
    assert settings <= {key.path for key in KEYS}


def test_the_table_of_packages_is_complete() -> None:
    listed = [row[0].strip("`") for row in table_rows(section("docs/architecture.md", "Packages"))]
    rooms = {file.parent for file in (ROOT / "tui").glob("*/__init__.py")}
    modules = {file for file in (ROOT / "tui").glob("*.py") if not file.name.startswith("__")}
    packages = {*(f"tui/{room.name}/" for room in rooms), *(f"tui/{module.name}" for module in modules)}
    assert sorted(listed) == sorted(packages)


def test_documented_import_rules_are_the_checked_ones() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))
    contracts = [contract["name"] for contract in project["tool"]["importlinter"]["contracts"]]
    assert re.findall(r"^- (.+)$", section("docs/architecture.md", "Packages"), re.MULTILINE) == contracts


def test_the_diagram_of_a_change_has_every_transition_and_no_other() -> None:
    [diagram] = blocks_in(section("docs/architecture.md", "The life of a change"), "mermaid")
    drawn = re.findall(r"^ +(\w+) --> (\w+): (\w+)$", diagram, re.MULTILINE)
    assert sorted(drawn) == sorted(lifecycle())
    assert re.findall(r"\[\*\] --> (\w+)", diagram) == ["QUEUED"]
    final = {state.name for state in State if not state.is_open}
    assert set(re.findall(r"(\w+) --> \[\*\]", diagram)) == final
    assert len(diagram.splitlines()) == 1 + 1 + len(drawn) + len(final)


def lifecycle() -> list[tuple[str, str, str]]:
    """Return every transition: from, to, name."""
    steps = []
    for state in State:
        for transition in Transition:
            try:
                steps.append((state.name, next_state(state, transition).name, transition.name))
            except IllegalTransitionError:
                continue
    return steps


def test_the_table_of_sync_statuses_follows_the_code() -> None:
    rows = table_rows(section("docs/architecture.md", "Sync status"))
    source = text_of("tui/model/evidence.py").partition("def grade_change(")[2]
    graded = dict.fromkeys(re.findall(r"StatusSince\(SyncStatus\.(\w+)", source))
    assert [row[0].strip("`") for row in rows] == list(graded)
    assert {word.casefold() for _, word, _ in rows} <= shown_texts()


def test_the_diagram_of_sync_statuses_has_them_all() -> None:
    [diagram] = blocks_in(section("docs/architecture.md", "Sync status"), "mermaid")
    assert set(re.findall(r"[A-Z_]{3,}", diagram)) == {status.name for status in SyncStatus}


def test_walk_through_an_archive_counts_its_functions_and_files() -> None:
    walk = section("docs/architecture.md", "One archive, from the key to Re-Leased")
    named = {found.groups() for span in code_in(walk) if (found := PLACE.fullmatch(span))}
    [counts] = re.findall(r"(\d+) functions in (\d+) files", walk)
    assert counts == (str(len(named)), str(len({file for file, _ in named})))
    assert all(name for _, name in named)


def test_the_glossary_uses_the_words_of_the_screens() -> None:
    rows = table_rows(text_of("docs/glossary.md"))
    assert len(rows) in TERMS
    for term, on_screen, in_code, in_xero in rows:
        assert term
        assert in_xero
        assert code_in(in_code), term
        for word in re.findall(r"\*([^*]+)\*", on_screen):
            assert any(word.casefold() in text for text in shown_texts()), word


def test_the_glossary_has_every_word_for_a_sync_status() -> None:
    [meaning] = [row[1] for row in table_rows(text_of("docs/glossary.md")) if row[0] == "Sync status"]
    words = [row[1] for row in table_rows(section("docs/architecture.md", "Sync status"))]
    assert sorted(re.findall(r"\*([^*]+)\*", meaning)) == sorted(words)


# --- the same commands everywhere ---


def checks() -> list[str]:
    """Return the commands of `.ci/run` other than tests."""
    return re.findall(r"^\.venv/bin/(.+)$", text_of(".ci/run"), re.MULTILINE)


def documented_command(mark: str = "test command") -> str:
    """Return a marked command of the README."""
    [command] = re.findall(rf"<!-- {mark} -->\n```sh\n(.+)\n```\n", text_of("README.md"))
    return str(command)


def in_powershell(command: str) -> str:
    """Write a command of the shell for PowerShell."""
    return command.replace("python3 ", "python ").replace(".venv/bin/", ".venv\\Scripts\\")


def workflow() -> dict[str, Any]:
    """Return the parsed workflow."""
    found: dict[str, Any] = yaml.safe_load(text_of(".github/workflows/ci.yml"))
    return found


def test_the_workflow_runs_what_ci_runs() -> None:
    [job] = workflow()["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    tests = [documented_command(mark) for mark in re.findall(r'run "(.+)"', text_of(".ci/run"))]
    assert len(tests) == 2
    assert commands[:4] == [written for command in tests for written in (command, in_powershell(command))]
    assert commands[5:] == checks()


def test_the_workflow_covers_the_oldest_python_that_is_supported() -> None:
    [job] = workflow()["jobs"].values()
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    assert f">={job['strategy']['matrix']['python'][0]}" == project["requires-python"]


def test_precommit_hooks_are_the_checks_of_ci() -> None:
    hooks = [
        hook for repo in yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"] for hook in repo["hooks"]
    ]
    assert [hook["entry"] for hook in hooks] == checks()


def test_contributing_names_the_checks_and_how_to_set_up() -> None:
    text = text_of("CONTRIBUTING.md")
    assert [row[0].strip("`") for row in table_rows(section("CONTRIBUTING.md", "Test"))] == checks()
    [set_up, *_] = blocks_in(text, "sh")
    assert documented_command().startswith(f"{set_up.strip()} && ")
    # The PowerShell that comes with Windows has no `&&`.
    assert blocks_in(text, "powershell") == [in_powershell(set_up).replace(" &&", ";")]
