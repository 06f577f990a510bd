"""The log says what happened, and never has a token in it."""

from __future__ import annotations

import logging
import re
import stat
from typing import TYPE_CHECKING

import pytest

from tui.net import lenient_json
from tui.system.log import log_to, log_unexpected, logger

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cret-Token.with~odd+/signs_1234567890="


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    log_to(tmp_path / "logs")
    return tmp_path / "logs" / "reshelve.log"


@pytest.mark.parametrize(
    "message",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization: bearer   {SECRET}",
        f"access_token={SECRET}",
        f"POST https://identity.example/connect/token?refresh_token={SECRET}&scope=x",
        f"http://localhost:8742/callback?code={SECRET}&state=x",
        f"code_verifier={SECRET}",
        f'{{"access_token": "{SECRET}"}}',
        f'{{"refresh_token":"{SECRET}","id_token":"{SECRET}"}}',
        f"{{'refresh_token': '{SECRET}'}}",
        f"{{'refresh_token': {SECRET.encode()!r}}}",
        f"Tokens(access_token='{SECRET}', refresh_token='{SECRET}')",
        f"refreshToken: {SECRET}",
        f"client_secret={SECRET}",
        f"refresh_token=abc%2B{SECRET}",
    ],
)
def test_token_in_a_log_message_is_removed(log_file: Path, message: str) -> None:
    logger.info("before %s after", message)
    written = log_file.read_text(encoding="utf-8")
    assert SECRET not in written
    assert "…" in written
    assert "before" in written
    assert "after" in written


def test_json_web_token_is_removed_from_any_position(log_file: Path) -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    logger.info("odd place: [%s]", token)
    assert token not in log_file.read_text(encoding="utf-8")
    assert "odd place: […]" in log_file.read_text(encoding="utf-8")


def test_tokens_in_log_arguments_are_removed(log_file: Path) -> None:
    logger.warning("got %(body)s", {"body": {"refresh_token": SECRET}})
    logger.warning("%s %s", "Bearer", SECRET)
    assert SECRET not in log_file.read_text(encoding="utf-8")


def test_tokens_in_a_traceback_are_removed(log_file: Path) -> None:
    def fail() -> None:
        raise ValueError(f"no answer from https://identity.example?refresh_token={SECRET}")

    try:
        try:
            fail()
        except ValueError as error:
            raise RuntimeError(f"Bearer {SECRET}") from error
    except RuntimeError:
        logger.exception("it failed")
    written = log_file.read_text(encoding="utf-8")
    assert SECRET not in written
    assert "in fail" in written
    assert written.index("builtins.ValueError") < written.index("builtins.RuntimeError")


def test_ordinary_words_are_logged_unchanged(log_file: Path) -> None:
    message = "xero: OfflineError; next attempt in 4 s; 3 changes of status seen (error code 1234)"
    logger.info(message)
    assert message in log_file.read_text(encoding="utf-8")


def test_only_the_owner_can_read_the_log(log_file: Path) -> None:
    logger.info("started")
    assert stat.S_IMODE(log_file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(log_file.stat().st_mode) == 0o600


def test_unexpected_error_is_logged_with_our_line_and_the_innermost_line(log_file: Path) -> None:
    try:
        lenient_json.decode(b"[", int)
    except Exception as error:  # noqa: BLE001 - whatever it is
        log_unexpected("reading", error)
    written = log_file.read_text(encoding="utf-8")
    assert re.search(r"reading failed unexpectedly: \w+ at tui/net/lenient_json\.py:\d+", written)


def test_full_log_file_is_rotated(log_file: Path) -> None:
    for _ in range(3):
        logger.info("x" * 600_000)
    assert sorted(path.name for path in log_file.parent.iterdir()) == [
        "reshelve.log",
        "reshelve.log.1",
        "reshelve.log.2",
    ]


def test_invalid_log_call_does_not_raise(log_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger.info("%d contacts", "many")
    logger.info("still here")
    assert "still here" in log_file.read_text(encoding="utf-8")


@pytest.mark.usefixtures("log_file")
def test_nothing_reaches_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    logger.error("not for the screen")
    assert capfd.readouterr() == ("", "")


def test_unwritable_log_folder_only_disables_logging(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    before = logging.getLogger("reshelve").handlers[:]
    log_to(tmp_path / "file" / "logs")
    logger.info("nobody hears this")
    assert logging.getLogger("reshelve").handlers == before


def test_reopening_the_log_elsewhere_leaves_the_old_file(log_file: Path, tmp_path: Path) -> None:
    log_to(tmp_path / "other")
    logger.info("once")
    assert not log_file.exists()
    assert (tmp_path / "other" / "reshelve.log").read_text(encoding="utf-8").count("once") == 1
