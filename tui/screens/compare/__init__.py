"""Compare Re-Leased's contacts, read now or exported to a file, with Xero."""
