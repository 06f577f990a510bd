"""Connecting organisations, and going from one to another."""
