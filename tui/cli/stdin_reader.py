"""Lines that a person pastes while the program waits for something else."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOST: Final = 65_536


@contextmanager
def pasted_lines(on_line: Callable[[str], None], terminal: int = 0) -> Iterator[None]:
    """Call `on_line` with each line that is typed or pasted into the terminal while the block lasts.

    A terminal hands out whole lines, so that nothing here ever waits for the rest of one.
    """
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            pasted = os.read(terminal, _MOST)
        except OSError:
            pasted = b""
        if not pasted:
            # The terminal was closed, or ctrl+d pressed: nothing more will come.
            loop.remove_reader(terminal)
        for line in pasted.decode(errors="replace").splitlines():
            if line.strip():
                on_line(line.strip())

    loop.add_reader(terminal, read)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
