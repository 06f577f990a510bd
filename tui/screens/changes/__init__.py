"""What was asked for: asking, undoing, trying again, and the list of it all."""
