"""Textual's private parts that Reshelve relies on, kept in one place."""
