"""Maintenance of the file: checks, backups of the change log, and repair."""
