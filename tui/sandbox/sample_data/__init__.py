"""The practice books as they are before anybody has practised: the same for the same `--contacts`."""
