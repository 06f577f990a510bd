"""Changes: request, undo, retry and list them."""
