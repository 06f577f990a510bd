"""Reads what Re-Leased knows: exported files of contacts, and feeds of evidence."""
