"""Tidy up: find unused contacts, review and archive them."""
