"""Keeping the local copy and Xero in step: pulls, the outbox, hand-offs."""
