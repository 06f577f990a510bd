"""Store the tokens of a sign-in in the system's keychain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.model.errors import ReconnectError
from tui.model.reasons import SignInReason
from tui.system.keychain import KeychainEntry, Secret
from tui.xero.auth.token_store import Tokens, TokenStore

if TYPE_CHECKING:
    from pathlib import Path


class KeychainTokenStore(TokenStore):
    """The tokens of one client ID of one installation (its data `folder`), in an entry of their own.

    See `KeychainEntry` for its failures.
    """

    def __init__(self, folder: Path, client_id: str) -> None:
        self._entry = KeychainEntry(f"{client_id} in {folder}")

    def load(self) -> Tokens:
        """Read the entry. Raises `ReconnectError` and `KeychainError`."""
        return _parse_tokens(self._entry.load())

    def save(self, tokens: Tokens) -> None:
        """Replace the entry and verify it. Raises `KeychainWriteError`, and `KeychainError` while waiting."""
        self._entry.save(Secret(tokens.to_json().decode()))

    def delete(self) -> None:
        """Remove the entry. Raises `KeychainWriteError`, and `KeychainError` while waiting."""
        self._entry.delete()


def _parse_tokens(kept: Secret) -> Tokens:
    reason = SignInReason.NOT_SIGNED_IN
    if kept:
        try:
            return Tokens.from_json(kept.encode())
        except ValueError:
            reason = SignInReason.UNREADABLE
    raise ReconnectError(reason)
