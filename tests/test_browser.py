"""Opening pages in a browser: real processes of commands that tests create."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tui.system import browser

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

URL = "https://go.xero.com/app/!Qj35V/contacts/contact/1?a=b&c='$(x)%20\"#links"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="each system has its own way")
TERMINAL = ["w3m", "links2", "lynx", "links", "elinks", "cha", "browsh", "www-browser", "felinks", "netrik"]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Create a command that writes its arguments to a file with its name and `.log`."""
    (tmp_path / "bin").mkdir()
    shell = os.environ["PATH"]
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("BROWSER", raising=False)

    def make(name: str, then: str = "exit 0") -> Path:
        command = tmp_path / "bin" / name
        log = tmp_path / f"{name}.log"
        command.write_text(
            f"#!/bin/sh\nPATH={shell}\nprintf '%s\\n' \"$@\" >>{log}\nreadlink /proc/self/fd/0 >>{log}\n"
            f"echo noise; echo noise >&2; (echo >/dev/tty) 2>/dev/null && echo tty >>{log}\n{then}\n"
        )
        command.chmod(0o755)
        return command

    return make


def given(tmp_path: Path, name: str) -> list[str] | None:
    log = tmp_path / f"{name}.log"
    return log.read_text().splitlines() if log.exists() else None


@pytest.mark.parametrize(
    ("choice", "arguments"),
    [
        ("mine", [URL]),
        ("mine %s", [URL]),
        ("mine --new '%s' &", ["--new", URL]),
        ("missing:mine", [URL]),
        ("mine 'unclosed:mine", [URL]),
        ("w3m:mine", [URL]),
        ("failing:mine", [URL]),
    ],
)
def test_chosen_browser_gets_the_address_and_no_access_to_the_terminal(  # noqa: PLR0917 - parameters
    choice: str,
    arguments: list[str],
    make: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    make("mine")
    make("w3m")
    make("failing", "exit 3")
    make("xdg-open")
    monkeypatch.setenv("BROWSER", choice)
    assert browser.open_page(URL)
    assert given(tmp_path, "mine") == [*arguments, "/dev/null"]
    assert given(tmp_path, "w3m") is None
    assert given(tmp_path, "xdg-open") is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", TERMINAL)
@pytest.mark.parametrize(
    "form", ["{}", "{} %s", "{folder}/{} -x %s", "env {} %s", "sh -c '{} \"$0\"'", "alias"]
)
def test_terminal_browsers_are_never_run(
    name: str, form: str, make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = make(name)
    for wrapper in ("env", "sh"):
        (tmp_path / "bin" / wrapper).symlink_to(f"/usr/bin/{wrapper}")
    for link in ("alias", "x-www-browser"):
        (tmp_path / "bin" / link).symlink_to(command)
    monkeypatch.setenv("BROWSER", form.format(name, folder=tmp_path / "bin"))
    assert not browser.open_page(URL)
    assert given(tmp_path, name) is None


@pytest.mark.parametrize("name", ["sensible-browser", "python3"])
@pytest.mark.parametrize("display", ["", ":0"])
def test_helpers_that_may_choose_a_terminal_browser_run_only_on_desktops(
    name: str, display: str, make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(name)
    monkeypatch.setenv("BROWSER", f"{name} -m webbrowser" if name == "python3" else name)
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert browser.open_page(URL) == bool(display)


def test_next_helper_runs_after_a_failure_and_total_failure_is_reported(
    make: Callable[..., Path], tmp_path: Path
) -> None:
    make("xdg-open", "exit 3")
    assert not browser.open_page(URL)
    make("gio")
    assert browser.open_page(URL)
    assert given(tmp_path, "gio") == ["open", URL, "/dev/null"]


def test_helpers_cannot_start_terminal_browsers(
    make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("w3m")
    # Like the real one on a desktop without a browser.
    make("xdg-open", "PATH=" + str(tmp_path / "bin") + '; eval "${BROWSER:-w3m} $1"')
    monkeypatch.setenv("BROWSER", "w3m")
    assert not browser.open_page("https://xero.test")
    assert given(tmp_path, "w3m") is None


def test_no_browser_is_tried_without_a_display(
    make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("xdg-open")
    make("firefox")
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not browser.open_page(URL)
    assert given(tmp_path, "xdg-open") is None


def test_browser_that_keeps_running_counts_as_opened(
    make: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "_LAUNCH_TIMEOUT", 0.05)
    door = tmp_path / "door"
    os.mkfifo(door)
    make("firefox", f"read _ <{door}; exit 3")
    assert browser.open_page(URL)
    door.write_text("let go\n")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "--version",
        "",
        "https://a b",
        "https://x\n--y",
        "vbscript:x",
    ],
)
def test_only_web_addresses_are_opened(url: str, make: Callable[..., Path], tmp_path: Path) -> None:
    make("xdg-open")
    assert not browser.open_page(url)
    assert given(tmp_path, "xdg-open") is None
