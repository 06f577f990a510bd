"""Sign-in: the consent page, tokens and connections."""
