"""The local copy of an organisation, in SQLite."""

from tui.store.store import Applied, ChangeLogEntry, Store, TransitionRequest

__all__ = ["Applied", "ChangeLogEntry", "Store", "TransitionRequest"]
