"""Connecting and disconnecting in a real terminal, against the practice Xero's own pages."""

from __future__ import annotations

import re
import socket
import stat
import sys
import time
from typing import TYPE_CHECKING

import pytest
from support.consent import decide
from support.demo import environment
from support.practice import PracticeXero, http, running_sandbox
from support.terminal import Terminal, arguments

from tui.sandbox.oauth.tokens import CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET
from tui.system.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

# Wide enough for an address on one line.
_COLUMNS = 1000
_AGAIN_SECONDS = 2


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    with running_sandbox(tmp_path_factory.mktemp("practice"), "--contacts", "20") as running:
        yield running


@pytest.fixture
def variables(practice: PracticeXero, tmp_path: Path) -> dict[str, str]:
    """Point the program at the practice Xero, on a machine without a keychain."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        **environment(tmp_path),
        **practice.environment,
        "RESHELVE_XERO_CALLBACK_PORT": str(port),
        "RESHELVE_XERO_TOKEN_STORE": "file",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }


def reshelve(variables: dict[str, str], *arguments: str) -> Terminal:
    return Terminal([sys.executable, "-m", "tui", *arguments], variables, columns=_COLUMNS)


def address_shown(terminal: Terminal) -> str:
    """Wait until the program waits, and return the address it shows."""
    terminal.until_shown("Waiting until ")
    [address] = re.findall(r"^(http\S+/authorize\?\S+)$", terminal.screen.text, re.MULTILINE)
    return str(address)


@pytest.mark.parametrize("is_pasted", [False, True])
def test_user_signs_in_and_disconnects(
    practice: PracticeXero,
    variables: dict[str, str],
    tmp_path: Path,
    is_pasted: bool,  # noqa: FBT001 - a table's column
) -> None:
    with reshelve(variables, "connect", "--no-browser") as terminal:
        terminal.until_shown(f"Client ID [{practice.client_id}]:")
        terminal.write("\r")
        ended_at = decide(address_shown(terminal))
        if is_pasted:
            terminal.write(f"{ended_at}\r")
        else:
            assert http("GET", ended_at).status == 200
        assert terminal.wait() == 0
        for one in practice.organisations:
            assert f"Connected: {one.name}" in terminal.screen.text
        assert "Traceback" not in terminal.screen.text
    tokens = Paths.under(tmp_path).token_file(practice.client_id)
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o600
    with reshelve(variables, "disconnect") as terminal:
        terminal.until_shown("Disconnect? [y/N]:")
        assert practice.organisations[0].name in terminal.screen.text
        terminal.write("y\r")
        assert terminal.wait() == 0
        assert "Saved contacts and change logs are kept" in terminal.screen.text
    assert not tokens.exists()


def test_refusing_access_in_the_browser_is_reported(variables: dict[str, str]) -> None:
    with reshelve(
        variables, "connect", "--no-browser", "--client-id", variables["RESHELVE_XERO_CLIENT_ID"]
    ) as terminal:
        http("GET", decide(address_shown(terminal), "deny"))
        assert terminal.wait() == 1
        assert "Error: " in terminal.screen.text
        assert "Traceback" not in terminal.screen.text


class Interrupting:
    """Presses Ctrl-C, again if nothing happens: readline loses one just before it begins to wait."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal, self._pressed_at = terminal, float("-inf")

    def __call__(self) -> bool:
        if "Cancelled." in self._terminal.screen.text:
            return True
        if time.monotonic() - self._pressed_at > _AGAIN_SECONDS:
            self._terminal.write("\x03")
            self._pressed_at = time.monotonic()
        return False


@pytest.mark.parametrize("step", ["Client ID", "Waiting until "])
def test_ctrl_c_cancels_at_any_step(variables: dict[str, str], tmp_path: Path, step: str) -> None:
    with reshelve(variables, "connect", "--no-browser") as terminal:
        terminal.until_shown(f"Client ID [{variables['RESHELVE_XERO_CLIENT_ID']}]:")
        if step != "Client ID":
            terminal.write("\r")
            terminal.until_shown(step)
        terminal.until(Interrupting(terminal), "cancelling")
        assert terminal.wait() == 1
        assert "Cancelled. Your existing connections haven't changed." in terminal.screen.text
        assert "Traceback" not in terminal.screen.text
    assert not Paths.under(tmp_path).organisations_file.exists()


def test_without_a_keychain_a_custom_connection_asks_before_it_uses_a_file(
    variables: dict[str, str], tmp_path: Path
) -> None:
    del variables["RESHELVE_XERO_TOKEN_STORE"]
    with reshelve(variables, "connect", "--custom", "--client-id", CUSTOM_CLIENT_ID) as terminal:
        terminal.until_shown("Client secret (hidden):")
        terminal.write(f"{CUSTOM_CLIENT_SECRET}\r")
        terminal.until_shown("[y/N]:")
        processes = terminal.family()
        assert arguments(processes[0])
        for process in processes:
            assert CUSTOM_CLIENT_SECRET not in " ".join(arguments(process))
        terminal.write("y\r")
        assert terminal.wait() == 0
        assert "Connected: " in terminal.screen.text
        assert CUSTOM_CLIENT_SECRET not in terminal.screen.text
    assert Paths.under(tmp_path).token_file(CUSTOM_CLIENT_ID).exists()
