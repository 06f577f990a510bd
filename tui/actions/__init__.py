"""All actions, and the keys that run them."""
