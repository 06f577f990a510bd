"""Files are private, and never partly written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from tui.cli import main
from tui.system.paths import HomeFolderError, HomeProblem, Paths, private_folder, write_atomically


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_one_variable_puts_everything_under_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESHELVE_HOME", str(tmp_path / "home"))
    found = Paths.find()
    assert found == Paths.under(tmp_path / "home")
    for path in (
        *(found.settings_file, found.token_file("A1"), found.organisations_file, found.sandbox),
        *(found.organisations, found.organisation("one"), found.logs, found.demo.token_file("A1")),
    ):
        assert path.is_relative_to(tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_home_may_start_with_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RESHELVE_HOME", "~/reshelve")
    assert Paths.find().config == tmp_path / "reshelve" / "config"


@pytest.mark.parametrize(
    ("home", "problem", "said"),
    [
        ("~nobody-of-that-name", HomeProblem.NO_SUCH_USER, "user doesn't exist"),
        ("~nobody-of-that-name/data", HomeProblem.NO_SUCH_USER, "user doesn't exist"),
        ("{file}", HomeProblem.INSIDE_A_FILE, "is a file"),
        ("{file}/deeper/still", HomeProblem.INSIDE_A_FILE, "is a file"),
        ("{folder}/" + "x" * 300, HomeProblem.UNUSABLE, "can't be used"),
        ("a\nb", HomeProblem.UNPRINTABLE, "unprintable"),
        ("\x1b[31m", HomeProblem.UNPRINTABLE, "unprintable"),
        ("a\udcffb", HomeProblem.UNPRINTABLE, "unprintable"),
    ],
)
def test_invalid_home_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str, problem: HomeProblem, said: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("RESHELVE_HOME", home.format(file=file, folder=tmp_path))
    with pytest.raises(HomeFolderError) as raised:
        Paths.find()
    assert raised.value.problem is problem
    result = CliRunner().invoke(main, ["settings"])
    assert result.exit_code == 1
    assert said in result.output
    assert result.output.replace("\n", "").isprintable()


def test_relative_home_is_resolved_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESHELVE_HOME", "mine")
    assert Paths.find() == Paths.under(tmp_path / "mine")


@pytest.mark.parametrize("home", [None, ""])
def test_folders_default_to_those_of_the_operating_system(
    home: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESHELVE_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("RESHELVE_HOME", home)
    found = Paths.find()
    assert all("reshelve" in part.parts for part in (found.config, found.data, found.logs))


def test_the_demo_shares_no_file_with_real_organisations(tmp_path: Path) -> None:
    real, demo = Paths.under(tmp_path), Paths.under(tmp_path).demo
    assert demo.token_file("A1") != real.token_file("A1")
    assert demo.settings_file != real.settings_file
    assert demo.organisation("one") != real.organisation("one")
    assert not demo.data.is_relative_to(real.organisations)


def test_folders_are_private_for_any_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = private_folder(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert [mode(path) for path in (made, made.parent, made.parent.parent)] == [0o700] * 3


def test_existing_folder_keeps_its_permissions(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir(mode=0o755)
    private_folder(folder)
    assert mode(folder) == 0o755


def test_written_file_is_private_whatever_it_was_before(tmp_path: Path) -> None:
    file = tmp_path / "new" / "tokens.json"
    write_atomically(file, b"one")
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    file.chmod(0o644)
    write_atomically(file, b"two")
    assert mode(file) == 0o600
    assert file.read_bytes() == b"two"


@pytest.mark.parametrize("step", ["fchmod", "fsync", "replace"])
def test_failed_write_keeps_the_old_content_and_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = tmp_path / "settings.toml"
    write_atomically(file, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path if step == "replace" else os, step, full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, b"new")
    monkeypatch.undo()
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_interrupted_write_keeps_the_old_content_and_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    write_atomically(file, b"old")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(file, b"new")
    monkeypatch.undo()
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_symbolic_link_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"not ours")
    file = tmp_path / "tokens.json"
    file.symlink_to(elsewhere)
    write_atomically(file, b"ours")
    assert not file.is_symlink()
    assert elsewhere.read_bytes() == b"not ours"


@pytest.mark.parametrize("client_id", ["", "..", "../evil", "a/b", "a" * 65, "é", "a b", "a\n"])
def test_client_id_cannot_escape_the_folder(tmp_path: Path, client_id: str) -> None:
    with pytest.raises(ValueError, match="client id"):
        Paths.under(tmp_path).token_file(client_id)
