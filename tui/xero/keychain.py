"""Tokens in the system's keychain, over `keyring`: imported when first used, as that takes 100 ms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.xero.tokens import Tokens, TokenStore

if TYPE_CHECKING:
    from pathlib import Path


def keychain_name() -> str:
    """Name the system's keychain, empty where there is none that works; blocks."""
    raise NotImplementedError


class Keychain(TokenStore):
    """One entry of the system's keychain, for one client id of one installation (its data `folder`)."""

    def __init__(self, folder: Path, client_id: str) -> None:
        self._user = f"{client_id} in {folder}"

    def load(self) -> Tokens:
        """Read the entry."""
        raise NotImplementedError

    def save(self, tokens: Tokens) -> None:
        """Replace the entry."""
        raise NotImplementedError

    def delete(self) -> None:
        """Remove the entry."""
        raise NotImplementedError
