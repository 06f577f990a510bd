"""Contact search: an index in memory, and SQL until it is loaded."""
