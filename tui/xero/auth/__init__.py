"""Signing in to Xero: the browser, the tokens, and where they are kept."""
