"""The points at which a change can be interrupted: the harness orders one, and the child stops there.

Imports nothing of the program, so that the parent can name a point without loading what it kills.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

#: Seconds, instead of the program's own: longer than any request to the practice Xero takes.
UNDER_WAY: Final = timedelta(seconds=3)


class Point(StrEnum):
    """A step of the lifecycle. A transaction has three: before it, written but not committed, committed."""

    REQUEST_BEFORE = "request: before the journal"
    REQUEST_WRITTEN = "request: in its transaction"
    REQUEST_COMMITTED = "request: journalled, the outbox asleep"
    UNDO_BEFORE = "undo: before the journal"
    UNDO_WRITTEN = "undo: in its transaction"
    UNDO_COMMITTED = "undo: journalled, the outbox asleep"
    REDO_BEFORE = "redo: before the journal"
    REDO_WRITTEN = "redo: in its transaction"
    REDO_COMMITTED = "redo: journalled, the outbox asleep"
    RETRY_BEFORE = "trying again: before the journal"
    RETRY_WRITTEN = "trying again: in its transaction"
    RETRY_COMMITTED = "trying again: journalled, the outbox asleep"
    CANCEL_BEFORE = "taking back: before the journal"
    CANCEL_WRITTEN = "taking back: in its transaction"
    CANCEL_COMMITTED = "taking back: journalled, not shown"
    PAUSE_BEFORE = "pause: before it is kept"
    PAUSE_WRITTEN = "pause: in its transaction"
    PAUSE_COMMITTED = "pause: kept, the outbox not told"
    SEND_BEFORE = "send: before the journal"
    SEND_WRITTEN = "send: in its transaction"
    SEND_COMMITTED = "send: journalled, the call not made"
    CALL_BEFORE = "call: not a byte sent"
    CALL_HALF = "call: half of it sent"
    CALL_SENT = "call: all of it sent, no answer awaited"
    CALL_ANSWERED = "call: carried out, its answer unread"
    ANSWER_BEFORE = "answer: read, not journalled"
    ANSWER_WRITTEN = "answer: in its transaction"
    ANSWER_COMMITTED = "answer: journalled, not shown"
    DOUBT_BEFORE = "doubt: before the journal"
    DOUBT_WRITTEN = "doubt: in its transaction"
    DOUBT_COMMITTED = "doubt: journalled, nothing read again"
    READING_BEFORE = "reading again: before the call"
    READING_ANSWERED = "reading again: its answer unread"
    VERDICT_BEFORE = "verdict: before the journal"
    VERDICT_WRITTEN = "verdict: in its transaction"
    VERDICT_COMMITTED = "verdict: journalled, not shown"
    HAND_OFF_BEFORE = "hand-off: before the journal"
    HAND_OFF_WRITTEN = "hand-off: in its transaction"
    HAND_OFF_COMMITTED = "hand-off: journalled, not shown"
    EVIDENCE_BEFORE = "evidence: before the journal"
    EVIDENCE_WRITTEN = "evidence: in its transaction"
    EVIDENCE_COMMITTED = "evidence: journalled, not shown"
    PAGE_ANSWERED = "page: answered, unread"
    PAGE_WRITTEN = "page: in its transaction"
    PAGE_COMMITTED = "page: stored, its cursor not moved"
    CURSOR_WRITTEN = "cursor: in its transaction"
    CURSOR_COMMITTED = "cursor: moved"
    TOKEN_ASKED = "token: asked for, its answer unread"
    TOKEN_BEFORE = "token: answered, not stored"
    TOKEN_STORED = "token: stored, not used"
    BACKUP_BEFORE = "backup: not begun"
    BACKUP_HALF = "backup: half copied"
    BACKUP_WRITTEN = "backup: copied, not in its place"
    BACKUP_COMMITTED = "backup: in its place"
    MIGRATION = "migration: a statement of it"
    STATEMENT = "any statement that writes"

    @property
    def is_kept(self) -> bool:
        """Whether what the step writes is in the journal by now: all of it, or else nothing."""
        return not self.name.endswith(("_BEFORE", "_WRITTEN"))


# Points before the commit: nothing of the request is in the change log yet; afterwards all of it is.
NOT_YET_ASKED: Final = frozenset({Point.REQUEST_BEFORE, Point.REQUEST_WRITTEN})

# The variables that give the child its order, and the file for its report.
ORDERS: Final = "CRASH_ORDERS"
REACHED: Final = "CRASH_REACHED"
