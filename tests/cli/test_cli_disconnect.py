"""`reshelve disconnect`: names what it ends, asks first, and keeps the data of this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from support.fake_account import FakeAccount, opened_for

from tui import messages
from tui.cli import main
from tui.model.account import OrganisationSummary
from tui.model.contact import Organisation
from tui.model.errors import NetworkSetupError, OfflineError, ReplyLostError
from tui.model.reasons import NetworkReason, XeroReason
from tui.system.paths import Paths

if TYPE_CHECKING:
    from pathlib import Path

    from tui.model.errors import XeroError


def listed(name: str, sign_in: str, **parts: object) -> OrganisationSummary:
    return OrganisationSummary(Organisation(name, name, "!x", sign_in=sign_in), **parts)  # type: ignore[arg-type]


TWO_SIGN_INS = [
    listed("Bayside Property", "APP-ONE", not_in_xero=2),
    listed("City Limousines", "APP-ONE", is_removed=True),
    listed("Demo Company", "APP-TWO"),
]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> FakeAccount:
    return opened_for("connect", FakeAccount(list(TWO_SIGN_INS)), monkeypatch)


def disconnect(home: Path, *options: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["disconnect", *options], input=stdin, env={"RESHELVE_HOME": str(home)})


def ended(account: FakeAccount) -> list[str]:
    return [call[1] for call in account.calls if call[0] == "disconnect"]


def test_sign_in_is_shown_with_its_organisations_before_it_is_ended(
    account: FakeAccount, tmp_path: Path
) -> None:
    result = disconnect(tmp_path, "--organisation", "bayside", stdin="y\n")
    assert result.exit_code == 0, result.output
    assert ended(account) == ["APP-ONE"]
    before, _, after = result.output.partition("Disconnect? [y/N]: y\n")
    sign_in, connected, gone = before.splitlines()
    assert "APP-ONE" in sign_in
    assert "Bayside Property – 2 not in Xero" in connected
    assert "City Limousines – no longer connected" in gone
    disconnected, kept = after.splitlines()
    assert disconnected.endswith(": Bayside Property, City Limousines")
    assert str(Paths.under(tmp_path).organisations) in kept


@pytest.mark.parametrize("stdin", ["", "\n", "n\n", "nonsense\n"])
def test_disconnect_does_nothing_without_confirmation(
    account: FakeAccount, tmp_path: Path, stdin: str
) -> None:
    result = disconnect(tmp_path, "--organisation", "Demo", stdin=stdin)
    assert result.exit_code == 1
    assert "Cancelled" in result.output
    assert ended(account) == []


@pytest.mark.usefixtures("account")
def test_prompt_without_a_terminal_names_the_option(tmp_path: Path) -> None:
    result = disconnect(tmp_path, "--organisation", "Demo")
    assert "no answer to “Disconnect?” Nothing changed." in result.output
    assert "--yes" in result.output


def test_yes_option_answers_the_prompt(account: FakeAccount, tmp_path: Path) -> None:
    result = disconnect(tmp_path, "--all", "--yes")
    assert result.exit_code == 0
    assert ended(account) == ["APP-ONE", "APP-TWO"]
    assert "Disconnect?" not in result.output


def test_the_only_sign_in_needs_no_name(account: FakeAccount, tmp_path: Path) -> None:
    del account.listed[:2]
    assert disconnect(tmp_path, "--yes").exit_code == 0
    assert ended(account) == ["APP-TWO"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Several sign-ins match. Choose one with --organisation NAME, or use --all."),
        (("--organisation", "m"), "Several sign-ins match."),
        (("--organisation", "nowhere"), "No organisation matches nowhere. Connected: "),
    ],
)
def test_unknown_or_ambiguous_sign_in_lists_the_existing_ones(
    account: FakeAccount, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    result = disconnect(tmp_path, "--yes", *options)
    assert result.exit_code == 1
    assert said in result.output
    for name in ("Bayside Property", "Demo Company"):
        assert name in result.output
    assert ended(account) == []


def test_name_and_all_cannot_be_combined(account: FakeAccount, tmp_path: Path) -> None:
    assert disconnect(tmp_path, "--all", "--organisation", "Demo").exit_code == 2
    assert ended(account) == []


def test_disconnect_without_any_sign_in_is_reported(account: FakeAccount, tmp_path: Path) -> None:
    account.listed.clear()
    result = disconnect(tmp_path)
    assert result.exit_code == 3
    assert "No organisation is connected. There is nothing to disconnect." in result.output


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OfflineError(XeroReason.OFFLINE), "Nothing changed for Bayside Property, City Limousines."),
        (ReplyLostError(XeroReason.NO_REPLY), "The tokens are kept. Try again later."),
        (
            NetworkSetupError(NetworkReason.CERTIFICATE_FOLDER_MISSING),
            "restart Reshelve. Nothing changed for Bayside Property, City Limousines.",
        ),
    ],
)
def test_tokens_are_kept_if_xero_cannot_be_reached(
    account: FakeAccount, tmp_path: Path, error: XeroError, said: str
) -> None:
    account.fail("disconnect", error)
    result = disconnect(tmp_path, "--all", "--yes")
    assert result.exit_code == 1
    assert messages.message(error) in result.output
    assert said in result.output
    assert "Disconnected:" not in result.output
    assert account.listed == TWO_SIGN_INS


def test_hostile_names_are_safe_for_the_terminal(account: FakeAccount, tmp_path: Path) -> None:
    account.listed = [listed("\x1b]0;owned\x07Rogue\u202e", "APP")]
    result = disconnect(tmp_path, "--yes")
    assert "  Rogue\n" in result.output
    assert "Disconnected: Rogue\n" in result.output
    assert "\x1b" not in result.output
