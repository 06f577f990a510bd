"""A practice Xero and a practice Re-Leased over HTTP on loopback."""
