"""Tidy up: find contacts that nobody uses, review them, and archive them."""
