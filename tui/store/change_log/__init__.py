"""The journal: every change, what happened to it, and how it is taken back."""
