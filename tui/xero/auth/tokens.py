"""The tokens of a sign-in: where they are kept, and how they are renewed.

Xero's access tokens live 30 minutes. A refresh token is used once: every refresh brings a new one, and
the old one works for 30 minutes more (said by Xero), in case the answer was lost. A custom connection has
no refresh token: its client secret fetches the next access token.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, SupportsIndex

import msgspec

from tui.model import timestamps
from tui.model.errors import OfflineError, ReconnectError, StoreError
from tui.net import lenient_json
from tui.system.locks import CannotLockError, FileLock
from tui.system.paths import private_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

_EXPIRY_MARGIN: Final = timedelta(minutes=2)
_LONGEST_WAIT: Final = 60.0
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CONNECT: Final = "Connect to Xero; everything queued is kept."
_WRITING: Final = "accounting.contacts"


class Secret(str):
    """A token that a traceback with local variables can't show, whole or shortened."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        return Secret(super().__getitem__(key))


@dataclass(frozen=True, slots=True)
class Tokens:
    """One sign-in: one Xero app's client id, and what Xero has granted it.

    A `client_secret` makes it a custom connection, whose refresh token is empty. `scope` holds what was
    granted, separated by spaces. All secrets stay out of `repr`, so that no log or traceback can show them.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    client_id: str
    client_secret: str = field(default="", repr=False)
    scope: str = ""

    @classmethod
    def from_refresh_token(cls, refresh_token: str, client_id: str) -> Tokens:
        """Start from a refresh token alone: the first call fetches an access token."""
        return cls("", refresh_token, _NEVER, client_id)

    @classmethod
    def from_json(cls, content: bytes) -> Tokens:
        """Read what `to_json` wrote. Raises `ValueError`."""
        tokens = lenient_json.decode(content, cls)
        # Unknown, so that the next call fetches a new access token.
        return replace(tokens, expires_at=timestamps.valid_timestamp(tokens.expires_at) or _NEVER)

    def to_json(self) -> bytes:
        """Write all there is, secrets included: for a store alone."""
        return msgspec.json.encode(self, enc_hook=str)

    @property
    def can_write(self) -> bool:
        """Whether contacts may be changed; taken for granted where the scope isn't known."""
        return not self.scope or _WRITING in self.scope.split()

    def is_valid_at(self, moment: datetime) -> bool:
        """Say whether the access token can be used at the moment, with time to spare."""
        return bool(self.access_token) and self.expires_at - _EXPIRY_MARGIN > moment


class TokenStore(Protocol):
    """Where the tokens of one sign-in are kept between runs. All methods block."""

    def load(self) -> Tokens:
        """Read them.

        Raises `ReconnectError` when there are none that can be used, and `OfflineError` when they can't be
        reached just now: what needed them was certainly not sent.
        """
        ...

    def save(self, tokens: Tokens) -> None:
        """Keep them, durably when this returns. Raises `StoreError`, and `OfflineError` as `load` does."""
        ...

    def delete(self) -> None:
        """Forget them; fine when there are none. Raises `StoreError`, and `OfflineError` as `load` does."""
        ...


