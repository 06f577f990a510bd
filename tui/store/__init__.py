"""The local database of an organisation, in SQLite."""

from __future__ import annotations

from tui.store.store import Store, StoreUpdate, TransitionRequest

__all__ = ["Store", "StoreUpdate", "TransitionRequest"]
