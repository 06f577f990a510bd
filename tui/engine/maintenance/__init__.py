"""Looking after the store while the engine runs, and repairing it."""
