"""Text for the connect screen."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.style import Style

from tui import messages
from tui.messages.formats import format_number, pluralize
from tui.model.activity import ACTIVITY_SCOPES
from tui.model.reasons import Notice, SignInReason, XeroReason
from tui.widgets.labels import TermSection
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
_TERM_WIDTH: Final = 13
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


ABOUT: Final = (
    "Archive and restore the contacts of your Xero organisations, and see when Re-Leased has the changes."
)
NONE_YET: Final = "No organisation is connected yet. Choose how to start:"
NONE_IN_PRACTICE: Final = (
    "No practice organisation is connected. Connect it again, or quit: the next demo connects it."
)
#: The ways to start: a title, and what it leads to.
DEMO: Final = (
    "Try the demo",
    "Practice with invented contacts on this computer. No account needed; nothing real is changed.",
)
CONNECT: Final = (
    "Connect Xero",
    "Three steps: a client ID, your sign-in to Xero, and the organisation to connect.",
)
CONNECT_PRACTICE: Final = ("Connect the practice Xero", "On this computer; no account needed.")
HOW: Final = ("How it works", "What Reshelve does, what it may do in Xero, and what is stored where.")

HEADING: Final = "Connect to Xero in three steps"
HEADING_PRACTICE: Final = "Connect to the practice Xero"
READ_ONLY: Final = "Reshelve can show contacts but not change them."
ACTIVITY: Final = "Read-only access to invoices, payments and bank transactions."
CUSTOM: Final = "Connects one organisation (AU, NZ, UK, US) with a client secret, without a browser."

#: How many connections an app has on Xero's free Starter tier (as Xero states, 2026).
STARTER_CONNECTIONS: Final = 5
CLIENT_ID_LIKE: Final = "32 letters and digits"
NO_CLIENT_ID: Final = "Paste the client ID first. See step 1."
NOT_A_CLIENT_ID: Final = "Not a client ID: use only letters, digits and hyphens. Nothing was sent."
NO_APP_NEEDED: Final = "The practice Xero needs no app: its client ID is filled in."
PRACTICE_CLIENT_ID: Final = "Nothing changed. Connect with the client ID that was filled in."
#: Reasons whose advice is to look at the app in Xero's developer pages.
ABOUT_THE_APP: Final = frozenset(
    {
        SignInReason.APP_NOT_ACCEPTED,
        SignInReason.REFUSED,
        SignInReason.TIMED_OUT,
        SignInReason.CLIENT_UNKNOWN,
        SignInReason.CUSTOM_CLIENT_REFUSED,
        SignInReason.CUSTOM_NOT_AUTHORISED,
    }
)
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
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_APPS: Final = "https://developer.xero.com/app/manage"
_ALLOW: Final = (
    "In your browser, Xero asks which organisation to connect, and whether Reshelve may see and change its "
    "contacts, see its settings and stay connected. Allow access."
)
_STORED: Final = (
    "Reshelve loads the contacts to this computer and keeps the sign-in in your system's keychain. It "
    "changes nothing in a contact but its status, and asks you first."
)


def way(title: str, leads_to: str) -> Content:
    """Format one of the ways to start, with an empty line before the next."""
    return Content.assemble((title, "bold"), "\n", leads_to, "\n ")


def steps(instructions_key: str) -> tuple[Content, ...]:
    """Return the three steps of the browser sign-in."""
    return (
        _get_id("client ID", "Paste it below and connect.", instructions_key),
        Content(_ALLOW),
        Content(_STORED),
    )


def custom_steps(instructions_key: str) -> tuple[Content, ...]:
    """Return the three steps of a custom connection."""
    return (
        _get_id("client ID and secret", "Paste both below and connect.", instructions_key),
        Content("No browser opens: whoever registers the app allows access, by a link that Xero e-mails."),
        Content(_STORED),
    )


def practice_steps() -> tuple[Content, ...]:
    """Return the same steps with the practice Xero, which needs no app."""
    return (
        Content("Its client ID is filled in below. For your own Xero, you register an app first."),
        Content(f"{_ALLOW} Here, it is the practice Xero's page."),
        Content("Reshelve loads the invented contacts to this computer, into the demo's own folder."),
    )


def _get_id(what: str, then: str, key: str) -> Content:
    link = Style.from_meta({"@click": "screen.app_instructions"})
    press = Content.assemble("Press ", (key, "bold $text-accent"), " for instructions")
    return Content.assemble(
        f"Get a {what} from a Xero app of your own, which is free and registered once. ",
        press.stylize(link),
        f" to follow, or to send to whoever looks after your software. {then}",
    )


INSTRUCTIONS: Final = "Register a Xero app for Reshelve"
_INTRODUCTION: Final = """\
Reshelve archives and restores contacts in Xero from a terminal. It signs in with a Xero app of your own, so \
that you control its access. Registering one is free and done once."""
_PERMISSIONS: Final = """\
What it may do: see and change contacts (accounting.contacts), see the organisation's settings \
(accounting.settings.read) and stay connected (offline_access). With a read-only connection, it can't change \
contacts (accounting.contacts.read). It has no access to payroll, and none to invoices, payments or bank \
transactions unless you choose to show when contacts were last used: it then reads them. To \
end the access, disconnect in Reshelve, or in Xero among the connected apps."""
# Of a numbered step: "1. ".
_STEP_INDENT: Final = 3
_LIMITS: Final = """\
Xero's limits: an app on the free Starter tier has 5 connections, and an organisation takes at most two \
uncertified apps. Custom connections don't count as such."""


def instructions(redirect_uri: str) -> str:
    """Return how to register an app for the browser sign-in, as text to read or send."""
    return f"""\
{INSTRUCTIONS}

