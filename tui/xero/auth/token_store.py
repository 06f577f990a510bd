"""The tokens of a sign-in, and where they are stored: in the system's keychain or a file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from tui.model import timestamps
from tui.model.errors import ReconnectError, StoreError
from tui.model.reasons import SignInReason
from tui.net import lenient_json
from tui.system.keychain import KeychainEntry, Secret
from tui.system.paths import write_atomically

if TYPE_CHECKING:
    from pathlib import Path


_EXPIRY_MARGIN: Final = timedelta(minutes=2)
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WRITING: Final = "accounting.contacts"


@dataclass(frozen=True, slots=True)
class Tokens:
    """One sign-in: a Xero app's client ID and its tokens.

    A `client_secret` makes it a custom connection, whose refresh token is empty. `scope` lists the granted
    scopes, separated by spaces. Secrets are left out of `repr`, so logs and tracebacks can't show them.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    client_id: str
    client_secret: str = field(default="", repr=False)
    scope: str = ""

    @classmethod
    def from_refresh_token(cls, refresh_token: str, client_id: str) -> Tokens:
        """Create from a refresh token; the first request fetches an access token."""
        return cls("", refresh_token, _NEVER, client_id)

    @classmethod
    def from_json(cls, content: bytes) -> Tokens:
        """Read what `to_json` wrote. Raises `ValueError`."""
        tokens = lenient_json.decode(content, cls)
        # If invalid, the next request fetches a new access token.
        return replace(tokens, expires_at=timestamps.valid_timestamp(tokens.expires_at) or _NEVER)

    def to_json(self) -> bytes:
        """Serialise everything, secrets included; only for a token store."""
        return msgspec.json.encode(self, enc_hook=str)

    @property
    def can_write(self) -> bool:
        """Whether contacts may be changed; assumed if the scope is unknown."""
        return not self.scope or _WRITING in self.scope.split()

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether the access token is still valid at that time, with a margin."""
        return bool(self.access_token) and self.expires_at - _EXPIRY_MARGIN > moment


class TokenStore(Protocol):
    """Stores the tokens of one sign-in between runs. All methods block."""

    def load(self) -> Tokens:
        """Load the tokens.

        Raises `ReconnectError` if there are no usable ones, and `OfflineError` if they can't be read now: the
        request that needed them wasn't sent.
        """
        ...

    def save(self, tokens: Tokens) -> None:
        """Save the tokens durably. Raises `StoreError`, and `OfflineError` as `load` does."""
        ...

    def delete(self) -> None:
        """Delete the tokens, if any. Raises `StoreError`, and `OfflineError` as `load` does."""
        ...


class FileTokenStore(TokenStore):
    """A file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Tokens:
        """Read the file. Raises `ReconnectError` if it is missing or damaged."""
        try:
            return Tokens.from_json(self._path.read_bytes())
        except FileNotFoundError:
            reason = SignInReason.NOT_SIGNED_IN
        except (OSError, ValueError):
            reason = SignInReason.UNREADABLE
        raise ReconnectError(reason)

    def save(self, tokens: Tokens) -> None:
        """Replace the file atomically."""
        try:
            write_atomically(self._path, tokens.to_json())
        except OSError as error:
            raise StoreError(SignInReason.NOT_SAVED, problem=error.strerror or str(error)) from error

    def delete(self) -> None:
        """Remove the file."""
        try:
            self._path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            problem = error.strerror or str(error)
            raise StoreError(SignInReason.NOT_REMOVED, problem=problem, file=str(self._path)) from error


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
