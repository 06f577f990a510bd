"""Plain frozen values that the whole program uses. No I/O, no clock.

They are msgspec Structs, which cost far less than dataclasses at the start and for each value. Dataclasses
are used where a field must be left out of the repr or of comparisons.
"""
