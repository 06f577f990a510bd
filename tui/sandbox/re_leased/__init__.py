"""The practice Re-Leased: one company an organisation, its nightly sync, and a feed of what it picked up."""
