"""What the connect screen says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.style import Style

from tui.widgets.text import cells, content, fit

if TYPE_CHECKING:
    from tui.model.account import ConnectResult
    from tui.model.contact import Organisation

HEADING: Final = "Register an app with Xero, once and for free:"
READ_ONLY: Final = "Asks Xero for leave to read, and no more."
CUSTOM: Final = "One organisation (AU, NZ, UK, US) by client secret, without a browser."
DEMO: Final = "Only looking? Run reshelve demo: invented contacts, no account needed."

CLIENT_ID_LIKE: Final = "32 letters and digits"
NO_CLIENT_ID: Final = "Paste the client id first. Step 4 says where it is."
NOT_A_CLIENT_ID: Final = "That isn't a client id: it has letters, digits and dashes only. Nothing was sent."
NO_ORGANISATION: Final = "No organisation was chosen in Xero. Connect again and tick at least one there."
NO_FILE: Final = "Nothing was sent or kept. Connecting needs a keychain, or your leave to use a file."

PREPARING: Final = "Getting ready …"
READING: Final = "Reading organisations …"
KEYCHAIN: Final = "Waiting for the keychain: look for its prompt."
OPEN_IT: Final = "Sign in to Xero at this address, choose organisations and allow access."
NO_BROWSER: Final = "No browser could be opened here. Open this address in one, on any machine."
ADDRESS: Final = "The address, should you need it on another machine:"
PASTE: Final = "Did it end at a page that can't be shown? Paste that page's address:"

_FILE_QUESTION: Final = (
    "The sign-in can be kept in a file instead, which only your user on this machine can read. Whoever can "
    "read your files, or a backup of them, could then read contacts in Xero, or change them."
)
_OPEN: Final = Content.assemble(
    "Open ", ("developer.xero.com/app/manage", "bold $text-accent"), ", press New app."
)
_NAME: Final = "Any name without “Xero” in it. App type: "
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


def steps(redirect_uri: str) -> tuple[Content, ...]:
    """Write the four steps that lead to a client id in a browser's sign-in."""
    copies = Style.from_meta({"@click": "screen.copy_address"})
    address = content(redirect_uri, "bold $text-accent").stylize(copies)
    return (
        _OPEN,
        Content.assemble(_NAME, ("Mobile or desktop app", "bold"), "."),
        Content.assemble("Redirect URI, exactly: ", address),
        Content("Create it, and copy its client id to the box below."),
    )


def custom_steps() -> tuple[Content, ...]:
    """Write the four steps that lead to a client id and secret of a custom connection."""
    scopes = ("accounting.contacts", "bold"), " and ", ("accounting.settings.read", "bold")
    return (
        _OPEN,
        Content.assemble(_NAME, ("Custom connection", "bold"), "."),
        Content.assemble("Scopes: ", *scopes, ". Authorise it by the link that Xero mails."),
        Content("Copy its client id and client secret into the boxes below."),
    )


def validation_problem(client_id: str, secret: str, *, is_custom: bool) -> str:
    """Say what can't be sent to Xero; empty when everything can."""
    if not client_id:
        return NO_CLIENT_ID
    if not _CLIENT_ID.fullmatch(client_id):
        return NOT_A_CLIENT_ID
    if is_custom and not secret:
        return "A custom connection needs its client secret too. Nothing was sent."
    if is_custom and not (secret.isascii() and secret.isprintable() and " " not in secret):
        return "That isn't a client secret: it has no spaces or accents. Nothing was sent."
    return ""


def file_question(what: str) -> tuple[str, ...]:
    """Ask whether tokens may be kept in a file."""
    return (what, _FILE_QUESTION)


def labels(organisation: Organisation) -> str:
    """Say what is special about an organisation; empty when nothing is."""
    kinds = (
        ("demo company", organisation.is_demo),
        ("custom connection", organisation.is_custom),
        ("read only", organisation.is_read_only),
    )
    return ", ".join(words for words, applies in kinds if applies)


def organisations(connected: ConnectResult) -> Content:
    """List what was connected."""
    lines = [
        Content.assemble(
            ("● ", "$text-success"),
            content(organisation.name, "bold"),
            (f"  {labels(organisation)}".rstrip(), "$text-warning"),
        )
        for organisation in connected.organisations
    ]
    return Content("\n").join(lines)


def open_button(name: str) -> str:
    """Name what pressing it does, on a button that fits a narrow screen."""
    return f"Open {fit(name, min(cells(name), 36))}"
