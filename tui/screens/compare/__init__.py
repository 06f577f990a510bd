"""Comparing a file of contacts from Re-Leased."""
