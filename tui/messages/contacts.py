"""Texts about contacts: why they can't be changed, warnings, and why they aren't up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.messages.formats import money
from tui.messages.texts import Catalogue, Text
from tui.model.reasons import ContactReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.model.reasons import Param

_SAVED_DATA: Final = "Showing saved data."


def _they_owe(params: Mapping[str, Param]) -> Text:
    return Text(f"They owe {_amounts(params)}.")


def _you_owe(params: Mapping[str, Param]) -> Text:
    return Text(f"You owe {_amounts(params)}.")


def _amounts(params: Mapping[str, Param]) -> str:
    outstanding, overdue = (int(str(params[name])) for name in ("outstanding", "overdue"))
    if not overdue:
        return money(outstanding)
    return f"{money(outstanding)}, {'all' if overdue == outstanding else money(overdue)} of it overdue"


TEXTS: Final[Catalogue] = {
    ContactReason.MERGED: Text("Merged into another contact in Xero, which can't be undone."),
    ContactReason.GDPR: Text("Locked in Xero for a privacy request (GDPR), which can't be undone."),
    ContactReason.DELETED: Text("No longer in Xero, so it can't be archived or restored."),
    ContactReason.NOT_LOADED: Text("Not loaded from Xero yet."),
    ContactReason.ALREADY_ARCHIVED: Text("Already archived."),
    ContactReason.ALREADY_ACTIVE: Text("Already active."),
    ContactReason.NAME_TAKEN: Text(
        "Another active contact is named “{name}”. Xero refuses this until you rename one."
    ),
    ContactReason.THEY_OWE: _they_owe,
    ContactReason.YOU_OWE: _you_owe,
    ContactReason.UNREADABLE: Text("Xero's data for this contact couldn't be read.", _SAVED_DATA),
    ContactReason.SOME_UNREADABLE: Text(
        "Xero's data for {count:,} of {total:contact} couldn't be read.", _SAVED_DATA
    ),
    ContactReason.TOO_MANY: Text("More than {most:contact} can't be checked with Xero at once.", _SAVED_DATA),
    ContactReason.SLOW_REPLY: Text(
        "Xero is slow to respond. Its call limit for this minute may be reached.", _SAVED_DATA
    ),
    ContactReason.INCOMPLETE_REPLY: Text(
        "Xero's reply was incomplete.", "Nothing is lost. Reshelve will retry automatically."
    ),
    ContactReason.NOT_SAVED: Text("This contact isn't in the saved data.", action="refresh"),
}
