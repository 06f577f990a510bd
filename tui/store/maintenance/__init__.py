"""Care for the file: checks, backups of the journal, and repair."""
