"""Reports about Re-Leased, and troubleshooting of contacts that haven't synced."""
