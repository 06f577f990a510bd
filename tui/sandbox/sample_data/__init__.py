"""The practice data as it is at first: the same for the same `--contacts`."""
