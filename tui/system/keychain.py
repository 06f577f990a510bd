"""Store secrets in the system's keychain with `keyring`, imported lazily because it takes 100 ms."""

from __future__ import annotations

import logging
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Generic, SupportsIndex, TypeVar

from tui.model.errors import KeychainError, KeychainWriteError
from tui.model.reasons import SignInReason
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyring.backend import KeyringBackend

_T = TypeVar("_T")

# Without a handler, keyring's warnings about plug-ins would be written to the screen.
logging.getLogger("keyring").addHandler(logging.NullHandler())

_SERVICE: Final = "reshelve"
_NAMES: Final = {
    "keyring.backends.macOS": "macOS Keychain",
    "keyring.backends.SecretService": "Secret Service",
    "keyring.backends.libsecret": "Secret Service",
    "keyring.backends.kwallet": "KWallet",
    "keyring.backends.Windows": "Windows Credential Manager",
}
# Seconds. A system prompt can stay open, or hidden, indefinitely.
_KEYCHAIN_TIMEOUT: Final = 2.0
# Windows stores 2,560 bytes per entry, two per character; Xero's tokens have over a thousand characters.
_LONGEST_PART: Final = 1_000
_MOST_PARTS: Final = 99
_SPLIT: Final = re.compile(r"in parts: ([0-9]{1,2}) ([0-9a-f]{16})")


class Secret(str):
    """A token or key that is hidden in tracebacks with local variables, even when sliced."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        return Secret(super().__getitem__(key))


def keychain_name() -> str:
    """Return the name of the system's keychain, empty if none works; blocks for a few seconds at most.

    It is tested: a Secret Service may exist but be unable to prompt without a display. Raises `KeychainError`
    while its prompt is open.
    """

    def probe() -> str:
        backend = _backend()
        if type(backend).priority < 1:  # what keyring itself doesn't recommend, such as a plain file
            return ""
        backend.get_password(_SERVICE, "is there a keychain?")
        return _name_of(backend)

    outcome = _call_keychain(("look",), probe)
    if outcome.error_type:
        logger.info("there is no keychain: %s", outcome.error_type)
    return outcome.value or ""


class KeychainEntry:
    """One entry of the system's keychain, by name; use the installation's folder in the name.

    Text too long for one entry is split into several. All keychain failures are raised as `KeychainError`.
    The system may prompt the user to unlock it: a call that takes longer than a few seconds raises
    `KeychainError` with `is_waiting`, and repeating the call waits for the same prompt. All methods block.
    """

    def __init__(self, user: str) -> None:
        self._user = user

    def load(self) -> Secret:
        """Read the entry; empty if there is none. Raises `KeychainError`."""
        outcome = _call_keychain(("load", self._user), lambda: _read_entry(_backend(), self._user))
        if outcome.error_type:
            logger.info("the keychain can't be read: %s", outcome.error_type)
            raise KeychainError(SignInReason.KEYCHAIN_LOCKED)
        return outcome.value or Secret()

    def save(self, text: Secret) -> None:
        """Replace the entry and verify it. Raises `KeychainWriteError`, and `KeychainError` while waiting."""
        outcome = _call_keychain(
            ("save", self._user, text), lambda: _write_entry(_backend(), self._user, text)
        )
        if outcome.error_type:
            logger.info("the keychain can't be written: %s", outcome.error_type)
            raise KeychainWriteError(SignInReason.KEYCHAIN_NOT_SAVED)

    def delete(self) -> None:
        """Remove the entry. Raises `KeychainWriteError`, and `KeychainError` while waiting."""
        outcome = _call_keychain(("delete", self._user), lambda: _remove(_backend(), self._user))
        if outcome.error_type:
            logger.info("the keychain's entry can't be removed: %s", outcome.error_type)
            raise KeychainWriteError(SignInReason.KEYCHAIN_NOT_REMOVED, entry=_SERVICE)


@dataclass(frozen=True, slots=True)
class _KeychainResult(Generic[_T]):
    """What the keychain returned, or the type of its exception: the exception may contain secrets."""

    value: _T | None = None
    error_type: str = ""


class _Call(Generic[_T]):
    """A keychain call in a daemon thread, which doesn't block exit."""

    def __init__(self, key: tuple[str, ...], function: Callable[[], _T]) -> None:
        self.key = key
        self._ask = function
        self._is_done = threading.Event()
        self.outcome: _KeychainResult[_T] | None = None
        threading.Thread(target=self._run, name="keychain", daemon=True).start()

    def _run(self) -> None:
        try:
            self.outcome = _KeychainResult(self._ask())
        # Backends may raise anything, even what isn't an `Exception`.
        except BaseException as error:  # noqa: BLE001 - see above
            self.outcome = _KeychainResult(error_type=type(error).__name__)
        finally:
            self._is_done.set()

    def wait(self, seconds: float) -> _KeychainResult[_T] | None:
        self._is_done.wait(seconds)
        return self.outcome


