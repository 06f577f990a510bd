"""`reshelve export`, as a process against a practice Xero."""

from __future__ import annotations

import csv
import io
import json
import stat
import sys
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from click.testing import CliRunner
from python_calamine import load_workbook
from support.command_line import CommandLine, signed_in

from tui.cli import main
from tui.model.change import Action

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess
    from typing import BinaryIO

pytestmark = pytest.mark.slow

CONTACTS = 60
HOSTILE = '=HYPERLINK("x") محمد \U0001f3e1'


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with signed_in(tmp_path_factory.mktemp("export"), "--contacts", str(CONTACTS)) as shell:
        archived, hostile = map(shell.practice.create, ("Bayside Archived", HOSTILE))
        shell.load()
        shell.request(Action.ARCHIVE, archived, hostile)
        yield shell


def export(shell: CommandLine, what: str, file: Path, *options: str, **more: str) -> CompletedProcess[str]:
    return shell.run("export", what, str(file), "--organisation", shell.name, *options, **more)


def table(file: Path) -> list[list[str]]:
    """Read a table, its titles first, whatever its format."""
    if file.suffix == ".xlsx":
        return [
            [str(cell) for cell in row] for row in load_workbook(str(file)).get_sheet_by_index(0).to_python()
        ]
    text = file.read_text(encoding="utf-8-sig")
    if file.suffix == ".csv":
        return list(csv.reader(io.StringIO(text)))
    objects = json.loads(text) if file.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    return [list(objects[0]), *(list(map(str, one.values())) for one in objects)]


@pytest.mark.parametrize("ending", ["csv", "xlsx", "json", "jsonl"])
@pytest.mark.parametrize(("what", "count"), [("contacts", CONTACTS + 2), ("changes", 2)])
def test_ending_chooses_the_format(
    shell: CommandLine, tmp_path: Path, what: str, count: int, ending: str
) -> None:
    file = tmp_path / f"made here.{ending}"
    # An ASCII terminal must not change what is written.
    done = export(shell, what, file, LANG="C", LC_ALL="C")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"Exported {count} {what} to {file}.\n"
    _, *lines = table(file)
    assert len(lines) == count
    named = {cell for line in lines for cell in line if "HYPERLINK" in cell}
    assert named == {f"'{HOSTILE}" if ending == "csv" else HOSTILE}
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    if ending == "xlsx":
        assert load_workbook(str(file)).sheet_names == [what.capitalize()]


def test_everything_has_every_step_and_what_was_set(shell: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "everything.ZIP"
    done = export(shell, "everything", file)
    assert done.returncode == 0
    assert done.stderr == f"Exported {CONTACTS + 2} contacts, 2 changes to {file}.\n"
    with ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["contacts.csv", "changes.csv", "change-log.csv", "reshelve.json"]
        for name in archive.namelist():
            (tmp_path / name).write_bytes(archive.read(name))
    columns, *changes = table(tmp_path / "changes.csv")
    ids = [line[columns.index("Change no.")] for line in changes]
    titles, *steps = table(tmp_path / "change-log.csv")
    assert titles[:4] == ["At (UTC)", "Change no.", "Change", "Step"]
    assert [step[3] for step in steps if step[1] == ids[0]] == ["requested", "send", "confirm"]
    data = json.loads((tmp_path / "reshelve.json").read_text(encoding="utf-8"))
    assert data["organisation"]["name"] == shell.name
    everything = json.dumps(data)
    assert shell.practice.client_id not in everything
    assert shell.practice.refresh_token not in everything


def test_existing_file_is_replaced_only_if_asked(shell: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("mine")
    done = export(shell, "contacts", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"Error: {file} already exists. Nothing was saved. To replace it, use --force.\n")
    assert file.read_text() == "mine"
    assert export(shell, "contacts", file, "--force").returncode == 0
    assert len(table(file)) == CONTACTS + 3


@pytest.mark.parametrize(
    ("what", "name"),
    [("contacts", "contacts"), ("contacts", "contacts.pdf"), ("everything", "all.csv"), ("all", "all.zip")],
    ids=" ".join,
)
def test_other_endings_are_refused_before_anything_is_written(
    shell: CommandLine, tmp_path: Path, what: str, name: str
) -> None:
    done = export(shell, what, tmp_path / name)
    assert (done.returncode, done.stdout) == (2, "")
    assert not list(tmp_path.iterdir())


def test_folder_is_never_replaced(shell: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "contacts.csv"
    folder.mkdir()
    done = export(shell, "contacts", folder, "--force")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: That name is a folder or device. Nothing was saved. Choose another name.\n"
    )


def test_unloaded_organisation_leaves_no_file(shell: CommandLine, tmp_path: Path) -> None:
    new = shell.another(tmp_path / "new")
    done = export(new, "everything", tmp_path / "all.zip")
    assert (done.returncode, done.stdout) == (1, "")
    assert not (tmp_path / "all.zip").exists()


def test_interrupt_is_quiet_and_leaves_the_old_file(
    shell: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("mine")

    def write(stream: BinaryIO, *_: object) -> int:
        stream.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr("tui.cli.export.write_table", write)
    arguments = ["export", "contacts", str(file), "--organisation", shell.name, "--force"]
    result = CliRunner().invoke(main, arguments, env={"RESHELVE_HOME": str(shell.home)})
    assert (result.exit_code, result.output) == (130, "")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
