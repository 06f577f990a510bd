"""The change log: every change, what happened to it, and undo."""
