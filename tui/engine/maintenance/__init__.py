"""Maintains and repairs the store."""
