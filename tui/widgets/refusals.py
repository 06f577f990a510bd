"""What to do about a change that Xero refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.actions.registry import default_key
from tui.model.change import State
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.model.change import Change

# What to do first, by a part of the reason that is stored with the change.
_STEPS: Final = (
    ("repeating invoice", "End or delete its repeating invoices in Xero"),
    ("already assigned to another contact", "Give one of the two contacts another name or number in Xero"),
    ("not authorised", "Ask for a role in Xero that may edit contacts"),
    ("not authorized", "Ask for a role in Xero that may edit contacts"),
    ("permission", "Ask for a role in Xero that may edit contacts"),
)
# Reasons that trying again can't change.
_NOT_RETRYABLE: Final = ("knows this contact", "know this contact", "merged into another", "privacy", "gdpr")
_NO_REASON: Final = "Xero gave no reason."
_DEFAULT: Final = "Check the contact in Xero"


def refusal_reason(change: Change) -> str:
    """Return why the change was refused, in Xero's words."""
    return safe(change.message) or _NO_REASON


def refusal_advice(
    change: Change, *, retry: str = "retry_here", key: Callable[[str], str] = default_key
) -> str:
    """Return what to do about a refused change that hasn't been retried; empty for any other.

    `retry` is the action that retries it where this is shown; `key` names the key of an action, and
    returns nothing in read-only mode.
    """
    if change.state is not State.REFUSED or change.superseded:
        return ""
    message = change.message.lower()
    if any(part in message for part in _NOT_RETRYABLE):
        return "Retrying won't help: look the contact up in Xero."
    first = next((step for part, step in _STEPS if part in message), _DEFAULT)
    key_label = key(retry)
    return f"{first}, then press {key_label} to retry." if key_label else f"{first}."
