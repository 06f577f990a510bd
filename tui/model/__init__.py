"""Plain frozen values: what the program talks about. No I/O, no clock."""
