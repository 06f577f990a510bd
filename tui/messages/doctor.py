"""The sentences of `reshelve doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui import messages
from tui.messages import formats
from tui.messages.texts import Text, fill_in
from tui.model.doctor import Check, Health, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui.model.doctor import HealthFinding
    from tui.model.reasons import Param

#: How serious a finding is, in words.
HEALTH: Final = {Health.OK: "OK", Health.WARNING: "Warning", Health.PROBLEM: "Problem"}
_LABELS: Final = {
    Check.RESHELVE: "Reshelve",
    Check.PYTHON: "Python",
    Check.TEXTUAL: "Textual",
    Check.SQLITE: "SQLite",
    Check.SYSTEM: "System",
    Check.SETTINGS_FOLDER: "Settings folder",
    Check.DATA_FOLDER: "Data folder",
    Check.LOG_FOLDER: "Log folder",
    Check.DISK: "Disk",
    Check.SETTINGS: "Settings",
    Check.TERMINAL: "Terminal",
    Check.ENCODING: "Encoding",
    Check.KEYCHAIN: "Keychain",
    Check.PROXY: "Proxy",
    Check.CERTIFICATES: "Certificates",
    Check.CONNECTIONS: "Connections",
    Check.SIGN_IN: "Sign-in {number}",
    Check.XERO: "Xero, sign-in {number}",
    Check.CLOCK: "Clock",
    Check.DATABASE: "Organisation {number}, database",
    Check.LOCK: "Organisation {number}, lock",
    Check.RE_LEASED: "Organisation {number}, Re-Leased",
}
_SIGN_IN_AGAIN: Final = "Run `reshelve connect`."
_PRIVATE: Final = "Make it readable for your user only, for example with `chmod -R go-rwx`."


def _disk(params: Mapping[str, Param]) -> str:
    return f"{formats.format_size(int(str(params['free'])))} free"


def _signed_in(params: Mapping[str, Param]) -> str:
    renewed = f", renewed {formats.date_and_time(at)}" if (at := params.get("renewed_at")) else ""  # type: ignore[arg-type]
    access = "read-only access" if params["is_read_only"] else "access to read and change contacts"
    scopes = f" Scopes: {params['scopes']}." if params["scopes"] else ""
    return f"{{organisations:organisation}}, {access}{renewed}. Tokens are stored in {{stored}}.{scopes}"


def _database(params: Mapping[str, Param]) -> str:
    backed_up = f"backed up {formats.date_and_time(at)}" if (at := params.get("last_backup")) else "no backup"  # type: ignore[arg-type]
    older = "" if params["version"] == params["current"] else f" (this Reshelve writes {params['current']})"
    waiting = " ({open:,} not in Xero yet)" if params["open"] else ""
    return (
        f"{{contacts:contact}}, {{changes:change}}{waiting}; "
        f"{formats.format_size(int(str(params['size'])))}, version {{version}}{older}, {backed_up}"
    )


_COLOURS: Final = {0: "colours unknown", 1 << 24: "16 million colours"}


def _terminal(params: Mapping[str, Param]) -> str:
    count = int(str(params["colours"]))
    colours = _COLOURS.get(count) or f"{count} colours"
    program = " ({program})" if params["program"] else ""
    notes = [
        *(["NO_COLOR is set"] if params["has_no_colour"] else []),
        *(["tells all keys apart"] if params["has_all_keys"] else []),
    ]
    return f"{{term}}{program}, {{columns}}×{{lines}}, {', '.join([colours, *notes])}"


_TEXTS: Final[Mapping[Result, Text | Callable[[Mapping[str, Param]], Text]]] = {
    Result.VALUE: Text("{value}"),
    Result.NOT_CHECKED: Text("Couldn't be checked ({kind}).", "Report this as a bug in Reshelve."),
    Result.FOLDER: Text("{path}"),
    Result.FOLDER_NEW: Text("{path} (not created yet)"),
    Result.FOLDER_NOT_WRITABLE: Text(
        "{path} can't be written.", "Make it writable for your user, or set RESHELVE_HOME to another folder."
    ),
    Result.FOLDER_NOT_PRIVATE: Text("{path} can be read by other users of this computer.", _PRIVATE),
    Result.NOT_A_FOLDER: Text(
        "{path} isn't a folder.", "Move that file away, or set RESHELVE_HOME to another folder."
    ),
    Result.DISK_FREE: lambda params: Text(_disk(params)),
    Result.DISK_LOW: lambda params: Text(f"Only {_disk(params)}.", "Free some space."),
    Result.SETTINGS_READ: lambda params: Text(
        "{count:setting} changed from the default" if params["count"] else "All at their defaults"
    ),
    Result.SETTINGS_IGNORED: Text(
        "{count:setting is/settings are} ignored or renamed.", "Run `reshelve settings` to see them."
    ),
    Result.SETTINGS_INVALID: Text(
        "{count:setting is/settings are} invalid: Reshelve can't start.",
        "Run `reshelve settings` to see them.",
    ),
    Result.TERMINAL: lambda params: Text(_terminal(params)),
    Result.TERMINAL_SMALL: lambda params: Text(
        f"{_terminal(params)}: small.", "Use at least 80 columns and 24 lines to see everything."
    ),
    Result.TERMINAL_DUMB: Text(
        "TERM is “{term}”, which has no screen.", "Open Reshelve in an ordinary terminal window."
    ),
    Result.NO_TERMINAL: Text("Not run in a terminal. Run it there as well if a screen looks wrong."),
    Result.ENCODING: Text("{encoding}"),
    Result.ENCODING_POOR: Text(
        "{encoding}: letters and signs that it doesn't have are shown as question marks.",
        "Set LANG to one that ends in UTF-8, such as C.UTF-8.",
    ),
    Result.KEYCHAIN: Text("{name}; it can be used without a prompt"),
    Result.KEYCHAIN_UNUSED: Text("{name}; not used, as tokens are stored in files"),
    Result.KEYCHAIN_ASKS: Text(
        "The keychain waits for you, perhaps in a hidden prompt.",
        "Unlock it. Programs that run by themselves need it unlocked, or tokens in files: "
        "`reshelve settings xero.token_store file`, then connect again.",
    ),
    Result.NO_KEYCHAIN: Text(
        "No keychain found.", "Run `reshelve connect --allow-file` to store tokens in a file."
    ),
    Result.NO_KEYCHAIN_NEEDED: Text("None found; not needed, as tokens are stored in files"),
    Result.NO_PROXY: Text("None"),
    Result.PROXY: lambda params: Text(
        f"{params['scheme']}, set in {params['source'] or 'the system'}"
        f"{', with a user name or password' if params['has_login'] else ''}"
    ),
    Result.CERTIFICATES: lambda params: Text(
        "The system's" + (f", and those of {params['variables']}" if params["variables"] else "")
    ),
    Result.NOT_CONNECTED: Text("No organisation is connected.", _SIGN_IN_AGAIN),
    Result.CONNECTED: lambda params: Text(
        "{organisations:organisation}, {sign_ins:sign-in}"
        + (
            "; {gone:organisation is/organisations are} no longer connected in Xero" if params["gone"] else ""
        ),
        _SIGN_IN_AGAIN if params["gone"] else "",
    ),
    Result.LIST_DAMAGED: Text("The list of organisations can't be read.", _SIGN_IN_AGAIN),
    Result.SIGNED_IN: lambda params: Text(_signed_in(params)),
    Result.SIGN_IN_OLD: lambda params: Text(
        f"{_signed_in(params)} Xero ends a sign-in that isn't renewed for {{days}} days.", _SIGN_IN_AGAIN
    ),
    Result.TOKENS_NOT_PRIVATE: Text(
        "The file with the tokens can be read by other users of this computer.", _PRIVATE
    ),
    Result.XERO_ANSWERED: Text("Xero answered: {organisations:organisation}"),
    Result.XERO_LACKS_ORGANISATIONS: Text(
        "Xero no longer lists {count:organisation} of this sign-in.", _SIGN_IN_AGAIN
    ),
    Result.CLOCK_RIGHT: Text("Agrees with Xero's"),
    Result.CLOCK_WRONG: lambda params: Text(
        f"This computer's clock is {{by}} {'ahead of' if params['is_ahead'] else 'behind'} Xero's.",
        "Correct the date and time of this computer.",
    ),
    Result.CLOCK_UNKNOWN: Text("Xero's time isn't known."),
    Result.NOTHING_SAVED: Text("Nothing saved yet"),
    Result.DATABASE: lambda params: Text(_database(params)),
    Result.DATABASE_NOT_BACKED_UP: lambda params: Text(
        f"{_database(params)}.", "Open the organisation in Reshelve: that backs up its change log."
    ),
    Result.DATABASE_NEWER: Text("Written by a newer Reshelve (version {version}).", "Update Reshelve."),
    Result.DATABASE_UNREADABLE: Text(
        "Can't be read now ({problem}).", "Close other programs that use it, then try again."
    ),
    Result.DATABASE_DAMAGED: Text("Damaged ({damage}).", "Close Reshelve, then run `reshelve repair`."),
    Result.DISCONNECTED_DATA: Text(
        "Data of {count:organisation} that isn't connected any more is kept.",
        "To remove it, run `reshelve forget`.",
    ),
    Result.LOCK_FREE: Text("Free"),
    Result.LOCK_HELD: lambda params: Text(
        "Held by process {process}: Reshelve is open" if params["process"] else "Held: Reshelve is open"
    ),
    Result.NO_SOURCE: Text("Not connected: Reshelve only knows when its syncs run"),
    Result.FEED: Text("A feed of its syncs"),
    Result.UNIFIED: Text("Its own contacts, through Unified.to"),
    Result.OWN_SOURCE: Text("Its own contacts, through a source of your own"),
    Result.SOURCE_NOT_INSTALLED: Text(
        "The package of the source in re_leased.source isn't installed.",
        "Install it, or run `reshelve settings re_leased.source --unset`.",
    ),
}


def label(finding: HealthFinding) -> str:
    """Return what was checked."""
    return _LABELS[finding.check].format(number=finding.number)


def text_of(finding: HealthFinding) -> Text:
    """Return what was found, and what to do about it."""
    if finding.notice is not None:
        is_signed_out = finding.result is Result.SIGNED_OUT
        next_step = _SIGN_IN_AGAIN if is_signed_out else messages.next_step(finding.notice)
        return Text(messages.message(finding.notice), next_step)
    text = _TEXTS[finding.result]
    if not isinstance(text, Text):
        text = text(finding.params)
    return Text(fill_in(text.message, finding.params), fill_in(text.next_step, finding.params))
