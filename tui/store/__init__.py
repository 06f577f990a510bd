"""The local copy of an organisation, in SQLite."""
