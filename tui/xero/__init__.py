"""Xero's API: client, sign-in, limits and wire format."""
