"""Marking the contact groups that are tenants, and warning of them."""
