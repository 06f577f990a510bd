"""Text for the connect screen."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.style import Style

from tui import messages
from tui.messages.formats import format_number, pluralize
from tui.model.reasons import Notice, SignInReason, XeroReason
from tui.widgets.text import cells, content, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.model.account import ConnectResult, OrganisationSummary
    from tui.model.contact import Organisation


REFRESHING: Final = "Refreshing from Xero…"
REFRESHED: Final = "Up to date."
NONE_CONNECTED: Final = "No organisations connected. Press {connect} to connect one."
NO_MATCH: Final = "No organisations match. Press {clear} to clear the search."
_NAMED: Final = 12
_NARROW: Final = 60
_AFTER_DISCONNECT: Final = (
    "Reshelve revokes the sign-in at Xero and deletes its tokens. Saved contacts and change logs stay on "
    "this computer. Unsent changes are sent when you connect again."
)


def line(listed: OrganisationSummary, width: int, *, is_open: bool, is_practice: bool) -> Content:
    """Format one organisation in exactly this width: its name on the left, its status on the right."""
    organisation = listed.organisation
    symbol, style = _symbol(listed, is_open=is_open)
    is_narrow = width < _NARROW
    # In the demo every row would have a badge: the key bar's says it for all of them.
    mark = ("DEMO" if is_narrow else "DEMO COMPANY") if organisation.is_demo and not is_practice else ""
    badge = Content.assemble((f" {mark} ", "bold reverse $warning"), " ") if mark else Content("")
    right = _status(listed)
    if organisation.is_read_only:
        right = Content.assemble(("read-only", "$text-accent"), "  ", right)
    room = max(8, width - 3 - badge.cell_length - right.cell_length)
    name = content(fit(organisation.name, room), "bold" if is_open else "")
    return Content.assemble((symbol, style), " ", name, " ", badge, right).truncate(width)


def _symbol(listed: OrganisationSummary, *, is_open: bool) -> tuple[str, str]:
    if listed.is_removed:
        return "✗", "$text-error"
    return ("●", "$text-success") if is_open else ("○", "$text-muted")


def _status(listed: OrganisationSummary) -> Content:
    if listed.is_removed:
        return Content.styled("removed in Xero", "$text-error")
    if not listed.is_counted:
        return Content.styled("…", "$text-muted")
    if listed.pending is None and listed.not_in_xero is None:
        return Content.styled("not opened yet", "$text-muted")
    counts = ((listed.pending, "pending sync"), (listed.not_in_xero, "not in Xero"))
    parts = [f"{format_number(count)} {word}" for count, word in counts if count]
    if parts:
        return Content.styled(", ".join(parts), "$text-warning")
    return Content.styled("nothing pending", "$text-muted")


def disconnect_explanation(names: Sequence[str]) -> tuple[str, ...]:
    """Describe which organisations are disconnected, and the effect."""
    if len(names) == 1:
        return (f"This disconnects {names[0]}.", _AFTER_DISCONNECT)
    more = [f"and {format_number(len(names) - _NAMED)} more"] if len(names) > _NAMED else []
    listed = [f"• {name}" for name in names[:_NAMED]]
    return (
        f"This disconnects the {pluralize(len(names), 'organisation')} of this sign-in:",
        *listed,
        *more,
        _AFTER_DISCONNECT,
    )


HEADING: Final = "First, register a Xero app. It is free, and you only do it once:"
READ_ONLY: Final = "Reshelve can show contacts but not change them."
CUSTOM: Final = "Connects one organisation (AU, NZ, UK, US) with a client secret, without a browser."
DEMO: Final = "Just trying it? Run reshelve demo: sample contacts, no account needed."

#: How many connections an app has on Xero's free Starter tier (as Xero states, 2026).
STARTER_CONNECTIONS: Final = 5
CLIENT_ID_LIKE: Final = "32 letters and digits"
NO_CLIENT_ID: Final = "Paste the client ID first. See step 4."
NOT_A_CLIENT_ID: Final = "Not a client ID: use only letters, digits and hyphens. Nothing was sent."
NO_ORGANISATION: Final = messages.in_full(Notice(XeroReason.NO_ORGANISATION))
NO_FILE: Final = "Nothing was sent or saved. Connecting needs a keychain, or your permission to use a file."

PREPARING: Final = "Preparing…"
READING: Final = "Loading organisations…"
KEYCHAIN: Final = messages.message(Notice(SignInReason.KEYCHAIN_WAITING))
OPEN_IT: Final = "Sign in to Xero at this link, select an organisation and allow access."
NO_BROWSER: Final = "No browser found. Open this link in a browser, on any computer."
ADDRESS: Final = "Link for another computer:"
PASTE: Final = "Browser shows an error page? Paste its address:"

_FILE_QUESTION: Final = (
    "The sign-in can be saved in a file instead, which only your user on this computer can read. Anyone "
    "who can read your files, or a backup of them, could then read or change contacts in Xero."
)
_OPEN: Final = Content.assemble(
    "Open ", ("developer.xero.com/app/manage", "bold $text-accent"), " and click New app."
)
_NAME: Final = "Enter any name without “Xero” in it. App type: "
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


def steps(redirect_uri: str) -> tuple[Content, ...]:
    """Return the four steps to get a client ID for the browser sign-in."""
    copies = Style.from_meta({"@click": "screen.copy_address"})
    address = content(redirect_uri, "bold $text-accent").stylize(copies)
    return (
        _OPEN,
        Content.assemble(_NAME, ("Mobile or desktop app", "bold"), "."),
        Content.assemble("Enter exactly this redirect URI: ", address),
        Content("Create the app, then copy its client ID into the box below."),
    )


def custom_steps() -> tuple[Content, ...]:
    """Return the four steps to get the client ID and secret of a custom connection."""
    scopes = ("accounting.contacts", "bold"), " and ", ("accounting.settings.read", "bold")
    return (
        _OPEN,
        Content.assemble(_NAME, ("Custom connection", "bold"), "."),
        Content.assemble("Scopes: ", *scopes, ". Authorise it with the link that Xero e-mails."),
        Content("Copy its client ID and client secret into the boxes below."),
    )


def validation_problem(client_id: str, secret: str, *, is_custom: bool) -> str:
    """Return why the input is invalid, or "" if it is valid."""
    if not client_id:
        return NO_CLIENT_ID
    if not _CLIENT_ID.fullmatch(client_id):
        return NOT_A_CLIENT_ID
    if is_custom and not secret:
        return "A custom connection also needs its client secret. Nothing was sent."
    if is_custom and not (secret.isascii() and secret.isprintable() and " " not in secret):
        return "Not a client secret: it has no spaces or accents. Nothing was sent."
    return ""


def file_question(what: str) -> tuple[str, ...]:
    """Ask whether tokens may be saved in a file."""
    return (what, _FILE_QUESTION)


def labels(organisation: Organisation) -> str:
    """Return what is special about an organisation, or ""."""
    kinds = (
        ("demo company", organisation.is_demo),
        ("custom connection", organisation.is_custom),
        ("read-only", organisation.is_read_only),
    )
    return ", ".join(words for words, applies in kinds if applies)


def organisations(connected: ConnectResult) -> Content:
    """List the connected organisations."""
    lines = [
        Content.assemble(
            ("● ", "$text-success"),
            content(organisation.name, "bold"),
            (f"  {labels(organisation)}".rstrip(), "$text-warning"),
        )
        for organisation in connected.organisations
    ]
    return Content("\n").join(lines)


def more_organisations(connected: ConnectResult) -> str:
    """Return how another organisation is connected; empty for custom connections, which have one each."""
    apps = Counter(each.sign_in for each in connected.organisations if not each.is_custom)
    if not apps:
        return ""
    most = max(apps.values())
    limit = (
        f" This app has {pluralize(most, 'connection')}; the free Starter tier allows {STARTER_CONNECTIONS}."
        if most >= STARTER_CONNECTIONS
        else ""
    )
    return f"Xero usually connects one organisation for each sign-in.{limit}"


def open_button(name: str) -> str:
    """Return a button label that fits a narrow screen."""
    return f"Open {fit(name, min(cells(name), 36))}"
