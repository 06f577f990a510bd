"""What people tell of Re-Leased, and what keeps contacts from reaching it."""
