"""The sign-ins to Xero, the organisations they open, and what screens may ask about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.model.contact import Organisation
    from tui.model.services import RunnableBackend


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """What a person asks for when connecting to Xero.

    A `client_secret` makes it a custom connection (one organisation, no browser). `is_read_only` asks Xero
    for read scopes alone. `allow_file` says that the person agreed to a file where there is no keychain.
    """

    client_id: str
    client_secret: str = field(default="", repr=False)
    is_read_only: bool = False
    allow_file: bool = False

    @property
    def is_custom(self) -> bool:
        """Whether it is a custom connection."""
        return bool(self.client_secret)


class ConnectResult(Struct, frozen=True):
    """What a sign-in has brought.

    `token_storage` names where its tokens lie, in words. `clock_ahead` is how far this machine's clock is
    ahead of Xero's; times shown here are wrong by as much.
    """

    organisations: tuple[Organisation, ...]
    token_storage: str
    clock_ahead: timedelta = timedelta()


class OrganisationSummary(Struct, frozen=True):
    """An organisation in the switcher.

    `pending` counts the changes that Re-Leased has yet to pick up, `not_in_xero` those that Xero hasn't
    confirmed (hand-offs included); both None where the organisation was never opened here. `is_removed` says
    that Xero, when last asked, no longer listed it for its sign-in. Nothing is counted before `is_counted`.
    """

    organisation: Organisation
    pending: int | None = None
    not_in_xero: int | None = None
    is_removed: bool = False
    is_counted: bool = True


class SignIn(Protocol):
    """One attempt to sign in, from the address to open to the organisations it opens."""

    @property
    def url(self) -> str:
        """The address to open in a browser; empty for a custom connection, which needs none."""
        ...

    @property
    def ends_at(self) -> datetime | None:
        """When the attempt gives up by itself; None where it waits for nobody."""
        ...

    def paste(self, address: str) -> None:
        """Take the address a browser on another machine ended at. Raises `SignInError` if it isn't ours."""
        ...

    async def finish(self) -> ConnectResult:
        """Wait for the person, then fetch and keep what was allowed. Raises `ReshelveError`."""
        ...

    async def cancel(self) -> None:
        """Stop listening; nothing has changed. May be called at any time, and twice."""
        ...


class Account(Protocol):
    """All sign-ins of this installation. Everything raises `ReshelveError` with words for the person.

    `on_keychain_wait` is called with True when the system's keychain keeps the person waiting for a few
    seconds, perhaps behind a prompt that is hidden, and with False once it has answered.
    """

    on_keychain_wait: Callable[[bool], None]

    @property
    def is_sandbox(self) -> bool:
        """Whether Xero is a practice one on this machine."""
        ...

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be changed in any organisation, nor a sign-in be ended; connecting may."""
        ...

    @property
    def client_id(self) -> str:
        """The client id to propose: the last one used, or the one in the settings; may be empty."""
        ...

    @property
    def redirect_uri(self) -> str:
        """The address that the person registers with their Xero app."""
        ...

    @property
    def connected(self) -> Sequence[Organisation]:
        """Every connected organisation as known here; nothing is read for it."""
        ...

    def organisations(self) -> Sequence[OrganisationSummary]:
        """Return every connected organisation as known here; nothing is read for it.

        Only those that are open are counted.
        """
        ...

    async def organisations_with_counts(self) -> Sequence[OrganisationSummary]:
        """Return the same, each with what its store says; asks nobody."""
        ...

    async def refresh(self) -> Sequence[OrganisationSummary]:
        """Ask Xero which organisations there are now, and return them with those that have gone."""
        ...

    async def keychain_name(self) -> str:
        """Return the name of the system's keychain, empty where there is none."""
        ...

    async def sign_in(self, request: ConnectRequest) -> SignIn:
        """Begin to sign in. Raises `SignInError`, and `NoKeychainError` when a file must be agreed to."""
        ...

    async def disconnect(self, sign_in: str) -> None:
        """End a sign-in: revoke it at Xero and forget its tokens. Local copies and journals stay.

        Raises `ReadOnlyError`, with everything as it was, where the account is read-only.
        """
        ...

    def record_opened(self, organisation: Organisation) -> None:
        """Remember which organisation was open last."""
        ...

    def open(self, organisation: Organisation) -> RunnableBackend:
        """Return the organisation's engine, not yet running. Touches the disk alone."""
        ...
