"""The program with a window into it. Run as a program, in the environment that has it installed.

With BENCHMARK_HURRY it reads contacts without keeping to Xero's 60 calls a minute: a full read shows our own
work. On the signal SIGUSR1 it writes to the file named by BENCHMARK_OBJECTS how many objects are alive after
a collection, and their size in bytes, without what they hold that the collector doesn't track.
"""

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
from pathlib import Path

from tui.cli import main


def _count_objects(*_: object) -> None:
    gc.collect()
    alive = gc.get_objects()
    file = Path(os.environ["BENCHMARK_OBJECTS"])
    draft = file.with_suffix(".draft")
    draft.write_text(
        f"{len(alive) + gc.get_freeze_count()} {sum(map(sys.getsizeof, alive))}", encoding="utf-8"
    )
    draft.replace(file)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _count_objects)
    if os.environ.get("BENCHMARK_HURRY"):
        from tui.xero import rate_limiter

        lenient = functools.partial(rate_limiter.MinuteWindow, calls=1_000_000)
        setattr(rate_limiter, "MinuteWindow", lenient)  # noqa: B010 - type checkers refuse to assign to a class
    main()
