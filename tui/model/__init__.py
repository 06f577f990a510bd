"""Plain frozen values: what the program talks about. No I/O, no clock.

They are msgspec's Structs, which cost a start and each value far less than dataclasses do; dataclasses
where a field must stay out of what is printed or compared.
"""
