"""The local copy of an organisation, in SQLite."""

from tui.store.store import Applied, JournalEvent, Move, Store

__all__ = ["Applied", "JournalEvent", "Move", "Store"]
