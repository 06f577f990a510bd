"""Archive and restore: from the key press to the change log."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tui import messages
from tui.actions.registry import default_key
from tui.messages.formats import pluralize
from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.model.reasons import ContactReason, Notice
from tui.screens import navigation
from tui.screens.events import RestoreRequested

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from tui.model.change import Change
    from tui.model.snapshot import ChangeView
    from tui.screens.base_screen import EngineScreen

_ALREADY: Final = {
    Action.ARCHIVE: (ContactReason.ALREADY_ARCHIVED, "Press {restore} to restore it."),
    Action.RESTORE: (ContactReason.ALREADY_ACTIVE, "Press {archive} to archive it."),
}
_NOT_CHANGEABLE: Final = {
    ContactStatus.GDPRREQUEST: ContactReason.GDPR,
    ContactStatus.DELETED: ContactReason.DELETED,
}
_IN_PROGRESS: Final = {
    Action.ARCHIVE: "This contact is already being archived.",
    Action.RESTORE: "This contact is already being restored.",
}


_NOT_REFUSED: Final = "Nothing to retry: Xero hasn't refused a change to this contact."
_ALREADY_RETRIED: Final = "Already retried."
_NOT_RETRYABLE: Final = (
    "Can't retry: no change is needed, the contact can't be changed, or another change is in progress."
)


def can_retry(view: ChangeView | None) -> bool:
    """Whether this change was refused and hasn't been retried."""
    return view is not None and view.change.state is State.REFUSED and not view.change.superseded


def blocked_reason(
    action: Action,
    status: ContactStatus,
    last_change: ChangeView | None,
    *,
    is_merged: bool,
    key: Callable[[str], str] = default_key,
) -> str:
    """Return why a contact can't be changed this way now, or "" if it can. `key` formats an action's key."""
    if last_change is not None and last_change.change.state.is_open:
        change = last_change.change
        if change.state is State.AWAITING_USER:
            return (
                f"This contact needs you to click Restore in Xero. Press {key('manual_restores')} to "
                "open the list."
            )
        return _IN_PROGRESS[change.action]
    if status in _NOT_CHANGEABLE:
        return messages.message(Notice(_NOT_CHANGEABLE[status]))
    if status is action.target_status:
        reason, advice = _ALREADY[action]
        keys = {"archive": key("archive"), "restore": key("restore")}
        return f"{messages.message(Notice(reason))} {advice.format_map(keys)}"
    if action is Action.RESTORE and is_merged:
        return messages.message(Notice(ContactReason.MERGED))
    return ""


class ChangeController:
    """Confirm and request changes for a screen.

    `on_requested` is called once the changes are in the change log.
    """

    def __init__(self, screen: EngineScreen[Any], on_requested: Callable[[], None] = lambda: None) -> None:
        self._screen = screen
        self._on_requested = on_requested

    def confirm(
        self, action: Action, contact_ids: Sequence[str], *, hidden: Collection[str] = frozenset()
    ) -> None:
        """Ask for confirmation, then request the changes; `hidden` are contacts the list doesn't show."""

        def confirmed(chosen: tuple[str, ...] | None) -> None:
            if chosen:
                self._screen.start(partial(self._request, action, chosen), "change")

        question = navigation.ConfirmScreen(self._screen.backend, action, contact_ids, hidden)
        self._screen.open_screen(question, confirmed)

    async def _request(self, action: Action, contact_ids: tuple[str, ...]) -> None:
        count = await self._screen.backend.changes.request(action, contact_ids)
        if action is Action.RESTORE:
            self._screen.post_message(RestoreRequested(contact_ids))
        doing = "Archiving" if action is Action.ARCHIVE else "Restoring"
        self._screen.flash(f"{doing} {pluralize(count, 'contact')}." if count else "Already in progress.")
        self._on_requested()

    def mark_tenant_groups(self) -> None:
        """Choose tenant groups."""
        self._screen.open_screen(navigation.TenantGroupsScreen(self._screen.backend))

    def retry(self, view: ChangeView | None) -> None:
        """Retry a refused change, or explain why it can't be retried."""
        if view is None or view.change.state is not State.REFUSED:
            self._screen.flash(_NOT_REFUSED)
        elif view.change.superseded:
            self._screen.flash(_ALREADY_RETRIED)
        else:
            self._screen.start(partial(self._retry, view.change), "change")

    async def _retry(self, change: Change) -> None:
        count = await self._screen.backend.changes.retry([change])
        if count and change.action is Action.RESTORE:
            self._screen.post_message(RestoreRequested((change.contact_id,)))
        self._screen.flash("Retrying." if count else _NOT_RETRYABLE)
