"""The local database of an organisation, in SQLite."""

from tui.store.store import ChangeLogEntry, Store, StoreUpdate, TransitionRequest

__all__ = ["ChangeLogEntry", "Store", "StoreUpdate", "TransitionRequest"]