{_INTRODUCTION}

1. Sign in at {_APPS} and click New app.
2. Enter any name without "Xero" in it. App type: Mobile or desktop app.
3. Enter exactly this redirect URI: {redirect_uri}
4. Create the app, and pass on its client ID ({CLIENT_ID_LIKE}). It isn't secret, and there is no client \
secret.

Whoever uses Reshelve then signs in to Xero in a browser and chooses the organisation to connect.

{_PERMISSIONS}

{_LIMITS}
"""


def custom_instructions() -> str:
    """Return how to register a custom connection."""
    return f"""\
{INSTRUCTIONS}: custom connection

{_INTRODUCTION} A custom connection gives access to one organisation, without a browser.

1. Sign in at {_APPS} and click New app.
2. Enter any name without "Xero" in it. App type: Custom connection.
3. Choose these scopes: accounting.contacts and accounting.settings.read. To show when contacts were last \
used, also {", ".join(ACTIVITY_SCOPES[:-1])} and {ACTIVITY_SCOPES[-1]}. Choose who authorises it.
4. Authorise it with the link that Xero e-mails.
5. Pass on its client ID and client secret. Send the secret by a safe way, such as a password manager.

{_PERMISSIONS}
"""


def paragraphs(text: str) -> list[tuple[int, Content]]:
    """Return the indents and lines of the instructions, without the first, which is the title."""
    return [(_STEP_INDENT if line[:1].isdigit() else 0, content(line)) for line in text.splitlines()[2:]]


#: What Reshelve does and stores. SECURITY.md has more.
HOW_IT_WORKS: Final = (
    TermSection(
        "What it does",
        (
            ("Contacts", "Shows the contacts of your Xero organisations; searches as you type."),
            ("Archive", "Archives contacts in Xero, once you have confirmed what will change."),
            ("Restore", "Opens the contact in Xero, where you click Restore: Xero's API can't do that."),
            ("Re-Leased", "Shows which changes Re-Leased hasn't synced yet, and how that is known."),
            ("Undo", "Logs every change on this computer before it is sent, and can undo it."),
        ),
        _TERM_WIDTH,
    ),
    TermSection(
        "What it may do in Xero",
        (
            ("See", "Contacts with what they owe, and the organisation's name, currency and time zone."),
            ("Change", "Contacts. Reshelve changes nothing in them but their status."),
            ("Read-only", "You can connect without the permission to change contacts."),
            ("No access", "To payroll, and to invoices unless you allow it. You sign in on Xero's own page."),
        ),
        _TERM_WIDTH,
    ),
    TermSection(
        "What is stored on this computer",
        (
            ("Sign-in", "In your system's keychain. Without one, in a file, if you agree."),
            ("Contacts", "In a database in your user folder, with the change log. Only you can read it."),
            ("Encryption", "The database isn't encrypted: use disk encryption."),
            ("Disconnect", "Ends the sign-in at Xero and deletes its tokens. The database stays."),
            ("Demo", "Has a folder of its own, apart from everything else."),
        ),
        _TERM_WIDTH,
    ),
    TermSection(
        "What leaves this computer",
        (
            ("To Xero", "Sign-in, requests for contacts and, for a change, a contact's ID and new status."),
            ("Re-Leased", "Nothing, unless you connect it. Then its contacts are read; none are sent."),
            ("Others", "Nothing: no telemetry, no update check, no crash reports."),
        ),
        _TERM_WIDTH,
    ),
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
