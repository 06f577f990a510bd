"""Keeps the store, Xero and Re-Leased in step."""