class FileTokenStore(TokenStore):
    """A file that its owner alone can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Tokens:
        """Read the file. Raises `ReconnectError` when it is missing or damaged."""
        try:
            return Tokens.from_json(self._path.read_bytes())
        except FileNotFoundError:
            problem = "You aren't signed in to Xero."
        except (OSError, ValueError):
            problem = "The sign-in to Xero can't be read."
        raise ReconnectError(problem, _CONNECT)

    def save(self, tokens: Tokens) -> None:
        """Replace the file in one step."""
        try:
            write_atomically(self._path, tokens.to_json())
        except OSError as error:
            raise StoreError(
                f"The sign-in to Xero can't be saved: {error.strerror}.",
                "Make room on the disk, then try again.",
            ) from error

    def delete(self) -> None:
        """Remove the file."""
        try:
            self._path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise StoreError(
                f"The sign-in to Xero can't be removed: {error.strerror}.", f"Delete the file {self._path}."
            ) from error


class _UnsavedTokens(NamedTuple):
    """What a renewal brought while the store couldn't keep it, and what it was made from."""

    old: Tokens
    new: Tokens


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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._store = store
        self._lock_file = lock_file
        self._identity_url = identity_url
        self._transport = transport
        self._task_lock = asyncio.Lock()
        self._tokens: Tokens | None = None
        self._unsaved: _UnsavedTokens | None = None

    async def access_token(self, *, stale: str | None = None) -> str:
        """Return a token that lasts two minutes more; `stale` is one that was met with a 401.

        Raises `ReconnectError` when the person has to connect again, `RateLimitedError`, and
        `OfflineError` for whatever else stood in the way, a full disk included: what needed the token
        was certainly not sent.
        """
        async with self._task_lock:
            tokens = self._tokens
            if tokens is None or not _is_usable(tokens, stale):
                # A thread, as it waits for a lock, a disk and a server; and once begun, a refresh is
                # finished even if nobody wants it any more: its answer can't be asked for twice.
                tokens = await asyncio.to_thread(self._refresh, stale)
                self._tokens = tokens
            return Secret(tokens.access_token)

    def invalidate(self) -> None:
        """Read the store again before the next call: another sign-in may have been kept there since."""
        self._tokens = None

    async def replace_tokens(self, tokens: Tokens) -> None:
        """Put a new sign-in in the place of the one that is kept.

        Past the store, a refresh under way would put the old one back. Raises `StoreError`, and
        `OfflineError` while another process holds the sign-in for too long.
        """
        async with self._task_lock:
            await asyncio.to_thread(self._replace_tokens, tokens)
            self._tokens = tokens

    async def revoke(self) -> None:
        """End the sign-in at Xero, then forget its tokens; fine when it has ended already.

        Raises `OfflineError` and `RateLimitedError`, after which the tokens are kept, and `StoreError` when
        they can't be removed.
        """
        async with self._task_lock:
            await asyncio.to_thread(self._revoke)
            self._tokens = None

    def _refresh(self, stale: str | None) -> Tokens:
        with self._process_lock():
            tokens = self._load()
            if _is_usable(tokens, stale):
                return tokens  # another process was faster
            from tui.xero.auth.token_endpoint import refresh_tokens

            new_tokens = refresh_tokens(self._identity_url, tokens, self._transport)
            self._unsaved = _UnsavedTokens(tokens, new_tokens)
            self._save(new_tokens)
            return new_tokens

    def _load(self) -> Tokens:
        tokens = self._store.load()
        unsaved = self._unsaved
        if unsaved is not None and unsaved.old == tokens:
            # To renew from these again would work for half an hour only: Xero has spent their refresh token.
            tokens = unsaved.new
            self._save(tokens)
        return tokens

    def _save(self, tokens: Tokens) -> None:
        try:
            self._store.save(tokens)
        except StoreError as error:
            raise OfflineError(error.message, error.next_step) from error
        self._unsaved = None

    def _replace_tokens(self, tokens: Tokens) -> None:
        with self._process_lock():
            self._store.save(tokens)

    def _revoke(self) -> None:
        with self._process_lock():
            try:
                tokens = self._store.load()
            except ReconnectError:
                tokens = None
            if tokens is not None:
                from tui.xero.auth.token_endpoint import revoke

                revoke(self._identity_url, tokens, self._transport)
            self._store.delete()

    @contextmanager
    def _process_lock(self) -> Iterator[None]:
        """Hold the lock for as long as the block lasts."""
        lock = FileLock(self._lock_file)
        try:
            private_folder(self._lock_file.parent)
            is_held = lock.acquire(_LONGEST_WAIT)
        except CannotLockError as error:
            # In one sentence, as commands say themselves what to do about being offline.
            raise OfflineError(f"{error.message} {error.next_step}") from error
        except OSError as error:
            raise OfflineError(
                f"The sign-in to Xero can't be used: {error.strerror}.",
                f"Check the folder {self._lock_file.parent}.",
            ) from error
        if not is_held:
            raise OfflineError(
                "Another Reshelve is renewing the sign-in to Xero.", "Nothing is lost: this one tries again."
            )
        try:
            yield
        finally:
            lock.release()


def _is_usable(tokens: Tokens, stale: str | None) -> bool:
    return tokens.access_token != stale and tokens.is_valid_at(datetime.now(UTC))
