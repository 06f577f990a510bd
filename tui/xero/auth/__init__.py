"""Signing in to Xero: browser flow, tokens and token storage."""
