"""The organisations of all sign-ins, remembered so that a start needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tui.model.contact import Organisation  # noqa: TC001 - msgspec reads the annotations that name it
from tui.model.errors import StoreError
from tui.net.lenient_json import decoder
from tui.system.paths import is_tenant_id, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class ConnectionList(Struct, frozen=True):
    """What is remembered: the organisations in Xero's order, those that have gone, and the last one open."""

    organisations: tuple[Organisation, ...]
    gone: frozenset[str] = frozenset()
    last: str = ""

    def of(self, sign_in: str) -> tuple[Organisation, ...]:
        """Return the organisations of one sign-in."""
        return tuple(one for one in self.organisations if one.sign_in == sign_in)

    @property
    def sign_ins(self) -> tuple[str, ...]:
        """The sign-ins, in the order of their organisations."""
        return tuple(dict.fromkeys(one.sign_in for one in self.organisations))

    def with_sign_in(self, sign_in: str, organisations: Iterable[Organisation]) -> ConnectionList:
        """Put these in the place of what the sign-in opened before.

        One that another sign-in opened belongs to the newer one from now on. Of one that couldn't be read
        this time (it has no short code), what was known before stays.
        """
        before = {one.tenant_id: one for one in self.organisations}
        newer = tuple(_with_known_details(one, before.get(one.tenant_id)) for one in organisations)
        tenants = {one.tenant_id for one in newer}
        kept = (one for one in self.organisations if one.sign_in != sign_in and one.tenant_id not in tenants)
        return replace(self, organisations=(*kept, *newer), gone=self.gone - tenants)

    def without_sign_in(self, sign_in: str) -> ConnectionList:
        """Forget a sign-in with all its organisations."""
        return self.with_sign_in(sign_in, ())


def _with_known_details(new: Organisation, old: Organisation | None) -> Organisation:
    if new.short_code or old is None:
        return new
    return replace(new, short_code=old.short_code, timezone=old.timezone, is_demo=old.is_demo)


def load_connections(file: Path) -> ConnectionList:
    """Read what is remembered; nothing where there is no such file yet.

    Raises `StoreError` for a file that can't be read, and for a damaged one, which is put aside: the next
    start begins without it, and nothing is written over it.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return ConnectionList(())
    except OSError as error:
        raise StoreError(
            f"{file} can't be read: {error.strerror}.", "Nothing has changed. Mend that, then try again."
        ) from error
    try:
        found: ConnectionList = decoder(ConnectionList).decode(content)
    # Besides what doesn't fit: brackets within brackets without end.
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _quarantine(file) from None
    # Without its id, an organisation has no folder.
    return replace(
        found, organisations=tuple(one for one in found.organisations if is_tenant_id(one.tenant_id))
    )


def _quarantine(file: Path) -> StoreError:
    aside = file.with_name(f"damaged-{file.name}")
    try:
        file.replace(aside)
    except OSError as error:
        return StoreError(
            f"{file} is damaged, and can't be put aside: {error.strerror}.",
            "Nothing has changed. Move it elsewhere, then start again.",
        )
    return StoreError(
        f"The list of organisations was damaged; it is kept as {aside}.",
        "Local copies, journals and sign-ins are untouched. Start again, and connect to write the list anew.",
    )


def save_connections(file: Path, connections: ConnectionList) -> None:
    """Remember it, in one step. Raises `OSError`."""
    written = msgspec.json.encode(connections, order="deterministic")
    write_atomically(file, msgspec.json.format(written, indent=1))
