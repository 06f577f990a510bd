"""Connect organisations and switch between them."""
