"""`reshelve settings`: every setting is explained, and no invalid value gets into the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from tui.actions import ACTIONS
from tui.cli import main
from tui.messages.settings import allowed_values, description
from tui.settings import KEYS, load
from tui.system.paths import Paths
from tui.widgets.themes import THEMES

if TYPE_CHECKING:
    from pathlib import Path


def reshelve_settings(home: Path, *arguments: str, **environment: str) -> Result:
    variables = {"RESHELVE_HOME": str(home), **environment}
    return CliRunner().invoke(main, ["settings", *arguments], env=variables)


def file_of(home: Path) -> Path:
    return Paths.under(home).settings_file


def write(home: Path, text: str) -> None:
    file_of(home).parent.mkdir(parents=True, exist_ok=True)
    file_of(home).write_text(text, encoding="utf-8")


def joined(output: str) -> str:
    return " ".join(output.split())


def test_every_key_is_shown_with_value_origin_allowed_values_and_meaning(tmp_path: Path) -> None:
    result = reshelve_settings(tmp_path)
    assert result.exit_code == 0
    assert result.output.startswith(f"{file_of(tmp_path)} (not created yet)\n")
    words = joined(result.output)
    for key in KEYS:
        assert f"{key.path} = " in words
        assert description(key.section, key.name) in words
        assert key.variable in words
        if key.path != "screen.theme":
            assert f"Allowed: {allowed_values(key.validator.allowed)}." in words
    for name in (*(theme.name for theme in THEMES), *(action.id for action in ACTIONS)):
        assert name in words
    assert not file_of(tmp_path).exists()


def test_settings_list_fits_eighty_columns(tmp_path: Path) -> None:
    output = reshelve_settings(tmp_path, RESHELVE_XERO_API_URL="https://elsewhere.example").output
    assert [line for line in output.splitlines()[1:] if len(line) > 80] == []


def test_each_value_has_its_origin(tmp_path: Path) -> None:
    write(tmp_path, '[sync]\npoll_seconds = 30\n[keys]\narchive = "f2"\n')
    output = reshelve_settings(tmp_path, RESHELVE_XERO_CALLBACK_PORT="9000").output
    words = joined(output)
    assert "(not created yet)" not in output
    assert "sync.poll_seconds = 30" in words
    assert "Set in settings.toml. Default: 15." in words
    assert "xero.callback_port = 9000" in words
    assert "Set in RESHELVE_XERO_CALLBACK_PORT. Default: 8742." in words
    assert 'keys.archive = "f2"' in words


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("xero.client_id", ["xero.client_id"]),
        ("sync", ["sync.poll_seconds"]),
        ("keys.archive", ["keys.archive"]),
    ],
)
def test_one_key_or_section_can_be_shown(tmp_path: Path, wanted: str, shown: list[str]) -> None:
    result = reshelve_settings(tmp_path, wanted)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines() if " = " in line] == shown


def test_key_is_set_shown_and_unset(tmp_path: Path) -> None:
    file = file_of(tmp_path)
    result = reshelve_settings(tmp_path, "xero.callback_port", "9000")
    assert (result.exit_code, result.output) == (0, f"{file}: xero.callback_port is now 9000.\n")
    assert load(file, {}).xero.callback_port == 9000
    result = reshelve_settings(tmp_path, "--unset", "xero.callback_port")
    assert (result.exit_code, result.output) == (0, f"xero.callback_port removed from {file}.\n")
    assert load(file, {}).xero.callback_port == 8742
    assert "is not set in" in reshelve_settings(tmp_path, "--unset", "xero.callback_port").output


def test_variable_overriding_the_set_value_is_named(tmp_path: Path) -> None:
    result = reshelve_settings(tmp_path, "sync.poll_seconds", "20", RESHELVE_SYNC_POLL_SECONDS="5")
    assert result.exit_code == 0
    assert "RESHELVE_SYNC_POLL_SECONDS is set and overrides the file." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("xero.api_ulr", "https://a.example"), "Did you mean xero.api_url?"),
        (("--unset", "xero.api_ulr"), "Did you mean xero.api_url?"),
        (("xero.api_ulr",), "Did you mean xero.api_url?"),
        (("xero.api_url", "http://a.example"), "https://"),
        (("xero.callback_port", "0"), "from 1 to 65535"),
        (("xero.token_store", "vault"), '"keychain", "file"'),
        (("screen.theme", "purple"), "reshelve-light"),
        (("screen.theme", "pur ple"), "a theme's name"),
        (("keys.archiv", "f2"), "archive"),
        (("keys.archive", "f2,,"), "f5,ctrl+r"),
        (("keys.archive", "banana"), "which no terminal can send"),
        (("keys.archive", "ctrl-r"), "Did you mean ctrl+r?"),
        (("keys.archive", "r"), "which restore already uses"),
    ],
)
def test_invalid_value_is_rejected_and_the_file_unchanged(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = "# mine\n[sync]\npoll_seconds = 30\n"
    write(tmp_path, before)
    result = reshelve_settings(tmp_path, *arguments)
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output
    assert file_of(tmp_path).read_text(encoding="utf-8") == before


def test_shortcuts_can_be_set_beside_invalid_ones(tmp_path: Path) -> None:
    write(tmp_path, '[keys]\nrestore = "f9"\nundo = "banana"\n')
    result = reshelve_settings(tmp_path, "keys.archive", "f9")
    assert result.exit_code == 1
    assert 'keys.archive is "f9", which restore already uses.' in result.output
    assert reshelve_settings(tmp_path, "keys.archive", "f8").exit_code == 0
    shown = reshelve_settings(tmp_path)
    assert shown.exit_code == 0
    assert "Ignored: " in joined(shown.output)
    assert 'keys.undo is "banana"' in joined(shown.output)


@pytest.mark.parametrize("arguments", [("--unset",), ("--unset", "sync.poll_seconds", "3")])
def test_unset_removes_only_one_key(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = reshelve_settings(tmp_path, *arguments)
    assert result.exit_code == 2
    assert "--unset takes one KEY" in result.output


def test_all_invalid_settings_are_shown_at_once_with_the_valid_ones(tmp_path: Path) -> None:
    write(
        tmp_path,
        '[xero]\nnew = 1\ncallback_port = 0\nclient_id = "ABC"\n[screen]\ntheme = "purple"\n'
        '[keys]\n"\\u001b[2J" = "x"\n',
    )
    result = reshelve_settings(tmp_path, RESHELVE_BUILD_NUMBER="7", RESHELVE_HOMES="x")
    assert result.exit_code == 1
    words = joined(result.output)
    for said in (
        *('client_id = "ABC"', "no setting new", "xero.callback_port", '"purple"', "isn't an action"),
        *(
            "RESHELVE_HOMES isn't a setting",
            "Unknown environment variables: RESHELVE_BUILD_NUMBER",
            "--unset KEY",
        ),
    ):
        assert said in words
    assert "\x1b" not in result.output


def test_unreadable_file_is_reported_and_defaults_are_shown(tmp_path: Path) -> None:
    write(tmp_path, "[xero\n")
    result = reshelve_settings(tmp_path)
    assert result.exit_code == 1
    assert "isn't valid TOML" in joined(result.output)
    assert 'xero.api_url = "https://api.xero.com"' in result.output


def test_demo_settings_are_shown_and_set(tmp_path: Path) -> None:
    file = Paths.under(tmp_path).demo.settings_file
    file.parent.mkdir(parents=True)
    file.write_text('[screen]\ntheme = "purple"\n[xero]\nnew = 1\n', encoding="utf-8")
    shown = reshelve_settings(tmp_path, "--demo")
    assert shown.exit_code == 1
    assert shown.output.startswith(f"{file}\n")
    for path in ("screen.theme", "xero.new"):
        assert reshelve_settings(tmp_path, "--demo", "--unset", path).exit_code == 0
    assert reshelve_settings(tmp_path, "--demo", "screen.theme", "nord").exit_code == 0
    assert load(file, {}).screen.theme == "nord"
    assert reshelve_settings(tmp_path, "--demo").exit_code == 0
    assert not file_of(tmp_path).exists()


def test_an_unwritable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("in the way", encoding="utf-8")
    result = reshelve_settings(tmp_path, "sync.poll_seconds", "20")
    assert result.exit_code == 1
    assert "config" in result.output
    assert "Traceback" not in result.output


def test_organisation_settings_are_set_and_shown_by_tenant_id(tmp_path: Path) -> None:
    assert "organisations.TENANT-ID.zone" in joined(reshelve_settings(tmp_path, "organisations").output)
    path = "organisations.0a1b2c3d-0000-4000-8000-00000000000f.zone"
    assert reshelve_settings(tmp_path, path, "Pacific/Auckland").exit_code == 0
    shown = joined(reshelve_settings(tmp_path, "organisations").output)
    assert f'{path} = "Pacific/Auckland"' in shown
    assert "Set in settings.toml" in joined(reshelve_settings(tmp_path, path).output)
    wrong = reshelve_settings(tmp_path, path, "Middle/Earth")
    assert wrong.exit_code != 0
    assert "Middle/Earth" in wrong.output
    assert reshelve_settings(tmp_path, path, "--unset").exit_code == 0
    assert path not in reshelve_settings(tmp_path, "organisations").output
