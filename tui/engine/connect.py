"""From a refresh token to the organisations it opens, remembered so that a start needs no network."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from tui.engine.connectors import token_source
from tui.model.contact import Organisation
from tui.paths import write_atomically

if TYPE_CHECKING:
    from tui.paths import Paths
    from tui.settings import Settings

_FIELDS = tuple(field.name for field in fields(Organisation))


async def connect(settings: Settings, paths: Paths, refresh_token: str) -> list[Organisation]:
    """Ask which organisations the token opens, and keep it. Raises `XeroError` and `StoreError`.

    A token that doesn't work leaves the sign-in there was as it is.
    """
    from tui.xero.connections import list_organisations  # noqa: PLC0415 - only this needs HTTP at once
    from tui.xero.tokens import TokenFile, Tokens  # noqa: PLC0415 - as above

    # Xero replaces the token at its first use, so that the new one has to be on disk before it is proved.
    unproved = paths.token_file.with_stem("tokens.new")
    try:
        TokenFile(unproved).save(Tokens.of_refresh_token(refresh_token))
        tokens = token_source(settings, unproved)
        organisations = await list_organisations(api_url=settings.xero.api_url, tokens=tokens)
        unproved.replace(paths.token_file)
    finally:
        unproved.unlink(missing_ok=True)
        unproved.with_suffix(".lock").unlink(missing_ok=True)
    known = [asdict(organisation) for organisation in organisations]
    write_atomically(paths.organisations_file, json.dumps(known).encode())
    return organisations


def known_organisations(paths: Paths) -> list[Organisation]:
    """Return the organisations of the last sign-in, none before the first."""
    try:
        # Not msgspec, whose import would be the dearest part of this.
        known = json.loads(paths.organisations_file.read_bytes())
        return [Organisation(**{name: str(organisation[name]) for name in _FIELDS}) for organisation in known]
    except (OSError, ValueError, TypeError, LookupError):
        return []
