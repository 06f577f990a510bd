"""Compare a file of contacts exported from Re-Leased."""
