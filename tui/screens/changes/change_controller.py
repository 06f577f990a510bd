"""Archive and restore: from the key press to the change log."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tui import messages
from tui.actions import default_key
from tui.messages.formats import pluralize
from tui.model.change import Action, State
from tui.model.change_list import BatchKind, ChangeGroup, ChangeQuery, UndoOutcome
from tui.model.contact import ContactStatus
from tui.model.reasons import ContactReason, Notice
from tui.screens import navigation
from tui.screens.base_screen import RestoreRequested
from tui.screens.changes import formatting
from tui.screens.dialogs.ask import AskScreen, ProtectedScreen, short_list
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from tui.model.change import Change
    from tui.model.change_list import RequestResult, UndoPlan
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
_LEFT_OUT: Final = (
    "Skipped: no change is needed, the contact can't be changed, or another change is in progress."
)
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


class ResultController:
    """Show, for a screen, what becomes of the last request, until the next key after it is finished.

    `retry` is the screen's action that retries. With `is_contact` the screen is the contact's page.
    """

    def __init__(
        self, screen: EngineScreen[Any], *, retry: str = "retry_contact", is_contact: bool = False
    ) -> None:
        self._screen = screen
        self._retry_action = retry
        self._is_contact = is_contact
        self._batch_id = ""
        self._text = ""
        self._is_finished = self._has_refusals = False
        # The request whose refusals were shown until the key that was just pressed.
        self._refused_batch_id = ""
        # The user has pressed a key since, and is shown only how it ends.
        self._is_dismissed = False

    async def start(self, *, is_retry: bool = False) -> None:
        """Follow the request that was just made; the start of a retry is left to whoever made it."""
        result = await self._screen.backend.change_log.last_request()
        self.stop()
        if result is None:
            return
        self._batch_id = result.batch_id
        if is_retry and result.in_progress_total:
            self._text = self._format(result)
        self._show(result)

    def resume(self) -> None:
        """Show what became of the request meanwhile, or follow an unfinished one from another screen."""
        job = self._reload if self._batch_id else self._resume
        self._screen.start(job, "result", exclusive=True)

    async def _resume(self) -> None:
        result = await self._screen.backend.change_log.last_request()
        if result is not None and result.in_progress_total and not self._batch_id:
            self._batch_id, self._is_dismissed = result.batch_id, True

    def stop(self) -> None:
        """Follow no request."""
        self._batch_id, self._text = "", ""
        self._is_finished = self._is_dismissed = False

    def reload(self) -> None:
        """Show what has become of the request."""
        if self._batch_id and not self._is_finished:
            self._screen.start(self._reload, "result", exclusive=True)

    async def _reload(self) -> None:
        result = await self._screen.backend.change_log.last_request()
        if result is not None and result.batch_id == self._batch_id:
            self._show(result)

    def _show(self, result: RequestResult) -> None:
        self._is_finished = not result.in_progress_total
        self._has_refusals = result.refused is not None
        text = self._format(result)
        if text == self._text or (self._is_dismissed and not self._is_finished):
            return
        self._text, self._is_dismissed = text, False
        self._screen.flash(text, is_problem=result.refused is not None, stays=True)

    def _format(self, result: RequestResult) -> str:
        return formatting.result_message(
            result, self._screen.key, retry=self._retry_action, is_contact=self._is_contact
        )

    def key_pressed(self) -> None:
        """Make room for the keys again."""
        self._refused_batch_id = ""
        if self._batch_id and not self._is_dismissed:
            self._screen.key_bar.end_flash()
            self._is_dismissed = True
        if self._is_finished:
            self._refused_batch_id = self._batch_id if self._has_refusals else ""
            self.stop()

    def retry_refused(self) -> bool:
        """Retry what Xero refused of the request that was shown until this key, if there is any."""
        batch_id, self._refused_batch_id = self._refused_batch_id, ""
        if batch_id:
            self._screen.start(partial(self._retry, batch_id), "change")
        return bool(batch_id)

    async def _retry(self, batch_id: str) -> None:
        refused = await _refused_changes(self._screen)
        await retry_changes(self._screen, [change for change in refused if change.batch_id == batch_id], self)


class ChangeController:
    """Confirm and request changes for a screen.

    `on_requested` is called once the changes are in the change log. `result` shows what becomes of them.
    """

    def __init__(
        self,
        screen: EngineScreen[Any],
        result: ResultController,
        on_requested: Callable[[], None] = lambda: None,
    ) -> None:
        self._screen = screen
        self._on_requested = on_requested
        self._result = result

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
        self._screen.flash(formatting.requested_message(action, count))
        self._on_requested()
        if count:
            await self._result.start()

    def mark_tenant_groups(self) -> None:
        """Choose tenant groups."""
        self._screen.open_screen(navigation.TenantGroupsScreen(self._screen.backend))

    def retry(self, change: Change | None) -> None:
        """Retry what Xero refused of the request just shown, or this change, or explain why it can't be."""
        if self._result.retry_refused():
            return
        if change is None or change.state is not State.REFUSED:
            self._screen.flash(_NOT_REFUSED)
        elif change.superseded:
            self._screen.flash(_ALREADY_RETRIED)
        else:
            self._screen.start(partial(retry_changes, self._screen, [change], self._result), "change")


async def _refused_changes(screen: EngineScreen[Any]) -> list[Change]:
    """Return every refused change that hasn't been retried."""
    change_log, refused = screen.backend.change_log, ChangeQuery(ChangeGroup.REFUSED)
    total = (await change_log.page(refused, 0, 1)).total
    return [view.change for view in (await change_log.page(refused, 0, total)).changes]


