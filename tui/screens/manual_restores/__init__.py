"""Restores that wait for a press in Xero."""
