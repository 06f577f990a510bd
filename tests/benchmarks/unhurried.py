"""The program without its limit of 60 calls a minute, so that a full sync measures our own work."""

from __future__ import annotations

import functools

from tui.cli import main
from tui.xero import rate_limiter

if __name__ == "__main__":
    lenient = functools.partial(rate_limiter.MinuteWindow, calls=1_000_000)
    setattr(rate_limiter, "MinuteWindow", lenient)  # noqa: B010 - a class is not for assigning to, say type checkers
    main()
