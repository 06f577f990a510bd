"""Screens and dialogs, one folder per feature."""
