"""Tells the terminal what happened to changes while another window has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from tui.messages.formats import format_number
from tui.model.evidence import SyncStatus
from tui.widgets.sync_format import news_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.timer import Timer

    from tui.model.snapshot import ChangeSummary, Snapshot


_BELL: Final = "\a"
_SEQUENCES: Final = {"osc9": "\x1b]9;Reshelve: {}\x1b\\", "osc777": "\x1b]777;notify;Reshelve;{}\x1b\\"}
# Xero may refuse a batch contact by contact: one notification for all of them.
_WAIT_SECONDS: Final = 1.0


class _Terminal(Protocol):
    def write_to_terminal(self, sequence: str) -> None: ...

    def set_timer(self, delay: float, callback: Callable[[], None]) -> Timer: ...


class Outcomes(Struct, frozen=True):
    """How many changes were synced, missed and refused; `is_least` if more than those may be synced."""

    synced: int = 0
    missed: int = 0
    refused: int = 0
    is_least: bool = False

    def __add__(self, other: Outcomes) -> Outcomes:
        return Outcomes(
            self.synced + other.synced,
            self.missed + other.missed,
            self.refused + other.refused,
            self.is_least or other.is_least,
        )


class ChangeNotifier:
    """Collects what happens to changes, and announces it once: with a bell, or a notification as well.

    `kind` is a value of the setting `screen.notifications`, except `off`.
    """

    def __init__(self, terminal: _Terminal, kind: str) -> None:
        self._terminal = terminal
        self._sequence = _SEQUENCES.get(kind, "")
        self._summaries: dict[str, ChangeSummary] = {}
        self._waiting: dict[str, tuple[str, Outcomes]] = {}
        self._timer: Timer | None = None

    def receive(self, snapshot: Snapshot, *, is_watched: bool) -> None:
        """Compare a snapshot of any organisation with the one before it."""
        organisation, summary = snapshot.organisation, snapshot.summary
        if summary is None:
            return
        before = self._summaries.get(organisation.tenant_id)
        self._summaries[organisation.tenant_id] = summary
        if before is None or before is summary or is_watched:
            return
        new = outcomes(before, summary)
        if new == Outcomes():
            return
        _, earlier = self._waiting.get(organisation.tenant_id, ("", Outcomes()))
        self._waiting[organisation.tenant_id] = (organisation.name, earlier + new)
        if self._timer is None:
            self._timer = self._terminal.set_timer(_WAIT_SECONDS, self._announce)

    def forget(self) -> None:
        """Announce nothing that has happened so far: the user is back."""
        self._waiting.clear()

    def _announce(self) -> None:
        self._timer = None
        notifications = [self._sequence.format(_text(*found)) for found in self._waiting.values()]
        self._waiting.clear()
        if notifications:
            self._terminal.write_to_terminal("".join(notifications) + _BELL)


def _text(organisation: str, found: Outcomes) -> str:
    least = "at least " if found.is_least else ""
    synced = f"{least}{format_number(found.synced)}" if found.synced else ""
    # A semicolon separates the parts of a sequence.
    return news_text(organisation, synced, found.missed, found.refused).replace(";", ",")


def outcomes(before: ChangeSummary, after: ChangeSummary) -> Outcomes:
    """Return what became of changes between two summaries of an organisation."""
    earlier = {
        view.change.change_id: view.sync.status if view.sync is not None else None
        for view in (*before.in_progress, *before.manual_restores, *before.pending, *before.synced)
    }
    synced = [
        view.change.change_id
        for view in after.synced
        if view.sync is not None
        and view.sync.status is SyncStatus.SYNCED
        and earlier.get(view.change.change_id) is not SyncStatus.SYNCED
    ]
    # A summary has the newest few only. What is new in it may also have taken the place of what was reversed.
    unknown = sum(change_id not in earlier for change_id in synced)
    unknown_synced = min(unknown, max(0, after.synced_total - before.synced_total))
    total = len(synced) - unknown + unknown_synced
    # While no sync works, none counts as missed.
    missed = 0 if before.stalled_total else after.missed_total - before.missed_total
    return Outcomes(
        synced=total,
        missed=max(0, missed),
        refused=max(0, after.refused_total - before.refused_total),
        is_least=0 < total == len(after.synced) < after.synced_total,
    )