async def ask_about_protected(
    screen: EngineScreen[Any], contact_ids: Sequence[str], then: Callable[[], object]
) -> None:
    """Call `then`; after a question if archiving these contacts would archive protected ones."""
    checked = await screen.backend.changes.check_saved_data(Action.ARCHIVE, contact_ids)
    names = [line.contact.name for line in checked.protected]

    def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
        if is_confirmed:
            then()

    if names:
        screen.open_screen(ProtectedScreen(names, len(contact_ids)), answered)
    else:
        then()


async def retry_changes(
    screen: EngineScreen[Any], changes: Sequence[Change], result: ResultController
) -> None:
    """Retry refused changes, tell how many those are, and let `result` show what becomes of them."""
    archived = [change.contact_id for change in changes if change.action is Action.ARCHIVE]
    retry = partial(screen.start, partial(_retry_now, screen, changes, result), "change")
    await ask_about_protected(screen, archived, retry)


async def _retry_now(screen: EngineScreen[Any], changes: Sequence[Change], result: ResultController) -> None:
    count = await screen.backend.changes.retry(changes)
    restores = tuple(change.contact_id for change in changes if change.action is Action.RESTORE)
    if count and restores:
        screen.post_message(RestoreRequested(restores))
    if len(changes) == 1:
        screen.flash("Retrying." if count else _NOT_RETRYABLE)
    else:
        tried = f"Retrying {pluralize(count, 'change')}." if count else "Nothing was retried."
        screen.flash(tried if count == len(changes) else f"{tried} {_LEFT_OUT}")
    if count:
        await result.start(is_retry=True)


_NOTHING: Final = "Nothing to retry: no refused changes."
_WHY: Final = "Xero will refuse again if the reason still applies. Retrying changes nothing else."


class RetryController:
    """Retry, for a screen, every change that Xero refused."""

    def __init__(self, screen: EngineScreen[Any], result: ResultController) -> None:
        self._screen = screen
        self._result = result

    def retry_all(self) -> None:
        """Ask whether to retry the refused changes; those of the request just shown are retried at once."""
        if not self._result.retry_refused():
            self._screen.start(self._ask, "retry", exclusive=True)

    async def _ask(self) -> None:
        changes = await _refused_changes(self._screen)
        if not changes:
            self._screen.flash(_NOTHING)
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_confirmed:
                retry = partial(retry_changes, self._screen, changes, self._result)
                self._screen.start(retry, "retry")

        shown = short_list([f"{change.action.value.capitalize()} {safe(change.name)}" for change in changes])
        question = f"Retry {pluralize(len(changes), 'refused change')}?"
        self._screen.open_screen(AskScreen(question, (*shown, _WHY), yes="Retry"), answered)


_PAUSE_QUESTION: Final = "Pause sending to Xero?"
_PAUSE_EFFECT: Final = (
    "Queued changes stay on this computer until you resume, also after a restart.",
    "A request that is already under way isn't stopped.",
)
_PAUSED: Final = "Sending paused. Queued changes stay on this computer until you resume."
_RESUMED: Final = "Sending resumed."


class UndoController:
    """Undo, redo and pause for a screen, on which `result` shows what becomes of the last request."""

    def __init__(self, screen: EngineScreen[Any], result: ResultController) -> None:
        self._screen = screen
        self._result = result

    def undo(self) -> None:
        """Undo the last request, after the user has confirmed the plan."""
        self._result.stop()
        self._screen.start(partial(self._plan, BatchKind.UNDO), "undo", exclusive=True)

    def redo(self) -> None:
        """Redo the last undone request, after the user has confirmed the plan."""
        self._screen.start(partial(self._plan, BatchKind.REDO), "undo", exclusive=True)

    def toggle_pause(self) -> None:
        """Resume sending to Xero, or pause it after the user has confirmed."""
        if self._screen.backend.snapshot.is_paused:
            self._screen.start(partial(self._pause, False), "pause", exclusive=True)  # noqa: FBT003 - passed positionally to a worker
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_confirmed:
                self._screen.start(partial(self._pause, True), "pause", exclusive=True)  # noqa: FBT003 - as above

        question = AskScreen(_PAUSE_QUESTION, _PAUSE_EFFECT, yes="Pause")
        self._screen.open_screen(question, answered)

    async def _plan(self, kind: BatchKind) -> None:
        screen, undo = self._screen, self._screen.backend.undo
        plan = await (undo.plan_undo() if kind is BatchKind.UNDO else undo.plan_redo())
        # A second key press may find the first one's question already open.
        if not screen.is_current:
            return
        if plan is None or not plan.steps:
            screen.flash(formatting.nothing_to_do(kind, plan))
            return

        def answered(is_confirmed: bool | None) -> None:  # noqa: FBT001 - Textual passes the result positionally
            if is_confirmed:
                screen.start(partial(self._confirmed, plan), "undo")

        question = formatting.question(plan)
        details = formatting.explanation(plan, screen.now())
        screen.open_screen(AskScreen(question, details, yes=formatting.VERBS[plan.kind]), answered)

    async def _confirmed(self, plan: UndoPlan) -> None:
        screen = self._screen
        apply = partial(screen.start, partial(self._apply, plan), "undo")
        await ask_about_protected(screen, plan.archived_ids, apply)

    async def _apply(self, plan: UndoPlan) -> None:
        done = await self._screen.backend.undo.apply(plan)
        self._screen.flash(formatting.done_message(done))
        restored = [
            line.target.change.contact_id for line in done.steps if line.outcome is UndoOutcome.RESTORE
        ]
        if restored:
            self._screen.post_message(RestoreRequested(tuple(restored)))

    async def _pause(self, is_paused: bool) -> None:  # noqa: FBT001 - passed positionally to a worker
        await self._screen.backend.changes.pause_sending(on=is_paused)
        self._screen.flash(_PAUSED if is_paused else _RESUMED)
