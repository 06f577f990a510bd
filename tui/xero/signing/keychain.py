"""Tokens in the system's keychain, over `keyring`: imported when first used, as that takes 100 ms."""

from __future__ import annotations

import logging
import sys
from configparser import Error as ConfigError
from typing import TYPE_CHECKING, Final

from tui.log import logger
from tui.model.errors import OfflineError, ReconnectError, StoreError
from tui.xero.signing.tokens import Secret, Tokens, TokenStore

if TYPE_CHECKING:
    from pathlib import Path

    from keyring.backend import KeyringBackend

# What keyring logs of plug-ins that don't load would end on the screen, for want of a handler.
logging.getLogger("keyring").addHandler(logging.NullHandler())

_SERVICE: Final = "reshelve"
_NAMES: Final = {
    "keyring.backends.macOS": "macOS Keychain",
    "keyring.backends.SecretService": "Secret Service",
    "keyring.backends.libsecret": "Secret Service",
    "keyring.backends.kwallet": "KWallet",
    "keyring.backends.Windows": "Windows Credential Manager",
}
# The libraries below keyring, whose errors it passes on as they are.
_BELOW: Final = (
    ("secretstorage.exceptions", "SecretStorageException"),
    ("jeepney.wrappers", "DBusErrorResponse"),
    ("dbus.exceptions", "DBusException"),
    ("gi.repository.GLib", "Error"),
)
_CONNECT: Final = "Connect to Xero; everything queued is kept."


def keychain_name() -> str:
    """Name the system's keychain, empty where there is none that works; blocks.

    It is tried out: a Secret Service may be there, and yet unable to open without a screen to ask on.
    """
    try:
        ring = _ring()
        if type(ring).priority < 1:  # what keyring itself doesn't recommend, such as a plain file
            return ""
        ring.get_password(_SERVICE, "is there a keychain?")
        return _name_of(ring)
    except _troubles() as error:
        logger.info("there is no keychain: %s", type(error).__name__)
        return ""


class Keychain(TokenStore):
    """One entry of the system's keychain, for one client id of one installation (its data `folder`).

    The system may ask the person to unlock it, for as long as which a call takes.
    """

    def __init__(self, folder: Path, client_id: str) -> None:
        self._user = f"{client_id} in {folder}"

    def load(self) -> Tokens:
        """Read the entry. Raises `ReconnectError` and, where the keychain stays locked, `OfflineError`."""
        try:
            kept = Secret(_ring().get_password(_SERVICE, self._user) or "")
        except _troubles() as error:
            logger.info("the keychain can't be read: %s", type(error).__name__)
        else:
            return _read(kept)
        # Raised here and not where it was met: no traceback leads back to what a keychain has at hand.
        raise OfflineError(
            "The system's keychain can't be opened, so Xero can't be asked.",
            "Unlock it. Nothing is lost: Reshelve tries again by itself.",
        )

    def save(self, tokens: Tokens) -> None:
        """Replace the entry."""
        try:
            _ring().set_password(_SERVICE, self._user, tokens.to_json().decode())
        except _troubles() as error:
            logger.info("the keychain can't be written: %s", type(error).__name__)
        else:
            return
        raise StoreError(
            "The sign-in to Xero can't be saved in the system's keychain.", "Unlock it, then try again."
        )

    def delete(self) -> None:
        """Remove the entry."""
        try:
            ring = _ring()
            # Backends don't agree about what removing nothing is.
            if ring.get_password(_SERVICE, self._user) is not None:
                ring.delete_password(_SERVICE, self._user)
        except _troubles() as error:
            logger.info("the keychain's entry can't be removed: %s", type(error).__name__)
        else:
            return
        raise StoreError(
            "The sign-in to Xero can't be removed from the system's keychain.",
            f"Unlock it, then try again, or remove its entry “{_SERVICE}” by hand.",
        )


def _ring() -> KeyringBackend:
    import keyring  # noqa: PLC0415 - see the top of the file

    return keyring.get_keyring()


def _name_of(ring: KeyringBackend) -> str:
    # A chain keeps things in the first of its backends.
    kept_in = next(iter(getattr(ring, "backends", ())), ring)
    module = type(kept_in).__module__
    return next((name for prefix, name in _NAMES.items() if module.startswith(prefix)), kept_in.name)


def _read(kept: Secret) -> Tokens:
    problem = "You aren't signed in to Xero."
    if kept:
        try:
            return Tokens.of_json(kept.encode())
        except ValueError:
            problem = "The sign-in to Xero can't be read."
    raise ReconnectError(problem, _CONNECT)


def _troubles() -> tuple[type[BaseException], ...]:
    """List what a keychain may raise: keyring's own errors, and those of the libraries in use below it.

    The others come from a backend that somebody chose in keyring's configuration, and that doesn't load or
    says that it can't work here.
    """
    from keyring.errors import KeyringError  # noqa: PLC0415 - see the top of the file

    below = [getattr(sys.modules[module], name) for module, name in _BELOW if module in sys.modules]
    return (
        KeyringError, OSError, RuntimeError, ImportError, AttributeError, TypeError, ValueError, ConfigError,
        *below,
    )  # fmt: skip
