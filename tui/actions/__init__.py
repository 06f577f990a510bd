"""Every action once, and the keys that run it."""
