"""Xero's Accounting API: `/api.xro/2.0/…`, always with JSON responses."""
