"""The practice Re-Leased: one company per organisation, its nightly sync, and a feed of its syncs."""
