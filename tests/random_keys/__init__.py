"""Random keys pressed in the real program, in a real terminal."""
