"""Overrides of Textual's private parts, kept in one place."""
