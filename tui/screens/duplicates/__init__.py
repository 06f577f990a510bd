"""Probable duplicates: the groups, side by side."""
