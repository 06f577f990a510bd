"""Reads evidence from Re-Leased: exported contact files and feeds."""
