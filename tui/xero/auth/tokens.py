"""Refresh the tokens of a sign-in.

Xero's access tokens are valid for 30 minutes. A refresh token is used once: each refresh returns a new one,
and the old one stays valid for 30 minutes (documented by Xero), in case the reply was lost. A custom
connection has no refresh token: its client secret fetches the next access token.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.model.errors import OfflineError, ReconnectError, StoreError
from tui.model.reasons import SignInReason, SystemReason
from tui.system.keychain import Secret
from tui.system.locks import CannotLockError, FileLock
from tui.system.paths import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tui.xero.auth.token_store import Tokens, TokenStore

_LONGEST_WAIT: Final = 60.0


class _UnsavedTokens(NamedTuple):
    """Refreshed tokens that couldn't be saved, and the tokens they replace."""

    old: Tokens
    new: Tokens


class TokenSource:
    """Returns valid access tokens, refreshing them if needed.

    Only one process on this computer refreshes at a time: with two, one would end up with an invalid refresh
    token.
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
        """Return an access token valid for at least two minutes; `stale` is one that got a 401.

        Raises `ReconnectError` if the user has to reconnect, `RateLimitedError`, and `OfflineError` for
        anything else, a full disk included: the request that needed the token wasn't sent.
        """
        async with self._task_lock:
            tokens = self._tokens
            if tokens is None or not _is_usable(tokens, stale):
                # In a thread: it waits for a lock, the disk and a server. A started refresh is always
                # finished, even if cancelled: its reply can't be requested twice.
                tokens = await asyncio.to_thread(self._refresh, stale)
                self._tokens = tokens
            return Secret(tokens.access_token)

    async def scopes(self) -> frozenset[str]:
        """Return the scopes of the sign-in, empty if they aren't known. Raises as `access_token` does."""
        await self.access_token()
        return frozenset() if self._tokens is None else frozenset(self._tokens.scope.split())

    def invalidate(self) -> None:
        """Reload the store before the next request: a new sign-in may have been saved there."""
        self._tokens = None

    async def replace_tokens(self, tokens: Tokens) -> None:
        """Replace the stored sign-in with a new one.

        Writing to the store directly could be overwritten by a running refresh. Raises `StoreError`, and
        `OfflineError` if another process holds the lock for too long.
        """
        async with self._task_lock:
            await asyncio.to_thread(self._replace_tokens, tokens)
            self._tokens = tokens

    async def revoke(self) -> None:
        """End the sign-in at Xero, then delete its tokens; also works if it has already ended.

        Raises `OfflineError` and `RateLimitedError`, in which case the tokens are kept, and `StoreError` if
        they can't be deleted.
        """
        async with self._task_lock:
            await asyncio.to_thread(self._revoke)
            self._tokens = None

    def _refresh(self, stale: str | None) -> Tokens:
        with self._process_lock():
            tokens = self._load()
            if _is_usable(tokens, stale):
                return tokens  # refreshed by another process
            from tui.xero.auth.token_endpoint import refresh_tokens

            new_tokens = refresh_tokens(self._identity_url, tokens, self._transport)
            self._unsaved = _UnsavedTokens(tokens, new_tokens)
            self._save(new_tokens)
            return new_tokens

    def _load(self) -> Tokens:
        tokens = self._store.load()
        unsaved = self._unsaved
        if unsaved is not None and unsaved.old == tokens:
            # Their refresh token is used up: it can be used again for half an hour only.
            tokens = unsaved.new
            self._save(tokens)
        return tokens

    def _save(self, tokens: Tokens) -> None:
        try:
            self._store.save(tokens)
        except StoreError as error:
            raise OfflineError(error.reason, **error.notice.params) from error
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
        """Hold the lock for the duration of the block."""
        lock = FileLock(self._lock_file)
        try:
            private_folder(self._lock_file.parent)
            is_held = lock.acquire(_LONGEST_WAIT)
        except CannotLockError as error:
            raise OfflineError(
                SystemReason.CANNOT_LOCK, folder=error.folder, problem=error.problem
            ) from error
        except OSError as error:
            raise OfflineError(
                SignInReason.UNUSABLE,
                problem=error.strerror or str(error),
                folder=str(self._lock_file.parent),
            ) from error
        if not is_held:
            raise OfflineError(SignInReason.REFRESHED_ELSEWHERE)
        try:
            yield
        finally:
            lock.release()


def _is_usable(tokens: Tokens, stale: str | None) -> bool:
    return tokens.access_token != stale and tokens.is_valid_at(datetime.now(UTC))
