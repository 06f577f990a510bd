"""Restores to finish in Xero."""
