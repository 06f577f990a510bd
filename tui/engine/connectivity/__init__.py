"""What holds calls back: limits, outages, a full disk; and how calls are spent."""
