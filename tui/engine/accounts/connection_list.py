"""The list of connected organisations, saved so that startup needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tui.model.contact import Organisation  # noqa: TC001 - msgspec reads the annotations that name it
from tui.model.errors import StoreError
from tui.model.reasons import SignInReason
from tui.net.lenient_json import decoder
from tui.system.paths import is_tenant_id, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class ConnectionList(Struct, frozen=True):
    """The organisations in Xero's order, the removed ones, and the last opened."""

    organisations: tuple[Organisation, ...]
    gone: frozenset[str] = frozenset()
    last: str = ""

    def of(self, sign_in: str) -> tuple[Organisation, ...]:
        """Return the organisations of one sign-in."""
        return tuple(organisation for organisation in self.organisations if organisation.sign_in == sign_in)

    @property
    def sign_ins(self) -> tuple[str, ...]:
        """The sign-ins, in the order of their organisations."""
        return tuple(dict.fromkeys(organisation.sign_in for organisation in self.organisations))

    def with_sign_in(self, sign_in: str, organisations: Iterable[Organisation]) -> ConnectionList:
        """Replace the organisations of a sign-in.

        An organisation of another sign-in moves to the newer one. If one couldn't be read this time (it has
        no short code), its known details are kept.
        """
        before = {organisation.tenant_id: organisation for organisation in self.organisations}
        newer = tuple(
            _with_known_details(organisation, before.get(organisation.tenant_id))
            for organisation in organisations
        )
        tenants = {organisation.tenant_id for organisation in newer}
        kept = (
            organisation
            for organisation in self.organisations
            if organisation.sign_in != sign_in and organisation.tenant_id not in tenants
        )
        return replace(self, organisations=(*kept, *newer), gone=self.gone - tenants)

    def without_sign_in(self, sign_in: str) -> ConnectionList:
        """Remove a sign-in with all its organisations."""
        return self.with_sign_in(sign_in, ())


def _with_known_details(new: Organisation, old: Organisation | None) -> Organisation:
    if new.short_code or old is None:
        return new
    return replace(new, short_code=old.short_code, timezone=old.timezone, is_demo=old.is_demo)


def load_connections(file: Path) -> ConnectionList:
    """Load the list; empty if there is no file yet.

    Raises `StoreError` for an unreadable file, and for a damaged one, which is moved aside: the next start
    continues without it, and it is never overwritten.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return ConnectionList(())
    except OSError as error:
        problem = error.strerror or str(error)
        raise StoreError(SignInReason.LIST_NOT_READ, file=str(file), problem=problem) from error
    try:
        found: ConnectionList = decoder(ConnectionList).decode(content)
    # RecursionError: deeply nested brackets.
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _quarantine(file) from None
    # An organisation without a valid ID has no folder.
    return replace(
        found,
        organisations=tuple(
            organisation for organisation in found.organisations if is_tenant_id(organisation.tenant_id)
        ),
    )


def _quarantine(file: Path) -> StoreError:
    aside = file.with_name(f"damaged-{file.name}")
    try:
        file.replace(aside)
    except OSError as error:
        problem = error.strerror or str(error)
        return StoreError(SignInReason.LIST_DAMAGED_IN_PLACE, file=str(file), problem=problem)
    return StoreError(SignInReason.LIST_DAMAGED, file=str(aside))


def save_connections(file: Path, connections: ConnectionList) -> None:
    """Save the list atomically. Raises `OSError`."""
    written = msgspec.json.encode(connections, order="deterministic")
    write_atomically(file, msgspec.json.format(written, indent=1))