_lock: Final = threading.Lock()
_under_way: _Call[Any] | None = None


def _call_keychain(key: tuple[str, ...], function: Callable[[], _T]) -> _KeychainResult[_T]:
    """Call the keychain, or keep waiting for the same call. Raises `KeychainError` if it takes too long.

    One call runs at a time: two prompts would be confusing, and an abandoned call must not take effect
    later.
    """
    global _under_way  # noqa: PLW0603 - there is one keychain
    deadline = monotonic() + _KEYCHAIN_TIMEOUT
    while True:
        with _lock:
            # A result from before this call may be out of date.
            if _under_way is None or _under_way.outcome is not None:
                _under_way = _Call(key, function)
            call = _under_way
        outcome = call.wait(max(deadline - monotonic(), 0))
        if outcome is None:
            raise KeychainError(SignInReason.KEYCHAIN_WAITING)
        if call.key == key:
            return outcome


def _backend() -> KeyringBackend:
    import keyring

    return keyring.get_keyring()


def _name_of(backend: KeyringBackend) -> str:
    # A chainer stores entries in its first backend.
    kept_in = next(iter(getattr(backend, "backends", ())), backend)
    module = type(kept_in).__module__
    return next((name for prefix, name in _NAMES.items() if module.startswith(prefix)), kept_in.name)


def _read_entry(backend: KeyringBackend, user: str) -> Secret:
    """Read what `_write_entry` wrote; empty if there is none, and its index if a part is missing."""
    kept = Secret(backend.get_password(_SERVICE, user) or "")
    split = _SPLIT.fullmatch(kept)
    if split is None:
        return kept
    whole = Secret("".join(backend.get_password(_SERVICE, part) or "" for part in _parts(user, kept)))
    return whole if _digest(whole) == split[2] else kept


def _write_entry(backend: KeyringBackend, user: str, text: Secret) -> None:
    """Write an entry, split into parts if it is too long."""
    from keyring.errors import KeyringLocked

    before = backend.get_password(_SERVICE, user) or ""
    try:
        _write(backend, user, text)
    except KeyringLocked:
        raise
    except Exception:
        count = -(-len(text) // _LONGEST_PART)
        if not 1 < count <= _MOST_PARTS:
            raise
        index = Secret(f"in parts: {count} {_digest(text)}")
        for number, part in enumerate(_parts(user, index)):
            _write(backend, part, text[number * _LONGEST_PART : (number + 1) * _LONGEST_PART])
        # Last: until then the old parts are in use.
        _write(backend, user, index)
        if before == index:
            return
    for part in _parts(user, before):
        with suppress(Exception):
            backend.delete_password(_SERVICE, part)


def _write(backend: KeyringBackend, user: str, text: Secret) -> None:
    """Write one entry and verify it: some keychains silently drop or cut long values."""
    backend.set_password(_SERVICE, user, text)
    if backend.get_password(_SERVICE, user) != text:
        raise OSError("the keychain gave back something else")


def _remove(backend: KeyringBackend, user: str) -> None:
    # Backends differ when removing an entry that doesn't exist.
    kept = backend.get_password(_SERVICE, user)
    if kept is not None:
        for part in _parts(user, kept):
            with suppress(Exception):
                backend.delete_password(_SERVICE, part)
        backend.delete_password(_SERVICE, user)


def _parts(user: str, kept: str) -> list[str]:
    """Return the names of the entries that hold the parts of a split entry."""
    split = _SPLIT.fullmatch(kept)
    return [f"{user} {split[2]} {number}" for number in range(int(split[1]))] if split else []


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
