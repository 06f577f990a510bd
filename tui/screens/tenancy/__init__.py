"""Tenant groups: choose them, and warn before archiving their contacts."""
