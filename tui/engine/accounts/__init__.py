"""Sign-ins, and the organisations they open."""
