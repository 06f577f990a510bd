"""The tokens of a sign-in: where they are kept, and how they are renewed.

Xero's access tokens live 30 minutes. A refresh token is used once: every refresh brings a new one, and
the old one works for 30 minutes more (said by Xero), in case the answer was lost.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol, SupportsIndex

import msgspec
from filelock import FileLock, Timeout

from tui.model.errors import OfflineError, ReconnectError, StoreError
from tui.paths import private_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

_EARLY: Final = timedelta(minutes=2)
_LONGEST_WAIT: Final = 60.0
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SIGN_IN: Final = "Run `reshelve connect`; everything queued is kept."


class Secret(str):
    """A token that a traceback with local variables can't show, whole or shortened."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        return Secret(super().__getitem__(key))


@dataclass(frozen=True, slots=True)
class Tokens:
    """One sign-in. The tokens stay out of `repr`, so that no log or traceback can show them."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime

    @classmethod
    def of_refresh_token(cls, refresh_token: str) -> Tokens:
        """Start from a refresh token alone: the first call fetches an access token."""
        return cls("", refresh_token, _NEVER)

    def last_beyond(self, moment: datetime) -> bool:
        """Say whether the access token can be used at the moment, with time to spare."""
        return bool(self.access_token) and self.expires_at - _EARLY > moment


class TokenStore(Protocol):
    """Where the tokens of one sign-in are kept between runs."""

    def load(self) -> Tokens:
        """Read them. Raises `ReconnectError` when there are none that can be used."""
        ...

    def save(self, tokens: Tokens) -> None:
        """Keep them, durably when this returns. Raises `StoreError`."""
        ...


class TokenFile(TokenStore):
    """A file that its owner alone can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Tokens:
        """Read the file. Raises `ReconnectError` when it is missing or damaged."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Tokens)
        except FileNotFoundError:
            problem = "You aren't signed in to Xero."
        except (OSError, ValueError):
            problem = "The sign-in to Xero can't be read."
        raise ReconnectError(problem, _SIGN_IN)

    def save(self, tokens: Tokens) -> None:
        """Replace the file in one step."""
        try:
            write_atomically(self._path, msgspec.json.encode(tokens))
        except OSError as error:
            raise StoreError(
                f"The sign-in to Xero can't be saved: {error.strerror}.",
                "Make room on the disk, then try again.",
            ) from error


class TokenSource:
    """Hands out an access token that works.

    One process refreshes at a time, for the whole machine: two that did would leave one of them with
    a refresh token that is worth nothing.
    """

    def __init__(
        self,
        store: TokenStore,
        lock_file: Path,
        *,
        identity_url: str,
        client_id: str,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._store = store
        self._lock_file = lock_file
        self._identity_url = identity_url
        self._client_id = client_id
        self._transport = transport
        self._turn = asyncio.Lock()
        self._tokens: Tokens | None = None

    async def access_token(self, *, stale: str | None = None) -> str:
        """Return a token that lasts two minutes more; `stale` is one that was met with a 401.

        Raises `ReconnectError` when the person has to connect again, `RateLimitedError`, and
        `OfflineError` for whatever else stood in the way, a full disk included: what needed the token
        was certainly not sent.
        """
        async with self._turn:
            tokens = self._tokens
            if tokens is None or not _is_good(tokens, stale):
                # A thread, as it waits for a lock, a disk and a server; and once begun, a refresh is
                # finished even if nobody wants it any more: its answer can't be asked for twice.
                tokens = await asyncio.to_thread(self._renew, stale)
                self._tokens = tokens
            return Secret(tokens.access_token)

    def _renew(self, stale: str | None) -> Tokens:
        with self._alone():
            tokens = self._store.load()
            if _is_good(tokens, stale):
                return tokens  # another process was faster
            from tui.xero.refresh import refresh  # noqa: PLC0415 - loads httpx, in this thread and not before

            spent = Secret(tokens.refresh_token)
            tokens = refresh(self._identity_url, self._client_id, spent, self._transport)
            self._store.save(tokens)
            return tokens

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            private_folder(self._lock_file.parent)
            with FileLock(self._lock_file, timeout=_LONGEST_WAIT, mode=0o600):
                yield
        except Timeout:
            raise OfflineError(
                "Another Reshelve is renewing the sign-in to Xero.", "Nothing is lost: this one tries again."
            ) from None
        except StoreError as error:
            raise OfflineError(error.what, error.next_step) from error
        except OSError as error:
            raise OfflineError(
                f"The sign-in to Xero can't be renewed: {error.strerror}.",
                f"Check the folder {self._lock_file.parent}.",
            ) from error


def _is_good(tokens: Tokens, stale: str | None) -> bool:
    return tokens.access_token != stale and tokens.last_beyond(datetime.now(UTC))
