"""Keep the local database in sync with Xero: contacts, outbox, manual restores."""
