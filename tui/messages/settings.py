"""Texts about settings: descriptions, allowed values, and problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.messages.texts import Catalogue, Text, fill_in
from tui.model.reasons import SettingsReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui.model.reasons import Notice, Param, Reason

#: What each setting means, by its path; settings of an organisation are listed without its tenant ID.
DESCRIPTIONS: Final = {
    "xero.login_url": "Xero sign-in URL.",
    "xero.identity_url": "Xero identity URL, which issues, refreshes and revokes tokens.",
    "xero.api_url": "Xero API URL.",
    "xero.pages_url": "URL of Xero's contact pages.",
    "xero.client_id": "Client ID of your Xero app, suggested when you connect.",
    "xero.callback_port": (
        "Local port that the browser returns to after sign-in. The redirect URI of your Xero app must use the"
        " same port."
    ),
    "xero.token_store": (
        "Where sign-in tokens are stored: the system's keychain, or files that only you can read."
    ),
    "xero.activity": (
        "Whether connecting also asks for read-only access to invoices, payments and bank transactions, to"
        " show when each contact was last used."
    ),
    "re_leased.feed_url": (
        "URL of a feed of contacts that Re-Leased has synced. Without a feed, changes are shown as Should be"
        " synced after the nightly sync window, never as Synced."
    ),
    "re_leased.unified_url": (
        "URL of Unified.to, through which Re-Leased's contacts are read: the region of your account."
    ),
    "re_leased.archived_field": (
        "Field of Re-Leased's own record that shows whether a contact is archived, such as raw.isArchived."
        " Used for contacts that Unified.to returns without a status."
    ),
    "re_leased.archived_values": (
        "Values of re_leased.archived_field that mean archived, separated by commas. Without any, it must be"
        " true or false."
    ),
    "re_leased.xero_id_field": (
        "Field of Re-Leased's own record that has Xero's ContactID, such as raw.externalId. Without it,"
        " contacts are matched by name and e-mail."
    ),
    "re_leased.source": (
        "Name of an installed source of Re-Leased's contacts, to use instead of Unified.to."
    ),
    "re_leased.poll_seconds": (
        "Seconds between two reads of what has changed in Re-Leased's contacts. All contacts are read once a"
        " day."
    ),
    "re_leased.window_start": (
        "Start of Re-Leased's nightly sync window. Re-Leased uses the time zone of the company's country;"
        " Reshelve assumes the organisation's time zone in Xero unless you set organisations.….zone."
    ),
    "re_leased.window_end": "End of Re-Leased's nightly sync window, in the same time zone.",
    "re_leased.sync_seconds": (
        "Seconds between two syncs of Re-Leased, if something starts them around the clock. Without it,"
        " Re-Leased syncs once a night. With it, no change is shown as Should be synced."
    ),
    "sync.poll_seconds": "Refresh interval (seconds). Xero's daily limit can make it longer.",
    "screen.theme": "Colour theme.",
    "screen.notifications": (
        "What the terminal does when a change is synced, missed or refused while another window has the"
        " focus: nothing, a bell, or a bell and a desktop notification. osc9 is for iTerm2, kitty, Ghostty"
        " and WezTerm, osc777 for foot, urxvt and many others."
    ),
    "organisations.unified_connection_id": (
        "ID of this organisation's connection to Re-Leased in Unified.to. Without it, Re-Leased isn't read."
    ),
    "organisations.re_leased_company_id": (
        "ID of the Re-Leased company that syncs with this organisation. Without it, the contacts of all"
        " companies of the connection are read."
    ),
    "organisations.window_start": (
        "Start of this organisation's nightly sync window, if different from re_leased.window_start."
    ),
    "organisations.window_end": (
        "End of this organisation's nightly sync window, if different from re_leased.window_end."
    ),
    "organisations.zone": (
        "Time zone of the sync window: that of the company's country in Re-Leased. Only needed if it differs"
        " from the organisation's time zone in Xero."
    ),
}
# The allowed values of a setting, to follow "must be".
_ALLOWED: Final[Mapping[Reason, str]] = {
    SettingsReason.NOT_TEXT: "text in quotes",
    SettingsReason.INVALID_URL: "an https:// URL (http:// only for this computer)",
    SettingsReason.INVALID_CLIENT_ID: "a Xero client ID of up to 64 letters, digits and hyphens",
    SettingsReason.INVALID_THEME: "a theme's name",
    SettingsReason.INVALID_CHOICE: "one of {choices}",
    SettingsReason.INVALID_TIME: 'a time such as "06:00"',
    SettingsReason.INVALID_ZONE: 'a time zone such as "Pacific/Auckland"',
    SettingsReason.INVALID_SECONDS: "a number of seconds above 0, up to {most}",
    SettingsReason.INVALID_NUMBER: "a whole number from {least} to {most}",
    SettingsReason.INVALID_KEYS: 'keys separated by commas, such as "f5,ctrl+r"',
    SettingsReason.INVALID_UNIFIED_URL: "one of {choices}, or a URL of this computer",
    SettingsReason.INVALID_RE_LEASED_ID: "an ID of up to 128 letters, digits, hyphens and underscores",
    SettingsReason.INVALID_RAW_FIELD: 'a field of the raw record, such as "raw.isArchived"',
    SettingsReason.INVALID_WORDS: 'values separated by commas, such as "Archived,Inactive"',
}
_SAVE_AS_UTF8: Final = "Save it with UTF-8 encoding."
_SHOW_ALL: Final = "Run `reshelve settings` to see them all."


def description(section: str, name: str) -> str:
    """Return a one-line description of a setting."""
    if section == "keys":
        return f"Custom shortcut for the action {name}."
    return DESCRIPTIONS[f"{section.partition('.')[0]}.{name}"]


def allowed_values(about: Notice) -> str:
    """Return the allowed values of a setting, given the reason why another one is invalid."""
    return fill_in(_ALLOWED[about.reason], about.params)


def did_you_mean(name: str) -> str:
    """Ask whether a similar name was meant; empty without a name."""
    return name and f"Did you mean {name}?"


def _or_closest(message: str, otherwise: str) -> Callable[[Mapping[str, Param]], Text]:
    """Return a text that suggests the closest name, or lists the valid ones."""
    return lambda params: Text(message, did_you_mean("{closest}") if params["closest"] else otherwise)


def _invalid(allowed: str) -> Callable[[Mapping[str, Param]], Text]:
    """Return a text with the allowed values, and the invalid value if it is known."""
    return lambda params: Text(
        f'{{place}} is "{{value}}". It must be {allowed}.'
        if "value" in params
        else f"{{place}} must be {allowed}."
    )


TEXTS: Final[Catalogue] = {
    SettingsReason.NOT_A_FILE: Text("{file} isn't a text file.", "Move it to another folder."),
    SettingsReason.FILE_UNREADABLE: Text(
        "Can't read {file}: {problem}.", "Check its permissions, or delete it."
    ),
    SettingsReason.NOT_TOML: Text(
        "{file} isn't valid TOML: {problem}.", "Correct the line, or delete the file."
    ),
    SettingsReason.NOT_TEXT_FILE: Text("{file} is saved as UTF-16 or isn't text.", _SAVE_AS_UTF8),
    SettingsReason.NOT_UTF8: Text("{file} isn't saved as UTF-8: see line {line}.", _SAVE_AS_UTF8),
    SettingsReason.NOT_A_SECTION: Text("{file}: {section} must be a section, written [{section}]."),
    SettingsReason.UNKNOWN_SECTION: _or_closest(
        "{file}: unknown section [{section}].", "The sections are {known}."
    ),
    SettingsReason.UNKNOWN_KEY: _or_closest(
        "{file}: [{section}] has no setting {name}.", "Its settings are {known}."
    ),
    SettingsReason.UNKNOWN_SETTING: _or_closest("There is no setting {path}.", _SHOW_ALL),
    SettingsReason.UNKNOWN_VARIABLE: _or_closest("{name} isn't a setting.", _SHOW_ALL),
    SettingsReason.ORGANISATION_VARIABLE: Text(
        "{name} isn't a setting.", "Set organisations in the file only, in the sections [organisations.…]."
    ),
    SettingsReason.SHORTCUT_VARIABLE: Text(
        "{name} isn't a setting.", "Set shortcuts in the file only, in the section [keys]."
    ),
    SettingsReason.NOT_A_TENANT_ID: Text("{file}: [{section}] isn't a tenant ID; tenant IDs are UUIDs."),
    SettingsReason.NO_ORGANISATION_SECTION: Text(
        "{file}: [organisations] needs one section per organisation, named by tenant ID.",
        'For example: [organisations."{name}"].',
    ),
    SettingsReason.NOT_AN_ACTION: Text("{file}: [keys] {name} isn't an action."),
    SettingsReason.RENAMED: Text("{place} is now called {name}.", "The old name still works."),
    **{reason: _invalid(allowed) for reason, allowed in _ALLOWED.items()},
}
