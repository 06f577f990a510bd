"""How the tokens of a sign-in are renewed.

Xero's access tokens live 30 minutes. A refresh token is used once: every refresh brings a new one, and
the old one works for 30 minutes more (said by Xero), in case the answer was lost. A custom connection has
no refresh token: its client secret fetches the next access token.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.model.errors import OfflineError, ReconnectError, StoreError
from tui.system.locks import CannotLockError, FileLock
from tui.system.paths import private_folder
from tui.xero.auth.token_store import Secret, Tokens, TokenStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

_EXPIRY_MARGIN: Final = timedelta(minutes=2)
_LONGEST_WAIT: Final = 60.0
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CONNECT: Final = "Connect to Xero; everything queued is kept."
_WRITING: Final = "accounting.contacts"


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
