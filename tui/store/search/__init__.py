"""Finding contacts: the spine in memory, and the database until it is loaded."""
