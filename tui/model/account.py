"""Sign-ins to Xero, the organisations they give access to, and what screens can request of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tui.model.contact import Organisation
    from tui.model.invoice_check import OrganisationFindings
    from tui.model.organisation_search import OrganisationMatches
    from tui.model.query import Query
    from tui.model.services import RunnableBackend


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """The options for connecting to Xero.

    With a `client_secret` it is a custom connection (one organisation, no browser). `is_read_only` requests
    read scopes only, `with_activity` read access to transactions too. `allow_file` means that the user agreed
    to store tokens in a file if there is no keychain.
    """

    client_id: str
    client_secret: str = field(default="", repr=False)
    is_read_only: bool = False
    allow_file: bool = False
    with_activity: bool = False

    @property
    def is_custom(self) -> bool:
        """Whether it is a custom connection."""
        return bool(self.client_secret)


class ConnectResult(Struct, frozen=True):
    """The result of a sign-in.

    `token_storage` describes where its tokens are stored. `clock_ahead` is how far this machine's clock is
    ahead of Xero's; times shown here are off by as much.
    """

    organisations: tuple[Organisation, ...]
    token_storage: str
    clock_ahead: timedelta = timedelta()


class OrganisationSummary(Struct, frozen=True):
    """An organisation in the switcher.

    `pending` counts the changes that Re-Leased hasn't synced yet, `not_in_xero` those that Xero hasn't
    confirmed (manual restores included); both are None if the organisation was never opened here.
    `is_removed` means that Xero's last list for its sign-in didn't include it. Nothing is counted before
    `is_counted`.
    """

    organisation: Organisation
    pending: int | None = None
    not_in_xero: int | None = None
    is_removed: bool = False
    is_counted: bool = True


class SignIn(Protocol):
    """One sign-in attempt, from the URL to open to the organisations it gives access to."""

    @property
    def url(self) -> str:
        """The URL to open in a browser; empty for a custom connection, which needs none."""
        ...

    @property
    def ends_at(self) -> datetime | None:
        """When the attempt times out; None if it doesn't wait for the user."""
        ...

    def paste(self, address: str) -> None:
        """Accept the address where another machine's browser ended. Raises `SignInError` if it isn't ours."""
        ...

    async def finish(self) -> ConnectResult:
        """Wait for the user, then fetch and store the granted access. Raises `ReshelveError`."""
        ...

    async def cancel(self) -> None:
        """Stop listening; nothing has changed. Can be called at any time, and twice."""
        ...


class Account(Protocol):
    """All sign-ins of this installation. Every method raises `ReshelveError`.

    `on_keychain_wait` is called with True if the system's keychain takes a few seconds, perhaps because of a
    hidden prompt, and with False once it has answered.
    """

    on_keychain_wait: Callable[[bool], None]

    @property
    def is_sandbox(self) -> bool:
        """Whether this is the practice Xero on this machine."""
        ...

    @property
    def is_read_only(self) -> bool:
        """Whether changing organisations and disconnecting are blocked; connecting isn't."""
        ...

    @property
    def client_id(self) -> str:
        """The client id to suggest: the last one used, or the one in the settings; may be empty."""
        ...

    @property
    def redirect_uri(self) -> str:
        """The address that the user registers with their Xero app."""
        ...

    @property
    def connected(self) -> Sequence[Organisation]:
        """Every connected organisation that is known here; reads nothing."""
        ...

    def organisations(self) -> Sequence[OrganisationSummary]:
        """Return every connected organisation that is known here; reads nothing.

        Only open ones are counted.
        """
        ...

    async def organisations_with_counts(self) -> Sequence[OrganisationSummary]:
        """Return the same, with the counts from each local database; sends no requests."""
        ...

    async def find_everywhere(self, query: Query, most: int) -> Sequence[OrganisationMatches]:
        """Search the local database of every connected organisation; sends no requests.

        Returns at most so many contacts of each. Cancelling it ends the search.
        """
        ...

    async def check_invoice(self, text: str, most: int) -> Sequence[OrganisationFindings]:
        """Return the contacts that a name or a pasted message names, in every connected organisation.

        Reads local databases only, at most so many contacts of each. Cancelling it ends the search.
        """
        ...

    async def record_approved(self, organisation: Organisation, contact_id: str, *, on: bool) -> None:
        """Keep on this computer that the contact's Drafts were approved again in Re-Leased, or weren't."""
        ...

    async def refresh(self) -> Sequence[OrganisationSummary]:
        """Fetch the current organisations from Xero, and return them with those that were removed."""
        ...

    async def keychain_name(self) -> str:
        """Return the name of the system's keychain; empty if there is none."""
        ...

    async def sign_in(self, request: ConnectRequest) -> SignIn:
        """Start a sign-in. Raises `SignInError`, and `NoKeychainError` if the user has to agree to a file."""
        ...

    async def disconnect(self, sign_in: str) -> None:
        """End a sign-in: revoke it at Xero and delete its tokens. Local databases and change logs are kept.

        Raises `ReadOnlyError`, without changing anything, if the account is read-only.
        """
        ...

    def record_opened(self, organisation: Organisation) -> None:
        """Save which organisation was opened last."""
        ...

    def open(self, organisation: Organisation) -> RunnableBackend:
        """Return the organisation's engine, not yet running. Only accesses the disk."""
        ...
