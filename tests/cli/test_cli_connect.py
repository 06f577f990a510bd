"""`reshelve connect`: four steps, a browser, and a message for every result."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from support.fake_account import (
    CALLBACK,
    CLIENT_ID,
    URL,
    FakeAccount,
    FakeSignIn,
    opened_for,
    organisation,
)

from tui.cli import main
from tui.model.account import ConnectResult
from tui.model.errors import NetworkSetupError, NoKeychainError, OfflineError, ReplyLostError, SignInError
from tui.model.reasons import NetworkReason, SignInReason, XeroReason
from tui.system.paths import Paths
from tui.system.platform import terminal_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui.model.account import ConnectRequest
    from tui.model.errors import XeroError

CONNECTED = ConnectResult(
    (organisation(1, "Bayside Property"), organisation(2, "Demo Company")), "the keychain"
)


class Answering(FakeAccount):
    """Ends each attempt with `end` as soon as it has begun."""

    end: ConnectResult | Exception = CONNECTED

    async def sign_in(self, request: ConnectRequest) -> FakeSignIn:
        attempt = await super().sign_in(request)
        attempt.ends(self.end)
        return attempt


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> FakeAccount:
    return opened_for("connect", Answering(is_sandbox=False), monkeypatch)


@pytest.fixture(autouse=True)
def browser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what is opened in a browser."""
    opened: list[str] = []

    def open_(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("tui.system.browser.open_page", open_)
    return opened


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Make the command see a terminal; return the end at which the user types."""
    person, program = os.openpty()
    monkeypatch.setattr("tui.cli.connect.is_interactive", lambda: True)
    monkeypatch.setattr("tui.cli.connect.terminal_lines", lambda take: terminal_lines(take, program))
    yield person
    os.close(person)
    os.close(program)


def connect(home: Path, *options: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["connect", *options], input=stdin, env={"RESHELVE_HOME": str(home)})


class KeychainFirst(Answering):
    """Waits for the keychain first."""

    async def sign_in(self, request: ConnectRequest) -> FakeSignIn:
        self.on_keychain_wait(True)  # noqa: FBT003 - its only argument
        return await super().sign_in(request)


def test_a_keychain_that_waits_for_the_user_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_for("connect", KeychainFirst(is_sandbox=False), monkeypatch)
    result = connect(tmp_path, "--client-id", CLIENT_ID)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Waiting for the keychain: check for its prompt.")


# --- the ordinary way ---


@pytest.mark.usefixtures("terminal")
def test_four_steps_lead_to_a_client_id_and_organisations(
    account: FakeAccount, browser: list[str], tmp_path: Path
) -> None:
    result = connect(tmp_path, stdin=f"{CLIENT_ID}\n")
    assert result.exit_code == 0, result.output
    steps = [
        line.strip() for line in result.output.splitlines() if line.strip()[:2] in {"1.", "2.", "3.", "4."}
    ]
    assert [step[0] for step in steps] == ["1", "2", "3", "4"]
    assert 'may not contain "Xero"' in steps[0]
    assert steps[2].endswith(f"redirect URI: {account.redirect_uri}")
    assert [(one.client_id, one.is_read_only, one.is_custom) for one in account.requests] == [
        (CLIENT_ID, False, False)
    ]
    assert browser == [URL]
    assert f"\n{URL}\n" in result.output
    assert "Waiting until " in result.output
    *_, first, second, stored, more, start = result.output.splitlines()
    assert "one organisation for each sign-in" in more
    assert [first, second, stored, start] == [
        "Connected: Bayside Property",
        "Connected: Demo Company",
        "Tokens stored in: the keychain",
        "Run `reshelve` to start.",
    ]
    assert account.attempt.cancelled == 1


def test_given_client_id_skips_the_steps(account: FakeAccount, browser: list[str], tmp_path: Path) -> None:
    result = connect(tmp_path, "--client-id", CLIENT_ID, "--read-only", "--no-browser")
    assert result.exit_code == 0, result.output
    assert "four steps" not in result.output
    assert account.requests[0].is_read_only
    assert browser == []
    assert URL in result.output


@pytest.mark.parametrize("options", [(), ("--with-activity",)], ids=["without", "with"])
def test_access_to_transactions_is_asked_for_separately(
    account: FakeAccount, tmp_path: Path, options: tuple[str, ...]
) -> None:
    result = connect(tmp_path, "--client-id", CLIENT_ID, "--no-browser", *options)
    assert (result.exit_code, account.requests[0].with_activity) == (0, bool(options))


@pytest.mark.usefixtures("terminal")
def test_the_client_id_used_before_is_proposed(account: FakeAccount, tmp_path: Path) -> None:
    account.client_id = CLIENT_ID
    assert connect(tmp_path, stdin="\n").exit_code == 0
    assert account.requests[0].client_id == CLIENT_ID


@pytest.mark.usefixtures("terminal")
def test_invalid_client_id_is_asked_for_again(account: FakeAccount, tmp_path: Path) -> None:
    result = connect(tmp_path, stdin=f"../../etc/passwd\n\n{CLIENT_ID}\n")
    assert result.exit_code == 0
    assert "letters, digits and hyphens" in result.output
    assert [one.client_id for one in account.requests] == [CLIENT_ID]


@pytest.mark.parametrize(
    ("options", "stdin", "said"),
    [
        ((), "", "No client ID was entered."),
        ((), "../../etc/passwd\n", "letters, digits and hyphens"),
        (("--client-id", "an id"), "", "letters, digits and hyphens"),
        (("--client-id", ""), "", "No client ID was entered."),
        (("--client-id", CLIENT_ID, "--custom"), "", "That isn't a valid client secret. Nothing was sent."),
        (("--client-id", CLIENT_ID, "--custom"), "a\x00secret\n", "That isn't a valid client secret."),
    ],
)
def test_wrong_options_are_reported_before_anything_is_sent(
    account: FakeAccount, tmp_path: Path, options: tuple[str, ...], stdin: str, said: str
) -> None:
    result = connect(tmp_path, *options, stdin=stdin)
    assert result.exit_code == 1
    assert said in result.output
    assert account.requests == []


def test_a_practice_xero_is_marked(account: FakeAccount, tmp_path: Path) -> None:
    account.is_sandbox = True
    assert "practice Xero" in connect(tmp_path, "--client-id", CLIENT_ID).output
    account.is_sandbox = False
    assert "practice" not in connect(tmp_path, "--client-id", CLIENT_ID).output


def test_address_is_shown_without_a_browser(
    account: FakeAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del account
    monkeypatch.setattr("tui.system.browser.open_page", lambda url: not url)
    result = connect(tmp_path, "--client-id", CLIENT_ID)
    assert result.exit_code == 0
    assert "No browser could be opened" in result.output
    assert URL in result.output


# --- custom connections ---


def test_custom_connection_reads_its_secret_from_stdin_without_a_browser(
    account: FakeAccount, browser: list[str], tmp_path: Path
) -> None:
    result = connect(tmp_path, "--custom", stdin=f"{CLIENT_ID}\nthe-secret\n")
    assert result.exit_code == 0, result.output
    assert account.requests[0].client_secret == "the-secret"
    assert '"Custom connection"' in result.output
    assert "the-secret" not in result.output
    assert "Waiting" not in result.output
    assert browser == []


@pytest.mark.usefixtures("terminal")
def test_typed_secret_is_not_echoed(account: FakeAccount, tmp_path: Path) -> None:
    result = connect(tmp_path, "--custom", "--client-id", CLIENT_ID, stdin="the-secret\n")
    assert result.exit_code == 0, result.output
    assert account.requests[0].client_secret == "the-secret"
    assert "the-secret" not in result.output


# --- where the tokens go ---


NO_KEYCHAIN = NoKeychainError(SignInReason.NO_KEYCHAIN)


@pytest.mark.usefixtures("terminal")
def test_a_file_is_used_only_once_the_user_agrees(account: FakeAccount, tmp_path: Path) -> None:
    account.fail("sign_in", NO_KEYCHAIN)
    result = connect(tmp_path, "--client-id", CLIENT_ID, stdin="y\n")
    assert result.exit_code == 0, result.output
    assert f"({Paths.under(tmp_path).token_file(CLIENT_ID)})? [y/N]" in result.output
    assert [one.allow_file for one in account.requests] == [False, True]


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("stdin", ["n\n", "\n", ""])
def test_without_a_keychain_or_a_yes_nothing_is_connected(
    account: FakeAccount, tmp_path: Path, stdin: str
) -> None:
    account.fail("sign_in", NO_KEYCHAIN)
    result = connect(tmp_path, "--client-id", CLIENT_ID, stdin=stdin)
    assert result.exit_code == 1
    assert "Your existing connections haven't changed." in result.output
    assert [one.allow_file for one in account.requests] == [False]


def test_script_is_told_the_option_for_token_files(account: FakeAccount, tmp_path: Path) -> None:
    account.fail("sign_in", NO_KEYCHAIN)
    result = connect(tmp_path, "--client-id", CLIENT_ID, stdin="y\n")
    assert result.exit_code == 1
    assert "--allow-file" in result.output
    assert connect(tmp_path, "--client-id", CLIENT_ID, "--allow-file").exit_code == 0
    assert [one.allow_file for one in account.requests] == [False, True]


# --- errors and cancelling ---


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(minutes=7), "7 minutes ahead of Xero's"),
        (timedelta(minutes=-90), "90 minutes behind Xero's"),
        (timedelta(seconds=50), ""),
        (timedelta(seconds=-50), ""),
    ],
)
def test_a_wrong_clock_is_reported(account: FakeAccount, tmp_path: Path, ahead: timedelta, said: str) -> None:
    assert isinstance(account, Answering)
    account.end = ConnectResult((organisation(1),), "a file", ahead)
    result = connect(tmp_path, "--client-id", CLIENT_ID)
    assert result.exit_code == 0
    assert said in result.output
    assert ("This computer's clock" in result.output) is bool(said)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SignInError(SignInReason.CODE_EXPIRED), "within five minutes. Sign in again."),
        (OfflineError(XeroReason.OFFLINE), "Can't reach Xero. Your existing connections haven't changed."),
        (ReplyLostError(XeroReason.NO_REPLY), "No reply from Xero. Your existing connections haven't"),
        (
            NetworkSetupError(NetworkReason.CERTIFICATE_FOLDER_MISSING),
            "restart Reshelve. Your existing connections haven't changed.",
        ),
    ],
)
@pytest.mark.parametrize("where", ["begin", "finish"])
def test_a_failure_is_reported_and_promises_no_retry(
    account: FakeAccount, tmp_path: Path, error: XeroError, said: str, where: str
) -> None:
    assert isinstance(account, Answering)
    if where == "begin":
        account.fail("sign_in", error)
    account.end = error
    result = connect(tmp_path, "--client-id", CLIENT_ID)
    assert result.exit_code == 1
    assert said in result.output
    assert ("Try again later." in result.output) is (type(error) in {OfflineError, ReplyLostError})
    assert "automatically" not in result.output
    assert "Traceback" not in result.output
    assert all(attempt.cancelled for attempt in account.attempts)


def test_hostile_names_are_safe_for_the_terminal(account: FakeAccount, tmp_path: Path) -> None:
    assert isinstance(account, Answering)
    account.end = ConnectResult(
        (organisation(1, "\x1b]0;owned\x07Rogue\u202e", is_read_only=True),), "a file"
    )
    result = connect(tmp_path, "--client-id", CLIENT_ID)
    assert "Connected: Rogue (read-only)\n" in result.output
    assert "\x1b" not in result.output


class Waiting(FakeAccount):
    """Ends an attempt when its address is pasted; `begun` is called when one waits."""

    async def sign_in(self, request: ConnectRequest) -> FakeSignIn:
        attempt = await super().sign_in(request)
        paste = attempt.paste

        def paste_and_end(address: str) -> None:
            paste(address)
            attempt.ends(CONNECTED)

        attempt.paste = paste_and_end  # type: ignore[method-assign]
        return attempt


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> FakeAccount:
    return opened_for("connect", Waiting(is_sandbox=False), monkeypatch)


def test_address_from_another_computers_browser_can_be_pasted(
    waiting: FakeAccount, terminal: int, tmp_path: Path
) -> None:
    os.write(terminal, f"nonsense\n\n  {CALLBACK} \n".encode())
    result = connect(tmp_path, "--client-id", CLIENT_ID, "--no-browser")
    assert result.exit_code == 0, result.output
    assert "Paste the address" in result.output
    assert "This isn't the address that the browser ended at. Copy all of it" in result.stderr
    assert waiting.attempt.pasted == [CALLBACK]


def test_ctrl_c_while_waiting_cancels_with_a_message(
    waiting: FakeAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def press_ctrl_c(url: str) -> bool:
        del url
        os.kill(os.getpid(), signal.SIGINT)
        return True

    monkeypatch.setattr("tui.system.browser.open_page", press_ctrl_c)
    result = connect(tmp_path, "--client-id", CLIENT_ID)
    assert result.exit_code == 1
    assert "Cancelled. Your existing connections haven't changed." in result.output
    assert waiting.attempt.cancelled == 1


@pytest.mark.usefixtures("account", "terminal")
def test_ctrl_d_at_a_question_cancels_with_a_message(tmp_path: Path) -> None:
    result = connect(tmp_path, stdin="")
    assert result.exit_code == 1
    assert "Cancelled." in result.output


async def test_closed_terminal_gives_no_more_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    let_go = asyncio.Event()
    remove_reader = loop.remove_reader

    def note(descriptor: int) -> bool:
        let_go.set()
        return remove_reader(descriptor)

    monkeypatch.setattr(loop, "remove_reader", note)
    reading, writing = os.pipe()
    lines: asyncio.Queue[str] = asyncio.Queue()
    with terminal_lines(lines.put_nowait, reading):
        os.write(writing, b"one\n\xff two \n")
        assert await lines.get() == "one"
        assert await lines.get() == "� two"
        assert not let_go.is_set()
        os.close(writing)
        await let_go.wait()
    assert lines.empty()
    os.close(reading)
